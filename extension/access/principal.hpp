// Principals as they are now: whether a token's subject still exists, is enabled, and has not revoked its
// tokens.
#pragma once

#include "access/identity.hpp"

#include <string>
#include <vector>

namespace soup::access {

struct Principal {
    Uuid principal{};
    Uuid org{}; ///< Zero for none.
    Kind kind = Kind::producer;
    bool is_disabled = false;
    std::uint32_t epoch = 0;
    std::string username;
};

/// From this process's cache while the catalogue is unchanged; null when there is none.
const Principal* find_principal(const Uuid& principal);

/// By name, for login: read from the table each time.
std::optional<Principal> read_principal(std::string_view username);

/// The passphrase hashes that are valid now, at most two.
std::vector<std::string> read_passphrase_hashes(const Uuid& principal);

} // namespace soup::access
