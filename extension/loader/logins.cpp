// The gateway's role speaks for every principal whose token it shows, and what is taken from PUBLIC for its
// sake (sql/machinesoup/90_grants.sql) is taken in the platform's database only: in any other one it would be
// an ordinary role, which may make temporary objects, run SQL of its own, and change its own settings and
// password, with no library there to guard its statements. The workers' role needs LOGIN because the server
// asks that of background workers; no client is meant to be it. CONNECT could not say this: PUBLIC has it on
// most databases, and what PUBLIC has is not taken from one role.
//
// Asked after the server has authenticated the client. Background workers, the platform's own included, do
// not log in. Plain C in C++ clothes: no object with a destructor is alive across a call of the server.
#include "loader/logins.hpp"
#include "loader/settings.hpp"
#include "boundary/boundary.hpp"

// Port keeps its layout without them ("for extension ABI compatibility", libpq-be.h), and whoever builds us
// need not have their headers.
#pragma push_macro("ENABLE_GSS")
#pragma push_macro("USE_OPENSSL")
#undef ENABLE_GSS
#undef USE_OPENSSL
extern "C" {
#include "libpq/auth.h"
#include "libpq/libpq-be.h"
}
#pragma pop_macro("USE_OPENSSL")
#pragma pop_macro("ENABLE_GSS")

namespace soup::loader {
namespace {

ClientAuthentication_hook_type previous_authentication = nullptr;

void refuse_workers_role(const Port* port) {
    if (std::strcmp(port->user_name, "soup_worker") != 0) return;
    ereport(FATAL, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("role \"soup_worker\" is not for clients"),
            errdetail("The platform's background workers act as this role."));
}

void refuse_gateway_elsewhere(const Port* port) {
    if (std::strcmp(port->user_name, "soup_gateway") != 0 ||
        std::strcmp(port->database_name, settings.database) == 0)
        return;
    ereport(
        FATAL, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
        errmsg("permission denied for database \"%s\"", port->database_name),
        errdetail("Role \"soup_gateway\" may connect only to the database that soup.database names, which "
                  "is \"%s\".",
                  settings.database));
}

/// Raises after the others: who looks at failures, or slows them down, has seen all logins.
void authenticated(Port* port, int status) {
    if (previous_authentication != nullptr) previous_authentication(port, status);
    if (status != STATUS_OK) return;
    refuse_workers_role(port);
    refuse_gateway_elsewhere(port);
}

} // namespace

void install_login_guard() {
    previous_authentication = ClientAuthentication_hook;
    ClientAuthentication_hook = authenticated;
}

} // namespace soup::loader
