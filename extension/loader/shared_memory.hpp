// The shared memory that the loader requests for every later release of the library: a header that says where
// the areas are, and the areas. Append-only: areas keep their place and slot size for the life of the
// cluster, a new release uses the free bytes of a slot or the spare area.
//
// Access is lock-free (atomics, sequence counts) or under one of the named locks. Nothing here is freed by a
// destructor: a FATAL does not unwind, so owners register an exit callback.
#pragma once

#include "boundary/postgres.hpp"

extern "C" {
#include "storage/condition_variable.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
}

namespace soup::loader {

constexpr std::uint32_t shared_magic = 0x50554f53; // "SOUP"
constexpr std::uint32_t shared_abi = 1;
constexpr int worker_slot_count = 64;
constexpr int argon_slot_count = 8;
constexpr int token_entry_count = 4096;
constexpr int spare_bytes = 64 * 1024;

/// The locks of tranche "machinesoup", by number. Never renumber; append before `count`.
enum class Lock : int {
    token_writers,
    worker_slots,
    spare_0,
    spare_1,
    spare_2,
    spare_3,
    spare_4,
    spare_5,
    count
};

/// A record that one process writes and others read without a lock: the writer makes `sequence` odd, writes,
/// makes it even; a reader that saw an odd or changed sequence looks again. `layout` names the content's
/// layout, so that a library never reads what another release wrote; 0 means empty.
struct IdentitySlot {
    std::atomic<std::uint32_t> sequence;
    std::uint32_t layout;
    std::byte content[504];
};

/// A verified token. `key` is the token's digest; writers hold Lock::token_writers.
struct TokenEntry {
    std::atomic<std::uint32_t> sequence;
    std::uint32_t layout;
    std::uint8_t key[32];
    std::byte content[216];
};

/// Who computes a password hash now: a process id, or 0. Waiters sleep on `freed`.
struct ArgonArea {
    ConditionVariable freed;
    std::atomic<std::int32_t> holder_pid[argon_slot_count];
};

/// A background process that can be woken. proc_index is its place in ProcGlobal->allProcs; a stale one wakes
/// whoever sits there now, which does no harm.
struct WorkerSlot {
    std::atomic<std::int32_t> pid; ///< 0: free.
    std::atomic<std::int32_t> proc_index;
    std::atomic<std::uint32_t> database;
    std::atomic<std::uint32_t> state;    ///< The library's.
    std::atomic<std::uint64_t> sequence; ///< The library's.
    std::byte content[104];              ///< The library's; written under Lock::worker_slots.
};

struct WakeArea {
    WorkerSlot launcher;
    WorkerSlot workers[worker_slot_count];
};

static_assert(sizeof(IdentitySlot) == 512 && sizeof(TokenEntry) == 256 && sizeof(WorkerSlot) == 128);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

/// At the start of the shared memory. Offsets are counted from here.
struct SharedHeader {
    std::uint32_t magic;
    std::uint32_t abi;
    std::uint64_t total_bytes;
    std::uint32_t identity_offset, identity_count; ///< One slot for every entry of ProcGlobal->allProcs.
    std::uint32_t token_offset, token_count;
    std::uint32_t argon_offset;
    std::uint32_t wake_offset;
    std::uint32_t spare_offset, spare_bytes;

    /// Raised after every committed change of a model, version, grant or principal: caches compare it.
    std::atomic<std::uint64_t> catalogue_generation;
    /// The loader's own: the database was there when the launcher last looked.
    std::atomic<bool> is_database_seen;

    template<class T>
    T* at(std::uint32_t offset) {
        return reinterpret_cast<T*>(reinterpret_cast<std::byte*>(this) + offset);
    }
    std::span<IdentitySlot> identities() { return {at<IdentitySlot>(identity_offset), identity_count}; }
    std::span<TokenEntry> tokens() { return {at<TokenEntry>(token_offset), token_count}; }
    ArgonArea& argon() { return *at<ArgonArea>(argon_offset); }
    WakeArea& wake() { return *at<WakeArea>(wake_offset); }
    std::span<std::byte> spare() { return {at<std::byte>(spare_offset), spare_bytes}; }
};

/// A process's place in ProcGlobal->allProcs, and so in identities(); the field's name differs between
/// releases.
inline int proc_index(const PGPROC* process) {
    return static_cast<int>(process - ProcGlobal->allProcs);
}

/// Whose identity counts here: the leader's in a parallel worker, else one's own.
inline int identity_index() {
    return proc_index(MyProc->lockGroupLeader != nullptr ? MyProc->lockGroupLeader : MyProc);
}

/// Wakes the process of a slot; nothing happens when the slot is free. Safe in a commit callback: it cannot
/// raise.
inline void wake_up(const WorkerSlot& slot) {
    if (slot.pid.load(std::memory_order_acquire) == 0) return;
    int index = slot.proc_index.load(std::memory_order_relaxed);
    if (index >= 0 && index < static_cast<int>(ProcGlobal->allProcCount))
        SetLatch(&ProcGlobal->allProcs[index].procLatch);
}

/// The loader's own: requests the memory (while preloading), and the locks when it is there.
void install_shared_memory();
LWLock* named_lock(Lock which);
/// Null until the server's memory is laid out.
extern SharedHeader* shared;

} // namespace soup::loader
