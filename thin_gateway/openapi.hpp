// The OpenAPI 3.1 document, generated from the catalogue and from nothing else.
#pragma once

#include <string>

namespace soup::gateway {

class Catalogue;

std::string openapi_document(const Catalogue& catalogue, bool with_internal);

} // namespace soup::gateway
