// Rows of a cluster are gathered from the sorter, equal ones under one point, divided into leaves and
// written; small clusters that follow one another share a leaf.
#include "core/vann/build.hpp"

#include "core/simd/dispatch.hpp"
#include "core/vann/division.hpp"
#include "core/vann/strata.hpp"
#include "core/vann/trainers.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

namespace soup::vann {
namespace {

constexpr std::size_t rows_a_leaf = 48; ///< Of the sample, at most: more do not make better centroids.
constexpr std::size_t rows_a_leaf_min =
    8; ///< Fewer do not make centroids: clusters are then larger than leaves.

constexpr std::size_t apart_share = 5; ///< At most one row in so many is kept out of its leaf's centroid.

std::uint64_t hash(std::span<const std::byte> bytes) {
    std::uint64_t hash = 0x9e3779b97f4a7c15;
    for (std::size_t i = 0; i + sizeof hash <= bytes.size(); i += sizeof hash) {
        std::uint64_t word;
        std::memcpy(&word, bytes.data() + i, sizeof word);
        hash = (hash ^ word) * 0xff51afd7ed558ccd;
        hash ^= hash >> 32;
    }
    return hash;
}

KmeansOptions kmeans_options(tree::PageStore& store, const BuildOptions& options) {
    KmeansOptions kmeans;
    kmeans.seed = options.seed;
    kmeans.check_interrupts = [&store] { store.check_interrupts(); };
    return kmeans;
}

} // namespace

// Memory goes half to the sample, then to the sorter; a quarter to the centroids, then to the inner pages'
// children; a quarter to the rows of one cluster.
Builder::Builder(tree::PageStore& store, const Parameters& parameters, BuildOptions options)
    : store_(store), parameters_(parameters), options_(std::move(options)), geometry_(parameters),
      layout_(geometry_.layout()), kmeans_(kmeans_options(store, options_)), random_(options_.seed),
      sample_stride_(std::max(layout_.dimensions, layout_.leaf_dims)), stored_dims_(stored_dims(layout_)),
      draft_(layout_), pending_(layout_), inner_(store, geometry_, options_.memory_bytes / 4, kmeans_) {}

std::size_t Builder::target() const noexcept {
    return std::max<std::size_t>(1, static_cast<std::size_t>(options_.leaf_fill * layout_.leaf.capacity));
}

std::size_t Builder::sample_rows() const noexcept {
    const std::size_t fit = options_.memory_bytes / 2 / (sample_stride_ * sizeof(float));
    const std::size_t leaves = options_.expected_rows / target() + 1;
    const std::size_t enough = options_.expected_rows == 0 ? fit : leaves * rows_a_leaf;
    return std::max<std::size_t>(std::min(fit, enough), layout_.leaf.capacity);
}

/// If more rows come than were asked for, each has the same chance to stay.
void Builder::sample(const float* vector) {
    sampled_++;
    const std::size_t rows = sample_.size() / sample_stride_;
    std::size_t at = rows;
    if (rows == sample_rows()) {
        at = random_() % sampled_;
        if (at >= rows) return;
    } else {
        sample_.resize(sample_.size() + sample_stride_);
    }
    std::copy_n(vector, layout_.dimensions, &sample_[at * sample_stride_]);
}

void Builder::train() {
    const std::size_t rows = sample_.size() / sample_stride_;
    std::vector<float> mean;
    if (parameters_.metric != Metric::inner_product && rows > 0) {
        mean = mean_of_sample();
        parameters_.mean = write_mean(store_, mean);
    }
    space_ = std::make_unique<Space>(parameters_, mean);
    write_parameters();

    // Only what leaves and inner pages see takes part.
    std::vector<float> point(layout_.padded);
    std::size_t kept = 0;
    for (std::size_t i = 0; i < rows; i++)
        if (space_->to_point(&sample_[i * sample_stride_], point.data()))
            std::copy_n(point.data(), layout_.leaf_dims, &sample_[kept++ * layout_.leaf_dims]);
    const std::size_t expected = std::max<std::uint64_t>(options_.expected_rows, kept);
    const std::size_t centroids_fit =
        options_.memory_bytes / 4 / options_.loaders / (layout_.leaf_dims * sizeof(float));
    const std::size_t wanted =
        std::min({expected / target() + 1, kept / rows_a_leaf_min + 1, centroids_fit + 1});
    Trainers trainers(options_.trainers, kmeans_.check_interrupts);
    KmeansOptions together = kmeans_;
    together.check_interrupts = [&] { trainers.check(); };
    together.parallel_for = [&](std::size_t n, const std::function<void(std::size_t)>& body) {
        trainers.run(n, body);
    };
    clusters_ = Clusters::train({sample_.data(), kept, layout_.leaf_dims}, wanted, together);
    std::vector<float>().swap(sample_);
}

std::vector<float> Builder::mean_of_sample() const {
    const std::size_t dims = layout_.dimensions;
    std::vector<double> sums(dims);
    std::size_t counted = 0;
    for (std::size_t at = 0; at < sample_.size(); at += sample_stride_) {
        double scale = 1;
        if (parameters_.metric == Metric::cosine) {
            const double squares = simd::kernels().squared_norm(&sample_[at], dims);
            if (!(squares > 0)) continue;
            scale = 1 / std::sqrt(squares);
        }
        for (std::size_t d = 0; d < dims; d++)
            sums[d] += scale * double{sample_[at + d]};
        counted++;
    }
    std::vector<float> mean(dims);
    for (std::size_t d = 0; d < dims; d++) // Within what a Space takes: beyond it rounds off anyway.
        mean[d] = static_cast<float>(
            std::clamp(sums[d] / static_cast<double>(std::max<std::size_t>(counted, 1)), -1e15, 1e15));
    return mean;
}

Assigner& Builder::assigner() {
    if (!assigner_) {
        sorter_ = options_.make_sorter(options_.memory_bytes / 2);
        assigner_.emplace(layout_, *space_, clusters_, *sorter_);
    }
    return *assigner_;
}

bool Builder::add(const float* vector, tree::HeapAddress address, std::span<const std::byte> keys) {
    return assigner().add(vector, address, keys);
}

/// In a small index too many rows would be missing from their leaves' centroids: there the measurement allows
/// for the part that a query has in its own.
void Builder::take_query(tree::HeapAddress row, bool is_apart) {
    using enum CalibrationQuery::Counted;
    queries_.push_back({row, is_apart ? apart : in_centroid});
    if (is_apart) kept_apart_.insert(tree::as_number(row));
}

void Builder::finish() {
    assigner();
    sorter_->sort();
    rows_ = assigner_->rows();
    // Rows come cluster by cluster, so each cluster is asked for as much as it holds.
    const std::size_t wanted = calibration_queries(rows_);
    const bool are_apart = wanted * apart_share <= rows_;
    Strata drawn(rows_, wanted, random_);
    std::uint64_t cluster = 0, current = 0;
    std::span<const std::byte> row;
    const std::size_t points_max = std::max<std::size_t>(
        options_.memory_bytes / 4 / (stored_dims_ * sizeof(float)), std::size_t{4} * layout_.leaf.capacity);
    // Far fewer rows than were expected leave little in each cluster: then several make a leaf, and as
    // clusters that follow one another are near each other, some dozen leaves at a time can be divided anew.
    const bool is_sparse = 2 * clusters_.count() > 3 * (rows_ / target() + 1);
    const std::size_t enough = is_sparse ? 16 * layout_.leaf.capacity : 1;
    while (sorter_->next(cluster, row)) {
        if ((cluster != current && gathered_.count >= enough) || gathered_.count == points_max)
            write_cluster();
        current = cluster;
        gather(row);
        if (drawn.next()) take_query(gathered_.rows.back().address, are_apart);
    }
    write_cluster();
    sorter_.reset();
    std::ranges::shuffle(queries_, random_); // Not all of them may be asked.
    if (leaves_ == 0) {
        write_root_leaf();
    } else {
        write_pending();
        inner_.finish();
    }
}

void Builder::Gathered::clear() {
    points.clear();
    keys.clear();
    rows.clear();
    by_hash.clear();
    count = 0;
}

const float* Builder::point(std::uint32_t number) const noexcept {
    return &gathered_.points[number * stored_dims_];
}

std::span<const std::byte> Builder::keys_of(std::size_t row) const noexcept {
    return std::span(gathered_.keys).subspan(row * layout_.key_bytes, layout_.key_bytes);
}

void Builder::gather(std::span<const std::byte> bytes) {
    const StoredRow stored = read_stored(layout_, bytes);
    const std::uint64_t key = hash(stored.point);
    const auto [first, last] = gathered_.by_hash.equal_range(key);
    const auto same = std::find_if(first, last, [&](const auto& known) {
        return std::memcmp(point(known.second), stored.point.data(), stored.point.size()) == 0;
    });
    auto number = static_cast<std::uint32_t>(gathered_.count);
    if (same != last) {
        number = same->second;
    } else {
        gathered_.points.resize(gathered_.points.size() + stored_dims_);
        std::memcpy(&gathered_.points[number * stored_dims_], stored.point.data(), stored.point.size());
        gathered_.by_hash.insert({key, number});
        gathered_.count++;
    }
    gathered_.keys.insert(gathered_.keys.end(), stored.keys.begin(), stored.keys.end());
    gathered_.rows.push_back({number, stored.address});
}

/// Rows are put in the order of their points, keys with them. A few equal rows get a slot each, many one
/// chain.
std::vector<Builder::Slot> Builder::make_slots() {
    auto& rows = gathered_.rows;
    std::vector<std::uint32_t> order(rows.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, {}, [&](std::uint32_t row) { return rows[row].point; });
    std::vector<Gathered::Row> sorted_rows;
    std::vector<std::byte> sorted_keys;
    for (const std::uint32_t row : order) {
        sorted_rows.push_back(rows[row]);
        const auto keys = keys_of(row);
        sorted_keys.insert(sorted_keys.end(), keys.begin(), keys.end());
    }
    rows.swap(sorted_rows);
    gathered_.keys.swap(sorted_keys);

    std::vector<Slot> slots;
    for (std::size_t first = 0; first < rows.size();) {
        std::size_t last = first;
        while (last < rows.size() && rows[last].point == rows[first].point)
            last++;
        if (last - first > layout_.equals_max)
            slots.push_back({rows[first].point, first, last - first});
        else
            for (std::size_t row = first; row < last; row++)
                slots.push_back({rows[first].point, row, 1});
        first = last;
    }
    return slots;
}

void Builder::write_cluster() {
    if (gathered_.count == 0) return;
    store_.check_interrupts();
    const std::vector<Slot> slots = make_slots();
    if (slots.size() <= layout_.leaf.capacity) {
        write_leaves(slots);
    } else {
        std::vector<float> points;
        points.reserve(slots.size() * layout_.leaf_dims);
        for (const Slot& slot : slots)
            points.insert(points.end(), point(slot.point), point(slot.point) + layout_.leaf_dims);
        const Division division =
            divide_within({points.data(), slots.size(), layout_.leaf_dims},
                          (slots.size() + target() - 1) / target(), layout_.leaf.capacity, kmeans_);
        std::vector<std::vector<Slot>> groups(division.groups);
        for (std::size_t i = 0; i < slots.size(); i++)
            groups[division.group[i]].push_back(slots[i]);
        for (const auto& group : groups)
            write_leaves(group);
    }
    gathered_.clear();
}

/// One leaf, or several where its codes would be too coarse.
void Builder::write_leaves(std::span<const Slot> slots) {
    if (!layout_.has_details()) return write_leaf(slots);
    Points points{{}, static_cast<unsigned>(slots.size()), layout_.leaf_dims, layout_.leaf_dims};
    points.floats.reserve(slots.size() * layout_.leaf_dims);
    for (const Slot& slot : slots)
        points.floats.insert(points.floats.end(), point(slot.point), point(slot.point) + layout_.leaf_dims);
    const std::vector<bool> is_right = divide_early(points);
    if (is_right.empty()) return write_leaf(slots);
    for (const bool side : {false, true}) {
        std::vector<Slot> half;
        for (std::size_t i = 0; i < slots.size(); i++)
            if (is_right[i] == side) half.push_back(slots[i]);
        write_leaves(half);
    }
}

/// Makes a leaf. It waits for the next one, because the only leaf of an index is its root.
void Builder::write_leaf(std::span<const Slot> slots) {
    const std::size_t dims = layout_.leaf_dims;
    std::vector<double> sums(dims);
    std::size_t counted = 0;
    const auto is_apart = [&](const Slot& slot) {
        return slot.count == 1 && kept_apart_.contains(tree::as_number(gathered_.rows[slot.first].address));
    };
    const bool all_apart = std::ranges::all_of(slots, is_apart);
    for (const Slot& slot : slots) {
        if (!all_apart && is_apart(slot)) continue;
        simd::kernels().accumulate(sums.data(), point(slot.point), dims);
        counted++;
    }
    std::vector<float> centroid(dims);
    for (std::size_t i = 0; i < dims; i++)
        centroid[i] = static_cast<float>(sums[i] / static_cast<double>(counted));

    draft_.begin(centroid.data());
    for (const Slot& slot : slots) {
        const float norm = layout_.has_norms() ? exact_squared_norm(point(slot.point), layout_.padded) : 0;
        tree::HeapAddress address = gathered_.rows[slot.first].address;
        if (slot.count > 1) {
            std::vector<ChainEntry> entries;
            for (std::size_t row = slot.first; row < slot.first + slot.count; row++)
                entries.push_back({gathered_.rows[row].address, keys_of(row)});
            address = chain_address(write_chain(store_, layout_, entries));
        }
        draft_.add(point(slot.point), address, keys_of(slot.first), norm);
    }
    write_pending();
    std::swap(draft_, pending_);
    has_pending_ = true;
}

void Builder::write_pending() {
    if (!std::exchange(has_pending_, false)) return;
    const tree::Page page = store_.allocate();
    pending_.write_details(store_, page.block());
    tree::Change change(store_);
    std::memcpy(tree::body(change.initialise(page, tree::PageKind::leaf, 0)), pending_.body(),
                tree::body_bytes);
    change.commit();
    inner_.add_leaf(page.block(), pending_.centroid());
    leaves_++;
}

void Builder::write_root_leaf() {
    if (!std::exchange(has_pending_, false)) return;
    const tree::Page root = store_.lock(tree::root_block, tree::Lock::exclusive);
    pending_.write_details(store_, root.block());
    tree::Change change(store_);
    std::memcpy(tree::body(change.edit(root)), pending_.body(), tree::body_bytes);
    change.commit();
}

void Builder::measure() {
    const auto tally = std::make_unique<Tally>();
    QueryQueue queue;
    measure(queue, *tally);
    write_calibration(*tally);
}

void Builder::measure(QueryQueue& queue, Tally& tally) {
    measure_rows(store_, geometry_, *space_, queries_, options_.fetch, queue, tally);
}

void Builder::write_calibration(const Tally& tally) {
    parameters_.calibration = choose_settings(tally, rows_);
    write_parameters();
}

void Builder::write_parameters() {
    const tree::Page page = store_.lock(tree::meta_block, tree::Lock::exclusive);
    tree::Change change(store_);
    store(parameters_, tree::meta(change.edit(page)));
    change.commit();
}

} // namespace soup::vann
