// vtree's pages: a page of any bytes in a sound index. Everything that reads or changes pages ends with an
// answer or with XX002.
#include "core/vtree/geometry.hpp"
#include "core/vtree/nearest_scan.hpp"
#include "core/vtree/region_scan.hpp"
#include "tests/fuzz/damaged_file.hpp"

#include <random>

using namespace soup;
using namespace soup::vtree;

namespace {

/// A sound index of a few leaves below one inner page, or of two levels of them.
class Index {
public:
    Index(unsigned dimensions, unsigned leaves)
        : geometry_(dimensions),
          damaged_(geometry_, meta(dimensions), draw_points(leaves), tree::Unlinked::reported) {}
    test::DamagedFile& file() noexcept { return damaged_.file(); }
    void use() {
        damaged_.use([&] { scan(); });
    }

private:
    static tree::Meta meta(unsigned dimensions) {
        tree::Meta meta{};
        meta.method = 2;
        meta.dimensions = dimensions;
        return meta;
    }
    test::DamagedIndex::Points draw_points(unsigned leaves) const {
        test::DamagedIndex::Points points;
        const unsigned dimensions = geometry_.layout().dimensions();
        std::mt19937 random(dimensions);
        std::normal_distribution<float> normal;
        std::vector<float> point(dimensions);
        for (unsigned row = 0; row < geometry_.layout().leaf_capacity() * leaves; ++row) {
            if (row % 4 != 3) // Every fourth point is equal to the one before.
                for (float& x : point)
                    x = normal(random);
            points.push_back(point);
        }
        return points;
    }

    void scan() {
        const unsigned dimensions = geometry_.layout().dimensions();
        const std::vector<float> lower(dimensions, -0.5F), upper(dimensions, 2);
        Region everything(dimensions), box(dimensions), ball(dimensions);
        box.keep_box(lower.data(), upper.data());
        ball.keep_box(lower.data(), upper.data());
        ball.keep_ball(damaged_.points()[1].data(), 1);
        for (const Region& region : {everything, box, ball}) {
            file().attempt([&] { find(region); });
            file().attempt([&] { find_nearest(region, NearestScan::Pinning::none); });
        }
        file().attempt([&] { find_nearest(everything, NearestScan::Pinning::each_result); });
    }

    void find(const Region& region) {
        const test::MemoryStore::Transaction transaction(file().store());
        RegionScan scan(file().store(), geometry_.layout(), region, RegionScan::Want::rows_and_points);
        Hits hits;
        while (scan.next(hits))
            if (hits.points.size() != hits.rows.size() * geometry_.layout().dimensions()) std::abort();
    }

    void find_nearest(const Region& region, NearestScan::Pinning pinning) {
        const test::MemoryStore::Transaction transaction(file().store());
        NearestScan scan(file().store(), geometry_.layout(), damaged_.points().back(), region, pinning);
        NearestScan::Found found;
        for (unsigned rows = 0; rows < 200 && scan.next(found); ++rows) {
        }
    }

    BoxGeometry geometry_;
    test::DamagedIndex damaged_; ///< Last: it is made by the other.
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static Index indexes[] = {Index(1, 3), Index(3, 5), Index(16, 40)};
    test::use_damaged(indexes, {data, size});
    return 0;
}
