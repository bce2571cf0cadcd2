// Which release this code is. One object file holds it, so that a release differs from the one before in what
// has changed and in this one.
#pragma once

namespace soup {

/// As the extension's catalogue names it, "0.1".
extern const char library_version[];

} // namespace soup
