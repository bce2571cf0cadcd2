// Canonical base64url through libsodium, whose decoder refuses white space, padding and left-over bits. What
// it does not refuse are some bytes above 0x7f (they reach its comparisons as negative numbers), so these are
// refused here first.
#include "core/crypto/base64.hpp"

#include <sodium.h>

#include <algorithm>

namespace soup::crypto {
namespace {

constexpr int variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;

} // namespace

std::string base64url_encode(std::span<const std::uint8_t> bytes) {
    std::string text(sodium_base64_encoded_len(bytes.size(), variant), '\0'); // counts the final NUL
    sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(), variant);
    text.pop_back();
    return text;
}

std::optional<std::vector<std::uint8_t>> base64url_decode(std::string_view text, std::size_t bytes_max) {
    if (text.size() / 4 > bytes_max / 3 + 1) return std::nullopt; // before anything is allocated
    if (!std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; }))
        return std::nullopt;
    std::vector<std::uint8_t> bytes(text.size() / 4 * 3 + 3);
    std::size_t length = 0;
    if (sodium_base642bin(bytes.data(), bytes.size(), text.data(), text.size(), nullptr, &length, nullptr,
                          variant) != 0)
        return std::nullopt;
    if (length > bytes_max) return std::nullopt;
    bytes.resize(length);
    return bytes;
}

} // namespace soup::crypto
