// RFC 3339 to and from microseconds since 1970-01-01 UTC.
#include "core/json/time.hpp"

#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>

namespace soup::json {
namespace {

constexpr std::int64_t us_per_second = 1'000'000;
constexpr std::int64_t seconds_per_day = 86'400;

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

/// Reads characters from the front; every function is false at the first one that does not fit.
struct Scanner {
    std::string_view rest;

    bool character(char wanted) noexcept {
        if (rest.empty() || rest.front() != wanted) return false;
        rest.remove_prefix(1);
        return true;
    }
    bool digits(std::size_t count, int& value) noexcept {
        if (rest.size() < count) return false;
        value = 0;
        for (std::size_t i = 0; i < count; ++i) {
            if (!is_digit(rest[i])) return false;
            value = value * 10 + (rest[i] - '0');
        }
        rest.remove_prefix(count);
        return true;
    }
    /// ".25" → 250000; a point needs a digit, and digits below a microsecond are cut off.
    bool fraction(std::int64_t& us) noexcept {
        us = 0;
        if (!character('.')) return true;
        if (rest.empty() || !is_digit(rest.front())) return false;
        std::int64_t unit = us_per_second / 10;
        while (!rest.empty() && is_digit(rest.front())) {
            us += unit * (rest.front() - '0');
            unit /= 10;
            rest.remove_prefix(1);
        }
        return true;
    }
    /// Nothing, "Z" or "+hh:mm", up to the end.
    bool offset(int& minutes) noexcept {
        minutes = 0;
        if (rest.empty()) return true;
        if (character('Z') || character('z')) return rest.empty();
        const bool is_west = rest.front() == '-';
        if (!character('+') && !character('-')) return false;
        int hour = 0, minute = 0;
        if (!digits(2, hour) || !character(':') || !digits(2, minute) || hour > 23 || minute > 59)
            return false;
        minutes = (hour * 60 + minute) * (is_west ? -1 : 1);
        return rest.empty();
    }
};

void append_padded(std::string& out, unsigned value, unsigned digits) {
    std::array<char, 8> text;
    for (unsigned i = digits; i-- > 0; value /= 10)
        text[i] = static_cast<char>('0' + value % 10);
    out.append(text.data(), digits);
}

} // namespace

std::optional<std::int64_t> parse_time(std::string_view text) noexcept {
    Scanner scan{text};
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, offset_minutes = 0;
    std::int64_t fraction_us = 0;
    if (!scan.digits(4, year) || !scan.character('-') || !scan.digits(2, month) || !scan.character('-') ||
        !scan.digits(2, day))
        return std::nullopt;
    if (!scan.character('T') && !scan.character('t') && !scan.character(' ')) return std::nullopt;
    if (!scan.digits(2, hour) || !scan.character(':') || !scan.digits(2, minute) || !scan.character(':') ||
        !scan.digits(2, second) || !scan.fraction(fraction_us) || !scan.offset(offset_minutes))
        return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year(year),
                                           std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day))};
    if (year < 1 || !date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
    if (second == 60) fraction_us = 0; // a leap second is the next minute's first instant
    const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
    const std::int64_t seconds =
        days * seconds_per_day + std::int64_t{hour * 60 + minute - offset_minutes} * 60 + second;
    return seconds * us_per_second + fraction_us;
}

std::optional<std::int64_t> time_from_seconds(double seconds) noexcept {
    const double us = std::round(seconds * 1e6);
    if (!(us >= static_cast<double>(time_us_min) && us <= static_cast<double>(time_us_max)))
        return std::nullopt;
    return static_cast<std::int64_t>(us);
}

void append_time(std::string& out, std::int64_t time_us) {
    using namespace std::chrono;
    const sys_time<microseconds> time{microseconds(time_us)};
    const auto day = floor<days>(time);
    const year_month_day date{sys_days(day)};
    const hh_mm_ss clock{time - day};
    const int year = static_cast<int>(date.year());
    if (year < 0) out += '-'; // ISO 8601's expanded years: beyond RFC 3339, but never wrong
    append_padded(out, static_cast<unsigned>(std::abs(year)),
                  std::abs(year) > 99'999  ? 6
                  : std::abs(year) > 9'999 ? 5
                                           : 4);
    out += '-';
    append_padded(out, static_cast<unsigned>(date.month()), 2);
    out += '-';
    append_padded(out, static_cast<unsigned>(date.day()), 2);
    out += 'T';
    append_padded(out, static_cast<unsigned>(clock.hours().count()), 2);
    out += ':';
    append_padded(out, static_cast<unsigned>(clock.minutes().count()), 2);
    out += ':';
    append_padded(out, static_cast<unsigned>(clock.seconds().count()), 2);
    if (const auto us = clock.subseconds().count(); us != 0) {
        out += '.';
        append_padded(out, static_cast<unsigned>(us), 6);
    }
    out += 'Z';
}

} // namespace soup::json
