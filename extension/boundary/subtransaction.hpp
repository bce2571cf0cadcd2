// The only place where a server error may end: an internal subtransaction that is rolled back, so that locks,
// pins and whatever else the error left behind are released.
#pragma once

#include "boundary/boundary.hpp"

namespace soup::pg {

/// Runs the body in a subtransaction. Returns the refusal when the body threw soup::Error or a server error
/// that a caller may survive; everything else (cancel, shutdown, lost connection, out of memory, C++ bugs) is
/// rolled back and thrown on. The body's own result belongs in a captured variable.
struct Refusal {
    int sqlstate;
    std::string message;
    std::string reason; ///< Empty if the error carries none.
};
std::optional<Refusal> try_in_subtransaction(const std::function<void()>& body);

} // namespace soup::pg
