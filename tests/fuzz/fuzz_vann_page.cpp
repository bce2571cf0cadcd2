// vann's pages: a page of any bytes in a sound index. Everything that reads or changes pages ends with an
// answer or with XX002. Pages may then name each other in rings, so the store refuses a lock that its own
// thread would wait for.
//
// Input: which of the indexes, which page, how many bytes from where, then the bytes.
#include "core/tree/insert.hpp"
#include "core/tree/vacuum.hpp"
#include "core/tree/verify.hpp"
#include "core/tree/walk.hpp"
#include "core/vann/chain_page.hpp"
#include "core/vann/geometry.hpp"
#include "core/vann/score.hpp"
#include "core/vann/space.hpp"
#include "tests/lib/memory_store.hpp"

#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <random>

using namespace soup;
using namespace soup::vann;

namespace {

/// A memory store for one thread.
class SingleStore final : public test::MemoryStore {
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

/// A sound index of a few pages of every kind, that can be put back as it was.
class Index {
public:
    explicit Index(unsigned dimensions, Metric metric)
        : parameters_{dimensions, metric}, geometry_(parameters_) {
        make();
    }

    std::size_t page_count() const { return sound_.size(); }

    /// Everything as it was, but for one page's body.
    void damage(std::size_t page, std::size_t offset, std::span<const std::byte> bytes) {
        if (store_->block_count() > 50'000) make();
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

    void use() {
        attempt([&] {
            tree::verify(*store_, geometry_, tree::Unlinked::allowed, [](const tree::Violation&) {});
        });
        attempt([&] { scan(); });
        for (unsigned i = 0; i < 4; ++i)
            attempt([&] { insert(points_[i]); });
        attempt([&] {
            tree::VacuumResult result = tree::bulk_delete(
                *store_, geometry_, [](tree::HeapAddress address) { return address.offset % 3 == 0; });
            tree::clean_up(*store_, geometry_, result);
        });
        attempt([&] { scan(); });
    }

private:
    template<class Operation>
    void attempt(Operation operation) {
        store_->begin_operation();
        try {
            operation();
        } catch (const Error& error) {
            if (std::string_view(error.sqlstate()) != "XX002") std::abort();
        }
    }

    void make() {
        store_ = std::make_unique<SingleStore>();
        sound_.clear();
        points_.clear();
        tree::Meta meta{};
        vann::store(parameters_, meta);
        tree::create(*store_, meta);
        std::mt19937 random(parameters_.dimensions);
        std::normal_distribution<float> normal;
        const Space space(parameters_, {});
        std::vector<float> vector(parameters_.dimensions), point(space.padded());
        const unsigned rows = geometry_.layout().leaf.capacity * 3;
        for (unsigned row = 0; row < rows; ++row) {
            if (row % 4 != 0 || row == 0) // Every fourth vector is equal to the one before.
                for (float& x : vector)
                    x = row % 16 == 1 ? 0.5F : normal(random);
            if (row % 4 == 3) vector.assign(vector.size(), 0.25F);
            (void)space.to_point(vector.data(), point.data());
            points_.push_back(point);
            insert(point);
        }
        for (tree::Block block = 0; block < store_->block_count(); ++block) {
            sound_.emplace_back(tree::page_bytes);
            std::memcpy(sound_.back().data(), store_->raw(block), tree::page_bytes);
        }
    }

    void insert(const std::vector<float>& point) {
        const test::MemoryStore::Transaction transaction(*store_);
        const auto row = static_cast<std::uint16_t>(++rows_ % 200 + 1);
        tree::insert(*store_, geometry_, {point, {0, static_cast<std::uint16_t>(rows_ / 200), row}, {}});
    }

    /// As a search does: scores every page, then the details of the best slots, and follows chains.
    void scan() {
        const test::MemoryStore::Transaction transaction(*store_);
        const Layout& layout = geometry_.layout();
        Query query(layout);
        query.prepare(points_.back().data());
        std::vector<tree::Link> links{tree::root_link()};
        std::vector<float> orders(std::max(layout.leaf.capacity, layout.inner.capacity) + block_entries);
        std::vector<std::uint16_t> slots(orders.size());
        std::vector<float> selected(orders.size());
        for (std::size_t pages = 0; !links.empty() && pages < 1000; ++pages) {
            const tree::Link link = links.back();
            links.pop_back();
            tree::Page leaf_page;
            tree::follow(*store_, link, [&](tree::Page& page, tree::Link) {
                if (page.tail().kind == tree::PageKind::leaf) {
                    leaf_page = std::move(page);
                    return;
                }
                const InnerView inner(layout, page.body(), page.block());
                score_inner(query, inner, orders.data());
                for (unsigned entry = 0; entry < inner.count(); ++entry)
                    links.push_back({inner.child(entry), page.tail().number});
            });
            if (!leaf_page) continue;
            const LeafView leaf(layout, leaf_page.body(), leaf_page.block());
            const LeafScore score = score_leaf(query, leaf, orders.data());
            const unsigned count =
                select_below(orders.data(), score.slots, 1e30F, slots.data(), selected.data());
            for (unsigned i = 0; i < count; ++i) {
                if (is_chain(leaf.address(slots[i])))
                    follow_chain(*store_, layout, chain_block(leaf.address(slots[i])),
                                 [](const ChainView& chain) {
                                     for (unsigned entry = 0; entry < chain.count(); ++entry)
                                         if (chain.address(entry).offset == 7) return;
                                 });
                const unsigned number = layout.has_details() ? slots[i] / layout.detail.per_page : 0;
                if (number >= leaf.detail_count()) continue;
                const tree::Page page = store_->lock(leaf.detail_block(number), tree::Lock::shared);
                if (!DetailView::belongs(page, leaf_page.block())) continue;
                orders[i] = score_detail(query, score.centre_distance,
                                         DetailView(layout, page.body())[slots[i] % layout.detail.per_page]);
            }
        }
    }

    Parameters parameters_;
    VannGeometry geometry_;
    std::unique_ptr<SingleStore> store_;
    std::vector<std::vector<std::byte>> sound_;
    std::vector<std::vector<float>> points_;
    unsigned rows_ = 0;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static Index indexes[] = {Index(3, Metric::l2), Index(400, Metric::inner_product),
                              Index(1100, Metric::cosine), Index(2100, Metric::l1)};
    if (size < 4) return 0;
    Index& index = indexes[data[0] % 4];
    const std::size_t page = 1 + data[1] % (index.page_count() - 1);
    const std::size_t offset = (data[2] | std::size_t{data[3]} << 8) % tree::body_bytes;
    // A few bytes of input can fill a page: they are repeated.
    std::vector<std::byte> bytes;
    const std::size_t length = data[0] & 128 ? tree::body_bytes : size - 4;
    for (std::size_t i = 0; i < length && size > 4; ++i)
        bytes.push_back(static_cast<std::byte>(data[4 + i % (size - 4)]));
    index.damage(page, data[0] & 64 ? offset % 32 : offset, bytes);
    index.use();
    return 0;
}
