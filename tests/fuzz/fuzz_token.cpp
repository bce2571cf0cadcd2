// Tokens: no text opens with a key that never sealed it, and no bytes under an authentic tag lead the reader
// astray.
#include "core/crypto/base64.hpp"
#include "core/crypto/page_token.hpp"
#include "core/crypto/token.hpp"

#include <cstdlib>

using namespace soup::crypto;

namespace {

template<class Attempt>
bool is_refused(Attempt attempt) {
    try {
        attempt();
        return false;
    } catch (const soup::Error& error) {
        if (std::string_view(error.reason()) != "TOKEN_BAD") std::abort();
        return true;
    }
}

std::string with_tag(const MacKey& key, std::span<const std::uint8_t> body) {
    Hasher hasher(key);
    hasher.update(std::string_view("soup-page-1"));
    hasher.update(std::as_bytes(body));
    const Digest tag = hasher.finish();
    std::vector<std::uint8_t> sealed(body.begin(), body.end());
    sealed.insert(sealed.end(), tag.begin(), tag.end());
    return base64url_encode(sealed);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const KeyPair keys = generate_key_pair();
    static const MacKey key = generate_mac_key();
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::span<const std::uint8_t> bytes(data, size);

    if (!is_refused([&] { (void)UnverifiedToken(text).open(keys.public_key, {}); })) std::abort();
    if (!is_refused([&] { (void)UnverifiedToken(base64url_encode(bytes)).open(keys.public_key, {}); }))
        std::abort();
    if (!is_refused([&] { (void)open_page_token(text, key, {"nearest", {}, {}}, 0); })) std::abort();
    (void)is_refused([&] { (void)open_page_token(with_tag(key, bytes), key, {"nearest", {}, {}}, 0); });

    if (const auto decoded = base64url_decode(text, size))
        if (base64url_encode(*decoded) != text) std::abort();
    return 0;
}
