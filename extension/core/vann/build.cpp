// Where there are far more clusters than leaves, some that follow one another share their leaves.
#include "core/vann/build.hpp"

#include "core/simd/dispatch.hpp"
#include "core/vann/leaf_writer.hpp"
#include "core/vann/strata.hpp"
#include "core/vann/trainers.hpp"

#include <algorithm>
#include <cmath>

namespace soup::vann {
namespace {

constexpr std::size_t rows_a_leaf = 48; ///< Of the sample, at most: more do not make better centroids.
constexpr std::size_t rows_a_leaf_min =
    8; ///< Fewer do not make centroids: clusters are then larger than leaves.

constexpr std::size_t apart_share = 5; ///< At most one row in so many is kept out of its leaf's centroid.

KmeansOptions kmeans_options(tree::PageStore& store, const BuildOptions& options) {
    KmeansOptions kmeans;
    kmeans.seed = options.seed;
    kmeans.check_interrupts = [&store] { store.check_interrupts(); };
    return kmeans;
}

} // namespace

// Memory goes half to the sample, then to the sorter; a quarter to the centroids, then to the inner pages'
// children; a quarter to the rows of clusters whose leaves are made.
Builder::Builder(tree::PageStore& store, const Parameters& parameters, BuildOptions options)
    : store_(store), parameters_(parameters), options_(std::move(options)), geometry_(parameters),
      layout_(geometry_.layout()), kmeans_(kmeans_options(store, options_)), random_(options_.seed),
      sample_stride_(std::max(layout_.dimensions, layout_.leaf_dims)) {}

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
    // At once, where it is known how many come: what grows is copied, and copied again.
    if (rows == 0 && options_.expected_rows > 0) sample_.reserve(sample_rows() * sample_stride_);
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

void Builder::finish() {
    assigner();
    sorter_->sort();
    rows_ = assigner_->rows();
    // Rows come cluster by cluster, so each cluster is asked for as much as it holds. In a small index many
    // queries are kept in their leaves' centroids; the measurement allows for the part they have there.
    const std::size_t wanted = calibration_queries(rows_);
    Strata drawn(rows_, wanted, random_),
        kept_apart(wanted, std::min<std::size_t>(wanted, rows_ / apart_share), random_);
    std::uint64_t cluster = 0, current = 0;
    std::span<const std::byte> bytes;
    LeafWriter leaves(
        store_, geometry_,
        {.leaf_target = target(), .memory_bytes = options_.memory_bytes / 4, .trainers = options_.trainers},
        kmeans_);
    // Far fewer rows than were expected leave little in each cluster: then several make a leaf, and as
    // clusters that follow one another are near each other, some dozen leaves at a time can be divided anew.
    const bool is_sparse = 2 * clusters_.count() > 3 * (rows_ / target() + 1);
    const std::size_t enough = is_sparse ? 16 * layout_.leaf.capacity : 1;
    while (sorter_->next(cluster, bytes)) {
        if (cluster != current && leaves.points() >= enough) leaves.end_cluster();
        current = cluster;
        const StoredRow row = read_stored(layout_, bytes);
        const bool is_query = drawn.next(), is_apart = is_query && kept_apart.next();
        using enum CalibrationQuery::Counted;
        if (is_query) queries_.push_back({row.address, is_apart ? apart : in_centroid});
        leaves.add(row, is_apart);
    }
    leaves.finish();
    sorter_.reset();
    std::ranges::shuffle(queries_, random_); // Not all of them may be asked.
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
