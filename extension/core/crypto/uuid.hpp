// UUIDs as 16 bytes, and their text form.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace soup::crypto {

using Uuid = std::array<std::uint8_t, 16>;

inline constexpr Uuid nil_uuid{};

Uuid random_uuid();                      ///< version 4
std::string to_string(const Uuid& uuid); ///< 8-4-4-4-12, lower case

} // namespace soup::crypto
