// Where pages come from: pins, locks and atomic changes, without saying whose. The server's buffers are one
// implementation (extension/tree/buffer_store), a memory of plain arrays another (tests/lib/memory_store).
//
// Locks are taken root before leaf, left before right, everything before the metapage. A scan holds one lock
// at a time, and so does whatever else may run on a standby; only a split, a deletion and an insert's last
// step hold more. Nobody asks for interrupts, or naps, with a lock.
#pragma once

#include "core/tree/damage.hpp"

#include <span>
#include <type_traits>
#include <utility>

namespace soup::tree {

/// `cleanup`: exclusive, and no other pin on the page, so no scan is between reading an entry and using it.
enum class Lock : std::uint8_t { none, shared, exclusive, cleanup };

class PageStore;

/// A pinned page, perhaps locked; let go at the end of its life. The bytes may be read under any lock and are
/// never written to: changes go through Change.
class Page {
public:
    Page() noexcept = default;
    Page(Page&& other) noexcept { swap(other); }
    Page& operator=(Page&& other) noexcept {
        Page taken(std::move(other));
        swap(taken);
        return *this;
    }
    ~Page();

    explicit operator bool() const noexcept { return store_ != nullptr; }
    Block block() const noexcept { return block_; }
    const std::byte* bytes() const noexcept { return bytes_; }
    const std::byte* body() const noexcept { return tree::body(bytes_); }
    const Tail& tail() const noexcept { return tree::tail(bytes_); }

    /// A page that was copied to the caller's memory, which outlives it: neither pinned nor to be locked.
    static Page of_copy(Block block, const std::byte* bytes) noexcept {
        return {nullptr, block, 0, bytes, Lock::none};
    }

    /// Takes another lock; a lock that is held is let go first, so the content may have changed in between.
    void lock(Lock wanted);
    void unlock() { lock(Lock::none); }

private:
    friend class PageStore;
    friend class Change;
    Page(PageStore* store, Block block, std::intptr_t handle, const std::byte* bytes, Lock held) noexcept
        : store_(store), bytes_(bytes), handle_(handle), block_(block), held_(held) {}
    void swap(Page& other) noexcept {
        std::swap(store_, other.store_);
        std::swap(bytes_, other.bytes_);
        std::swap(handle_, other.handle_);
        std::swap(block_, other.block_);
        std::swap(held_, other.held_);
    }

    PageStore* store_ = nullptr;
    const std::byte* bytes_ = nullptr;
    std::intptr_t handle_ = 0;
    Block block_ = no_block;
    Lock held_ = Lock::none;
};

class PageStore {
public:
    virtual ~PageStore() = default;

    /// Pins a page without a lock. Raises on a block that the file does not have.
    virtual Page pin(Block block) = 0;
    /// Pins and locks. What a crash or a damaged disk left (a page without our mark) is refused with XX002,
    /// except that an unused page (all zero) is let through.
    Page lock(Block block, Lock wanted) {
        Page page = pin(block);
        page.lock(wanted);
        return page;
    }

    /// A page for new content, exclusively locked: a freed one that nobody can hold a link to, or one more at
    /// the end of the file. Its content means nothing until Change::initialise.
    virtual Page allocate() = 0;
    /// Tells that a freed page's change was committed, so that allocate() may find it.
    virtual void offer(Block block) = 0;

    virtual Block block_count() = 0;
    /// Says which pages will be wanted soon. Only a hint.
    virtual void prefetch(std::span<const Block>) {}
    /// Says that this page will be read whole next, while another one is at work. Only a hint.
    virtual void approach(Block) {}

    /// The transaction that companions and chains made now belong to, and the next one: see Tail::number.
    virtual std::uint64_t current_transaction() = 0;
    virtual std::uint64_t next_transaction() = 0;
    /// The oldest transaction that any scan or writer may still be in.
    virtual std::uint64_t oldest_transaction() = 0;

    /// Whether the operation should stop; called between pages. Raises if so.
    virtual void check_interrupts() {}

protected:
    friend class Page;
    friend class Change;

    /// A page that is pinned already, and locked as `held` says.
    static Page make_page(PageStore* store, Block block, std::intptr_t handle, const std::byte* bytes,
                          Lock held = Lock::none) noexcept {
        return {store, block, handle, bytes, held};
    }
    static std::intptr_t handle_of(const Page& page) noexcept { return page.handle_; }

    /// Replaces lock `held` by `wanted`.
    virtual void relock(const Page& page, Lock held, Lock wanted) = 0;
    virtual void release(Page& page, Lock held) noexcept = 0;

    /// One atomic, logged change of up to four pages. edit() gives the page's new content to write to.
    virtual void* begin_change() = 0;
    virtual std::byte* edit(void* change, const Page& page, bool is_new) = 0;
    virtual void write(void* change, const Page& page, std::size_t offset, std::span<const std::byte> bytes) {
        std::memcpy(edit(change, page, false) + offset, bytes.data(), bytes.size());
    }
    virtual void commit(void* change) = 0;
    virtual void abandon(void* change) noexcept = 0;
};

inline Page::~Page() {
    if (store_ != nullptr) store_->release(*this, held_);
}
inline void Page::lock(Lock wanted) {
    if (wanted == held_) return;
    store_->relock(*this, held_, wanted);
    held_ = wanted;
    if (wanted == Lock::none) return;
    const bool ours = tail().checked == tail_mark && tail().kind <= PageKind::freed;
    const bool unused = tail().checked == 0 && tail().kind == PageKind::unused;
    if (!ours && !unused) [[unlikely]]
        refuse_page(block_, "it does not carry the index's mark");
}

/// One atomic change: either all of its pages have their new content, also after a crash and on a standby, or
/// none has. At most four pages, each exclusively locked until after commit().
class Change {
public:
    static constexpr int pages_max = 4;

    explicit Change(PageStore& store) : store_(store), state_(store.begin_change()) {}
    ~Change() {
        if (state_ != nullptr) store_.abandon(state_);
    }
    Change(const Change&) = delete;
    Change& operator=(const Change&) = delete;

    /// The content to change, a copy of what the page has now. The same page twice gives the same copy.
    std::byte* edit(const Page& page) { return store_.edit(state_, page, false); }
    /// Gives something in the page another value. For a few bytes, where a copy of the page would cost more
    /// than all the rest of the change; may be mixed with edit().
    template<class T>
    void write(const Page& page, const T* place, const std::type_identity_t<T>& value) {
        const auto offset = reinterpret_cast<const std::byte*>(place) - page.bytes();
        store_.write(state_, page, static_cast<std::size_t>(offset), std::as_bytes(std::span(&value, 1)));
    }
    /// The content of a page that allocate() gave: body zeroed, tail set.
    std::byte* initialise(const Page& page, PageKind kind, std::uint16_t level) {
        std::byte* image = store_.edit(state_, page, true);
        std::memset(body(image), 0, body_bytes);
        tail(image) = {0, 0, no_block, no_block, kind, level, tail_mark};
        return image;
    }
    void commit() { store_.commit(std::exchange(state_, nullptr)); }

private:
    PageStore& store_;
    void* state_;
};

} // namespace soup::tree
