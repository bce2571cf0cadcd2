// Page tokens: layout, sealing, opening.
#include "core/crypto/page_token.hpp"

#include "core/crypto/base64.hpp"
#include "core/error.hpp"
#include "core/little_endian.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <span>
#include <vector>

namespace soup::crypto {
namespace {

constexpr std::string_view page_domain = "soup-page-1";
constexpr std::uint8_t page_layout_version = 1;
constexpr std::size_t function_bytes_max = 63; // PostgreSQL's longest name
constexpr std::size_t fixed_bytes = 1 + 1 + 32 + 16 + 16 + 8 + 8 + 8 + 2;
constexpr std::size_t tag_bytes = 32;
constexpr std::size_t sealed_bytes_max = fixed_bytes + function_bytes_max + page_key_bytes_max + tag_bytes;

Digest tag_of(const MacKey& key, std::span<const std::uint8_t> bytes) {
    Hasher hasher(key);
    hasher.update(page_domain);
    hasher.update(std::as_bytes(bytes));
    return hasher.finish();
}

template<class Range>
void put(std::vector<std::uint8_t>& to, const Range& bytes) {
    to.insert(to.end(), bytes.begin(), bytes.end());
}

template<Number T>
void put_number(std::vector<std::uint8_t>& to, T value) {
    std::array<std::uint8_t, sizeof(T)> bytes;
    store_le(bytes.data(), value);
    put(to, bytes);
}

/// Takes bytes from the front; an authentic token always has them, a shorter one is TOKEN_BAD.
class Taker {
public:
    explicit Taker(std::span<const std::uint8_t> bytes) : rest_(bytes) {}

    std::span<const std::uint8_t> take(std::size_t count) {
        if (rest_.size() < count) throw token_bad();
        const auto taken = rest_.first(count);
        rest_ = rest_.subspan(count);
        return taken;
    }
    template<Number T>
    T number() {
        return load_le<T>(take(sizeof(T)).data());
    }
    template<std::size_t N>
    std::array<std::uint8_t, N> array() {
        std::array<std::uint8_t, N> result;
        const auto taken = take(N);
        std::copy(taken.begin(), taken.end(), result.begin());
        return result;
    }
    std::string text(std::size_t count) {
        const auto taken = take(count);
        return {taken.begin(), taken.end()};
    }
    bool is_empty() const noexcept { return rest_.empty(); }

private:
    std::span<const std::uint8_t> rest_;
};

PageToken load(std::span<const std::uint8_t> bytes) {
    Taker from(bytes);
    if (from.number<std::uint8_t>() != page_layout_version) throw token_bad();
    PageToken token;
    token.function = from.text(from.number<std::uint8_t>());
    token.query = from.array<32>();
    token.version = from.array<16>();
    token.principal = from.array<16>();
    token.rows_returned = from.number<std::int64_t>();
    token.last_distance = from.number<double>();
    token.expires_us = from.number<std::int64_t>();
    token.last_key = from.text(from.number<std::uint16_t>());
    if (!from.is_empty()) throw token_bad();
    return token;
}

} // namespace

std::string seal_page_token(const PageToken& token, const MacKey& key) {
    if (token.last_key.size() > page_key_bytes_max)
        throw too_big("key of " + std::to_string(token.last_key.size()) +
                      " bytes is too long to continue after");
    if (token.function.empty() || token.function.size() > function_bytes_max || token.rows_returned < 0 ||
        std::isnan(token.last_distance))
        throw Error("XX000", "", "page token is inconsistent");
    std::vector<std::uint8_t> bytes;
    bytes.reserve(fixed_bytes + token.function.size() + token.last_key.size() + tag_bytes);
    put_number(bytes, page_layout_version);
    put_number(bytes, static_cast<std::uint8_t>(token.function.size()));
    put(bytes, token.function);
    put(bytes, token.query);
    put(bytes, token.version);
    put(bytes, token.principal);
    put_number(bytes, token.rows_returned);
    put_number(bytes, token.last_distance);
    put_number(bytes, token.expires_us);
    put_number(bytes, static_cast<std::uint16_t>(token.last_key.size()));
    put(bytes, token.last_key);
    put(bytes, tag_of(key, bytes));
    return base64url_encode(bytes);
}

PageToken open_page_token(std::string_view text, const MacKey& key, const PageBinding& binding,
                          std::int64_t now_us) {
    const auto bytes = base64url_decode(text, sealed_bytes_max);
    if (!bytes || bytes->size() < fixed_bytes + tag_bytes) throw token_bad();
    const auto sealed = std::span<const std::uint8_t>(*bytes);
    const auto body = sealed.first(sealed.size() - tag_bytes);
    if (!equal_constant_time(tag_of(key, body), sealed.last(tag_bytes))) throw token_bad();
    PageToken token = load(body);
    if (token.function != binding.function || token.query != binding.query ||
        token.principal != binding.principal || now_us >= token.expires_us)
        throw token_bad();
    return token;
}

} // namespace soup::crypto
