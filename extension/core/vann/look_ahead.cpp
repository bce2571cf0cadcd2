// Where a new row belongs: in the leaf whose centroid is nearest of all, as in a bulk build, which is often
// not under the inner page that is nearest. So a few pages of each level are looked at, and of the leaves
// that seem nearest their own centroids, which are stored more exactly than their parents have them.
//
// Nothing of it is locked when the row comes to be placed: the way is a hint, and whoever finds it out of
// date goes on without.
#include "core/vann/geometry.hpp"
#include "core/vann/score.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace soup::vann {
namespace {

constexpr std::size_t pages_a_level = 8;
constexpr std::size_t leaves_compared = 4;

class LookAhead {
public:
    LookAhead(tree::PageStore& store, const Layout& layout, const float* point)
        : store_(store), layout_(layout), query_(layout), distances_(layout.inner.capacity + block_entries) {
        query_.prepare(point);
    }

    void find(std::vector<tree::Block>& way) {
        steps_.push_back({0, tree::root_block, 0});
        std::size_t first = 0;
        unsigned level = 0; // Of the steps from `first` on.
        do {
            const std::size_t end = steps_.size();
            for (std::size_t i = first; i < end; i++)
                read(i, level);
            // The root is a leaf, or others have changed what was there.
            if (steps_.size() == end) return;
            first = end;
            level--;
            keep_nearest(first, level == 0 ? leaves_compared : pages_a_level);
        } while (level > 0);
        for (std::size_t at = nearest_leaf(first); at > 0; at = steps_[at].parent)
            way.push_back(steps_[at].block);
    }

private:
    struct Step {
        float distance;
        tree::Block block;
        std::size_t parent; ///< In steps_.
    };

    /// Adds the page's children. The root says which level it is of; a page that is of another one now is no
    /// part of the way.
    void read(std::size_t at, unsigned& level) {
        store_.check_interrupts();
        const tree::Page page = store_.lock(steps_[at].block, tree::Lock::shared);
        const tree::Tail& tail = page.tail();
        if (tail.kind != tree::PageKind::inner || tail.level == 0) return;
        if (at == 0) level = tail.level;
        if (tail.level != level) return;
        const InnerView inner(layout_, page.body(), page.block());
        measure_inner(query_, inner, distances_.data());
        for (unsigned i = 0; i < inner.count(); i++)
            steps_.push_back(
                {std::isnan(distances_[i]) ? std::numeric_limits<float>::infinity() : distances_[i],
                 inner.child(i), at});
    }

    void keep_nearest(std::size_t first, std::size_t wanted) {
        const auto begin = steps_.begin() + static_cast<std::ptrdiff_t>(first);
        if (steps_.size() - first <= wanted) return;
        std::nth_element(begin, begin + static_cast<std::ptrdiff_t>(wanted), steps_.end(),
                         [](const Step& a, const Step& b) { return a.distance < b.distance; });
        steps_.resize(first + wanted);
    }

    /// Of the steps from `first` on.
    std::size_t nearest_leaf(std::size_t first) {
        std::size_t nearest = first;
        for (std::size_t i = first; i < steps_.size(); i++) {
            const tree::Page page = store_.lock(steps_[i].block, tree::Lock::shared);
            if (page.tail().kind == tree::PageKind::leaf)
                steps_[i].distance = measure_centroid(query_, {layout_, page.body(), page.block()});
            if (steps_[i].distance < steps_[nearest].distance) nearest = i;
        }
        return nearest;
    }

    tree::PageStore& store_;
    const Layout& layout_;
    Query query_;
    std::vector<float> distances_;
    std::vector<Step> steps_; ///< The root, then level by level what was kept.
};

} // namespace

void VannGeometry::look_ahead(tree::PageStore& store, const tree::Item& item,
                              std::vector<tree::Block>& way) const {
    LookAhead(store, layout_, item.point.data()).find(way);
}

} // namespace soup::vann
