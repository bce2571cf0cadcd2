// A page that was split while it was read is one page here: its halves' children are all its own.
#include "core/vann/route_map.hpp"

#include <algorithm>
#include <limits>

namespace soup::vann {
namespace {

constexpr std::uint32_t root = 0;

} // namespace

/// Of the pages that are known, were not opened and are taken, the `wanted` nearest.
template<class Takes>
void RouteMap::choose(std::size_t level, std::size_t wanted, Takes takes) {
    chosen_.clear();
    for (std::uint32_t i = root + 1; i < inner_.size(); i++)
        if (inner_[i].level == level && opened_[inner_[i].parent] && !opened_[i] && takes(inner_[i]))
            chosen_.push_back(i);
    if (chosen_.size() <= wanted) return;
    std::nth_element(chosen_.begin(), chosen_.begin() + static_cast<std::ptrdiff_t>(wanted), chosen_.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return inner_[a].order < inner_[b].order; });
    chosen_.resize(wanted);
}

/// The map's pages as open_near() knows them. What was not read is farther than all that it would open.
class RouteMap::Opening {
public:
    explicit Opening(RouteMap& map) : map_(map) { open(root); }

    std::size_t levels() const noexcept { return map_.inner_[root].level; }
    const Nearest& nearest() const noexcept { return nearest_; }
    void open_nearest(std::size_t level, std::size_t wanted) {
        map_.choose(level, wanted, [](const Inner&) { return true; });
        open_chosen();
    }
    void open_within(std::size_t level, const Within& within, std::size_t most) {
        map_.choose(level, most, [&](const Inner& inner) { return within.takes(inner.order, inner.spread); });
        open_chosen();
    }
    std::size_t opened() const noexcept { return opened_; }

private:
    void open_chosen() {
        for (const std::uint32_t number : map_.chosen_)
            if (map_.inner_[number].is_read) open(number);
    }
    void open(std::uint32_t number) {
        map_.opened_[number] = true;
        nearest_.add(map_.inner_[number].leaves);
        opened_++;
    }

    RouteMap& map_;
    Nearest nearest_;
    std::size_t opened_ = 0;
};

void RouteMap::read(const Query& query) {
    inner_.clear();
    leaves_.clear();
    inner_.push_back({0, 0, tree::root_link(), root, 0, false, {}});
    read_page(query, root);
    opened_.assign(inner_.size(), false);
    opened_[root] = true;
    for (std::size_t level = inner_[root].level; level-- > 1;) {
        choose(level, opened_at_first, [](const Inner&) { return true; });
        for (const std::uint32_t number : chosen_) {
            read_page(query, number);
            opened_.resize(inner_.size(), false);
            opened_[number] = true;
        }
    }
}

void RouteMap::read_page(const Query& query, std::uint32_t number) {
    store_.check_interrupts();
    inner_[number].is_read = true;
    tree::follow(store_, inner_[number].link, [&](const tree::Page& page, tree::Link link) {
        inner_[number].level = page.tail().level;
        if (page.tail().kind == tree::PageKind::leaf) { // The root of a small tree.
            leaves_.push_back({0, link, number});
            inner_[number].leaves.add(0);
            return;
        }
        if (page.tail().level == 0) tree::refuse_page(page.block(), "it is an inner page of level 0");
        const InnerView inner(geometry_.layout(), page.body(), page.block());
        scores_.resize(geometry_.layout().inner.capacity + block_entries);
        score_inner(query, inner, scores_.data());
        for (unsigned i = 0; i < inner.count(); i++) {
            const tree::Link child{inner.child(i), page.tail().number};
            // Only a damaged page has others.
            const float order = scores_[i] < std::numeric_limits<float>::max()
                                    ? scores_[i]
                                    : std::numeric_limits<float>::max();
            if (page.tail().level == 1) {
                leaves_.push_back({order, child, number});
                inner_[number].leaves.add(order);
            } else {
                inner_.push_back({order,
                                  inner.spread(i),
                                  child,
                                  number,
                                  static_cast<std::uint16_t>(page.tail().level - 1),
                                  false,
                                  {}});
            }
        }
    });
}

void RouteMap::move(tree::Block leaf, float order) {
    const auto moved = std::ranges::find(leaves_, leaf, [](const Leaf& one) { return one.link.block; });
    if (moved == leaves_.end()) return;
    moved->order = order;
    Nearest& nearest = inner_[moved->parent].leaves;
    nearest = {};
    for (const Leaf& one : leaves_)
        if (one.parent == moved->parent) nearest.add(one.order);
}

std::size_t RouteMap::know(const Query& query, float margin, std::vector<bool>& parents) {
    opened_.assign(inner_.size(), false);
    Opening opening(*this);
    open_near(opening, query, margin);
    parents = opened_;
    return opening.opened();
}

} // namespace soup::vann
