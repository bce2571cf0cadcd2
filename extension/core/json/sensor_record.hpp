// Sensor records: an object of channel → number with an optional time field, or an array of numbers in
// channel order. Made for the processors' inner loop: no allocation after the first call of a thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace soup::json {

/// What a manifest's input declares: channel names in order, and the name of the time field or "".
class Channels {
public:
    Channels(std::vector<std::string> names, std::string time_field)
        : names_(std::move(names)), time_field_(std::move(time_field)) {}

    std::size_t size() const noexcept { return names_.size(); }
    const std::vector<std::string>& names() const noexcept { return names_; }
    const std::string& time_field() const noexcept { return time_field_; }

private:
    std::vector<std::string> names_;
    std::string time_field_;
};

/// Fills `out` (channels.size() values) and `time_us` (left empty when the record has none). Throws BAD_INPUT
/// with the reason: not JSON, another shape, a channel missing, twice or not a number, a time that cannot be
/// read. Fields that are no channel are skipped. The time is RFC 3339 text or seconds since 1970 as a number.
void parse_sensor_record(std::span<const std::byte> bytes, const Channels& channels, std::span<double> out,
                         std::optional<std::int64_t>& time_us);

} // namespace soup::json
