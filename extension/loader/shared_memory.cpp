// Requests and lays out the shared memory. Both hooks run in the postmaster; after a crash of a backend the
// server clears all shared memory and the second runs again.
#include "loader/shared_memory.hpp"
#include "loader/machinesoup_loader.hpp"

extern "C" {
#include "storage/ipc.h"
#include "storage/shmem.h"
}

namespace soup::loader {

SharedHeader* shared = nullptr;

namespace {

constexpr const char* area_name = "machinesoup";
shmem_request_hook_type previous_request = nullptr;
shmem_startup_hook_type previous_startup = nullptr;
LWLockPadded* locks = nullptr;

constexpr std::size_t aligned(std::size_t bytes) {
    return (bytes + 127) / 128 * 128;
}

/// Where each area begins. One identity slot per process, auxiliary ones included.
struct Layout {
    explicit Layout(std::size_t processes)
        : identities(aligned(sizeof(SharedHeader))),
          tokens(identities + aligned(processes * sizeof(IdentitySlot))),
          argon(tokens + aligned(token_entry_count * sizeof(TokenEntry))),
          wake(argon + aligned(sizeof(ArgonArea))), spare(wake + aligned(sizeof(WakeArea))),
          total(spare + aligned(spare_bytes)) {}
    std::size_t identities, tokens, argon, wake, spare, total;
};

std::size_t process_count() {
    return static_cast<std::size_t>(MaxBackends) + NUM_AUXILIARY_PROCS;
}

void request() {
    if (previous_request != nullptr) previous_request();
    RequestAddinShmemSpace(Layout(process_count()).total);
    RequestNamedLWLockTranche(area_name, static_cast<int>(Lock::count));
}

void lay_out(SharedHeader* header, const Layout& layout, std::size_t processes) {
    std::memset(static_cast<void*>(header), 0, layout.total);
    header->magic = shared_magic;
    header->abi = shared_abi;
    header->total_bytes = layout.total;
    header->identity_offset = static_cast<std::uint32_t>(layout.identities);
    header->identity_count = static_cast<std::uint32_t>(processes);
    header->token_offset = static_cast<std::uint32_t>(layout.tokens);
    header->token_count = token_entry_count;
    header->argon_offset = static_cast<std::uint32_t>(layout.argon);
    header->wake_offset = static_cast<std::uint32_t>(layout.wake);
    header->spare_offset = static_cast<std::uint32_t>(layout.spare);
    header->spare_bytes = spare_bytes;
    ConditionVariableInit(&header->argon().freed);
}

void start() {
    if (previous_startup != nullptr) previous_startup();
    const std::size_t processes = process_count();
    if (ProcGlobal->allProcCount > processes)
        elog(ERROR, "more processes than identity slots: %u, %zu", ProcGlobal->allProcCount, processes);
    const Layout layout(processes);
    LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
    bool is_there = false;
    shared = static_cast<SharedHeader*>(ShmemInitStruct(area_name, layout.total, &is_there));
    if (!is_there) lay_out(shared, layout, processes);
    locks = GetNamedLWLockTranche(area_name);
    LWLockRelease(AddinShmemInitLock);
    publish(shared);
}

} // namespace

LWLock* named_lock(Lock which) {
    return &locks[static_cast<int>(which)].lock;
}

void install_shared_memory() {
    previous_request = shmem_request_hook;
    shmem_request_hook = request;
    previous_startup = shmem_startup_hook;
    shmem_startup_hook = start;
}

} // namespace soup::loader
