// See window_attributes.hpp.
#include "core/processors/window_attributes.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace soup::processors {

std::optional<WindowAttribute> find_window_attribute(std::string_view name,
                                                     const std::vector<std::string>& channels) {
    using Kind = WindowAttribute::Kind;
    if (name == "score") return WindowAttribute{Kind::score, 0};
    for (const auto& [prefix, kind] : {std::pair<std::string_view, Kind>{"mean", Kind::mean},
                                       {"std", Kind::std},
                                       {"min", Kind::min},
                                       {"max", Kind::max},
                                       {"last", Kind::last}}) {
        if (!name.starts_with(prefix)) continue;
        const std::string_view rest = name.substr(prefix.size());
        if (rest.empty()) return WindowAttribute{kind, 0};
        if (rest.front() != '_') continue;
        const auto channel = std::find(channels.begin(), channels.end(), rest.substr(1));
        if (channel == channels.end()) continue;
        return WindowAttribute{kind, static_cast<std::size_t>(channel - channels.begin())};
    }
    return std::nullopt;
}

double window_statistic(const WindowAttribute& attribute, std::span<const float> rows, std::size_t channels,
                        double mean, double scale) {
    using Kind = WindowAttribute::Kind;
    const std::size_t count = rows.size() / channels;
    const auto cell = [&](std::size_t row) {
        return static_cast<double>(rows[row * channels + attribute.channel]);
    };
    double least = cell(0), most = cell(0), sum = 0, squares = 0;
    for (std::size_t row = 0; row < count; row++) {
        least = std::min(least, cell(row));
        most = std::max(most, cell(row));
        sum += cell(row);
    }
    const double average = sum / static_cast<double>(count);
    for (std::size_t row = 0; row < count; row++)
        squares += (cell(row) - average) * (cell(row) - average);
    switch (attribute.kind) {
    case Kind::mean:
        return mean + scale * average;
    case Kind::std:
        return scale * std::sqrt(squares / static_cast<double>(count));
    case Kind::min:
        return mean + scale * least;
    case Kind::max:
        return mean + scale * most;
    case Kind::last:
        return mean + scale * cell(count - 1);
    case Kind::score:
        break;
    }
    return 0; // A score is no statistic of the rows: the caller has it.
}

} // namespace soup::processors
