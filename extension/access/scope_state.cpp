// The stack of scopes is this process's own memory; the top of it is mirrored in the process's identity slot
// for parallel workers. A worker finds its leader's slot through the lock group and believes it only if
// process id and local transaction id are the leader's present ones, so that no slot survives its transaction
// or its process.
//
// Who clears: the transaction callbacks of the process that wrote, never those of a worker (a parallel worker
// commits start-up transactions of its own, and a callback that cleared the leader's slot made later queries
// lose their scope); the subtransaction callback, for scopes an error left on the stack; before_shmem_exit,
// for FATAL. SIGKILL makes the server reset all shared memory.
#include "access/scope_state.hpp"

#include "access/deadline.hpp"
#include "access/library.hpp"

extern "C" {
#include "access/parallel.h"
#include "access/xact.h"
#include "storage/ipc.h"
#include "storage/proc.h"
}

namespace soup::access {

namespace {

constexpr std::uint32_t slot_layout = 1;
constexpr int stack_limit = 16;

struct SlotContent {
    std::int32_t pid;
    std::uint32_t local_transaction;
    Scope scope;
};
static_assert(sizeof(SlotContent) <= sizeof(loader::IdentitySlot::content));
static_assert(std::is_trivially_copyable_v<SlotContent>);

struct Frame {
    Scope scope;
    int nest_level; ///< Of the (sub)transaction it was put on in.
};

struct Stack {
    Frame frames[stack_limit];
    int depth = 0;
    std::uint64_t serial = 0;
    std::shared_ptr<const GrantSet>* grants = nullptr; ///< Of the bound principal.
    bool has_leaders_scope = false; ///< In a parallel worker: frames[0] is a copy of the leader's.
};
Stack stack;

std::uint32_t local_transaction_of(const PGPROC* process) {
#if PG_VERSION_NUM >= 170000
    return process->vxid.lxid;
#else
    return process->lxid;
#endif
}

loader::IdentitySlot& own_slot() {
    return attached_loader().shared->identities()[loader::proc_index(MyProc)];
}

void write_slot(std::uint32_t layout, const SlotContent* content) noexcept {
    loader::IdentitySlot& slot = own_slot();
    slot.sequence.fetch_add(1, std::memory_order_acq_rel);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    slot.layout = layout;
    if (content != nullptr) std::memcpy(slot.content, content, sizeof *content);
    slot.sequence.fetch_add(1, std::memory_order_release);
}

/// Brings the slot in line with the top of the stack.
void mirror() noexcept {
    ++stack.serial;
    if (stack.depth == 0) {
        write_slot(0, nullptr);
        return;
    }
    const SlotContent content{MyProcPid, local_transaction_of(MyProc), stack.frames[stack.depth - 1].scope};
    write_slot(slot_layout, &content);
}

void clear() noexcept {
    if (stack.depth == 0) return;
    stack.depth = 0;
    stack.grants->reset();
    mirror();
}

/// Copies the leader's scope into this worker, once: the leader cannot change it while workers run.
const Scope* leaders_scope() {
    if (stack.has_leaders_scope) return &stack.frames[0].scope;
    const PGPROC* leader = MyProc->lockGroupLeader;
    if (leader == nullptr) return nullptr;
    const loader::IdentitySlot& slot = attached_loader().shared->identities()[loader::proc_index(leader)];
    SlotContent content;
    std::uint32_t layout;
    for (;;) {
        const std::uint32_t before = slot.sequence.load(std::memory_order_acquire);
        layout = slot.layout;
        std::memcpy(&content, slot.content, sizeof content);
        std::atomic_thread_fence(std::memory_order_acquire);
        if (before % 2 == 0 && slot.sequence.load(std::memory_order_relaxed) == before) break;
    }
    if (layout != slot_layout || content.pid != leader->pid ||
        content.local_transaction != local_transaction_of(leader))
        return nullptr;
    stack.frames[0].scope = content.scope;
    stack.has_leaders_scope = true;
    ++stack.serial;
    return &stack.frames[0].scope;
}

void at_transaction_event(XactEvent event, void*) {
    if (IsParallelWorker()) return;
    switch (event) {
    case XACT_EVENT_PRE_PREPARE:
        // Neither COMMIT nor ABORT would be reported here later.
        if (stack.depth > 0)
            ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("cannot prepare a transaction to which a principal is bound"));
        break;
    case XACT_EVENT_COMMIT:
    case XACT_EVENT_ABORT:
    case XACT_EVENT_PREPARE:
        clear();
        forget_deadline();
        break;
    default:
        break;
    }
}

void at_subtransaction_event(SubXactEvent event, SubTransactionId, SubTransactionId, void*) {
    if (event != SUBXACT_EVENT_ABORT_SUB || IsParallelWorker() || stack.depth == 0) return;
    int depth = stack.depth;
    while (depth > 0 && stack.frames[depth - 1].nest_level >= GetCurrentTransactionNestLevel())
        --depth;
    take_off(depth);
}

void clear_at_exit(int, Datum) {
    if (!IsParallelWorker()) clear();
}

} // namespace

const Scope* current_scope() {
    if (IsParallelWorker()) [[unlikely]]
        return leaders_scope();
    return stack.depth > 0 ? &stack.frames[stack.depth - 1].scope : nullptr;
}

const Scope& require_bound() {
    const Scope* scope = current_scope();
    if (scope == nullptr) throw Error("28000", "NOT_BOUND", "no principal is bound to this transaction");
    return *scope;
}

std::uint64_t scope_serial() noexcept {
    return stack.serial;
}

const GrantSet& bound_grants(const Scope& scope) {
    if (*stack.grants == nullptr) {
        auto loaded = grants_of(scope.identity.principal);
        if (loaded->digest != scope.grants_digest)
            throw Error("40001", "", "rights changed while a parallel query was starting", {},
                        "Repeat the query.");
        *stack.grants = std::move(loaded);
    }
    return **stack.grants;
}

void bind_scope(const Identity& identity, std::shared_ptr<const GrantSet> grants) {
    Frame& bottom = stack.frames[0];
    if (stack.depth == 0) {
        bottom = {};
        bottom.scope.reach = Reach::principal;
        bottom.nest_level = 1;
        stack.depth = 1;
    }
    bottom.scope.identity = identity;
    bottom.scope.grants_digest = grants->digest;
    *stack.grants = std::move(grants);
    mirror();
}

int put_on(const Scope& scope) {
    if (!IsTransactionState())
        throw std::logic_error("a scope lasts no longer than a transaction: open it inside one");
    if (IsInParallelMode()) throw std::logic_error("a scope cannot change while parallel workers run");
    if (stack.depth == stack_limit) throw Error("54001", "", "scopes are nested too deeply");
    stack.frames[stack.depth] = {scope, GetCurrentTransactionNestLevel()};
    ++stack.depth;
    mirror();
    return stack.depth - 1;
}

void take_off(int depth) noexcept {
    if (stack.depth <= depth) return;
    stack.depth = depth;
    if (depth == 0) stack.grants->reset();
    mirror();
}

void register_scope_callbacks() {
    stack.grants = new std::shared_ptr<const GrantSet>;
    pg::call([] {
        RegisterXactCallback(at_transaction_event, nullptr);
        RegisterSubXactCallback(at_subtransaction_event, nullptr);
        before_shmem_exit(clear_at_exit, 0);
    });
}

} // namespace soup::access
