// Page tokens: where the next page of a query begins, under a keyed BLAKE2b tag.
//
// Bytes, little-endian: version u1 = 1 | name length u1, function name | query digest 32 | version id 16 |
// principal 16 | rows returned i8 | last distance f8 | expires i8 | key length u2, last key | tag 32. The tag
// is keyed BLAKE2b-256 over "soup-page-1" and all bytes before it. Altered, foreign, expired, of another
// function or query: one TOKEN_BAD, without a difference between the causes.
#pragma once

#include "core/crypto/digest.hpp"
#include "core/crypto/uuid.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace soup::crypto {

struct PageToken {
    std::string function; ///< 1–63 bytes
    Digest query{};       ///< of all arguments that shape the result
    Uuid version{};       ///< the version that the first page was read from
    Uuid principal{};
    std::int64_t rows_returned = 0;
    double last_distance = 0;
    std::int64_t expires_us = 0;
    std::string last_key; ///< at most page_key_bytes_max bytes
    bool operator==(const PageToken&) const = default;
};

inline constexpr std::size_t page_key_bytes_max = 8192;

/// What a token must have been made for.
struct PageBinding {
    std::string_view function;
    Digest query{};
    Uuid principal{};
};

/// Throws TOO_BIG when the last key is longer than page_key_bytes_max.
std::string seal_page_token(const PageToken& token, const MacKey& key);
/// Throws TOKEN_BAD. The caller continues on the version that the token names, if it still exists.
PageToken open_page_token(std::string_view text, const MacKey& key, const PageBinding& binding,
                          std::int64_t now_us);

} // namespace soup::crypto
