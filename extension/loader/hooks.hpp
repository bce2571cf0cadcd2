// The server's hooks that only a loader may hold: how deep the current statement is nested, and the doors
// through which a registered library may refuse statements.
#pragma once

namespace soup::loader {

struct PlatformLibrary;

void install_hooks();
/// Whose guards the hooks ask; null: nobody's.
void set_guards(const PlatformLibrary* library);
int statement_depth();

} // namespace soup::loader
