// A principal's grants in memory, and what they say. Inside this room; others ask rights.hpp.
#pragma once

#include "access/identity.hpp"
#include "core/crypto/digest.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace soup::access {

struct Grant {
    Uuid org{};
    std::optional<Uuid> model; ///< None: every model of the org.
    std::string label_pattern;
    Right right = Right::append;

    bool reaches(const Uuid& in_org, const Uuid& in_model) const noexcept {
        return org == in_org && (!model || *model == in_model);
    }
    bool reaches_every_label() const noexcept { return label_pattern == "*"; }
};

/// All grants of one principal as of one moment; immutable, so that a scope can hold on to it while a query
/// runs.
struct GrantSet {
    std::vector<Grant> grants;
    crypto::Digest
        digest{}; ///< Of all of it: a parallel worker checks that it has loaded what its leader has.
};

/// Loaded anew when the catalogue has changed. Throws when the table cannot be read.
std::shared_ptr<const GrantSet> grants_of(const Uuid& principal);

/// Whether a label matches a pattern, in which * stands for any run of characters.
bool label_matches(std::string_view pattern, std::string_view label) noexcept;

} // namespace soup::access
