// Levels are numbered as in the pages: leaves are 0.
#include "core/vann/frontier.hpp"

#include <algorithm>
#include <cmath>

namespace soup::vann {
namespace {

constexpr float gone = std::numeric_limits<float>::infinity();
constexpr float farthest = std::numeric_limits<float>::max();

} // namespace

/// The frontier's pages as open_near() knows them.
class Frontier::Opening {
public:
    Opening(Frontier& frontier, const Query& query) : frontier_(frontier), query_(query) {}

    std::size_t levels() const noexcept { return frontier_.levels_.size(); }
    const Nearest& nearest() { return frontier_.nearest_leaves(); }
    void open_nearest(std::size_t level, std::size_t wanted) {
        frontier_.choose(frontier_.levels_[level], wanted);
        frontier_.open_chosen(query_);
    }
    void open_within(std::size_t level, const Within& within, std::size_t most) {
        frontier_.choose(frontier_.levels_[level], within, most);
        frontier_.open_chosen(query_);
    }

private:
    Frontier& frontier_;
    const Query& query_;
};

void Frontier::Level::clear() noexcept {
    orders.clear();
    blocks.clear();
    spreads.clear();
    sources.clear();
    left = 0;
}

void Frontier::start() {
    for (Level& level : levels_)
        level.clear();
    pages_opened_ = 0;
    nearest_ = {};
    leaves_seen_ = 0;
}

void Frontier::open(const Query& query, unsigned beam) {
    if (pages_opened_ == 0) open_page(query, tree::root_link());
    for (std::size_t level = levels_.size(); level-- > 1;) {
        choose(levels_[level], beam);
        open_chosen(query);
    }
}

void Frontier::open_near(const Query& query, float margin) {
    if (pages_opened_ > 0) return;
    open_page(query, tree::root_link());
    Opening opening(*this, query);
    vann::open_near(opening, query, margin);
}

void Frontier::open_chosen(const Query& query) {
    blocks_.clear();
    for (const Known& page : chosen_)
        blocks_.push_back(page.link.block);
    store_.prefetch(blocks_);
    for (std::size_t i = 0; i < chosen_.size(); i++) {
        if (i + 1 < chosen_.size()) store_.approach(blocks_[i + 1]);
        open_page(query, chosen_[i].link);
    }
}

const Nearest& Frontier::nearest_leaves() {
    if (levels_.empty()) return nearest_;
    const std::span<const float> orders(levels_[0].orders.data(), levels_[0].blocks.size());
    const std::span<const float> unseen = orders.subspan(leaves_seen_);
    const std::size_t whole = unseen.size() / 16 * 16;
    below_.visit(unseen.first(whole), nearest_.last(),
                 [&](std::size_t, float order) { nearest_.add(order); });
    for (const float order : unseen.subspan(whole))
        nearest_.add(order);
    leaves_seen_ = orders.size();
    return nearest_;
}

std::span<const Frontier::Known> Frontier::take(std::size_t wanted) {
    chosen_.clear();
    if (levels_.empty()) return chosen_;
    choose(levels_[0], wanted);
    return chosen_;
}

std::span<const Frontier::Known> Frontier::take_within(float reach, std::size_t most) {
    if (levels_.empty()) return take(most);
    Level& leaves = levels_[0];
    const Bound bound{.below = nearest_leaves().limit(reach), .equal = leaves.orders.size()};
    const std::size_t within = below_.count(leaves.orders, bound.limit());
    if (within == 0 || within > most) return take(std::clamp<std::size_t>(within, 1, most));
    choose(leaves, bound);
    return chosen_;
}

bool Frontier::is_exhausted() const noexcept {
    return pages_opened_ > 0 &&
           std::ranges::all_of(levels_, [](const Level& level) { return level.left == 0; });
}

std::size_t Frontier::bytes() const noexcept {
    std::size_t bytes = 0;
    for (const Level& level : levels_)
        bytes += level.orders.capacity() * (sizeof(float) + sizeof(tree::Block));
    return bytes;
}

/// Takes the `wanted` nearest out of a level.
void Frontier::choose(Level& level, std::size_t wanted) {
    choose(level, least_.find(level.orders, wanted));
}

void Frontier::choose(Level& level, Bound bound) {
    choose_among(level, bound.limit(), [&](std::size_t, float order) { return bound.takes(order); });
}

/// Takes out the pages within, or the `most` nearest of them.
void Frontier::choose(Level& level, const Within& within, std::size_t most) {
    orders_.clear();
    below_.visit(level.orders, gone, [&](std::size_t page, float order) {
        if (within.takes(order, level.spreads[page])) orders_.push_back(order);
    });
    Bound nearest;
    if (orders_.size() > most) {
        const auto last = orders_.begin() + static_cast<std::ptrdiff_t>(most - 1);
        std::nth_element(orders_.begin(), last, orders_.end());
        nearest = {.below = *last,
                   .equal = static_cast<std::size_t>(std::count(orders_.begin(), last + 1, *last))};
    }
    choose_among(level, gone, [&](std::size_t page, float order) {
        return within.takes(order, level.spreads[page]) && nearest.takes(order);
    });
}

template<class Takes>
void Frontier::choose_among(Level& level, float limit, Takes takes) {
    chosen_.clear();
    auto source = level.sources.begin();
    below_.visit(level.orders, limit, [&](std::size_t page, float order) {
        if (!takes(page, order)) return;
        while (std::next(source) != level.sources.end() && std::next(source)->first <= page)
            ++source;
        chosen_.push_back({order, {level.blocks[page], source->seen}});
        level.orders[page] = gone;
    });
    level.left -= chosen_.size();
}

void Frontier::open_page(const Query& query, tree::Link link) {
    store_.check_interrupts();
    tree::follow(store_, link, [&](tree::Page& page, tree::Link own) { read(query, page, own); });
}

/// Makes places for `count` pages; the caller fills them, and may write to `room` orders.
float* Frontier::add(Level& level, std::size_t count, std::size_t room, std::uint64_t seen) {
    const std::size_t first = level.blocks.size();
    level.sources.push_back({first, seen});
    level.blocks.resize(first + count);
    level.orders.resize((first + std::max(count, room) + 15) / 16 * 16);
    level.left += count;
    return &level.orders[first];
}

void Frontier::read(const Query& query, const tree::Page& page, tree::Link link) {
    pages_opened_++;
    const std::size_t level = page.tail().level;
    if (levels_.size() <= level) levels_.resize(level + 1);
    if (page.tail().kind == tree::PageKind::leaf) { // The root of a small tree.
        float* order = add(levels_[0], 1, 1, link.seen);
        std::fill(order, levels_[0].orders.data() + levels_[0].orders.size(), gone);
        *order = 0;
        levels_[0].blocks.back() = link.block;
        return;
    }
    if (level == 0) tree::refuse_page(page.block(), "it is an inner page of level 0");
    const InnerView inner(geometry_.layout(), page.body(), page.block());
    const unsigned count = inner.count();
    if (count == 0) return;
    Level& below = levels_[level - 1];
    float* orders = add(below, count, inner.scanned(), page.tail().number);
    score_inner(query, inner, orders);
    // Only a damaged page has scores that are no numbers; they would have no place in an order.
    unsigned i = 0;
    for (; i + 8 <= count; i += 8)
        for (unsigned j = i; j < i + 8; j++)
            orders[j] = orders[j] < farthest ? orders[j] : farthest;
    for (; i < count; i++)
        orders[i] = orders[i] < farthest ? orders[i] : farthest;
    below.orders.resize((below.blocks.size() + 15) / 16 * 16);
    std::fill(orders + count, below.orders.data() + below.orders.size(), gone);
    std::memcpy(&below.blocks[below.blocks.size() - count], inner.children(), count * sizeof(tree::Block));
    if (level > 1)
        for (i = 0; i < count; i++)
            below.spreads.push_back(inner.spread(i));
}

} // namespace soup::vann
