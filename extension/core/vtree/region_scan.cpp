// The stack holds links, as tree::follow wants them: each names a page that no other link names, and a page
// that is split after its link was read is visited together with what was split off. So nothing is missed and
// nothing repeated, whatever inserts and vacuum do meanwhile.
//
// A page that was within the region when its parent was read may by now have points outside: rows inserted
// since, which no snapshot of ours sees.
#include "core/vtree/region_scan.hpp"

namespace soup::vtree {

RegionScan::RegionScan(tree::PageStore& store, const Layout& layout, Region region, Want want,
                       LeafViewer* viewer)
    : store_(store), layout_(layout), region_(std::move(region)), want_(want), viewer_(viewer) {
    if (!region_.is_nothing()) stack_.push_back({tree::root_link(), any_level, region_.is_everything()});
}

bool RegionScan::next(Hits& hits) {
    hits.clear();
    while (hits.rows.empty()) {
        hits.leaves.clear();
        if (stack_.empty()) return false;
        store_.check_interrupts();
        const Pending next = stack_.back();
        stack_.pop_back();
        tree::follow(store_, next.link, [&](tree::Page& page, tree::Link) { visit(page, next, hits); });
    }
    return true;
}

void RegionScan::visit(tree::Page& page, const Pending& reason, Hits& hits) {
    if (reason.level != any_level) Layout::check_level(page, reason.level);
    if (page.tail().kind == tree::PageKind::inner)
        push_children(page, reason.is_within);
    else
        take_leaf(page, reason.is_within, hits);
}

void RegionScan::push_children(const tree::Page& inner, bool is_within) {
    const unsigned count = layout_.checked_count(inner);
    const Block* children = layout_.children(inner.body());
    const std::uint64_t seen = inner.tail().number;
    const auto level = static_cast<std::uint16_t>(inner.tail().level - 1);
    const std::size_t before = stack_.size();
    if (is_within) {
        for (unsigned i = 0; i < count; ++i)
            stack_.push_back({{children[i], seen}, level, true});
    } else {
        Mask meet, within;
        region_.find_boxes(layout_.boxes(inner.body(), count), meet, within);
        for_each_bit(meet, count, [&](unsigned i) {
            stack_.push_back({{children[i], seen}, level, (within[i / 64] >> (i % 64) & 1) != 0});
        });
    }
    if (stack_.size() - before < 2) return;
    soon_.clear(); // In the order in which they will be taken.
    for (std::size_t i = stack_.size(); i-- > before;)
        soon_.push_back(stack_[i].link.block);
    store_.prefetch(soon_);
}

void RegionScan::take_leaf(tree::Page& leaf, bool is_within, Hits& hits) const {
    const unsigned count = layout_.checked_count(leaf);
    const std::byte* body = leaf.body();
    const simd::PointColumns points = layout_.points(body, count);
    const std::span rows(layout_.addresses(body), count);
    Mask inside;
    if (is_within)
        set_bits(inside, count);
    else
        region_.find_points(points, inside);
    if (!has_bits(inside, count)) return;
    if (viewer_ != nullptr && viewer_->look({points, rows, inside})) return;
    if (is_within)
        hits.rows.insert(hits.rows.end(), rows.begin(), rows.end());
    else
        for_each_bit(inside, count, [&](unsigned slot) { hits.rows.push_back(rows[slot]); });
    if (want_ == Want::rows_and_points)
        for_each_bit(inside, count, [&](unsigned slot) {
            for (unsigned j = 0; j < layout_.dimensions(); ++j)
                hits.points.push_back(layout_.column(body, j)[slot]);
        });
    leaf.unlock();
    hits.leaves.push_back(std::move(leaf));
}

} // namespace soup::vtree
