// UUIDs as 16 bytes, and their text form.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace soup::crypto {

using Uuid = std::array<std::uint8_t, 16>;

inline constexpr Uuid nil_uuid{};

Uuid random_uuid();                                    ///< version 4
std::string to_string(const Uuid& uuid);               ///< 8-4-4-4-12, lower case
std::optional<Uuid> parse_uuid(std::string_view text); ///< 8-4-4-4-12 in either case, nothing else

} // namespace soup::crypto
