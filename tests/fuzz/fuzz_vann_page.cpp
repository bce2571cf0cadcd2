// vann's pages: a page of any bytes in a sound index. Everything that reads or changes pages ends with an
// answer or with XX002.
#include "core/tree/walk.hpp"
#include "core/vann/chain_page.hpp"
#include "core/vann/geometry.hpp"
#include "core/vann/score.hpp"
#include "core/vann/space.hpp"
#include "tests/fuzz/damaged_file.hpp"

#include <random>

using namespace soup;
using namespace soup::vann;

namespace {

/// A sound index of a few pages of every kind, that can be put back as it was.
class Index {
public:
    Index(unsigned dimensions, Metric metric)
        : parameters_{dimensions, metric}, geometry_(parameters_),
          damaged_(geometry_, meta(), draw_points(), tree::Unlinked::allowed) {}
    test::DamagedFile& file() noexcept { return damaged_.file(); }
    void use() {
        damaged_.use([&] { file().attempt([&] { scan(); }); });
    }

private:
    tree::Meta meta() const {
        tree::Meta meta{};
        vann::store(parameters_, meta);
        return meta;
    }
    test::DamagedIndex::Points draw_points() const {
        test::DamagedIndex::Points points;
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
            points.push_back(point);
        }
        return points;
    }

    /// As a search does: scores every page, then the details of the best slots, and follows chains.
    void scan() {
        test::SingleStore& store = file().store();
        const test::MemoryStore::Transaction transaction(store);
        const Layout& layout = geometry_.layout();
        Query query(layout);
        query.prepare(damaged_.points().back().data());
        std::vector<tree::Link> links{tree::root_link()};
        std::vector<float> orders(std::max(layout.leaf.capacity, layout.inner.capacity) + block_entries);
        std::vector<std::uint16_t> slots(orders.size());
        std::vector<float> selected(orders.size());
        for (std::size_t pages = 0; !links.empty() && pages < 1000; ++pages) {
            const tree::Link link = links.back();
            links.pop_back();
            tree::Page leaf_page;
            tree::follow(store, link, [&](tree::Page& page, tree::Link) {
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
                    follow_chain(store, layout, chain_block(leaf.address(slots[i])),
                                 [](const ChainView& chain) {
                                     for (unsigned entry = 0; entry < chain.count(); ++entry)
                                         if (chain.address(entry).offset == 7) return;
                                 });
                const unsigned number = layout.has_details() ? slots[i] / layout.detail.per_page : 0;
                if (number >= leaf.detail_count()) continue;
                const tree::Page page = store.lock(leaf.detail_block(number), tree::Lock::shared);
                if (!DetailView::belongs(page, leaf_page.block())) continue;
                orders[i] = score_detail(query, score.centre_distance,
                                         DetailView(layout, page.body())[slots[i] % layout.detail.per_page]);
            }
        }
    }

    Parameters parameters_;
    VannGeometry geometry_;
    test::DamagedIndex damaged_; ///< Last: it is made by the others.
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static Index indexes[] = {Index(3, Metric::l2), Index(400, Metric::inner_product),
                              Index(1100, Metric::cosine), Index(2100, Metric::l1)};
    test::use_damaged(indexes, {data, size});
    return 0;
}
