// Paging: what a request asks for, and the signed token with which the next one goes on.
//
// Page n repeats the search and skips what lies at or before (last distance, last key). A version that
// changed meanwhile may shift rows. A token is bound to principal, function, query and version, so label-less
// pages stay on the version they began on even when another was promoted since; the right is checked anew for
// each page.
#pragma once

#include "access/identity.hpp"
#include "access/resolve.hpp"
#include "boundary/datum.hpp"
#include "core/crypto/page_token.hpp"

namespace soup::serving {

constexpr int page_size_default = 100;
constexpr int page_size_max = 1000;
constexpr std::int64_t page_life_us = std::int64_t{24} * 3600 * 1'000'000;

/// Collects the arguments that shape a result into the digest that a page token is bound to.
class QueryDigest {
public:
    QueryDigest& add(std::string_view piece);
    QueryDigest& add(std::span<const std::byte> piece);
    crypto::Digest finish() const { return crypto::digest(pieces_); }

private:
    std::vector<std::byte> pieces_; ///< Each after its length: ("a", "bc") is not ("ab", "c").
};

/// One page of one query.
struct Page {
    std::string_view function; ///< Static storage.
    crypto::Digest query{};
    int size = page_size_default;               ///< 0: all rows, no pages.
    std::optional<crypto::PageToken> continued; ///< Of the page before.

    std::int64_t rows_before() const noexcept { return continued ? continued->rows_returned : 0; }
};

/// Checks page_size and opens the page argument (null: the first page). Throws BAD_INPUT, TOKEN_BAD.
Page open_page(std::string_view function, const access::Identity& identity, const crypto::Digest& query,
               int page_size, std::optional<std::string_view> token);

/// The token of the page after this one.
std::string next_page(const Page& page, const access::Identity& identity, const pg::Uuid& version,
                      std::int64_t rows_returned, double last_distance, std::string_view last_key);

/// The version that a page reads: the token's for a later page, else the label's or the default one. Checks
/// the right to query it; NOT_FOUND and SCOPE as access::require says.
access::VersionRef queried_version(const access::Identity& identity, std::string_view model,
                                   std::optional<std::string_view> label, const Page& page);

} // namespace soup::serving
