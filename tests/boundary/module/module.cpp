// The magic block of the boundary's test module.
#include "boundary/boundary.hpp"

SOUP_MODULE_INIT() {}
