// What the bench sees of the server beside SQL: the CPU time of its processes, settings, whether work is
// left.
#pragma once

#include "tests/bench/connection.hpp"

#include <string>

namespace bench {

/// CPU seconds that the living processes of a backend type have used.
double cpu_seconds(Connection& superuser, const std::string& backend_type);

/// ALTER SYSTEM, reloaded.
void set(Connection& superuser, const std::string& name, const std::string& value);

/// Waits until no lane has anything left to process.
void drain(Connection& superuser);

/// Waits until the processors have ended and none will start.
void stop_processors(Connection& superuser);

} // namespace bench
