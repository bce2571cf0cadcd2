// Cleanup locks are waited for by trying again; the tests' pins are short.
#include "tests/lib/memory_store.hpp"

#include "core/tree/damage.hpp"

#include <algorithm>
#include <stdexcept>
#include <thread>

namespace soup::test {

using tree::Block;
using tree::Lock;
using tree::Page;

Page MemoryStore::pin_slot(Block block, Lock held) {
    Slot& one = slot(block);
    ++one.pins;
    return make_page(this, block, reinterpret_cast<std::intptr_t>(&one), one.bytes, held);
}

Page MemoryStore::pin(Block block) {
    if (block >= count_.load()) tree::refuse_page(block, "the file ends before it");
    pins_taken_.fetch_add(1, std::memory_order_relaxed);
    return pin_slot(block, Lock::none);
}

MemoryStore::Slot& MemoryStore::slot_of(const Page& page) noexcept {
    // A handle is a number, as the server's buffers are. NOLINTNEXTLINE(performance-no-int-to-ptr)
    return *reinterpret_cast<Slot*>(handle_of(page));
}

namespace {
thread_local int locks_held = 0;
}

void MemoryStore::unlock(Slot& slot, Lock held) noexcept {
    if (held != Lock::none) --locks_held;
    if (held == Lock::shared) slot.mutex.unlock_shared();
    if (held == Lock::exclusive || held == Lock::cleanup) slot.mutex.unlock();
}

void MemoryStore::relock(const Page& page, Lock held, Lock wanted) {
    Slot& one = slot_of(page);
    unlock(one, held);
    if (wanted != Lock::none) ++locks_held;
    switch (wanted) {
    case Lock::none:
        return;
    case Lock::shared:
        one.mutex.lock_shared();
        break;
    case Lock::exclusive:
        one.mutex.lock();
        break;
    case Lock::cleanup:
        for (;;) {
            one.mutex.lock();
            if (one.pins == 1) break;
            one.mutex.unlock();
            std::this_thread::yield();
        }
        break;
    }
}

void MemoryStore::release(Page& page, Lock held) noexcept {
    Slot& one = slot_of(page);
    unlock(one, held);
    --one.pins;
}

Page MemoryStore::allocate() {
    std::lock_guard guard(mutex_);
    const std::uint64_t oldest = running_.empty() ? clock_.load() : *running_.begin();
    for (std::size_t i = offered_.size(); i-- > 0;) {
        const Block block = offered_[i];
        // Waiting here could be for a thread that waits for mutex_.
        if (!slot(block).mutex.try_lock()) continue;
        ++locks_held;
        Page page = pin_slot(block, Lock::exclusive);
        const tree::Tail& tail = page.tail();
        const bool free = tail.kind == tree::PageKind::unused || tail.kind == tree::PageKind::freed;
        if (free && tail.number >= oldest) continue;
        offered_.erase(offered_.begin() + static_cast<std::ptrdiff_t>(i));
        if (free) return page;
    }
    const Block block = count_.load();
    if (block / chunk_slots >= chunks_max) throw std::bad_alloc();
    if (chunks_[block / chunk_slots] == nullptr)
        chunks_[block / chunk_slots] = std::make_unique<Slot[]>(chunk_slots);
    slot(block).mutex.lock();
    ++locks_held;
    Page page = pin_slot(block, Lock::exclusive);
    count_.store(block + 1);
    return page;
}

void MemoryStore::offer(Block block) {
    std::lock_guard guard(mutex_);
    if (std::find(offered_.begin(), offered_.end(), block) == offered_.end()) offered_.push_back(block);
}

void MemoryStore::check_interrupts() {
    if (locks_held > 0) throw std::logic_error("interrupts were asked for with a page locked");
    if (!between_pages_) return;
    const std::function<void()> work = std::exchange(between_pages_, nullptr);
    work();
    between_pages_ = work;
}

namespace {
thread_local std::uint64_t current = 0;
}

std::uint64_t MemoryStore::current_transaction() {
    return current != 0 ? current : clock_.load();
}

std::uint64_t MemoryStore::oldest_transaction() {
    std::lock_guard guard(mutex_);
    return running_.empty() ? clock_.load() : *running_.begin();
}

MemoryStore::Transaction::Transaction(MemoryStore& store) : store_(store) {
    std::lock_guard guard(store.mutex_);
    number_ = store.clock_.fetch_add(1);
    store.running_.insert(number_);
    current = number_;
}

MemoryStore::Transaction::~Transaction() {
    std::lock_guard guard(store_.mutex_);
    store_.running_.erase(store_.running_.find(number_));
    current = 0;
}

void* MemoryStore::begin_change() {
    return new State;
}

std::byte* MemoryStore::edit(void* change, const Page& page, bool is_new) {
    auto& state = *static_cast<State*>(change);
    Slot* one = &slot_of(page);
    for (int i = 0; i < state.count; ++i)
        if (state.images[static_cast<std::size_t>(i)]->slot == one)
            return state.images[static_cast<std::size_t>(i)]->bytes;
    if (state.count == tree::Change::pages_max) throw std::logic_error("a change of more than four pages");
    auto& image = state.images[static_cast<std::size_t>(state.count++)];
    image = std::make_unique<Image>();
    image->slot = one;
    if (is_new)
        std::memset(image->bytes, 0, sizeof image->bytes);
    else
        std::memcpy(image->bytes, one->bytes, sizeof image->bytes);
    return image->bytes;
}

void MemoryStore::commit(void* change) {
    const std::unique_ptr<State> state(static_cast<State*>(change));
    if (changes_left_ != never) {
        const std::int64_t left = changes_left_--;
        if (left <= 0) {
            changes_left_ = 0;
            throw Crash{};
        }
    }
    for (int i = 0; i < state->count; ++i) {
        Image& image = *state->images[static_cast<std::size_t>(i)];
        std::memcpy(image.slot->bytes, image.bytes, sizeof image.bytes);
    }
    ++changes_made_;
}

void MemoryStore::abandon(void* change) noexcept {
    delete static_cast<State*>(change);
}

} // namespace soup::test
