// A scan's conditions on key columns, put into the form that tests a whole leaf's rows at once.
#pragma once

#include "core/vann/search.hpp"
#include "vann/key_columns.hpp"

extern "C" {
#include "access/skey.h"
}

namespace soup::vann {

class ScanKeyFilter final : public KeyFilter {
public:
    /// Server code inside, trapped. Keys on the vector's column there are none.
    ScanKeyFilter(const Parameters& parameters, std::span<const ScanKeyData> keys);

    bool is_empty() const noexcept { return conditions_.empty() && !matches_nothing_; }
    /// Whether rows that pass have to be looked at again: a text's hash may be another's.
    bool needs_recheck() const noexcept { return needs_recheck_; }

    unsigned qualify(const std::byte* keys, unsigned width, unsigned count,
                     std::uint16_t* rows) const override;

private:
    /// All types but uuid are compared as 64-bit numbers, uuid as a 128-bit one.
    template<class Number>
    struct Values {
        Number low, high;         ///< Both included.
        std::vector<Number> some; ///< If not empty, the only ones; ascending.
    };
    struct Condition {
        KeyType type;
        unsigned offset, column;
        std::variant<Values<std::int64_t>, Values<__int128>> values;
    };

    template<class Number>
    void add(KeyType type, unsigned offset, unsigned column, const ScanKeyData& key);

    std::vector<Condition> conditions_;
    bool matches_nothing_ = false;
    bool needs_recheck_ = false;
};

} // namespace soup::vann
