// Page tokens and the version that a page reads.
#include "serving/page.hpp"

#include "access/rights.hpp"
#include "access/signing_key.hpp"
#include "boundary/spi.hpp"

namespace soup::serving {

namespace {
std::int64_t now_us() {
    return pg::to_unix_us(GetCurrentTimestamp());
}
} // namespace

QueryDigest& QueryDigest::add(std::span<const std::byte> piece) {
    std::uint64_t const length = piece.size();
    auto const head = std::as_bytes(std::span(&length, 1));
    pieces_.insert(pieces_.end(), head.begin(), head.end());
    pieces_.insert(pieces_.end(), piece.begin(), piece.end());
    return *this;
}

QueryDigest& QueryDigest::add(std::string_view piece) {
    return add(std::as_bytes(std::span(piece)));
}

Page open_page(std::string_view function, const access::Identity& identity, const crypto::Digest& query,
               int page_size, std::optional<std::string_view> token) {
    Page page{function, query, page_size, std::nullopt};
    if (token) {
        if (page_size == 0) throw bad_input("page goes with a page_size above 0");
        page.continued = crypto::open_page_token(*token, access::page_key(),
                                                 {function, query, identity.principal}, now_us());
    }
    return page;
}

std::string next_page(const Page& page, const access::Identity& identity, const pg::Uuid& version,
                      std::int64_t rows_returned, double last_distance, std::string_view last_key) {
    return crypto::seal_page_token({.function = std::string(page.function),
                                    .query = page.query,
                                    .version = version,
                                    .principal = identity.principal,
                                    .rows_returned = rows_returned,
                                    .last_distance = last_distance,
                                    .expires_us = now_us() + page_life_us,
                                    .last_key = std::string(last_key)},
                                   access::page_key());
}

access::VersionRef queried_version(const access::Identity& identity, std::string_view model,
                                   std::optional<std::string_view> label, const Page& page) {
    access::ModelRef const found = access::find_model(identity, model);
    access::VersionRef const version =
        page.continued ? access::find_version_by_id(identity, found, page.continued->version)
                       : access::find_version(identity, found, label);
    access::require(identity, access::Right::query, version.org, version.model, version.label);
    return version;
}

} // namespace soup::serving
