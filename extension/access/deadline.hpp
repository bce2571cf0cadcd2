// The end of a bound identity: the server's own timeouts can be switched off by any session, so a timer of
// ours ends the session when the token that it holds expires, whatever it is doing or waiting for.
#pragma once

#include <cstdint>

namespace soup::access {

/// Arms the timer for this transaction; an earlier call's time is replaced. Unix microseconds.
void end_session_after(std::int64_t expires_us);

/// Takes the timer back; cheap when none is armed.
void forget_deadline() noexcept;

} // namespace soup::access
