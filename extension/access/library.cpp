// The versioned library machinesoup-X.so: its magic block, its initialiser, and the table it registers with
// the loader.
#include "access/library.hpp"

#include "access/binding.hpp"
#include "access/utility_guard.hpp"
#include "bgworkers/entry.hpp"
#include "library_version.hpp"

namespace soup::access {

namespace {

constexpr loader::PlatformLibrary library{
    sizeof(loader::PlatformLibrary),
    library_version,
    workers::launcher_main,
    workers::worker_main,
    guard_utility,
    nullptr,
    guard_resumption,
};

const loader::PlatformLoader* attached = nullptr;

} // namespace

const loader::PlatformLoader& attached_loader() {
    if (attached == nullptr) attached = &loader::attach(library);
    return *attached;
}

} // namespace soup::access

SOUP_MODULE_INIT() {
    soup::access::attached_loader();
    soup::access::initialise();
}
