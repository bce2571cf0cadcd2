// Collected points are divided into leaves; full levels are divided by the centres of their boxes, in memory.
#include "core/vtree/pack.hpp"

#include "core/tree/geometry.hpp"
#include "core/vtree/geometry.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace soup::vtree {

namespace {
/// Cells for the sorter: small against what is read back at a time, so that a cut through one does no harm.
constexpr std::size_t cells_wanted = 4096;
} // namespace

Packer::Packer(tree::PageStore& store, const Layout& layout, const PackLimits& limits, MakeSorter make_sorter)
    : store_(store), layout_(layout), limits_(limits), make_sorter_(std::move(make_sorter)),
      points_max_(points_in_memory(layout.dimensions(), limits)), points_(layout.dimensions()),
      sample_(layout.dimensions()) {}

std::size_t Packer::points_in_memory(unsigned dimensions, const PackLimits& limits) noexcept {
    const std::size_t each = PointSet::bytes_per_point(dimensions) + sizeof(HeapAddress);
    // A vector that grows holds its content twice for a moment: hence half of the half. PointSet has 32 bits
    // for a point's number.
    constexpr std::size_t numbers = std::numeric_limits<std::uint32_t>::max();
    return std::clamp<std::size_t>(limits.memory_bytes / 4 / each, 1000, numbers);
}

void Packer::sample(const float* point) {
    sample_.add(point);
}

void Packer::divide_sample() {
    cells_ = sample_.divide_into_cells(cells_wanted, [&] { store_.check_interrupts(); });
    sample_ = PointSet(layout_.dimensions());
}

void Packer::add(const float* point, HeapAddress row) {
    if (!assigner_ && (cells_ || points_.size() == points_max_)) begin_sorting();
    if (!assigner_) return collect(point, row);
    assigner_->add(point, row);
    ++sorted_;
}

void Packer::finish() {
    // Without a row here, others may have put theirs.
    if (!assigner_ && cells_) begin_sorting();
    if (assigner_) read_back();
    if (below_.empty() && points_.size() <= layout_.leaf_capacity()) return write_root(0);
    write_collected();
    std::uint16_t level = 1;
    for (; below_.size() > layout_.inner_capacity(); ++level)
        write_level(level);
    write_root(level);
}

std::size_t Packer::pages_for(std::size_t entries, unsigned capacity) const noexcept {
    const auto each =
        std::max<std::size_t>(2, static_cast<std::size_t>(std::lround(capacity * limits_.fill)));
    return (entries + each - 1) / each;
}

// --- More points than memory holds
// -----------------------------------------------------------------------------

void Packer::collect(const float* point, HeapAddress row) {
    points_.add(point);
    rows_.push_back(row);
}

void Packer::begin_sorting() {
    if (!cells_ && sample_.size() > 0) divide_sample();
    if (!cells_) cells_ = points_.divide_into_cells(cells_wanted, [&] { store_.check_interrupts(); });
    sorter_ = make_sorter_(limits_.memory_bytes / 2);
    assigner_.emplace(layout_.dimensions(), *cells_, *sorter_);
    for (std::uint32_t i = 0; i < rows_.size(); ++i) {
        if (i % PointSet::between_points == 0) store_.check_interrupts();
        assigner_->add(points_.point(i), rows_[i]);
    }
    sorted_ += rows_.size();
    // The memory is the sorter's for now.
    points_ = PointSet(layout_.dimensions());
    rows_ = {};
}

/// Cuts where a box of cells ends, so that no leaf has points of two that lie far apart; unless that box has
/// hardly any points, as is so where the sample was not like the rest. The last points stay collected.
void Packer::read_back() {
    sorter_->sort();
    const std::size_t most = points_at_a_time();
    const std::uint64_t cells = cells_->count() * most / std::max<std::uint64_t>(sorted_, 1);
    const int shift = std::bit_width(std::max<std::uint64_t>(cells, 1)) - 1;
    std::uint64_t cell, box = 0;
    std::span<const std::byte> bytes;
    while (sorter_->next(cell, bytes)) {
        const StoredPoint stored = read_stored(layout_.dimensions(), bytes);
        const bool is_other_box = std::exchange(box, cell >> shift) != cell >> shift;
        if (points_.size() == points_max_ || (is_other_box && points_.size() > most / 8)) write_collected();
        collect(stored.point, stored.row);
    }
    assigner_.reset();
    sorter_.reset();
}

std::size_t Packer::points_at_a_time() const noexcept {
    const double leaf = layout_.leaf_capacity() * limits_.fill;
    return std::min(points_max_, static_cast<std::size_t>(PointSet::parts_at_a_time * leaf));
}

// --- Pages
// ----------------------------------------------------------------------------------------------------

void Packer::write_collected() {
    points_.divide(
        pages_for(points_.size(), layout_.leaf_capacity()), [&] { store_.check_interrupts(); },
        [&](std::span<std::uint32_t> numbers) { write_leaf(numbers); });
    points_.clear();
    rows_.clear();
}

void Packer::write_leaf(std::span<std::uint32_t> numbers) {
    const tree::Page leaf = store_.allocate();
    tree::Change change(store_);
    fill_leaf(tree::body(change.initialise(leaf, tree::PageKind::leaf, 0)), numbers);
    change.commit();

    std::vector<float> box(std::size_t{2} * layout_.dimensions());
    for (unsigned j = 0; j < layout_.dimensions(); ++j) {
        const float* column = layout_.column(leaf.body(), j);
        const auto [low, high] = std::minmax_element(column, column + numbers.size());
        box[j] = *low;
        box[layout_.dimensions() + j] = *high;
    }
    below_.push_back({leaf.block(), std::move(box)});
}

/// Rows in the heap's order: who fetches them visits each heap page once.
void Packer::fill_leaf(std::byte* body, std::span<std::uint32_t> numbers) {
    std::sort(numbers.begin(), numbers.end(), [&](std::uint32_t a, std::uint32_t b) {
        return tree::as_number(rows_[a]) < tree::as_number(rows_[b]);
    });
    for (unsigned slot = 0; slot < numbers.size(); ++slot) {
        const float* point = points_.point(numbers[slot]);
        for (unsigned j = 0; j < layout_.dimensions(); ++j)
            layout_.column(body, j)[slot] = point[j];
        layout_.addresses(body)[slot] = rows_[numbers[slot]];
    }
    Layout::set_count(body, static_cast<unsigned>(numbers.size()));
}

void Packer::write_level(std::uint16_t level) {
    const BoxGeometry geometry(layout_.dimensions());
    PointSet centres(layout_.dimensions());
    for (const Written& page : below_) {
        float centre[max_dimensions];
        for (unsigned j = 0; j < layout_.dimensions(); ++j)
            centre[j] = page.box[j] / 2 + page.box[layout_.dimensions() + j] / 2;
        centres.add(centre);
    }
    std::vector<Written> above;
    std::vector<tree::Child> children;
    centres.divide(
        pages_for(below_.size(), layout_.inner_capacity()), [&] { store_.check_interrupts(); },
        [&](std::span<std::uint32_t> numbers) {
            children.clear();
            std::vector<float> box = below_[numbers[0]].box;
            for (const std::uint32_t number : numbers) {
                Written& child = below_[number];
                for (unsigned j = 0; j < layout_.dimensions(); ++j) {
                    float &low = box[j], &high = box[layout_.dimensions() + j];
                    low = std::min(low, child.box[j]);
                    high = std::max(high, child.box[layout_.dimensions() + j]);
                }
                children.push_back({child.block, std::move(child.box)});
            }
            const tree::Page inner = store_.allocate();
            tree::Change change(store_);
            geometry.fill_inner(tree::body(change.initialise(inner, tree::PageKind::inner, level)), children);
            change.commit();
            above.push_back({inner.block(), std::move(box)});
        });
    below_ = std::move(above);
}

void Packer::write_root(std::uint16_t level) {
    const tree::Page root = store_.lock(tree::root_block, tree::Lock::exclusive);
    tree::Change change(store_);
    std::byte* image = change.edit(root);
    if (level == 0) {
        std::vector<std::uint32_t> numbers(rows_.size());
        for (std::uint32_t i = 0; i < numbers.size(); ++i)
            numbers[i] = i;
        fill_leaf(tree::body(image), numbers);
    } else {
        std::vector<tree::Child> children;
        children.reserve(below_.size());
        for (Written& page : below_)
            children.push_back({page.block, std::move(page.box)});
        BoxGeometry(layout_.dimensions()).fill_inner(tree::body(image), children);
        tree::tail(image).kind = tree::PageKind::inner;
        tree::tail(image).level = level;
    }
    change.commit();
}

} // namespace soup::vtree
