// UUIDs as 16 bytes, and their text form.
#include "core/crypto/uuid.hpp"

#include "core/crypto/digest.hpp"
#include "core/crypto/random.hpp"

namespace soup::crypto {
namespace {

int hex_value(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

constexpr bool has_hyphen_before(std::size_t byte) noexcept {
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

} // namespace

Uuid random_uuid() {
    Uuid uuid = random_bytes<16>();
    uuid[6] = static_cast<std::uint8_t>((uuid[6] & 0x0f) | 0x40); // version 4
    uuid[8] = static_cast<std::uint8_t>((uuid[8] & 0x3f) | 0x80); // RFC 4122 variant
    return uuid;
}

std::string to_string(const Uuid& uuid) {
    std::string text = hex(uuid);
    for (const std::size_t at : {20U, 16U, 12U, 8U})
        text.insert(at, 1, '-');
    return text;
}

std::optional<Uuid> parse_uuid(std::string_view text) {
    if (text.size() != 36) return std::nullopt;
    Uuid uuid;
    std::size_t at = 0;
    for (std::size_t i = 0; i < uuid.size(); ++i) {
        if (has_hyphen_before(i) && text[at++] != '-') return std::nullopt;
        const int high = hex_value(text[at]), low = hex_value(text[at + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        uuid[i] = static_cast<std::uint8_t>(high << 4 | low);
        at += 2;
    }
    return uuid;
}

} // namespace soup::crypto
