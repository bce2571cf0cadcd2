// The tree's pages in the server's shared buffers: pins, content locks, generic WAL.
//
// Locks: content locks of buffers, in the tree's own order (core/tree/store.hpp). A content lock holds
// interrupts off, so a wait for one cannot be cancelled; no page is locked for longer than a change takes.
//
// After an ERROR of the server nothing is released here: the abort does that (boundary.hpp). An object that
// outlives its call (a scan) says disown() first when its memory goes away, for by then its pins are gone.
//
// A build writes to the buffers directly and logs all pages at its end; until then nobody else sees the file.
#pragma once

#include "boundary/boundary.hpp"
#include "core/tree/store.hpp"

extern "C" {
#include "common/relpath.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"
}

namespace soup::tree {

/// How changes reach the disk.
enum class Logging : std::uint8_t {
    each_change, ///< A generic WAL record per change, if the relation is logged at all.
    at_end,      ///< None until log_all_pages(): a build, or the init fork of an unlogged index.
};

/// What check_interrupts() does between pages.
enum class Pace : std::uint8_t {
    full,   ///< Only looks for a cancel.
    vacuum, ///< Also sleeps as vacuum_cost_delay says.
};

class BufferStore final : public PageStore {
public:
    explicit BufferStore(Relation index, Logging logging = Logging::each_change,
                         ForkNumber fork = MAIN_FORKNUM)
        : index_(index), fork_(fork), logging_(logging) {}

    /// For passes over the whole file. The strategy stays the caller's.
    void set_pace(Pace pace, BufferAccessStrategy strategy) noexcept {
        pace_ = pace;
        strategy_ = strategy;
    }
    /// For the next use of the same file, of which it keeps the length that it has seen.
    void reopen(Relation index) noexcept {
        index_ = index;
        disowned_ = false;
    }
    /// From now on release() does nothing: the pins belong to a transaction that has ended.
    void disown() noexcept { disowned_ = true; }
    /// Ends a build: writes every page to the log, if this fork is one that is logged.
    void log_all_pages();

    Relation index() const noexcept { return index_; }
    static Buffer buffer_of(const Page& page) noexcept { return static_cast<Buffer>(handle_of(page)); }

    Page pin(Block block) override;
    Page allocate() override;
    void offer(Block block) override;
    Block block_count() override;
    void prefetch(std::span<const Block> blocks) override;
    void approach(Block block) override;
    std::uint64_t current_transaction() override;
    std::uint64_t next_transaction() override;
    std::uint64_t oldest_transaction() override;
    void check_interrupts() override;

protected:
    void relock(const Page& page, Lock held, Lock wanted) override;
    void release(Page& page, Lock held) noexcept override;
    void* begin_change() override;
    std::byte* edit(void* change, const Page& page, bool is_new) override;
    void write(void* change, const Page& page, std::size_t offset, std::span<const std::byte> bytes) override;
    void commit(void* change) override;
    void abandon(void* change) noexcept override;

private:
    Page pinned(Buffer buffer, Lock held) noexcept;

    Relation index_;
    BufferAccessStrategy strategy_ = nullptr;
    Block blocks_seen_ = 0;    ///< The file has at least these.
    unsigned extend_next_ = 0; ///< So many pages are taken from the file's end without a look at the map.
    ForkNumber fork_;
    Logging logging_;
    Pace pace_ = Pace::full;
    bool disowned_ = false;
};

} // namespace soup::tree
