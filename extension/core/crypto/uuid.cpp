// UUIDs as 16 bytes, and their text form.
#include "core/crypto/uuid.hpp"

#include "core/crypto/digest.hpp"
#include "core/crypto/random.hpp"

namespace soup::crypto {
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

} // namespace soup::crypto
