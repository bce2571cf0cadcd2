// Readies libsodium once per process; every function of this folder calls it itself.
#pragma once

namespace soup::crypto {

/// Throws when libsodium cannot be initialised (no source of randomness).
void ready_sodium();

} // namespace soup::crypto
