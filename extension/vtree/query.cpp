// A region or point of another dimension: the operators <@ say no of every row, <-> raises; so does the
// index.
#include "vtree/query.hpp"

#include "vector/regions.hpp"

namespace soup::vtree {
namespace {

/// A datum's floats may lie anywhere.
std::vector<float> copied(const float* values, unsigned count) {
    std::vector<float> copy(count);
    std::memcpy(copy.data(), values, count * sizeof(float));
    return copy;
}

} // namespace

void keep_box(Region& region, Datum datum, unsigned dimensions) {
    const vector::BoxView box = pg::call([=] { return vector::view_box(datum); });
    if (static_cast<unsigned>(box.dimensions) != dimensions) return region.keep_nothing();
    region.keep_box(copied(box.lower, dimensions).data(), copied(box.upper, dimensions).data());
}

void keep_ball(Region& region, Datum datum, unsigned dimensions) {
    const vector::BallView ball = pg::call([=] { return vector::view_ball(datum); });
    if (static_cast<unsigned>(ball.dimensions) != dimensions) return region.keep_nothing();
    region.keep_ball(copied(ball.centre, dimensions).data(), ball.radius);
}

Region region_of(std::span<const ScanKeyData> keys, unsigned dimensions) {
    Region region(dimensions);
    for (const ScanKeyData& key : keys) {
        if ((key.sk_flags & SK_ISNULL) != 0)
            region.keep_nothing();
        else if (key.sk_strategy == Strategy::in_box)
            keep_box(region, key.sk_argument, dimensions);
        else if (key.sk_strategy == Strategy::in_ball)
            keep_ball(region, key.sk_argument, dimensions);
        else
            throw Error("XX000", "",
                        "unknown strategy " + std::to_string(key.sk_strategy) + " of a vtree index");
    }
    return region;
}

std::optional<std::vector<float>> origin_of(const ScanKeyData& order, unsigned dimensions) {
    if ((order.sk_flags & SK_ISNULL) != 0) return std::nullopt;
    const vector::View view = pg::call([&] { return vector::view(order.sk_argument); });
    if (static_cast<unsigned>(view.dimensions) != dimensions)
        vector::refuse_different_dimensions(static_cast<int>(dimensions), view.dimensions);
    return copied(view.elements, dimensions);
}

} // namespace soup::vtree
