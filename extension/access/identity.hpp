// Who is asking, as the rest of the server-side code sees it: what a verified token says, and the words for
// kinds and rights. Trivially copyable on purpose: an Identity lives in shared memory, where parallel workers
// read it.
#pragma once

#include "core/crypto/token.hpp"
#include "core/crypto/uuid.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>

namespace soup::access {

using Uuid = crypto::Uuid;
using Kind = crypto::PrincipalKind;

/// What a grant allows. The order is that of the bits in a set of rights; nothing on disk depends on it.
enum class Right : std::uint8_t { append, query, promote, stage, replay, inspect_raw, administer };
std::string_view right_name(Right right) noexcept;
std::optional<Right> parse_right(std::string_view name) noexcept;
std::optional<Kind> parse_kind(std::string_view name) noexcept;

struct Identity {
    Uuid principal{};
    Uuid org{};     ///< Zero for data scientists and operators.
    Uuid session{}; ///< Of the login that made the token.
    Kind kind = Kind::producer;
    std::uint32_t epoch = 0;
    std::int64_t expires_us = 0; ///< Unix microseconds.

    bool has_org() const noexcept { return org != crypto::nil_uuid; }
    bool operator==(const Identity&) const = default;
};
static_assert(std::is_trivially_copyable_v<Identity>);

} // namespace soup::access
