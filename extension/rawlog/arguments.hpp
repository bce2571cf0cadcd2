// SQL arguments of append and append_many as requests, without copying a record.
//
// What can't be cut into elements at all (lengths that differ, counts that don't add up, a null array)
// refuses the call; everything else is left to the checks of the single request.
#pragma once

#include "boundary/array.hpp"

#include "rawlog/append.hpp"

namespace soup::rawlog {

/// A text argument, or nothing for null.
class TextArgument {
public:
    TextArgument(FunctionCallInfo fcinfo, int position) {
        if (!PG_ARGISNULL(position)) value_.emplace(PG_GETARG_DATUM(position));
    }
    std::optional<std::string_view> view() const {
        return value_ ? std::optional(value_->text()) : std::nullopt;
    }

private:
    std::optional<pg::Varlena> value_;
};

/// Records and their producer times, as views into the arrays.
class RecordArguments {
public:
    RecordArguments(FunctionCallInfo fcinfo, int records_position, int times_position);

    std::size_t size() const noexcept { return records_.size(); }
    /// Fills the request with `count` records from `begin` on, and with their times if there are any.
    void fill(Request& request, std::size_t begin, std::size_t count) const;
    void fill(Request& request) const;

private:
    pg::Array records_;
    std::optional<pg::Array> times_;
    std::vector<std::optional<std::span<const std::byte>>> record_views_;
    std::vector<std::optional<std::int64_t>> time_views_;
};

/// The arrays of append_many. Those which may be null for an element may be null as a whole.
class ManyArguments {
public:
    explicit ManyArguments(FunctionCallInfo fcinfo);

    /// One for each append; nobody has verified their tokens yet.
    std::vector<Element> elements() const;

private:
    void check_lengths() const;

    pg::Array tokens_, models_, counts_;
    std::optional<pg::Array> labels_, streams_, content_types_, keys_;
    RecordArguments records_;
};

} // namespace soup::rawlog
