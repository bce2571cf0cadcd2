// Rights of a principal: what soup.grant says, loaded once per process and generation of the catalogue.
//
// What is not granted does not exist for the principal: may_see_model decides between NOT_FOUND, which is the
// same for absent and invisible, and SCOPE, for a right that is missing on a model that it may see.
#pragma once

#include "access/identity.hpp"

namespace soup::access {

bool has_right(const Identity& identity, Right right, const Uuid& org, const Uuid& model,
               std::string_view label);

/// Any right on the model, whatever the label.
bool may_see_model(const Identity& identity, const Uuid& org, const Uuid& model);
/// Any right on this label of the model.
bool may_see_label(const Identity& identity, const Uuid& org, const Uuid& model, std::string_view label);

/// Throws SCOPE when the right is missing on what it may see, NOT_FOUND when it may not see the label.
void require(const Identity& identity, Right right, const Uuid& org, const Uuid& model,
             std::string_view label);

} // namespace soup::access
