// What implementations in SQL and PL/pgSQL ask about the bound principal.
#include "access/binding.hpp"

SOUP_FUNCTION(soup_bound_principal) {
    return soup::pg::make_uuid(soup::access::require_principal().principal);
}
