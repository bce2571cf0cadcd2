// Everything that a leaf says is copied while it is locked: what is returned later does not depend on what
// becomes of the page. Only the details are read later, and they decide about the order alone.
#include "core/vann/search.hpp"

#include "core/vann/chain_page.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <limits>

namespace soup::vann {
namespace {

constexpr float no_order = std::numeric_limits<float>::infinity();
constexpr unsigned doublings_max = 10; ///< Of a batch's width.
/// A first batch is no wider than so many average ones: a query far outside has all leaves equally near.
constexpr std::size_t reach_most = 16;
/// Twice as many leaves know three times as many neighbours well: a leaf has many, and those of a wider ball
/// lie in leaves that were read for the nearest ones.
constexpr double rows_growth = 3;
constexpr std::size_t held_entries_max = 65'536; ///< Beyond, batches return more than they bring in.
constexpr std::size_t cache_line = 64;
constexpr double whole_slack = 1e-6; ///< What sums of powers may lack of a whole number.

/// rows_growth to that power.
double growth(unsigned doublings) noexcept {
    double growth = 1;
    for (; doublings > 0; doublings--)
        growth *= rows_growth;
    return growth;
}

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
    slots_.clear();
    details_.clear();
    candidates_.clear();
    ready_.clear();
    chain_.clear();
    chain_next_ = tree::no_block;
    rows_left_ = rows_returned_ = entries_seen_ = entries_passed_ = 0;
    ended_ = false;
    const unsigned capacity = geometry_.layout().leaf.capacity;
    // The first batch is the only one of most searches; it should not grow its lists bit by bit.
    const std::size_t expected = std::min<std::size_t>(settings_.probes, 256) * capacity;
    orders_.reserve(expected);
    addresses_.reserve(expected);
    places_.resize(capacity);
    place_orders_.resize(capacity);
}

Search::Pages Search::pages() const noexcept {
    Pages pages = pages_;
    pages.inner = frontier_.pages_opened();
    return pages;
}

std::size_t Search::bytes() const noexcept {
    return orders_.capacity() * (sizeof(float) + sizeof(tree::HeapAddress) + sizeof(std::uint16_t)) +
           candidates_.capacity() * sizeof(Candidate) + ready_.capacity() * sizeof(Found) +
           chain_.capacity() * sizeof(tree::HeapAddress) + frontier_.bytes();
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
        } else if (rows_left_ > 0) {
            const Found found = ready_.back();
            ready_.pop_back();
            rows_left_--;
            rows_returned_++;
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
    do {
        const bool is_first = batch_ == 0;
        const unsigned doublings = std::min(batch_++, doublings_max);
        if (may_read_more()) {
            if (is_first && settings_.reach) {
                frontier_.open_near(*query_, settings_.margin);
                const auto within =
                    frontier_.take_within(*settings_.reach, std::size_t{settings_.probes} * reach_most);
                settings_.rerank =
                    static_cast<unsigned>(settings_.rerank * deepened(within.size(), settings_.probes));
                read_leaves(within);
            } else {
                frontier_.open(*query_, settings_.beam << doublings);
                read_leaves(frontier_.take(std::size_t{settings_.probes} << doublings));
            }
        }
        allow_rows(doublings);
    } while (rows_left_ == 0 && may_read_more());
    std::size_t wanted = ranking_depth();
    // Whoever is content with the first batch does not pay for what it has brought in beyond.
    const bool is_too_much = batch_ > 1 && orders_.size() > held_entries_max;
    if (is_too_much) wanted = std::max(wanted, orders_.size() / 2);
    select(wanted);
    if (candidates_.empty() && !may_read_more()) {
        ended_ = true;
        rows_left_ = ready_.size();
    }
    rank();
    if (is_too_much) forget_ranked_leaves();
}

/// Of the entries seen so far. The ten nearest that pass a filter lie as far away as the thousand nearest if
/// one in a hundred passes, and have to be looked for as far.
double Search::passing_share() const noexcept {
    if (settings_.filter == nullptr || entries_seen_ == 0) return 1;
    return static_cast<double>(entries_passed_) / static_cast<double>(entries_seen_);
}

/// So many rows may be returned after this batch as all batches together know well, less those that were.
void Search::allow_rows(unsigned doublings) {
    if (batch_ > doublings + 1) { // They do not grow any more.
        rows_left_ = static_cast<std::size_t>(rows_at_once * growth(doublings) * passing_share());
        return;
    }
    const double known = rows_at_once * (growth(doublings + 1) - 1) / (rows_growth - 1);
    const auto allowed = static_cast<std::size_t>(known * passing_share() + whole_slack);
    rows_left_ = allowed - std::min(allowed, rows_returned_);
}

/// Ten rows need the settings' depth, three times as many twice that, and at least two entries a row.
std::size_t Search::ranking_depth() const noexcept {
    if (rows_left_ <= rows_at_once) return settings_.rerank;
    const double doublings = std::log(static_cast<double>(rows_left_) / rows_at_once) / std::log(rows_growth);
    const double depth = settings_.rerank * std::exp2(std::min<double>(doublings, doublings_max));
    return std::max(static_cast<std::size_t>(depth + whole_slack), 2 * rows_left_);
}

void Search::read_leaves(std::span<const Frontier::Known> nearest) {
    wanted_pages_.clear();
    for (const Frontier::Known& leaf : nearest)
        wanted_pages_.push_back(leaf.link.block);
    store_.prefetch(wanted_pages_);
    for (std::size_t i = 0; i < nearest.size(); i++) {
        store_.check_interrupts();
        // With a filter little of a leaf is looked at.
        if (i + 1 < nearest.size() && settings_.filter == nullptr) store_.approach(wanted_pages_[i + 1]);
        tree::follow(store_, nearest[i].link, [&](const tree::Page& page, tree::Link) { read_leaf(page); });
    }
}

void Search::read_leaf(const tree::Page& page) {
    if (page.block() == tree::root_block && page.tail().kind == tree::PageKind::inner) [[unlikely]]
        return frontier_.add_split_root(*query_, page);
    pages_.leaves++;
    if (page.tail().kind != tree::PageKind::leaf)
        tree::refuse_page(page.block(), "it is no leaf, although a link says so");
    const Layout& layout = geometry_.layout();
    const LeafView leaf(layout, page.body(), page.block());
    if (leaf.live() == 0) return;

    entries_seen_ += leaf.live();
    Leaf read{.first = orders_.size(), .entries = 0, .block = page.block(), .centre_distance = 0};
    if (settings_.filter != nullptr) {
        read_qualifying(leaf, read);
        if (read.entries == 0) return;
    } else {
        orders_.resize(read.first + layout.leaf.capacity);
        const LeafScore score = score_leaf(*query_, leaf, &orders_[read.first]);
        read.entries = score.slots;
        read.centre_distance = score.centre_distance;
        orders_.resize(read.first + read.entries);
        addresses_.resize(read.first + read.entries);
        std::memcpy(&addresses_[read.first], leaf.addresses(), read.entries * sizeof(tree::HeapAddress));
    }
    leaves_.push_back(read);
    for (unsigned i = 0; i < layout.detail.pages; i++)
        details_.push_back(i < leaf.detail_count() ? leaf.detail_block(i) : tree::no_block);
}

/// Asks the filter first, so that nothing else is read of a block of entries that all fail.
void Search::read_qualifying(const LeafView& leaf, Leaf& into) {
    unsigned count = settings_.filter->qualify(leaf.keys(0).data(), geometry_.layout().key_bytes, leaf.used(),
                                               places_.data());
    if (leaf.has_chains()) count = add_chains(leaf, count);
    if (count == 0) return;
    into.centre_distance = score_slots(*query_, leaf, std::span(places_.data(), count), place_orders_.data());
    into.entries = (count + block_entries - 1) / block_entries * block_entries;
    orders_.resize(into.first + into.entries, no_order);
    addresses_.resize(into.first + into.entries);
    slots_.resize(into.first + into.entries);
    for (unsigned i = 0; i < count; i++) {
        orders_[into.first + i] = place_orders_[i];
        addresses_[into.first + i] = leaf.address(places_[i]);
        slots_[into.first + i] = places_[i];
        entries_passed_ += place_orders_[i] != no_order ? 1 : 0;
    }
}

/// Rows in a chain are asked about when their chain is read: the chain itself qualifies.
unsigned Search::add_chains(const LeafView& leaf, unsigned count) {
    chain_places_.clear();
    for (unsigned slot = 0; slot < leaf.used(); slot++)
        if (is_chain(leaf.address(slot))) chain_places_.push_back(static_cast<std::uint16_t>(slot));
    place_union_.clear();
    std::ranges::set_union(std::span(places_.data(), count), chain_places_, std::back_inserter(place_union_));
    std::ranges::copy(place_union_, places_.begin());
    return static_cast<unsigned>(place_union_.size());
}

/// Takes the `wanted` nearest of all entries that wait, in the order of leaves and slots.
void Search::select(std::size_t wanted) {
    candidates_.clear();
    Bound bound = least_.find(orders_, wanted);
    const float limit = bound.limit();
    for (std::uint32_t i = 0; i < leaves_.size(); i++) {
        const Leaf& leaf = leaves_[i];
        const unsigned found =
            select_below(&orders_[leaf.first], leaf.entries, limit, places_.data(), place_orders_.data());
        for (unsigned n = 0; n < found; n++) {
            if (!bound.takes(place_orders_[n])) continue;
            const auto entry = static_cast<std::uint32_t>(leaf.first + places_[n]);
            candidates_.push_back({place_orders_[n], i, entry});
            orders_[entry] = no_order;
        }
    }
}

/// Ranks the candidates by their details and makes them ready.
void Search::rank() {
    if (geometry_.layout().has_details())
        for (std::size_t i = 0; i < candidates_.size(); i += pinned_at_once)
            rank_group(std::span(candidates_).subspan(i, std::min(pinned_at_once, candidates_.size() - i)));
    for (const Candidate& one : candidates_)
        ready_.push_back({addresses_[one.entry], one.order});
    sort_ready();
}

/// Puts the nearest rows to the end, sorted, as many as may be returned.
void Search::sort_ready() {
    const auto farther = [](const Found& a, const Found& b) { return a.order > b.order; };
    rows_left_ = std::min(rows_left_, ready_.size());
    const auto sorted = ready_.end() - static_cast<std::ptrdiff_t>(rows_left_);
    if (sorted != ready_.begin() && sorted != ready_.end())
        std::nth_element(ready_.begin(), sorted, ready_.end(), farther);
    std::sort(sorted, ready_.end(), farther);
}

unsigned Search::slot_of(const Candidate& candidate) const noexcept {
    if (settings_.filter != nullptr) return slots_[candidate.entry];
    return static_cast<unsigned>(candidate.entry - leaves_[candidate.leaf].first);
}

/// All pages are pinned and their details asked for from memory before the first is looked at, so that the
/// waits for memory overlap.
void Search::rank_group(std::span<Candidate> group) {
    const Layout& layout = geometry_.layout();
    store_.check_interrupts();
    struct Detail {
        tree::Block block; ///< no_block: there is none, so the leaf's estimate has to do.
        unsigned place;
    };
    std::array<Detail, pinned_at_once> details;
    wanted_pages_.clear();
    for (std::size_t i = 0; i < group.size(); i++) {
        const unsigned slot = slot_of(group[i]), page = slot / layout.detail.per_page;
        details[i] = {details_[std::size_t{group[i].leaf} * layout.detail.pages + page],
                      slot - page * layout.detail.per_page};
        const tree::Block block = details[i].block;
        if (block != tree::no_block && (wanted_pages_.empty() || wanted_pages_.back() != block))
            wanted_pages_.push_back(block);
    }
    store_.prefetch(wanted_pages_);

    std::array<tree::Page, pinned_at_once> pages; // One for each run of candidates with the same page.
    std::size_t count = 0;
    for (std::size_t i = 0; i < group.size(); i++) {
        const auto [block, place] = details[i];
        if (block == tree::no_block) continue;
        if (count == 0 || pages[count - 1].block() != block) {
            pages[count++] = store_.pin(block);
            pages_.details++;
        }
        const std::byte* body = pages[count - 1].body();
        const std::byte* code = body + layout.detail.codes + std::size_t{place} * layout.detail_dims;
        __builtin_prefetch(&pages[count - 1].tail());
        __builtin_prefetch(body + layout.detail.b + place * sizeof(float));
        __builtin_prefetch(body + layout.detail.f + place * sizeof(float));
        for (std::size_t at = 0; at < layout.detail_dims; at += cache_line)
            __builtin_prefetch(code + at);
    }
    std::size_t i = 0;
    for (tree::Page& page : std::span(pages.data(), count)) {
        const tree::Block block = page.block();
        page.lock(tree::Lock::shared);
        for (; i < group.size() && (details[i].block == block || details[i].block == tree::no_block); i++) {
            if (details[i].block == tree::no_block) continue;
            const Leaf& leaf = leaves_[group[i].leaf];
            // A page that went to another leaf since says nothing of this entry: the leaf's estimate has to
            // do.
            if (!DetailView::belongs(page, leaf.block)) continue;
            const DetailView view(layout, page.body());
            group[i].order = score_detail(*query_, leaf.centre_distance, view[details[i].place]);
        }
        page.unlock();
    }
}

/// Drops leaves of which every entry was ranked.
void Search::forget_ranked_leaves() {
    const std::size_t detail_pages = geometry_.layout().detail.pages;
    std::size_t kept = 0, end = 0;
    for (std::size_t i = 0; i < leaves_.size(); i++) {
        Leaf leaf = leaves_[i];
        const float* orders = &orders_[leaf.first];
        if (std::all_of(orders, orders + leaf.entries, [](float order) { return order == no_order; }))
            continue;
        const auto from = static_cast<std::ptrdiff_t>(leaf.first), to = static_cast<std::ptrdiff_t>(end);
        std::copy_n(orders_.begin() + from, leaf.entries, orders_.begin() + to);
        std::copy_n(addresses_.begin() + from, leaf.entries, addresses_.begin() + to);
        if (!slots_.empty()) std::copy_n(slots_.begin() + from, leaf.entries, slots_.begin() + to);
        std::copy_n(details_.begin() + static_cast<std::ptrdiff_t>(i * detail_pages), detail_pages,
                    details_.begin() + static_cast<std::ptrdiff_t>(kept * detail_pages));
        leaf.first = end;
        end += leaf.entries;
        leaves_[kept++] = leaf;
    }
    leaves_.resize(kept);
    orders_.resize(end);
    addresses_.resize(end);
    if (!slots_.empty()) slots_.resize(end);
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
        chain_places_.resize(view.count());
        chain_places_.resize(settings_.filter->qualify(view.keys(0).data(), geometry_.layout().key_bytes,
                                                       view.count(), chain_places_.data()));
        for (const std::uint16_t place : chain_places_)
            chain_.push_back(view.address(place));
        return;
    }
    for (unsigned i = 0; i < view.count(); i++)
        chain_.push_back(view.address(i));
}

} // namespace soup::vann
