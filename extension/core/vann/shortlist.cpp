// With few dimensions the sketch is the distance itself.
#include "core/vann/shortlist.hpp"

#include "core/simd/dispatch.hpp"

namespace soup::vann {

std::span<const float> sketched_distances(const float* point, const simd::RowList& rows,
                                          std::size_t dimensions, std::vector<float>& scratch) {
    if (scratch.size() < rows.count) scratch.resize(rows.count);
    const std::span<float> distances(scratch.data(), rows.count);
    const std::size_t seen = is_sketched(dimensions) ? sketch_dims : dimensions;
    simd::kernels().l2_squared_each(point, rows, seen, distances.data());
    if (seen < dimensions)
        for (float& distance : distances)
            distance *= static_cast<float>(dimensions) / static_cast<float>(seen);
    return distances;
}

} // namespace soup::vann
