// Pins and locks of server buffers. Changes are in page_change.cpp; where free pages come from is in
// free_pages.cpp.
#include "tree/buffer_store.hpp"

#include "tree/free_pages.hpp"
#include "tree/page_change.hpp"
#include "tree/recent_buffers.hpp"
#include "tree/server_page.hpp"

extern "C" {
#include "access/transam.h"
#include "access/xact.h"
#include "access/xloginsert.h"
#include "commands/vacuum.h"
#include "storage/procarray.h"
}

namespace soup::tree {

static_assert(BLCKSZ == page_bytes, "the page layout is made for the server's default block size");
static_assert(SizeOfPageHeaderData == header_bytes && MAXALIGN(sizeof(Tail)) == sizeof(Tail));
static_assert(no_block == InvalidBlockNumber);

namespace {

constexpr std::size_t cache_line = 64;

/// A change's memory is used again, since there is hardly ever more than one at a time.
std::unique_ptr<PageChange> spare_change;

} // namespace

Page BufferStore::pinned(Buffer buffer, Lock held) noexcept {
    return make_page(this, BufferGetBlockNumber(buffer), buffer, pg::bytes_of(buffer), held);
}

Page BufferStore::pin(Block block) {
    // A block that the file lacks comes from a damaged link. The server would report the disk; and the number
    // that stands for no block would extend the file.
    if (block >= blocks_seen_) [[unlikely]] {
        blocks_seen_ = block_count();
        if (block >= blocks_seen_) refuse_page(block, "a link leads to it, but the file ends before");
    }
    const Buffer buffer =
        pg::call([=, this] { return RecentBuffers::read(index_, fork_, block, strategy_); });
    // Whoever pins a page locks it, looks at its tail, and then at its first entries.
    const std::byte* bytes = pg::bytes_of(buffer);
    __builtin_prefetch(bytes + tail_offset);
    __builtin_prefetch(bytes);
    return pinned(buffer, Lock::none);
}

void BufferStore::relock(const Page& page, Lock held, Lock wanted) {
    const Buffer buffer = buffer_of(page);
    // A damaged link may lead back to a page that this backend holds: waiting for itself could not even be
    // cancelled.
    if (held == Lock::none && pg::holds_content_lock(buffer)) [[unlikely]]
        refuse_page(page.block(), "a link leads to it from below itself");
    // Bare, because these raise only when a backend holds 200 locks, which the tree's four cannot cause.
    if (held != Lock::none) LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
    switch (wanted) {
    case Lock::none:
        break;
    case Lock::shared:
        LockBuffer(buffer, BUFFER_LOCK_SHARE);
        break;
    case Lock::exclusive:
        LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
        break;
    case Lock::cleanup:
        // Waits for others' pins, and so can be cancelled.
        pg::call([=] { LockBufferForCleanup(buffer); });
        break;
    }
}

void BufferStore::release(Page& page, Lock held) noexcept {
    if (disowned_ || pg::server_error_unwinding()) return;
    if (held == Lock::none)
        ReleaseBuffer(buffer_of(page));
    else
        UnlockReleaseBuffer(buffer_of(page));
}

Page BufferStore::allocate() {
    Buffer buffer = InvalidBuffer;
    pg::call([&] {
        // A new index has no free pages yet, and its init fork has no map of them.
        if (logging_ == Logging::each_change && extend_next_ == 0) {
            buffer = take_free_page(index_);
            // None, or none that is old enough: a long transaction need not ask for every page.
            if (buffer == InvalidBuffer) extend_next_ = 16;
        }
        if (buffer != InvalidBuffer) return;
        buffer = extend_file(index_, fork_);
        if (extend_next_ > 0) --extend_next_;
    });
    return pinned(buffer, Lock::exclusive);
}

void BufferStore::offer(Block block) {
    pg::call([=, this] {
        // Vacuum brings the whole map up to date when it has finished.
        if (pace_ == Pace::vacuum)
            RecordFreeIndexPage(index_, block);
        else
            record_free_page(index_, block);
    });
}

Block BufferStore::block_count() {
    return pg::call([this] { return RelationGetNumberOfBlocksInFork(index_, fork_); });
}

void BufferStore::prefetch(std::span<const Block> blocks) {
    if (effective_io_concurrency == 0) return;
    pg::call([&] {
        for (const Block block : blocks) {
            if (const Buffer guess = RecentBuffers::find(index_, fork_, block); guess != InvalidBuffer) {
                // In memory; so that its first and last bytes come to the processor's cache as well.
                const std::byte* page = pg::bytes_of(guess);
                __builtin_prefetch(page);
                __builtin_prefetch(page + page_bytes - sizeof(Tail));
                continue;
            }
            const PrefetchBufferResult found = PrefetchBuffer(index_, fork_, block);
            if (BufferIsValid(found.recent_buffer)) RecentBuffers::keep(index_, block, found.recent_buffer);
        }
    });
}

/// Reads without a pin, so the bytes may be another page's by now: nothing depends on them.
void BufferStore::approach(Block block) {
    const Buffer guess = RecentBuffers::find(index_, fork_, block);
    if (guess == InvalidBuffer) return;
    const std::byte* page = pg::bytes_of(guess);
    for (std::size_t at = 0; at < page_bytes; at += cache_line)
        __builtin_prefetch(page + at);
}

std::uint64_t BufferStore::current_transaction() {
    return pg::call([] { return U64FromFullTransactionId(GetTopFullTransactionId()); });
}

std::uint64_t BufferStore::next_transaction() {
    return pg::call([] { return U64FromFullTransactionId(ReadNextFullTransactionId()); });
}

std::uint64_t BufferStore::oldest_transaction() {
    return pg::call([] {
        const TransactionId oldest = GetOldestNonRemovableTransactionId(nullptr);
        const std::uint64_t next = U64FromFullTransactionId(ReadNextFullTransactionId());
        // The oldest is less than 2^31 behind the next one, so the difference of the low halves says how far.
        return next - static_cast<TransactionId>(static_cast<TransactionId>(next) - oldest);
    });
}

void BufferStore::check_interrupts() {
    if (pace_ == Pace::vacuum)
        pg::call([] {
#if PG_VERSION_NUM >= 180000
            vacuum_delay_point(false);
#else
            vacuum_delay_point();
#endif
        });
    else if (InterruptPending) [[unlikely]]
        pg::call([] { CHECK_FOR_INTERRUPTS(); });
}

void* BufferStore::begin_change() {
    return spare_change != nullptr ? spare_change.release() : new PageChange;
}

std::byte* BufferStore::edit(void* change, const Page& page, bool is_new) {
    return static_cast<PageChange*>(change)->edit(buffer_of(page), page, is_new);
}

void BufferStore::write(void* change, const Page& page, std::size_t offset,
                        std::span<const std::byte> bytes) {
    static_cast<PageChange*>(change)->write(buffer_of(page), page, offset, bytes);
}

void BufferStore::commit(void* change) {
    std::unique_ptr<PageChange> pages(static_cast<PageChange*>(change));
    pages->commit(logging_ == Logging::each_change && RelationNeedsWAL(index_));
    spare_change = std::move(pages);
}

void BufferStore::abandon(void* change) noexcept {
    static_cast<PageChange*>(change)->forget();
    spare_change.reset(static_cast<PageChange*>(change));
}

void BufferStore::log_all_pages() {
    if (!RelationNeedsWAL(index_) && fork_ != INIT_FORKNUM) return;
    pg::call([this] {
        log_newpage_range(index_, fork_, 0, RelationGetNumberOfBlocksInFork(index_, fork_), true);
    });
}

} // namespace soup::tree
