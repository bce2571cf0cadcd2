// Levels are numbered as in the pages: leaves are 0.
#include "core/vann/frontier.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace soup::vann {

void Frontier::start() {
    for (auto& level : known_)
        level.clear();
    pages_opened_ = 0;
}

void Frontier::open(const Query& query, unsigned beam) {
    if (pages_opened_ == 0) open_page(query, tree::root_link());
    for (std::size_t level = known_.size(); level-- > 1;) {
        const std::size_t chosen = bring_forward(known_[level], beam);
        opening_.clear();
        for (std::size_t i = 0; i < chosen; i++)
            opening_.push_back(known_[level][i].link);
        known_[level].erase(known_[level].begin(),
                            known_[level].begin() + static_cast<std::ptrdiff_t>(chosen));
        for (const tree::Link& link : opening_)
            open_page(query, link);
    }
}

std::span<const Frontier::Known> Frontier::take(std::size_t wanted) {
    taken_.clear();
    if (known_.empty()) return taken_;
    const std::size_t chosen = bring_forward(known_[0], wanted);
    std::sort(known_[0].begin(), known_[0].begin() + static_cast<std::ptrdiff_t>(chosen),
              [](const Known& a, const Known& b) { return a.order < b.order; });
    taken_.assign(known_[0].begin(), known_[0].begin() + static_cast<std::ptrdiff_t>(chosen));
    known_[0].erase(known_[0].begin(), known_[0].begin() + static_cast<std::ptrdiff_t>(chosen));
    return taken_;
}

bool Frontier::is_exhausted() const noexcept {
    return pages_opened_ > 0 && std::ranges::all_of(known_, [](const auto& level) { return level.empty(); });
}

/// Puts the `wanted` nearest at the front; returns how many there are. The limit is found among the orders
/// alone: few of the many entries have to be moved then.
std::size_t Frontier::bring_forward(std::vector<Known>& known, std::size_t wanted) {
    if (known.size() <= wanted) return known.size();
    orders_.clear();
    for (const Known& one : known)
        orders_.push_back(one.order);
    const auto last = orders_.begin() + static_cast<std::ptrdiff_t>(wanted - 1);
    std::nth_element(orders_.begin(), last, orders_.end());
    std::size_t chosen = 0;
    for (std::size_t i = 0; i < known.size(); i++)
        if (known[i].order < *last) std::swap(known[chosen++], known[i]);
    for (std::size_t i = chosen; chosen < wanted; i++)
        if (known[i].order == *last) std::swap(known[chosen++], known[i]);
    return wanted;
}

void Frontier::open_page(const Query& query, tree::Link link) {
    store_.check_interrupts();
    tree::follow(store_, link, [&](tree::Page& page, tree::Link own) { read(query, page, own); });
}

void Frontier::read(const Query& query, const tree::Page& page, tree::Link link) {
    pages_opened_++;
    const std::size_t level = page.tail().level;
    if (known_.size() <= level) known_.resize(level + 1);
    if (page.tail().kind == tree::PageKind::leaf) { // The root of a small tree.
        known_[0].push_back({0, link});
        return;
    }
    if (level == 0) tree::refuse_page(page.block(), "it is an inner page of level 0");
    const InnerView inner(geometry_.layout(), page.body(), page.block());
    scores_.resize(geometry_.layout().inner.capacity);
    score_inner(query, inner, scores_.data());
    for (unsigned i = 0; i < inner.count(); i++) {
        // Only a damaged page has scores that are no numbers; they would have no place in an order.
        const float order = std::isnan(scores_[i]) ? std::numeric_limits<float>::infinity() : scores_[i];
        known_[level - 1].push_back({order, {inner.child(i), page.tail().number}});
    }
}

} // namespace soup::vann
