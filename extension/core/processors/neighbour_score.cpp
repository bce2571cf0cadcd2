// See neighbour_score.hpp.
#include "core/processors/neighbour_score.hpp"

namespace soup::processors {

NeighbourScore::NeighbourScore(const std::vector<float>& references, std::size_t dimensions)
    : padded_(Projection::padded(dimensions)), references_(references.size() / dimensions * padded_) {
    for (std::size_t i = 0; i < references.size(); i++)
        references_[i / dimensions * padded_ + i % dimensions] = references[i];
}

float NeighbourScore::squared_distance(const float* left, const float* right) const {
    Lanes sums[2] = {};
    for (std::size_t d = 0; d < padded_; d += 2 * lane_count)
        unrolled<2>([&](auto half) {
            const std::size_t at = d + half * lane_count;
            const Lanes difference = load(left + at) - load(right + at);
            sums[half] += difference * difference;
        });
    const Lanes sum = sums[0] + sums[1];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

} // namespace soup::processors
