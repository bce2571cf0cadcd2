// vtree's pages: a page of any bytes in a sound index. Everything that reads or changes pages ends with an
// answer or with XX002.
#include "core/tree/vacuum.hpp"
#include "core/tree/verify.hpp"
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
        : geometry_(dimensions), leaves_(leaves), file_([this](test::SingleStore& store) { make(store); }) {}
    test::DamagedFile& file() noexcept { return file_; }

    void use() {
        test::SingleStore& store = file_.store();
        file_.attempt(
            [&] { tree::verify(store, geometry_, tree::Unlinked::reported, [](const tree::Violation&) {}); });
        scan();
        for (std::size_t i = 0; i < 4; ++i)
            file_.attempt([&] { insert(store, points_[7 * i]); });
        file_.attempt([&] {
            tree::VacuumResult result = tree::bulk_delete(
                store, geometry_, [](tree::HeapAddress address) { return address.offset % 3 == 0; });
            tree::clean_up(store, geometry_, result);
        });
        scan();
    }

private:
    void make(test::SingleStore& store) {
        const unsigned dimensions = geometry_.layout().dimensions();
        points_.clear();
        tree::Meta meta{};
        meta.method = 2;
        meta.dimensions = dimensions;
        tree::create(store, meta);
        std::mt19937 random(dimensions);
        std::normal_distribution<float> normal;
        std::vector<float> point(dimensions);
        for (unsigned row = 0; row < geometry_.layout().leaf_capacity() * leaves_; ++row) {
            if (row % 4 != 3) // Every fourth point is equal to the one before.
                for (float& x : point)
                    x = normal(random);
            points_.push_back(point);
            insert(store, point);
        }
    }

    void insert(test::SingleStore& store, const std::vector<float>& point) {
        const test::MemoryStore::Transaction transaction(store);
        const auto row = static_cast<std::uint16_t>(++rows_ % 200 + 1);
        tree::insert(store, geometry_, {point, {0, static_cast<std::uint16_t>(rows_ / 200), row}, {}});
    }

    void scan() {
        const unsigned dimensions = geometry_.layout().dimensions();
        const std::vector<float> lower(dimensions, -0.5F), upper(dimensions, 2);
        Region everything(dimensions), box(dimensions), ball(dimensions);
        box.keep_box(lower.data(), upper.data());
        ball.keep_box(lower.data(), upper.data());
        ball.keep_ball(points_[1].data(), 1);
        for (const Region& region : {everything, box, ball}) {
            file_.attempt([&] { find(region); });
            file_.attempt([&] { find_nearest(region, NearestScan::Pinning::none); });
        }
        file_.attempt([&] { find_nearest(everything, NearestScan::Pinning::each_result); });
    }

    void find(const Region& region) {
        const test::MemoryStore::Transaction transaction(file_.store());
        RegionScan scan(file_.store(), geometry_.layout(), region, RegionScan::Want::rows_and_points);
        Hits hits;
        while (scan.next(hits))
            if (hits.points.size() != hits.rows.size() * geometry_.layout().dimensions()) std::abort();
    }

    void find_nearest(const Region& region, NearestScan::Pinning pinning) {
        const test::MemoryStore::Transaction transaction(file_.store());
        NearestScan scan(file_.store(), geometry_.layout(), points_.back(), region, pinning);
        NearestScan::Found found;
        for (unsigned rows = 0; rows < 200 && scan.next(found); ++rows) {
        }
    }

    BoxGeometry geometry_;
    unsigned leaves_;
    std::vector<std::vector<float>> points_;
    unsigned rows_ = 0;
    test::DamagedFile file_; ///< Last: it is made by the others.
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static Index indexes[] = {Index(1, 3), Index(3, 5), Index(16, 40)};
    test::use_damaged(indexes, {data, size});
    return 0;
}
