// Cutting flattened arrays into elements.
#include "rawlog/arguments.hpp"

namespace soup::rawlog {

namespace {

using Texts = std::vector<std::optional<std::string_view>>;

/// Positions of append_many's arguments.
struct BatchArgument {
    enum : int { tokens, models, labels, streams, content_types, keys, counts, records, times };
};

Datum required(FunctionCallInfo fcinfo, int position, const char* name) {
    if (PG_ARGISNULL(position)) throw bad_input(std::string(name) + " must not be null");
    return PG_GETARG_DATUM(position);
}

void emplace_optional(std::optional<pg::Array>& array, FunctionCallInfo fcinfo, int position,
                      const pg::ElementType& type) {
    if (!PG_ARGISNULL(position)) array.emplace(PG_GETARG_DATUM(position), type);
}

Texts texts_of(const std::optional<pg::Array>& array, std::size_t count) {
    return array ? array->texts() : Texts(count);
}

} // namespace

RecordArguments::RecordArguments(FunctionCallInfo fcinfo, int records_at, int times_at)
    : records_(required(fcinfo, records_at, "records"), pg::bytea_elements),
      record_views_(records_.byte_strings()) {
    emplace_optional(times_, fcinfo, times_at, pg::timestamptz_elements);
    if (!times_) return;
    if (times_->size() != records_.size())
        throw bad_input("times must have one element for each record",
                        "There are " + std::to_string(records_.size()) + " records and " +
                            std::to_string(times_->size()) + " times.");
    time_views_.resize(times_->size());
    times_->for_each([&](std::size_t i, Datum datum, bool is_null) {
        if (is_null) return;
        const TimestampTz time = DatumGetTimestampTz(datum);
        time_views_[i] = TIMESTAMP_NOT_FINITE(time) ? time_not_finite : pg::to_unix_us(time);
    });
}

void RecordArguments::fill(Request& request, std::size_t begin, std::size_t count) const {
    request.records = std::span(record_views_).subspan(begin, count);
    if (times_) request.times = std::span(time_views_).subspan(begin, count);
}

void RecordArguments::fill(Request& request) const {
    request.records = record_views_;
    request.times = time_views_;
}

ManyArguments::ManyArguments(FunctionCallInfo fcinfo)
    : tokens_(required(fcinfo, BatchArgument::tokens, "tokens"), pg::text_elements),
      models_(required(fcinfo, BatchArgument::models, "models"), pg::text_elements),
      counts_(required(fcinfo, BatchArgument::counts, "record_counts"), pg::int4_elements),
      records_(fcinfo, BatchArgument::records, BatchArgument::times) {
    emplace_optional(labels_, fcinfo, BatchArgument::labels, pg::text_elements);
    emplace_optional(streams_, fcinfo, BatchArgument::streams, pg::text_elements);
    emplace_optional(content_types_, fcinfo, BatchArgument::content_types, pg::text_elements);
    emplace_optional(keys_, fcinfo, BatchArgument::keys, pg::text_elements);
    check_lengths();
}

void ManyArguments::check_lengths() const {
    const std::size_t count = tokens_.size();
    if (count > elements_max)
        throw too_big("a call takes at most " + std::to_string(elements_max) + " appends");
    auto check = [count](std::size_t size, const char* name) {
        if (size != count)
            throw bad_input(std::string(name) + " must have one element for each append",
                            "There are " + std::to_string(count) + " tokens and " + std::to_string(size) +
                                " " + name + ".");
    };
    check(models_.size(), "models");
    check(counts_.size(), "record_counts");
    if (labels_) check(labels_->size(), "labels");
    if (streams_) check(streams_->size(), "streams");
    if (content_types_) check(content_types_->size(), "content_types");
    if (keys_) check(keys_->size(), "idempotency_keys");
    std::int64_t total = 0;
    for (std::int32_t records : counts_.values<std::int32_t>()) {
        if (records < 0) throw bad_input("record_counts must not be negative");
        total += records;
    }
    if (total != static_cast<std::int64_t>(records_.size()))
        throw bad_input("record_counts must add up to the number of records",
                        "They add up to " + std::to_string(total) + ", and there are " +
                            std::to_string(records_.size()) + " records.");
}

std::vector<Element> ManyArguments::elements() const {
    const Texts tokens = tokens_.texts(), models = models_.texts();
    const std::size_t count = tokens.size();
    const Texts labels = texts_of(labels_, count), streams = texts_of(streams_, count),
                content_types = texts_of(content_types_, count), keys = texts_of(keys_, count);
    const std::span<const std::int32_t> counts = counts_.values<std::int32_t>();
    std::vector<Element> elements(count);
    std::size_t begin = 0;
    for (std::size_t i = 0; i < count; ++i) {
        Request& request = elements[i].request;
        request.token = tokens[i].value_or(std::string_view());
        request.model = models[i];
        request.label = labels[i];
        request.stream = streams[i];
        request.content_type = content_types[i];
        request.idempotency_key = keys[i];
        records_.fill(request, begin, static_cast<std::size_t>(counts[i]));
        begin += static_cast<std::size_t>(counts[i]);
    }
    return elements;
}

} // namespace soup::rawlog
