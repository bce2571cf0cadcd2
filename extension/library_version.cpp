// The version that the Makefile names.
#include "library_version.hpp"

namespace soup {

const char library_version[] = SOUP_VERSION;

} // namespace soup
