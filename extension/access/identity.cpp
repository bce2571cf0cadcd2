// Words for rights and kinds, as soup.grant and soup.principal hold them.
#include "access/identity.hpp"

#include <array>

namespace soup::access {

namespace {

constexpr std::array<std::string_view, 7> right_names{"append", "query",       "promote",   "stage",
                                                      "replay", "inspect_raw", "administer"};

} // namespace

std::string_view right_name(Right right) noexcept {
    return right_names[static_cast<std::size_t>(right)];
}

std::optional<Right> parse_right(std::string_view name) noexcept {
    for (std::size_t i = 0; i < right_names.size(); ++i)
        if (right_names[i] == name) return static_cast<Right>(i);
    return std::nullopt;
}

std::optional<Kind> parse_kind(std::string_view name) noexcept {
    for (Kind kind : {Kind::producer, Kind::consumer, Kind::data_scientist, Kind::org_admin, Kind::operator_})
        if (crypto::kind_name(kind) == name) return kind;
    return std::nullopt;
}

} // namespace soup::access
