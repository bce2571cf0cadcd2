// Random bytes from the kernel, through libsodium.
#include "core/crypto/random.hpp"

#include "core/crypto/sodium.hpp"

#include <sodium.h>

namespace soup::crypto {

void fill_random(std::span<std::uint8_t> bytes) {
    if (bytes.empty()) return; // Whose data() may be null, which the function below is never to get.
    ready_sodium();
    randombytes_buf(bytes.data(), bytes.size());
}

} // namespace soup::crypto
