// How long tokens live, by kind of principal. Absolute: a token is not renewed, its owner logs in again.
#pragma once

#include "access/identity.hpp"
#include "access/library.hpp"

namespace soup::access {

/// As the settings soup.token_life_* say now. Asked at login and at every check: who shortens a life ends the
/// tokens that were given out for longer.
inline std::int64_t token_life_us(Kind kind) {
    const loader::Settings& settings = *attached_loader().settings;
    const int life_s = [&] {
        switch (kind) {
        case Kind::producer:
            return settings.token_life_producer_s;
        case Kind::consumer:
            return settings.token_life_consumer_s;
        case Kind::data_scientist:
            return settings.token_life_data_scientist_s;
        case Kind::org_admin:
            return settings.token_life_org_admin_s;
        case Kind::operator_:
            return settings.token_life_operator_s;
        }
        return 0;
    }();
    return std::int64_t{life_s} * 1'000'000;
}

} // namespace soup::access
