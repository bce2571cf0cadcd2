// Top down: a set is divided into at most `fan_out` parts by Lloyd's iteration, and each part again, into as
// many groups as its share of the rows. Each small k-means looks at a subset only, so the cost is about rows
// · fan_out · depth distances.
#include "core/vann/kmeans.hpp"

#include "core/simd/dispatch.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>
#include <span>

namespace soup::vann {

void run_serially(std::size_t n, const std::function<void(std::size_t)>& body) {
    for (std::size_t i = 0; i < n; i++)
        body(i);
}

namespace {

constexpr std::size_t fan_out = 40;         ///< Of one small k-means.
constexpr std::size_t rows_a_centroid = 64; ///< That Lloyd's iteration looks at.
constexpr std::size_t chunk = 512;          ///< Rows between two checks for interrupts.
constexpr std::size_t beam_width = 6;       ///< Nodes of each level that nearest() follows.
constexpr int refinements = 1;              ///< Rounds of Lloyd's iteration over all clusters at once.

constexpr std::uint32_t nobody = std::numeric_limits<std::uint32_t>::max();

using Indices = std::vector<std::uint32_t>;

float distance(const float* a, const float* b, std::size_t n) {
    return simd::kernels().l2_squared(a, b, n);
}

/// Rows are rotated, so their first coordinates say nearly everything about distances: within a tenth, with
/// this many. Of many centroids only the few that look nearest by these are measured in full.
constexpr std::size_t sketch_dims = 192;
constexpr std::size_t looked_at_closely = 6;

bool is_sketched(std::size_t dimensions) {
    return dimensions >= 2 * sketch_dims;
}
float sketched_distance(const float* a, const float* b, std::size_t n) {
    if (!is_sketched(n)) return distance(a, b, n);
    return distance(a, b, sketch_dims) * (static_cast<float>(n) / static_cast<float>(sketch_dims));
}

/// The few nearest of those that were offered, nearest first.
template<std::size_t most>
class Shortlist {
public:
    struct Entry {
        float distance;
        std::uint32_t number;
    };
    void offer(float distance, std::uint32_t number) {
        if (count_ == most && distance >= entries_[most - 1].distance) return;
        std::size_t at = count_ < most ? count_++ : most - 1;
        for (; at > 0 && entries_[at - 1].distance > distance; at--)
            entries_[at] = entries_[at - 1];
        entries_[at] = {distance, number};
    }
    std::span<const Entry> entries() const { return {entries_.data(), count_}; }

private:
    std::array<Entry, most> entries_;
    std::size_t count_ = 0;
};

/// Calls body(from, to) for pieces of [0, n).
template<class Body>
void in_chunks(std::size_t n, const KmeansOptions& options, Body&& body) {
    constexpr std::size_t pieces_at_once = 16;
    for (std::size_t start = 0; start < n; start += chunk * pieces_at_once) {
        options.check_interrupts();
        const std::size_t end = std::min(n, start + chunk * pieces_at_once);
        options.parallel_for((end - start + chunk - 1) / chunk, [&](std::size_t piece) {
            const std::size_t from = start + piece * chunk;
            body(from, std::min(end, from + chunk));
        });
    }
}

/// Lloyd's iteration over a part of the rows.
class Lloyd {
public:
    Lloyd(const Rows& rows, const Indices& members, std::size_t k, const KmeansOptions& options,
          std::mt19937_64& random)
        : rows_(rows), members_(members), k_(std::min(k, members.size())), options_(options) {
        Indices looked_at = members_;
        if (looked_at.size() > k_ * rows_a_centroid) {
            for (std::size_t i = 0; i < k_ * rows_a_centroid; i++)
                std::swap(looked_at[i], looked_at[i + random() % (looked_at.size() - i)]);
            looked_at.resize(k_ * rows_a_centroid);
        }
        seed_centroids(looked_at, random);
        penalty_.assign(k_, 0);
        for (unsigned i = 0; i < options_.iterations; i++) {
            assign(looked_at);
            move(looked_at);
            balance(looked_at.size());
        }
        assign(members_);
    }

    /// Moves as few members as needed so that no part has more than `most`: those that lose least by going
    /// elsewhere. k · most must be at least the number of members.
    void limit(std::size_t most) {
        if (std::ranges::max(sizes_) <= most) return;
        struct Choice {
            float loss;
            std::uint32_t member, part;
        };
        std::vector<float> distances(members_.size() * k_);
        in_chunks(members_.size(), options_, [&](std::size_t first, std::size_t last) {
            for (std::size_t i = first; i < last; i++)
                for (std::size_t c = 0; c < k_; c++)
                    distances[i * k_ + c] = distance(rows_.row(members_[i]), centroid(c), rows_.dimensions);
        });
        // Moves out of crowded parts, the cheapest first. A part that fills up takes no more, so a member may
        // need another try.
        const auto cheapest = [&](std::uint32_t i) {
            Choice best{std::numeric_limits<float>::max(), i, part_[i]};
            for (std::uint32_t c = 0; c < k_; c++) {
                const float loss = distances[i * k_ + c] - distances[i * k_ + part_[i]];
                if (c != part_[i] && sizes_[c] < most && loss < best.loss) best = {loss, i, c};
            }
            return best;
        };
        const auto dearer = [](const Choice& a, const Choice& b) { return a.loss > b.loss; };
        std::vector<Choice> heap;
        for (std::uint32_t i = 0; i < members_.size(); i++)
            if (sizes_[part_[i]] > most) heap.push_back(cheapest(i));
        std::ranges::make_heap(heap, dearer);
        while (!heap.empty()) {
            std::ranges::pop_heap(heap, dearer);
            const Choice choice = heap.back();
            heap.pop_back();
            if (sizes_[part_[choice.member]] <= most) continue;
            if (sizes_[choice.part] >= most) {
                heap.push_back(cheapest(choice.member));
                std::ranges::push_heap(heap, dearer);
                continue;
            }
            sizes_[part_[choice.member]]--;
            sizes_[choice.part]++;
            part_[choice.member] = choice.part;
        }
    }

    std::size_t k() const { return k_; }
    /// The part of each member.
    const Indices& part() const { return part_; }
    const std::vector<std::size_t>& sizes() const { return sizes_; }

private:
    const float* centroid(std::size_t c) const { return &centroids_[c * rows_.dimensions]; }

    /// Each next centroid is the farthest from those before among a few rows drawn: spread, but no outliers.
    void seed_centroids(const Indices& looked_at, std::mt19937_64& random) {
        constexpr int draws = 2;
        std::vector<float> nearest(looked_at.size(), std::numeric_limits<float>::max());
        centroids_.reserve(k_ * rows_.dimensions);
        for (std::size_t c = 0; c < k_; c++) {
            std::size_t best = random() % looked_at.size();
            for (int i = 1; c > 0 && i < draws; i++) {
                const std::size_t other = random() % looked_at.size();
                if (nearest[other] > nearest[best]) best = other;
            }
            const float* from = rows_.row(looked_at[best]);
            centroids_.insert(centroids_.end(), from, from + rows_.dimensions);
            in_chunks(looked_at.size(), options_, [&](std::size_t first, std::size_t last) {
                for (std::size_t i = first; i < last; i++)
                    nearest[i] = std::min(nearest[i],
                                          distance(rows_.row(looked_at[i]), centroid(c), rows_.dimensions));
            });
        }
    }

    void assign(const Indices& looked_at) {
        part_.resize(looked_at.size());
        reach_.resize(looked_at.size());
        in_chunks(looked_at.size(), options_, [&](std::size_t first, std::size_t last) {
            for (std::size_t i = first; i < last; i++) {
                const float* row = rows_.row(looked_at[i]);
                Shortlist<looked_at_closely> nearest;
                for (std::uint32_t c = 0; c < k_; c++)
                    nearest.offer(sketched_distance(row, centroid(c), rows_.dimensions) + penalty_[c], c);
                float best = std::numeric_limits<float>::max();
                for (const auto& [sketched, c] : nearest.entries()) {
                    const float d = is_sketched(rows_.dimensions)
                                        ? distance(row, centroid(c), rows_.dimensions)
                                        : sketched - penalty_[c];
                    if (d + penalty_[c] < best) {
                        best = d + penalty_[c];
                        part_[i] = c;
                        reach_[i] = d;
                    }
                    if (!is_sketched(rows_.dimensions)) break;
                }
            }
        });
        sizes_.assign(k_, 0);
        for (const std::uint32_t c : part_)
            sizes_[c]++;
    }

    void move(const Indices& looked_at) {
        std::vector<double> sums(centroids_.size());
        for (std::size_t i = 0; i < looked_at.size(); i++)
            simd::kernels().accumulate(&sums[part_[i] * rows_.dimensions], rows_.row(looked_at[i]),
                                       rows_.dimensions);
        for (std::size_t c = 0; c < k_; c++) {
            if (sizes_[c] == 0) {
                adopt_farthest(looked_at, c);
                continue;
            }
            for (std::size_t d = 0; d < rows_.dimensions; d++)
                centroids_[c * rows_.dimensions + d] =
                    static_cast<float>(sums[c * rows_.dimensions + d] / static_cast<double>(sizes_[c]));
        }
    }

    /// A centroid that lost all its rows goes to the row that is worst served.
    void adopt_farthest(const Indices& looked_at, std::size_t c) {
        const auto worst = static_cast<std::size_t>(std::ranges::max_element(reach_) - reach_.begin());
        const float* from = rows_.row(looked_at[worst]);
        std::copy(from, from + rows_.dimensions, &centroids_[c * rows_.dimensions]);
        reach_[worst] = 0;
    }

    /// Makes crowded centroids a little less attractive, empty ones a little more.
    void balance(std::size_t rows) {
        const double spread = std::accumulate(reach_.begin(), reach_.end(), 0.0) / static_cast<double>(rows);
        const double fair = static_cast<double>(rows) / static_cast<double>(k_);
        for (std::size_t c = 0; c < k_; c++) {
            const double excess = std::clamp(static_cast<double>(sizes_[c]) / fair - 1, -1.0, 2.0);
            penalty_[c] = static_cast<float>(penalty_[c] + balance_strength * spread * excess);
        }
    }

    static constexpr double balance_strength = 0.03;

    const Rows& rows_;
    const Indices& members_;
    std::size_t k_;
    const KmeansOptions& options_;
    std::vector<float> centroids_, penalty_, reach_;
    Indices part_;
    std::vector<std::size_t> sizes_;
};

class Divider {
public:
    Divider(const Rows& rows, std::size_t most, const KmeansOptions& options)
        : rows_(rows), most_(most), options_(options), random_(options.seed) {
        result_.group.resize(rows.count);
    }

    Division run(std::size_t wanted) {
        Indices all(rows_.count);
        std::iota(all.begin(), all.end(), 0);
        if (!all.empty()) divide(std::move(all), std::max<std::size_t>(wanted, 1));
        return std::move(result_);
    }

private:
    void divide(Indices members, std::size_t wanted) {
        wanted = std::max(wanted, (members.size() + most_ - 1) / most_);
        if (wanted <= 1) return close(members);
        Lloyd lloyd(rows_, members, parts(wanted), options_, random_);
        if (lloyd.k() == wanted && wanted * most_ >= members.size()) lloyd.limit(most_);
        std::vector<Indices> split(lloyd.k());
        for (std::size_t c = 0; c < lloyd.k(); c++)
            split[c].reserve(lloyd.sizes()[c]);
        for (std::size_t i = 0; i < members.size(); i++)
            split[lloyd.part()[i]].push_back(members[i]);
        std::erase_if(split, [](const Indices& part) { return part.empty(); });
        if (split.size() == 1) return divide_equal(split[0]);
        const std::size_t total = members.size();
        Indices().swap(members);
        // Each part gets as many groups as its share of the rows; what rounding leaves over goes to the next
        // part.
        double due = 0;
        for (Indices& part : split) {
            due +=
                static_cast<double>(wanted) * static_cast<double>(part.size()) / static_cast<double>(total);
            const double groups = std::max(1.0, std::round(due));
            due -= groups;
            divide(std::move(part), static_cast<std::size_t>(groups));
        }
    }

    /// As many parts as make the levels below alike.
    static std::size_t parts(std::size_t wanted) {
        if (wanted <= fan_out) return wanted;
        const double levels =
            std::ceil(std::log(static_cast<double>(wanted)) / std::log(static_cast<double>(fan_out)));
        return static_cast<std::size_t>(std::ceil(std::pow(static_cast<double>(wanted), 1 / levels)));
    }

    /// Rows that no distance separates: cut as they come, and only where the limit demands it.
    void divide_equal(const Indices& members) {
        const std::size_t pieces = (members.size() + most_ - 1) / most_;
        for (std::size_t piece = 0; piece < pieces; piece++)
            close({members.begin() + static_cast<std::ptrdiff_t>(members.size() * piece / pieces),
                   members.begin() + static_cast<std::ptrdiff_t>(members.size() * (piece + 1) / pieces)});
    }

    void close(const Indices& members) {
        for (const std::uint32_t row : members)
            result_.group[row] = static_cast<std::uint32_t>(result_.groups);
        result_.groups++;
    }

    const Rows& rows_;
    std::size_t most_;
    const KmeansOptions& options_;
    std::mt19937_64 random_;
    Division result_;
};

/// The mean of each group.
std::vector<float> means(const Rows& rows, const Division& division) {
    const auto& [group, groups] = division;
    std::vector<double> sums(groups * rows.dimensions);
    std::vector<std::size_t> sizes(groups);
    for (std::size_t i = 0; i < rows.count; i++) {
        if (group[i] == nobody) continue;
        simd::kernels().accumulate(&sums[group[i] * rows.dimensions], rows.row(i), rows.dimensions);
        sizes[group[i]]++;
    }
    std::vector<float> result(sums.size());
    for (std::size_t g = 0; g < groups; g++)
        for (std::size_t d = 0; d < rows.dimensions; d++)
            result[g * rows.dimensions + d] = static_cast<float>(
                sums[g * rows.dimensions + d] / static_cast<double>(std::max<std::size_t>(sizes[g], 1)));
    return result;
}

} // namespace

Division divide(const Rows& rows, std::size_t wanted, const KmeansOptions& options) {
    return Divider(rows, std::numeric_limits<std::uint32_t>::max(), options).run(wanted);
}

Division divide_within(const Rows& rows, std::size_t wanted, std::size_t most, const KmeansOptions& options) {
    return Divider(rows, most, options).run(wanted);
}

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
    levels_.push_back({leaves, std::move(centroids), {}, {}});
    while (levels_.front().count > 2 * fan_out) {
        const Level& below = levels_.front();
        const Rows rows{below.centroids.data(), below.count, dimensions_};
        const Division division = divide(rows, below.count / fan_out + 1, options);
        if (division.groups == 1 || division.groups > below.count / 2) return;
        Level above{division.groups, means(rows, division), Indices(division.groups + 1),
                    Indices(below.count)};
        for (const std::uint32_t group : division.group)
            above.first[group + 1]++;
        std::partial_sum(above.first.begin(), above.first.end(), above.first.begin());
        Indices place(above.first.begin(), above.first.end() - 1);
        for (std::uint32_t i = 0; i < below.count; i++)
            above.children[place[division.group[i]]++] = i;
        levels_.insert(levels_.begin(), std::move(above));
    }
}

Clusters::Near Clusters::nearest(const float* point, Scratch& scratch) const {
    const auto measure = [&](const Level& level, std::uint32_t node) {
        scratch.children.push_back(
            {sketched_distance(point, &level.centroids[node * dimensions_], dimensions_), node});
    };
    scratch.children.clear();
    for (std::uint32_t node = 0; node < levels_.front().count; node++)
        measure(levels_.front(), node);
    for (std::size_t depth = 1; depth < levels_.size(); depth++) {
        std::swap(scratch.beam, scratch.children);
        keep_nearest(levels_[depth - 1], point, scratch.beam, beam_width);
        scratch.children.clear();
        const Level& above = levels_[depth - 1];
        for (const Near& parent : scratch.beam)
            for (std::uint32_t c = above.first[parent.cluster]; c < above.first[parent.cluster + 1]; c++)
                measure(levels_[depth], above.children[c]);
    }
    keep_nearest(levels_.back(), point, scratch.children, 1);
    return scratch.children.front();
}

/// Keeps the `wanted` nearest of nodes whose distances are sketched; theirs are then exact.
void Clusters::keep_nearest(const Level& level, const float* point, std::vector<Near>& nodes,
                            std::size_t wanted) const {
    const auto nearer = [](const Near& a, const Near& b) { return a.distance < b.distance; };
    const auto keep = [&](std::size_t kept) {
        if (nodes.size() <= kept) return;
        std::nth_element(nodes.begin(), nodes.begin() + static_cast<std::ptrdiff_t>(kept), nodes.end(),
                         nearer);
        nodes.resize(kept);
    };
    if (is_sketched(dimensions_)) {
        keep(wanted + looked_at_closely);
        for (Near& node : nodes)
            node.distance = distance(point, &level.centroids[node.cluster * dimensions_], dimensions_);
    }
    keep(wanted);
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
    return clusters;
}

std::size_t Clusters::memory_bytes() const noexcept {
    std::size_t bytes = 0;
    for (const Level& level : levels_)
        bytes += level.centroids.size() * sizeof(float) +
                 (level.first.size() + level.children.size()) * sizeof(std::uint32_t);
    return bytes;
}

} // namespace soup::vann
