// A page that was split while it was read is one page here: its halves' children are all its own.
#include "core/vann/route_map.hpp"

#include <algorithm>
#include <limits>

namespace soup::vann {
namespace {

constexpr std::uint32_t root = 0;

} // namespace

void RouteMap::read(const Query& query) {
    inner_.clear();
    leaves_.clear();
    inner_.push_back({0, tree::root_link(), root, 0, false});
    read_page(query, root);
    descend(beam_, [&](std::uint32_t number) {
        if (!inner_[number].is_read) read_page(query, number);
    });
}

void RouteMap::read_page(const Query& query, std::uint32_t number) {
    store_.check_interrupts();
    inner_[number].is_read = true;
    tree::follow(store_, inner_[number].link, [&](const tree::Page& page, tree::Link link) {
        inner_[number].level = page.tail().level;
        if (page.tail().kind == tree::PageKind::leaf) { // The root of a small tree.
            leaves_.push_back({0, link, number});
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
            if (page.tail().level == 1)
                leaves_.push_back({order, child, number});
            else
                inner_.push_back(
                    {order, child, number, static_cast<std::uint16_t>(page.tail().level - 1), false});
        }
    });
}

/// From level to level as Frontier::open(), but for the pages that are not known.
template<class Open>
void RouteMap::descend(unsigned beam, Open open) {
    opened_.assign(inner_.size(), false);
    opened_[root] = true;
    for (unsigned level = inner_[root].level; level-- > 1;) {
        nearest_.clear();
        for (std::uint32_t i = root + 1; i < inner_.size(); i++)
            if (inner_[i].level == level && opened_[inner_[i].parent]) nearest_.push_back(i);
        const auto nearer = [&](std::uint32_t a, std::uint32_t b) {
            return inner_[a].order < inner_[b].order;
        };
        if (nearest_.size() > beam) {
            std::nth_element(nearest_.begin(), nearest_.begin() + beam - 1, nearest_.end(), nearer);
            nearest_.resize(beam);
        }
        for (const std::uint32_t number : nearest_) {
            opened_[number] = true;
            open(number);
            opened_.resize(inner_.size(), false);
        }
    }
}

std::size_t RouteMap::know(unsigned beam, std::vector<bool>& parents) {
    std::size_t count = 1;
    descend(beam, [&](std::uint32_t number) { count += inner_[number].is_read ? 1 : 0; });
    parents = opened_;
    return count;
}

} // namespace soup::vann
