// What the versioned library registers with the loader: the bodies of launcher and worker.
//
// Both run in a background process that the loader has connected to the database; both raise by ereport,
// never by a C++ exception.
#pragma once

#include "boundary/postgres.hpp"

namespace soup::workers {

/// Returns when the installed version of the extension is no longer this library's.
void launcher_main();
/// Returns when there has been nothing to do for soup.processor_linger_ms. The launcher counts its workers.
void worker_main(Datum number);

} // namespace soup::workers
