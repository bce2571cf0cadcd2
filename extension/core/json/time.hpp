// Times as text: RFC 3339 to and from microseconds since 1970-01-01 UTC.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace soup::json {

/// What timestamptz and 64 bits of microseconds since 1970 can both hold: 4714-11-24 BC into 294247.
inline constexpr std::int64_t time_us_min = -210866803200000000;
inline constexpr std::int64_t time_us_max = 9223371331199999999;

/// RFC 3339 ("2013-12-02T21:15:00.25+01:00"), also with a blank for the T and without offset, which counts as
/// UTC ("2013-12-02 21:15:00"). Years 0001–9999; digits below a microsecond are cut off; second 60 is the
/// next minute's first instant. nullopt for anything else.
std::optional<std::int64_t> parse_time(std::string_view text) noexcept;

/// Seconds since 1970 as a number, to microseconds; nullopt outside timestamptz.
std::optional<std::int64_t> time_from_seconds(double seconds) noexcept;

/// Appends "2013-12-02T21:15:00Z", with six digits of fraction when it is not zero.
void append_time(std::string& out, std::int64_t time_us);

} // namespace soup::json
