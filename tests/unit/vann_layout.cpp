// Pages hold what the layout says they do, for every dimension, metric and width of keys that is allowed.
#include "tests/unit/vann_fixture.hpp"

#include "core/vann/inner_page.hpp"
#include "core/vann/leaf_page.hpp"

#include <algorithm>

namespace soup::vann::test {
namespace {

struct Area {
    unsigned from, bytes, alignment;
};

void expect_apart(std::vector<Area> areas, const char* page, const Layout& layout) {
    SCOPED_TRACE(testing::Message() << page << ", " << layout.dimensions << " dimensions, "
                                    << layout.key_bytes << " bytes of keys");
    std::sort(areas.begin(), areas.end(), [](const Area& a, const Area& b) { return a.from < b.from; });
    unsigned end = 0;
    for (const Area& area : areas) {
        if (area.bytes == 0) continue;
        EXPECT_GE(area.from, end);
        EXPECT_EQ(area.from % area.alignment, 0U);
        end = area.from + area.bytes;
    }
    EXPECT_LE(end, tree::body_bytes);
}

void check(const Layout& layout) {
    const unsigned norm = layout.has_norms() ? 4 : 0, tail = layout.tail_dims() > 0 ? 4 : 0;
    const Layout::Leaf& leaf = layout.leaf;
    EXPECT_GE(leaf.capacity, block_entries);
    EXPECT_EQ(leaf.capacity % block_entries, 0U);
    expect_apart({{0, sizeof(LeafHeader), 4},
                  {leaf.details, layout.detail.pages * 4, 4},
                  {leaf.a, leaf.capacity * 4, 4},
                  {leaf.f, leaf.capacity * 4, 4},
                  {leaf.norm, leaf.capacity * norm, 4},
                  {leaf.centroid, layout.leaf_dims * leaf.centroid_bytes, leaf.centroid_bytes},
                  {leaf.address, leaf.capacity * 6, 2},
                  {leaf.keys, leaf.capacity * layout.key_bytes, 1},
                  {leaf.codes, leaf.capacity * leaf.code_bytes, 8}},
                 "leaf", layout);
    const Layout::Inner& inner = layout.inner;
    EXPECT_GE(inner.capacity, 16U);
    expect_apart({{0, sizeof(InnerHeader), 8},
                  {inner.child, inner.capacity * 4, 4},
                  {inner.a, inner.capacity * 4, 4},
                  {inner.f, inner.capacity * 4, 4},
                  {inner.norm, inner.capacity * norm, 4},
                  {inner.centroid, layout.leaf_dims * inner.centroid_bytes, inner.centroid_bytes},
                  {inner.spread, inner.capacity, 1},
                  {inner.codes, inner.capacity * inner.code_bytes, 1}},
                 "inner page", layout);
    if (layout.has_details()) {
        const Layout::Detail& detail = layout.detail;
        EXPECT_GE(detail.per_page * detail.pages, leaf.capacity);
        EXPECT_GE(layout.detail_dims, layout.leaf_dims);
        expect_apart({{detail.b, detail.per_page * 4, 4},
                      {detail.f, detail.per_page * 4, 4},
                      {detail.norm, detail.per_page * norm, 4},
                      {detail.tail_f, detail.per_page * tail, 4},
                      {detail.codes, detail.per_page * layout.detail_dims, 8}},
                     "detail page", layout);
    }
    expect_apart({{0, sizeof(ChainHeader), 4},
                  {layout.chain.address, layout.chain.capacity * 6, 2},
                  {layout.chain.keys, layout.chain.capacity * layout.key_bytes, 1}},
                 "chain page", layout);
    EXPECT_GE(layout.equals_max, 4U);
    EXPECT_LT(layout.equals_max + 1, layout.chain.capacity);
    EXPECT_LE(layout.equals_max * 4, std::max(16U, leaf.capacity));
}

TEST(VannLayout, KeepsArraysApart) {
    for (unsigned dimensions = 1; dimensions <= dimensions_max; dimensions += dimensions < 2100 ? 1 : 277)
        for (const Metric metric : {Metric::l2, Metric::inner_product})
            for (const unsigned key_bytes : {0U, 5U, key_bytes_max})
                check(Layout(dimensions, metric, key_bytes));
    check(Layout(dimensions_max, Metric::inner_product, key_bytes_max));
}

TEST(VannLayout, RefusesWhatCannotBe) {
    EXPECT_THROW(Layout(0, Metric::l2, 0), Error);
    EXPECT_THROW(Layout(dimensions_max + 1, Metric::l2, 0), Error);
    EXPECT_THROW(Layout(128, Metric::l2, 1000), Error);
}

/// The figures that the design was measured with.
TEST(VannLayout, HoldsAsManyAsTheDesignSays) {
    struct Expected {
        unsigned dimensions, entries, details, children;
    };
    for (const auto& [dimensions, entries, details, children] :
         {Expected{96, 304, 78, 73}, Expected{128, 256, 59, 56}, Expected{768, 64, 10, 64},
          Expected{784, 64, 10, 64}, Expected{1536, 32, 5, 32}}) {
        const Layout layout(dimensions, Metric::l2, 0);
        EXPECT_EQ(layout.leaf.capacity, entries) << dimensions;
        EXPECT_EQ(layout.detail.per_page, details) << dimensions;
        EXPECT_EQ(layout.inner.capacity, children) << dimensions;
    }
}

} // namespace
} // namespace soup::vann::test
