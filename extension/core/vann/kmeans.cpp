// Top down: a set is divided into at most `fan_out` parts by Lloyd's iteration, and each part again, into as
// many groups as its share of the rows. Each small k-means looks at a subset only, so the cost is about rows
// · fan_out · depth distances.
#include "core/vann/kmeans.hpp"

#include "core/simd/dispatch.hpp"
#include "core/vann/shortlist.hpp"

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

constexpr std::size_t rows_a_centroid = 64; ///< That Lloyd's iteration looks at.

using Indices = std::vector<std::uint32_t>;

float distance(const float* a, const float* b, std::size_t n) {
    return simd::kernels().l2_squared(a, b, n);
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
            const bool is_rough = is_sketched(rows_.dimensions);
            std::vector<float> scratch;
            for (std::size_t i = first; i < last; i++) {
                const float* row = rows_.row(looked_at[i]);
                const std::span<const float> distances = sketched_distances(
                    row, {centroids_.data(), rows_.dimensions, nullptr, k_}, rows_.dimensions, scratch);
                Shortlist nearest(is_rough ? looked_at_closely : 1);
                for (std::uint32_t c = 0; c < k_; c++)
                    nearest.offer(distances[c] + penalty_[c], c);
                float best = std::numeric_limits<float>::max();
                for (const auto& [sketched, c] : nearest.entries()) {
                    const float d = is_rough ? distance(row, centroid(c), rows_.dimensions) : distances[c];
                    if (is_rough && !(d + penalty_[c] < best)) continue;
                    best = d + penalty_[c];
                    part_[i] = c;
                    reach_[i] = d;
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

using Groups = std::vector<Indices>;

/// Divides a part of the rows and the parts of that.
class Divider {
public:
    Divider(const Rows& rows, std::size_t most, const KmeansOptions& options, std::uint64_t seed)
        : rows_(rows), most_(most), options_(options), random_(seed) {}

    Groups divide(Indices members, std::size_t wanted) {
        wanted = std::max({std::size_t{1}, wanted, (members.size() + most_ - 1) / most_});
        if (members.empty()) return {};
        if (wanted == 1) {
            Groups one;
            one.push_back(std::move(members));
            return one;
        }
        Lloyd lloyd(rows_, members, parts(wanted), options_, random_);
        if (lloyd.k() == wanted && wanted * most_ >= members.size()) lloyd.limit(most_);
        Groups split(lloyd.k());
        for (std::size_t c = 0; c < lloyd.k(); c++)
            split[c].reserve(lloyd.sizes()[c]);
        for (std::size_t i = 0; i < members.size(); i++)
            split[lloyd.part()[i]].push_back(members[i]);
        std::erase_if(split, [](const Indices& part) { return part.empty(); });
        if (split.size() == 1) return divide_equal(split[0]);
        const std::size_t total = members.size();
        Indices().swap(members);
        return divide_each(std::move(split), wanted, total);
    }

private:
    /// Each part gets as many groups as its share of the rows; what rounding leaves over goes to the next
    /// part. Each has a seed of its own, so that it does not matter which is divided first.
    Groups divide_each(Groups split, std::size_t wanted, std::size_t total) {
        struct Share {
            std::size_t groups;
            std::uint64_t seed;
        };
        std::vector<Share> shares;
        double due = 0;
        for (const Indices& part : split) {
            due +=
                static_cast<double>(wanted) * static_cast<double>(part.size()) / static_cast<double>(total);
            const double groups = std::max(1.0, std::round(due));
            due -= groups;
            shares.push_back({static_cast<std::size_t>(groups), random_()});
        }
        KmeansOptions alone = options_;
        alone.parallel_for = run_serially;
        std::vector<Groups> divided(split.size());
        options_.parallel_for(split.size(), [&](std::size_t i) {
            divided[i] =
                Divider(rows_, most_, alone, shares[i].seed).divide(std::move(split[i]), shares[i].groups);
        });
        Groups all;
        for (Groups& groups : divided)
            std::ranges::move(groups, std::back_inserter(all));
        return all;
    }

    /// As many parts as make the levels below alike.
    static std::size_t parts(std::size_t wanted) {
        if (wanted <= fan_out) return wanted;
        const double levels =
            std::ceil(std::log(static_cast<double>(wanted)) / std::log(static_cast<double>(fan_out)));
        return static_cast<std::size_t>(std::ceil(std::pow(static_cast<double>(wanted), 1 / levels)));
    }

    /// Rows that no distance separates: cut as they come, and only where the limit demands it.
    Groups divide_equal(const Indices& members) const {
        const std::size_t pieces = (members.size() + most_ - 1) / most_;
        Groups groups;
        for (std::size_t piece = 0; piece < pieces; piece++)
            groups.emplace_back(
                members.begin() + static_cast<std::ptrdiff_t>(members.size() * piece / pieces),
                members.begin() + static_cast<std::ptrdiff_t>(members.size() * (piece + 1) / pieces));
        return groups;
    }

    const Rows& rows_;
    std::size_t most_;
    const KmeansOptions& options_;
    std::mt19937_64 random_;
};

} // namespace

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

Division divide(const Rows& rows, std::size_t wanted, const KmeansOptions& options) {
    return divide_within(rows, wanted, std::numeric_limits<std::uint32_t>::max(), options);
}

Division divide_within(const Rows& rows, std::size_t wanted, std::size_t most, const KmeansOptions& options) {
    Indices all(rows.count);
    std::iota(all.begin(), all.end(), 0);
    const Groups groups = Divider(rows, most, options, options.seed).divide(std::move(all), wanted);
    Division division{Indices(rows.count), groups.size()};
    for (std::uint32_t number = 0; number < groups.size(); number++)
        for (const std::uint32_t row : groups[number])
            division.group[row] = number;
    return division;
}

} // namespace soup::vann
