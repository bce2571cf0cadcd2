// Everything that a leaf says is copied while it is locked: what is returned later does not depend on what
// becomes of the page. Only the details are read later, and they decide about the order alone.
#include "core/vann/search.hpp"

#include "core/vann/chain_page.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace soup::vann {
namespace {

constexpr float no_order = std::numeric_limits<float>::infinity();
constexpr unsigned doublings_max = 10; ///< Of a batch's width.
/// Twice as many leaves know three times as many neighbours well: a leaf has many, and those of a wider ball
/// lie in leaves that were read for the nearest ones.
constexpr double rows_growth = 3;
constexpr std::size_t held_entries_max = 65'536; ///< Beyond, batches return more than they bring in.
constexpr std::size_t cache_line = 64;

} // namespace

void Search::start(const Query& query, const SearchSettings& settings) {
    query_ = &query;
    settings_ = settings;
    settings_.probes = std::max(settings.probes, 1U);
    settings_.beam = std::max(settings.beam, 1U);
    settings_.rerank = std::max(settings.rerank, 1U);
    frontier_.start();
    batch_ = 0;
    pages_ = {};
    leaves_.clear();
    orders_.clear();
    addresses_.clear();
    details_.clear();
    candidates_.clear();
    ready_.clear();
    chain_.clear();
    chain_next_ = tree::no_block;
    rows_left_ = entries_seen_ = entries_passed_ = 0;
    ended_ = false;
    // The first batch is the only one of most searches; it should not grow its lists bit by bit.
    const std::size_t expected =
        std::min<std::size_t>(settings_.probes, 256) * geometry_.layout().leaf.capacity;
    orders_.reserve(expected);
    addresses_.reserve(expected);
    selected_slots_.resize(geometry_.layout().leaf.capacity);
    selected_orders_.resize(geometry_.layout().leaf.capacity);
}

Search::Pages Search::pages() const noexcept {
    Pages pages = pages_;
    pages.inner = frontier_.pages_opened();
    return pages;
}

std::optional<Found> Search::next() {
    for (;;) {
        if (!chain_.empty()) {
            const tree::HeapAddress address = chain_.back();
            chain_.pop_back();
            return Found{address, chain_order_};
        }
        if (chain_next_ != tree::no_block) {
            read_chain_page();
        } else if (!ready_.empty() && (rows_left_ > 0 || ended_)) {
            const Found found = ready_.back();
            ready_.pop_back();
            rows_left_ -= rows_left_ > 0 ? 1 : 0;
            if (!is_chain(found.address)) return found;
            chain_order_ = found.order;
            chain_next_ = chain_block(found.address);
            chain_pages_left_ = store_.block_count();
        } else if (!ended_) {
            next_batch();
        } else {
            return std::nullopt;
        }
    }
}

bool Search::may_read_more() const noexcept {
    return !frontier_.is_exhausted() &&
           (settings_.max_pages == 0 || frontier_.pages_opened() + pages_.leaves < settings_.max_pages);
}

void Search::next_batch() {
    const unsigned doublings = std::min(batch_, doublings_max);
    const bool is_first = batch_++ == 0;
    if (may_read_more()) {
        frontier_.open(*query_, settings_.beam << doublings);
        read_leaves(std::size_t{settings_.probes} << doublings);
    }
    const double rows = rows_at_once * std::pow(rows_growth, doublings);
    rows_left_ = static_cast<std::size_t>(rows * passing_share());
    std::size_t wanted =
        is_first ? settings_.rerank : std::max(std::size_t{settings_.rerank} << doublings, 2 * rows_left_);
    if (orders_.size() > held_entries_max) wanted = std::max(wanted, orders_.size() / 2);
    select(wanted);
    if (candidates_.empty()) {
        ended_ = !may_read_more();
        return;
    }
    rank();
    if (orders_.size() > held_entries_max) forget_ranked_leaves();
}

/// Of the entries seen so far. The ten nearest that pass a filter lie as far away as the thousand nearest if
/// one in a hundred passes, and have to be looked for as far.
double Search::passing_share() const noexcept {
    if (settings_.filter == nullptr || entries_seen_ == 0) return 1;
    return static_cast<double>(entries_passed_) / static_cast<double>(entries_seen_);
}

void Search::read_leaves(std::size_t wanted) {
    const std::span<const Frontier::Known> nearest = frontier_.take(wanted);
    wanted_pages_.clear();
    for (const Frontier::Known& leaf : nearest)
        wanted_pages_.push_back(leaf.link.block);
    store_.prefetch(wanted_pages_);
    for (const Frontier::Known& leaf : nearest) {
        store_.check_interrupts();
        tree::follow(store_, leaf.link, [&](const tree::Page& page, tree::Link) { read_leaf(page); });
    }
}

void Search::read_leaf(const tree::Page& page) {
    pages_.leaves++;
    if (page.tail().kind != tree::PageKind::leaf)
        tree::refuse_page(page.block(), "it is no leaf, although a link says so");
    const Layout& layout = geometry_.layout();
    const LeafView leaf(layout, page.body(), page.block());
    if (leaf.live() == 0) return;

    const std::size_t first = orders_.size();
    orders_.resize(first + layout.leaf.capacity);
    float* order = &orders_[first];
    const LeafScore score = score_leaf(*query_, leaf, order);
    orders_.resize(first + score.slots);
    entries_seen_ += leaf.live();
    if (settings_.filter != nullptr) {
        reject(leaf, score.slots, order);
        entries_passed_ += static_cast<std::size_t>(
            std::count_if(order, order + score.slots, [](float one) { return one != no_order; }));
    }

    addresses_.resize(first + score.slots);
    std::memcpy(&addresses_[first], leaf.body() + layout.leaf.address,
                score.slots * sizeof(tree::HeapAddress));
    leaves_.push_back({first, score.slots, page.block(), score.centre_distance});
    for (unsigned i = 0; i < layout.detail.pages; i++)
        details_.push_back(i < leaf.detail_count() ? leaf.detail_block(i) : tree::no_block);
}

/// Asks the filter about every row that has a slot of its own; those in chains are asked about when their
/// chain is read.
void Search::reject(const LeafView& leaf, unsigned slots, float* order) {
    chains_.clear();
    for (unsigned slot = 0; slot < slots; slot++)
        if (is_chain(leaf.address(slot)))
            chains_.push_back({order[slot], 0, static_cast<std::uint16_t>(slot)});
    settings_.filter->reject(leaf.keys(0).data(), geometry_.layout().key_bytes, slots, order);
    for (const Candidate& chain : chains_)
        order[chain.slot] = chain.order;
}

/// Takes the `wanted` nearest of all entries that wait.
void Search::select(std::size_t wanted) {
    const auto nearer = [](const Candidate& a, const Candidate& b) { return a.order < b.order; };
    float limit = no_order;
    const auto keep_best = [&] {
        if (candidates_.size() <= wanted) return;
        std::nth_element(candidates_.begin(), candidates_.begin() + static_cast<std::ptrdiff_t>(wanted - 1),
                         candidates_.end(), nearer);
        candidates_.resize(wanted);
        limit = candidates_.back().order;
    };
    candidates_.clear();
    for (std::uint32_t i = 0; i < leaves_.size(); i++) {
        const Leaf& leaf = leaves_[i];
        const unsigned found = select_below(&orders_[leaf.first], leaf.slots, limit, selected_slots_.data(),
                                            selected_orders_.data());
        for (unsigned n = 0; n < found; n++)
            candidates_.push_back({selected_orders_[n], i, selected_slots_[n]});
        if (candidates_.size() >= 2 * wanted) keep_best();
    }
    keep_best();
    for (const Candidate& one : candidates_)
        orders_[leaves_[one.leaf].first + one.slot] = no_order;
}

/// Ranks the candidates by their details and makes them ready.
void Search::rank() {
    if (geometry_.layout().has_details()) {
        std::ranges::sort(candidates_, [](const Candidate& a, const Candidate& b) {
            return a.leaf != b.leaf ? a.leaf < b.leaf : a.slot < b.slot;
        });
        for (std::size_t i = 0; i < candidates_.size(); i += pinned_at_once)
            rank_group(std::span(candidates_).subspan(i, std::min(pinned_at_once, candidates_.size() - i)));
    }
    for (const Candidate& one : candidates_)
        ready_.push_back({addresses_[leaves_[one.leaf].first + one.slot], one.order});
    std::ranges::sort(ready_, [](const Found& a, const Found& b) { return a.order > b.order; });
}

tree::Block Search::detail_block(const Candidate& candidate) const noexcept {
    const Layout::Detail& detail = geometry_.layout().detail;
    return details_[std::size_t{candidate.leaf} * detail.pages + candidate.slot / detail.per_page];
}

/// All pages are pinned and their details asked for from memory before the first is looked at, so that the
/// waits for memory overlap.
void Search::rank_group(std::span<Candidate> group) {
    const Layout& layout = geometry_.layout();
    store_.check_interrupts();
    wanted_pages_.clear();
    for (const Candidate& one : group)
        if (const tree::Block block = detail_block(one); block != tree::no_block)
            wanted_pages_.push_back(block);
    store_.prefetch(wanted_pages_);

    std::array<tree::Page, pinned_at_once> pages;
    for (std::size_t i = 0; i < group.size(); i++) {
        const tree::Block block = detail_block(group[i]);
        if (block == tree::no_block) continue;
        if (i > 0 && pages[i - 1] && pages[i - 1].block() == block) continue;
        pages[i] = store_.pin(block);
        pages_.details++;
        const std::size_t slot = group[i].slot % layout.detail.per_page;
        const std::byte* code = pages[i].body() + layout.detail.codes + slot * layout.detail_dims;
        __builtin_prefetch(&pages[i].tail());
        __builtin_prefetch(pages[i].body() + layout.detail.b + slot * sizeof(float));
        for (std::size_t at = 0; at < layout.detail_dims; at += cache_line)
            __builtin_prefetch(code + at);
    }
    std::size_t at = 0; // The page of the candidate before, if this one's is the same.
    for (std::size_t i = 0; i < group.size(); i++) {
        const tree::Block block = detail_block(group[i]);
        if (block == tree::no_block) continue;
        if (pages[i]) at = i;
        const Leaf& leaf = leaves_[group[i].leaf];
        pages[at].lock(tree::Lock::shared);
        // A page that went to another leaf since says nothing of this entry: the leaf's estimate has to do.
        if (DetailView::belongs(pages[at], leaf.block)) {
            const DetailView view(layout, pages[at].body());
            group[i].order =
                score_detail(*query_, leaf.centre_distance, view[group[i].slot % layout.detail.per_page]);
        }
        pages[at].unlock();
    }
}

/// Drops leaves of which every entry was ranked.
void Search::forget_ranked_leaves() {
    const std::size_t detail_pages = geometry_.layout().detail.pages;
    std::size_t kept = 0, end = 0;
    for (std::size_t i = 0; i < leaves_.size(); i++) {
        Leaf leaf = leaves_[i];
        const float* orders = &orders_[leaf.first];
        if (std::all_of(orders, orders + leaf.slots, [](float order) { return order == no_order; })) continue;
        std::copy_n(orders_.begin() + static_cast<std::ptrdiff_t>(leaf.first), leaf.slots,
                    orders_.begin() + static_cast<std::ptrdiff_t>(end));
        std::copy_n(addresses_.begin() + static_cast<std::ptrdiff_t>(leaf.first), leaf.slots,
                    addresses_.begin() + static_cast<std::ptrdiff_t>(end));
        std::copy_n(details_.begin() + static_cast<std::ptrdiff_t>(i * detail_pages), detail_pages,
                    details_.begin() + static_cast<std::ptrdiff_t>(kept * detail_pages));
        leaf.first = end;
        end += leaf.slots;
        leaves_[kept++] = leaf;
    }
    leaves_.resize(kept);
    orders_.resize(end);
    addresses_.resize(end);
    details_.resize(kept * detail_pages);
}

void Search::read_chain_page() {
    store_.check_interrupts();
    pages_.chains++;
    const tree::Block block = chain_next_;
    if (chain_pages_left_-- == 0) tree::refuse_page(block, "its chain leads back to itself");
    const tree::Page page = store_.lock(block, tree::Lock::shared);
    const ChainView view(geometry_.layout(), page);
    chain_next_ = view.next();
    if (settings_.filter != nullptr && view.count() > 0) {
        selected_orders_.assign(std::max<std::size_t>(view.count(), selected_orders_.size()), 0);
        settings_.filter->reject(view.keys(0).data(), geometry_.layout().key_bytes, view.count(),
                                 selected_orders_.data());
    }
    for (unsigned i = 0; i < view.count(); i++)
        if (settings_.filter == nullptr || selected_orders_[i] != no_order) chain_.push_back(view.address(i));
}

} // namespace soup::vann
