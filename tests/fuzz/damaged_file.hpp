// What the fuzzers of pages have in common: an index in memory whose pages can be damaged and put back as
// they were, a store for it, and what is done to it. Pages may then name each other in rings, so the store
// refuses a lock that its own thread would wait for, and ends the process if an operation does not end.
#pragma once

#include "core/tree/insert.hpp"
#include "core/tree/vacuum.hpp"
#include "core/tree/verify.hpp"
#include "tests/lib/memory_store.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <span>

namespace soup::test {

/// A memory store for one thread.
class SingleStore final : public MemoryStore {
public:
    /// No operation on some dozen pages needs nearly as many: one that does goes in circles.
    static constexpr unsigned pins_max = 200'000;

    void begin_operation() noexcept { pins_ = 0; }
    tree::Page pin(tree::Block block) override {
        if (++pins_ > pins_max) std::abort();
        return MemoryStore::pin(block);
    }
    tree::Page allocate() override {
        tree::Page page = MemoryStore::allocate();
        count(page, tree::Lock::exclusive, 1);
        return page;
    }

protected:
    void relock(const tree::Page& page, tree::Lock held, tree::Lock wanted) override {
        count(page, held, -1);
        const Held& others = held_[page.block()];
        if (wanted != tree::Lock::none &&
            (others.exclusive > 0 || (wanted != tree::Lock::shared && others.shared > 0))) {
            count(page, held, 1);
            tree::refuse_page(page.block(), "it would have to be waited for for ever");
        }
        count(page, wanted, 1);
        MemoryStore::relock(page, held, wanted);
    }
    void release(tree::Page& page, tree::Lock held) noexcept override {
        count(page, held, -1);
        MemoryStore::release(page, held);
    }

private:
    struct Held {
        int shared = 0, exclusive = 0;
    };
    void count(const tree::Page& page, tree::Lock lock, int by) {
        if (lock == tree::Lock::shared) held_[page.block()].shared += by;
        if (lock == tree::Lock::exclusive || lock == tree::Lock::cleanup) held_[page.block()].exclusive += by;
    }
    std::map<tree::Block, Held> held_;
    unsigned pins_ = 0;
};

/// The pages of an index that fills the store in `make`.
class DamagedFile {
public:
    template<class Make>
    explicit DamagedFile(Make make) : make_(std::move(make)) {
        restore();
    }

    SingleStore& store() noexcept { return *store_; }
    std::size_t page_count() const noexcept { return sound_.size(); }

    /// Everything as it was, but for one page's body.
    void damage(std::size_t page, std::size_t offset, std::span<const std::byte> bytes) {
        if (store_->block_count() > 50'000) restore();
        for (tree::Block block = 0; block < store_->block_count(); ++block) {
            if (block < sound_.size())
                std::memcpy(store_->raw(block), sound_[block].data(), tree::page_bytes);
            else
                std::memset(store_->raw(block), 0, tree::page_bytes);
        }
        const std::size_t length = std::min(bytes.size(), tree::body_bytes - offset);
        if (length > 0)
            std::memcpy(tree::body(store_->raw(static_cast<tree::Block>(page))) + offset, bytes.data(),
                        length);
    }

    /// An operation ends with an answer or with XX002.
    template<class Operation>
    void attempt(Operation operation) {
        store_->begin_operation();
        try {
            operation();
        } catch (const Error& error) {
            if (std::string_view(error.sqlstate()) != "XX002") std::abort();
        }
    }

private:
    void restore() {
        store_ = std::make_unique<SingleStore>();
        sound_.clear();
        make_(*store_);
        for (tree::Block block = 0; block < store_->block_count(); ++block) {
            sound_.emplace_back(tree::page_bytes);
            std::memcpy(sound_.back().data(), store_->raw(block), tree::page_bytes);
        }
    }

    std::function<void(SingleStore&)> make_;
    std::unique_ptr<SingleStore> store_;
    std::vector<std::vector<std::byte>> sound_;
};

/// An index of rows without keys, one for each point.
class DamagedIndex {
public:
    using Points = std::vector<std::vector<float>>;

    /// `meta` is what tree::create() takes. The geometry stays the caller's.
    DamagedIndex(const tree::Geometry& geometry, const tree::Meta& meta, Points points,
                 tree::Unlinked unlinked)
        : geometry_(geometry), points_(std::move(points)), unlinked_(unlinked),
          file_([this, meta](SingleStore& store) {
              tree::create(store, meta);
              for (std::size_t row = 0; row < points_.size(); ++row)
                  insert(store, points_[row], row);
          }) {}
    DamagedFile& file() noexcept { return file_; }
    const Points& points() const noexcept { return points_; }

    /// Everything that reads or changes pages; scans before the changes and after them.
    template<class Scan>
    void use(Scan scan) {
        SingleStore& store = file_.store();
        file_.attempt([&] { tree::verify(store, geometry_, unlinked_, [](const tree::Violation&) {}); });
        scan();
        for (std::size_t i = 0; i < 4; ++i)
            file_.attempt([&] { insert(store, points_[i], points_.size() + i); });
        file_.attempt([&] {
            tree::VacuumResult result = tree::bulk_delete(
                store, geometry_, [](tree::HeapAddress address) { return address.offset % 3 == 0; });
            tree::clean_up(store, geometry_, result);
        });
        scan();
    }

private:
    void insert(SingleStore& store, const std::vector<float>& point, std::size_t row) {
        const MemoryStore::Transaction transaction(store);
        tree::insert(store, geometry_, {point, tree::as_address((row / 200) << 16 | (row % 200 + 1)), {}});
    }

    const tree::Geometry& geometry_;
    Points points_;
    tree::Unlinked unlinked_;
    DamagedFile file_; ///< Last: it is made by the others.
};

/// Damages one of the indexes, and uses it. Input: which of them, which page, where in it, then the bytes.
template<class Index, std::size_t count>
void use_damaged(Index (&indexes)[count], std::span<const std::uint8_t> data) {
    if (data.size() < 4) return;
    Index& index = indexes[data[0] % count];
    const std::size_t page = 1 + data[1] % (index.file().page_count() - 1);
    const std::size_t offset = (data[2] | std::size_t{data[3]} << 8) % tree::body_bytes;
    // A few bytes of input can fill a page: they are repeated.
    std::vector<std::byte> bytes;
    const std::size_t length = data[0] & 128 ? tree::body_bytes : data.size() - 4;
    for (std::size_t i = 0; i < length && data.size() > 4; ++i)
        bytes.push_back(static_cast<std::byte>(data[4 + i % (data.size() - 4)]));
    index.file().damage(page, data[0] & 64 ? offset % 32 : offset, bytes);
    index.use();
}

} // namespace soup::test
