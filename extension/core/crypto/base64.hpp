// base64url, canonical only: one text for one sequence of bytes, everything else is refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace soup::crypto {

std::string base64url_encode(std::span<const std::uint8_t> bytes); ///< without padding
/// nullopt for another alphabet, padding, white space, left-over bits, or more than `bytes_max` bytes.
std::optional<std::vector<std::uint8_t>> base64url_decode(std::string_view text, std::size_t bytes_max);

} // namespace soup::crypto
