// Which clients may log in as the platform's own roles, and where.
#pragma once

namespace soup::loader {

void install_login_guard();

} // namespace soup::loader
