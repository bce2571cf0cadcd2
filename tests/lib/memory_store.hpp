// A page store of plain memory, with the server's rules: real locks (so that threads race as backends do),
// changes that are all or nothing, transactions that hold back the reuse of freed pages, and a crash at any
// chosen change.
#pragma once

#include "core/tree/store.hpp"

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <vector>

namespace soup::test {

/// What commit() throws once the changes that were allowed have been made.
struct Crash {};

class MemoryStore : public tree::PageStore {
public:
    MemoryStore() = default;
    MemoryStore(const MemoryStore&) = delete;
    MemoryStore& operator=(const MemoryStore&) = delete;

    tree::Page pin(tree::Block block) override;
    tree::Page allocate() override;
    void offer(tree::Block block) override;
    tree::Block block_count() override { return count_.load(); }
    std::uint64_t current_transaction() override;
    std::uint64_t next_transaction() override { return clock_.load(); }
    std::uint64_t oldest_transaction() override;

    /// A thread's work is a transaction from here to the end of the object's life. Without one, a page that a
    /// thread may still come to could be reused under it.
    class Transaction {
    public:
        explicit Transaction(MemoryStore& store);
        ~Transaction();
        Transaction(const Transaction&) = delete;
        Transaction& operator=(const Transaction&) = delete;

    private:
        MemoryStore& store_;
        std::uint64_t number_;
    };

    /// Lets `changes` more commits through; every one after that throws Crash and changes nothing.
    void crash_after(std::uint64_t changes) { changes_left_ = static_cast<std::int64_t>(changes); }
    void no_crash() { changes_left_ = never; }
    std::uint64_t changes_made() const { return changes_made_; }

    /// Runs between two pages of an operation, as other backends would; not within itself. The server would
    /// not hear an interrupt while a page is locked, so then to ask for one is an error.
    void between_pages(std::function<void()> work) { between_pages_ = std::move(work); }
    void check_interrupts() override;

    /// The bytes of a page, to damage them. No lock is taken.
    std::byte* raw(tree::Block block) { return slot(block).bytes; }
    /// Counts pins, for tests that ask how many pages an operation touches.
    std::uint64_t pins_taken() const { return pins_taken_; }

protected:
    void relock(const tree::Page& page, tree::Lock held, tree::Lock wanted) override;
    void release(tree::Page& page, tree::Lock held) noexcept override;
    void* begin_change() override;
    std::byte* edit(void* change, const tree::Page& page, bool is_new) override;
    void commit(void* change) override;
    void abandon(void* change) noexcept override;

private:
    struct Slot {
        alignas(64) std::byte bytes[tree::page_bytes] = {};
        std::shared_mutex mutex;
        std::atomic<int> pins = 0;
    };
    struct Image {
        Slot* slot;
        alignas(64) std::byte bytes[tree::page_bytes];
    };
    struct State {
        int count = 0;
        std::array<std::unique_ptr<Image>, tree::Change::pages_max> images;
    };
    static constexpr std::size_t chunk_slots = 1024, chunks_max = 1024;
    static constexpr std::int64_t never = INT64_MAX;

    Slot& slot(tree::Block block) { return chunks_[block / chunk_slots][block % chunk_slots]; }
    tree::Page pin_slot(tree::Block block, tree::Lock held);
    static Slot& slot_of(const tree::Page& page) noexcept;
    static void unlock(Slot& slot, tree::Lock held) noexcept;

    std::array<std::unique_ptr<Slot[]>, chunks_max> chunks_;
    std::atomic<tree::Block> count_ = 0;
    std::mutex mutex_; ///< Over growth, free pages and transactions.
    std::vector<tree::Block> offered_;
    std::multiset<std::uint64_t> running_;
    std::atomic<std::uint64_t> clock_ = 1, pins_taken_ = 0, changes_made_ = 0;
    std::atomic<std::int64_t> changes_left_ = never;
    std::function<void()> between_pages_;
};

} // namespace soup::test
