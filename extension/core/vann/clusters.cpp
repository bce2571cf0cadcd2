// Centroids of a level are looked at by codes of 8 bits relative to their parent, which fit the processor's
// cache where floats do not, and of which sixteen coordinates are multiplied at once; the few that look
// nearest are measured in full.
#include "core/vann/clusters.hpp"

#include "core/simd/dispatch.hpp"
#include "core/vann/code.hpp"
#include "core/vann/shortlist.hpp"

#include <cstring>
#include <limits>
#include <numeric>

namespace soup::vann {
namespace {

constexpr std::size_t beam_width = 4; ///< Nodes of each level that nearest() follows.
constexpr float no_distance = std::numeric_limits<float>::infinity();
constexpr int refinements = 1; ///< Rounds of Lloyd's iteration over all clusters at once.

using Indices = std::vector<std::uint32_t>;

} // namespace

/// Settles a sample's division by assigning every row anew to the nearest of all centroids, not only of those
/// under its own part of the hierarchy. Clusters that this leaves nearly empty are given up.
Clusters Clusters::train(const Rows& sample, std::size_t wanted, const KmeansOptions& options) {
    Clusters clusters;
    clusters.dimensions_ = sample.dimensions;
    if (sample.count == 0) return clusters;
    Division division = divide(sample, wanted, options);
    clusters.build_hierarchy(means(sample, division), options);
    for (int round = 0; round < refinements; round++)
        clusters.build_hierarchy(means(sample, clusters.assign(sample, options)), options);
    return clusters;
}

Division Clusters::assign(const Rows& sample, const KmeansOptions& options) const {
    Division division{Indices(sample.count), count()};
    in_chunks(sample.count, options, [&](std::size_t first, std::size_t last) {
        Scratch scratch;
        for (std::size_t i = first; i < last; i++)
            division.group[i] = nearest(sample.row(i), scratch).cluster;
    });
    Indices sizes(division.groups), renamed(division.groups);
    for (const std::uint32_t group : division.group)
        sizes[group]++;
    division.groups = 0;
    const std::size_t least = sample.count / sizes.size() / 4;
    for (std::size_t i = 0; i < sizes.size(); i++)
        renamed[i] = sizes[i] <= least ? nobody : static_cast<std::uint32_t>(division.groups++);
    for (std::uint32_t& group : division.group)
        group = renamed[group];
    return division;
}

/// Groups the centroids, and the groups' centroids, until there are few enough to be compared one by one.
void Clusters::build_hierarchy(std::vector<float> centroids, const KmeansOptions& options) {
    const std::size_t leaves = centroids.size() / dimensions_;
    levels_.clear();
    levels_.emplace_back();
    levels_.front().count = leaves;
    levels_.front().centroids = std::move(centroids);
    while (levels_.front().count > 2 * fan_out) {
        const Level& below = levels_.front();
        const Rows rows{below.centroids.data(), below.count, dimensions_};
        const Division division = divide(rows, below.count / fan_out + 1, options);
        if (division.groups == 1 || division.groups > below.count / 2) break;
        Level above;
        above.count = division.groups;
        above.centroids = means(rows, division);
        above.first.resize(division.groups + 1);
        above.children.resize(below.count);
        for (const std::uint32_t group : division.group)
            above.first[group + 1]++;
        std::partial_sum(above.first.begin(), above.first.end(), above.first.begin());
        Indices place(above.first.begin(), above.first.end() - 1);
        for (std::uint32_t i = 0; i < below.count; i++)
            above.children[place[division.group[i]]++] = i;
        levels_.insert(levels_.begin(), std::move(above));
    }
    encode_children();
}

/// Coordinates of a child that its code has, filled up with zeros to whole eights. Few enough for the sums of
/// products to fit 32 bits.
std::size_t Clusters::seen_dims() const noexcept {
    static_assert(2 * sketch_dims <= 512);
    return is_sketched(dimensions_) ? sketch_dims : dimensions_;
}

void Clusters::encode_children() {
    const std::size_t seen = seen_dims(), dims = coded_dims();
    std::vector<float> own(dims), bound(dims);
    for (std::size_t depth = 0; depth + 1 < levels_.size(); depth++) {
        Level& level = levels_[depth];
        level.codes.resize(level.children.size() * dims);
        level.b.resize(level.children.size());
        level.f.resize(level.children.size());
        for (std::uint32_t parent = 0; parent < level.count; parent++) {
            std::copy_n(node(level, parent), seen, own.data());
            for (std::uint32_t c = level.first[parent]; c < level.first[parent + 1]; c++) {
                std::copy_n(node(levels_[depth + 1], level.children[c]), seen, bound.data());
                const ByteFactors factors = encode_bytes(bound.data(), own.data(),
                                                         static_cast<unsigned>(dims), &level.codes[c * dims]);
                level.b[c] = factors.b;
                level.f[c] = 2 * factors.f;
            }
        }
    }
}

Clusters::Near Clusters::nearest(const float* point, Scratch& scratch) const {
    const simd::Kernels& kernels = simd::kernels();
    const std::size_t seen = seen_dims(), dims = coded_dims();
    scratch.padded.resize(dims);
    std::copy_n(point, seen, scratch.padded.data());
    scratch.point.resize(dims);
    const float step = kernels.codes.to_shorts(scratch.padded.data(), dims, scratch.point.data());
    for (std::size_t depth = 0;; depth++) {
        const Level& level = levels_[depth];
        const bool is_last = depth + 1 == levels_.size();
        const std::size_t wanted = is_last ? 1 : beam_width;
        Shortlist seeming(wanted + looked_at_closely);
        if (depth == 0) {
            const std::span<const float> distances =
                sketched_distances(point, {level.centroids.data(), dimensions_, nullptr, level.count},
                                   dimensions_, scratch.distances);
            for (std::uint32_t number = 0; number < level.count; number++)
                seeming.offer(distances[number], number);
        } else {
            const Level& above = levels_[depth - 1];
            for (const std::uint32_t parent : scratch.beam) {
                const std::size_t first = above.first[parent], count = above.first[parent + 1] - first;
                const std::size_t padded = (count + 15) / 16 * 16;
                if (scratch.distances.size() < padded) scratch.distances.resize(padded);
                scratch.places.resize(scratch.distances.size());
                scratch.nearer.resize(scratch.distances.size());
                kernels.codes.estimate_bytes({&above.codes[first * dims], scratch.point.data(), dims, count},
                                             {&above.b[first], &above.f[first],
                                              kernels.l2_squared(point, node(above, parent), seen), 0, step},
                                             scratch.distances.data());
                std::fill(&scratch.distances[count], &scratch.distances[padded], no_distance);
                const std::size_t nearer =
                    kernels.codes.select_below(scratch.distances.data(), padded, seeming.limit(),
                                               scratch.places.data(), scratch.nearer.data());
                for (std::size_t i = 0; i < nearer; i++)
                    seeming.offer(scratch.nearer[i], above.children[first + scratch.places[i]]);
            }
        }
        Shortlist nearest(wanted);
        for (const auto& entry : seeming.entries())
            nearest.offer(kernels.l2_squared(point, node(level, entry.number), dimensions_), entry.number);
        if (is_last) return {nearest.entries().front().distance, nearest.entries().front().number};
        scratch.beam.clear();
        for (const auto& entry : nearest.entries())
            scratch.beam.push_back(entry.number);
    }
}

namespace {

template<class T>
void append(std::vector<std::byte>& bytes, const std::vector<T>& values) {
    const std::size_t count = values.size();
    const auto* size = reinterpret_cast<const std::byte*>(&count);
    bytes.insert(bytes.end(), size, size + sizeof count);
    const auto content = std::as_bytes(std::span(values));
    bytes.insert(bytes.end(), content.begin(), content.end());
}

template<class T>
std::vector<T> take(std::span<const std::byte>& bytes) {
    std::size_t count = 0;
    std::memcpy(&count, bytes.data(), sizeof count);
    std::vector<T> values(count);
    if (count > 0) std::memcpy(values.data(), bytes.data() + sizeof count, count * sizeof(T));
    bytes = bytes.subspan(sizeof count + count * sizeof(T));
    return values;
}

} // namespace

std::vector<std::byte> Clusters::to_bytes() const {
    std::vector<std::byte> bytes;
    bytes.reserve(memory_bytes() + (1 + 4 * levels_.size()) * sizeof(std::size_t));
    append(bytes, std::vector<std::size_t>{dimensions_, levels_.size()});
    for (const Level& level : levels_) {
        append(bytes, level.centroids);
        append(bytes, level.first);
        append(bytes, level.children);
    }
    return bytes;
}

Clusters Clusters::from_bytes(std::span<const std::byte> bytes) {
    Clusters clusters;
    const auto head = take<std::size_t>(bytes);
    clusters.dimensions_ = head.at(0);
    for (std::size_t i = 0; i < head.at(1); i++) {
        Level level;
        level.centroids = take<float>(bytes);
        level.first = take<std::uint32_t>(bytes);
        level.children = take<std::uint32_t>(bytes);
        level.count = level.centroids.size() / clusters.dimensions_;
        clusters.levels_.push_back(std::move(level));
    }
    clusters.encode_children();
    return clusters;
}

std::size_t Clusters::memory_bytes() const noexcept {
    std::size_t bytes = 0;
    for (const Level& level : levels_)
        bytes += level.centroids.size() * sizeof(float) +
                 (level.first.size() + level.children.size()) * sizeof(std::uint32_t) + level.codes.size() +
                 (level.b.size() + level.f.size()) * sizeof(float);
    return bytes;
}

} // namespace soup::vann
