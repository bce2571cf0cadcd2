// Loading by principal through soup.grant_principal, one set per principal and generation of the catalogue.
#include "access/grants.hpp"

#include "access/catalogue_scan.hpp"
#include "access/generation.hpp"

#include <map>

extern "C" {
#include "utils/fmgroids.h"
}

namespace soup::access {

namespace {

struct GrantColumn {
    enum : AttrNumber { org = 1, principal, model, label_pattern, right };
};

/// A gateway's connection serves many principals; beyond this number all are dropped and loaded as they come.
constexpr std::size_t cached_grant_sets_max = 1024;

struct GrantCache {
    std::uint64_t generation = 0;
    std::map<Uuid, std::shared_ptr<const GrantSet>> by_principal;
};
GrantCache* known_grants = nullptr;

crypto::Digest digest_of(const std::vector<Grant>& grants) {
    crypto::Hasher hasher;
    auto add = [&](const Uuid& uuid) { hasher.update(std::as_bytes(std::span(uuid))); };
    for (const Grant& grant : grants) {
        add(grant.org);
        add(grant.model.value_or(crypto::nil_uuid));
        const std::uint32_t tail[] = {static_cast<std::uint32_t>(grant.model.has_value()),
                                      static_cast<std::uint32_t>(grant.right),
                                      static_cast<std::uint32_t>(grant.label_pattern.size())};
        hasher.update(std::as_bytes(std::span(tail)));
        hasher.update(grant.label_pattern);
    }
    return hasher.finish();
}

std::shared_ptr<const GrantSet> load(const Uuid& of) {
    const KeyColumn key[] = {{GrantColumn::principal, F_UUID_EQ, search_uuid(of)}};
    const FoundRows rows("grant", "grant_principal", key);
    auto set = std::make_shared<GrantSet>();
    for (std::size_t i = 0; i < rows.size(); ++i) {
        auto known = parse_right(pg::to_string(rows.datum(i, GrantColumn::right)));
        if (!known) continue; // A right of a later release: not ours to give.
        Grant grant;
        grant.org = pg::to_uuid(rows.datum(i, GrantColumn::org));
        if (!rows.is_null(i, GrantColumn::model))
            grant.model = pg::to_uuid(rows.datum(i, GrantColumn::model));
        grant.label_pattern = pg::to_string(rows.datum(i, GrantColumn::label_pattern));
        grant.right = *known;
        set->grants.push_back(std::move(grant));
    }
    // Index order among equal keys is the order of arrival, which an update changes: make it that of the
    // content.
    std::ranges::sort(set->grants, {}, [](const Grant& grant) {
        return std::tuple(grant.org, grant.model.value_or(crypto::nil_uuid), grant.right,
                          grant.label_pattern);
    });
    set->digest = digest_of(set->grants);
    return set;
}

} // namespace

std::shared_ptr<const GrantSet> grants_of(const Uuid& of) {
    if (known_grants == nullptr) known_grants = new GrantCache;
    const std::uint64_t generation = catalogue_generation();
    if (known_grants->generation != generation ||
        known_grants->by_principal.size() >= cached_grant_sets_max) {
        known_grants->by_principal.clear();
        known_grants->generation = generation;
    }
    auto found = known_grants->by_principal.find(of);
    if (found != known_grants->by_principal.end()) return found->second;
    return known_grants->by_principal.emplace(of, load(of)).first->second;
}

bool label_matches(std::string_view pattern, std::string_view label) noexcept {
    std::size_t p = 0;
    std::size_t l = 0;
    std::size_t star = std::string_view::npos;
    std::size_t resume = 0;
    while (l < label.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = l;
        } else if (p < pattern.size() && pattern[p] == label[l]) {
            ++p;
            ++l;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            l = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*')
        ++p;
    return p == pattern.size();
}

} // namespace soup::access
