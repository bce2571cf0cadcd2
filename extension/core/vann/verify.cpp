// What is checked: that counts are those of the arrays; that free slots are free and taken ones have numbers;
// that a slot's one-bit code is the signs of its detail, and that factors belong to their codes; that
// chains end and hold addresses; that a parent's code of a page is what encoding the page's centroid gives,
// bit for bit, since encoding is exact.
//
// Whether codes are those of the rows' vectors, which only the heap knows, is row_check.cpp's part.
#include "core/vann/chain_page.hpp"
#include "core/vann/detail_page.hpp"
#include "core/vann/geometry.hpp"

#include <cmath>

namespace soup::vann {

namespace {

class LeafCheck {
public:
    LeafCheck(const Layout& layout, tree::PageStore& store, const tree::Page& page,
              const tree::Report& report)
        : layout_(layout), store_(store), page_(page), report_(report),
          leaf_(layout, page.body(), page.block()), centroid_(layout.leaf_dims) {}

    void run() {
        if (!std::isfinite(leaf_.centroid_scale()) || leaf_.centroid_scale() < 0)
            return say("wrong code", "its centroid's scale is no scale");
        leaf_.read_centroid(centroid_.data());
        unsigned live = 0, last = 0;
        for (unsigned slot = 0; slot < layout_.leaf.capacity; ++slot) {
            if (is_free(leaf_.address(slot))) {
                check_free(slot);
                continue;
            }
            ++live;
            last = slot + 1;
            check_taken(slot);
        }
        if (live != leaf_.live() || last != leaf_.used())
            say("wrong count", "it has " + std::to_string(live) + " entries up to slot " +
                                   std::to_string(last) + ", its header says " +
                                   std::to_string(leaf_.live()) + " and " + std::to_string(leaf_.used()));
        for (unsigned page = 0; page < leaf_.detail_count(); ++page)
            check_details(page);
    }

private:
    void say(const char* kind, std::string detail) { report_({page_.block(), kind, std::move(detail)}); }
    void say(unsigned slot, const char* kind, const char* what) {
        say(kind, "slot " + std::to_string(slot) + ": " + what);
    }

    void check_free(unsigned slot) {
        // A leaf of zeros never held anything and was not initialised.
        if (!leaf_.has_centroid()) return;
        if (!(std::isinf(leaf_.a()[slot]) && leaf_.a()[slot] > 0) || leaf_.f()[slot] != 0)
            say(slot, "wrong code", "is free but its factors would let it be found");
    }

    void check_taken(unsigned slot) {
        if (!std::isfinite(leaf_.a()[slot]) || !std::isfinite(leaf_.f()[slot]) || leaf_.f()[slot] < 0)
            say(slot, "wrong code", "has factors that no code has");
        if (layout_.has_norms() && !(leaf_.norms()[slot] >= 0 && std::isfinite(leaf_.norms()[slot])))
            say(slot, "wrong code", "has a norm that no vector has");
        if (!layout_.has_details()) {
            const auto* code = reinterpret_cast<const std::int8_t*>(leaf_.codes()) +
                               std::size_t{slot} * layout_.leaf.code_bytes;
            check_code(code, leaf_.f()[slot] / 2.0, leaf_.a()[slot], 0,
                       [&](const char* what) { say(slot, "wrong code", what); });
        }
        if (is_chain(leaf_.address(slot))) check_chain(slot);
    }

    void check_chain(unsigned slot) {
        if (!leaf_.has_chains())
            say(slot, "wrong count", "names a chain, but the header says that there is none");
        unsigned pages = 0;
        follow_chain(store_, layout_, chain_block(leaf_.address(slot)), [&](const ChainView& chain) {
            ++pages;
            if (chain.count() == 0)
                report_({chain.block(), "wrong count",
                         "a page of equal vectors' addresses without any, or freed"});
            for (unsigned entry = 0; entry < chain.count(); ++entry)
                if (is_free(chain.address(entry)) || is_chain(chain.address(entry)))
                    report_(
                        {chain.block(), "wrong address", "entry " + std::to_string(entry) + " names no row"});
        });
        if (pages == 0) say(slot, "wrong link", "names a chain without a page");
    }

    void check_details(unsigned number) {
        const tree::Page page = lock_detail(store_, leaf_, page_.block(), number, tree::Lock::shared);
        const DetailView details(layout_, page.body());
        const unsigned first = number * layout_.detail.per_page;
        for (unsigned i = 0; i < layout_.detail.per_page && first + i < leaf_.used(); ++i)
            if (!is_free(leaf_.address(first + i))) check_detail(page.block(), first + i, details[i]);
    }

    void check_detail(tree::Block block, unsigned slot, const DetailCode& detail) {
        const auto say = [&](const char* what) {
            report_({block, "wrong code", "detail of slot " + std::to_string(slot) + ": " + what});
        };
        if (!std::isfinite(detail.b) || !std::isfinite(detail.f) || !std::isfinite(detail.tail_f) ||
            detail.f < 0 || detail.tail_f < 0)
            return say("has factors that no code has");
        if (layout_.has_norms() && detail.norm != leaf_.norms()[slot]) say("its norm is not the leaf's");
        std::uint8_t bits[256];
        get_bits(leaf_.codes(), layout_.leaf_dims, slot, bits);
        for (unsigned i = 0; i < layout_.leaf_dims; ++i) {
            const bool is_positive = (bits[i / 8] >> (i % 8) & 1) != 0;
            if (detail.code[i] == -128 || (detail.code[i] > 0 && !is_positive) ||
                (detail.code[i] < 0 && is_positive))
                return say("its signs are not the leaf's code");
        }
        double rest = 0; // |r|² of what the leaf does not see.
        for (unsigned i = layout_.leaf_dims; i < layout_.detail_dims; ++i)
            rest += std::pow(double{detail.tail_f} * detail.code[i], 2);
        const double coded = check_code(detail.code, detail.f, detail.b, rest, say);
        check_bits(slot, bits, coded, say);
    }

    /// b = |r|² + 2f⟨c,k⟩, and |r|² is a little less than |fk|², which is returned.
    template<class Say>
    double check_code(const std::int8_t* code, double f, double b, double rest, Say&& say) {
        double coded = 0, centre = 0;
        for (unsigned i = 0; i < layout_.leaf_dims; ++i) {
            const double step = f * code[i];
            coded += step * step;
            centre += 2 * step * centroid_[i];
        }
        const double square = b - centre, all = coded + rest;
        const double rounding = 1e-4 * (std::abs(b) + std::abs(centre) + all);
        if (square < all / 2 - rounding || square > all + rounding) say("its factors are not its code's");
        return coded;
    }

    /// a = |r|² + f⟨s,c⟩, f = 2|r|²/|r|₁, and |r| ≤ |r|₁ ≤ √n|r|.
    template<class Say>
    void check_bits(unsigned slot, const std::uint8_t* bits, double coded, Say&& say) {
        const double a = leaf_.a()[slot], f = leaf_.f()[slot], length = std::sqrt(coded);
        double centre = 0;
        for (unsigned i = 0; i < layout_.leaf_dims; ++i)
            centre += (bits[i / 8] >> (i % 8) & 1) != 0 ? double{centroid_[i]} : -double{centroid_[i]};
        centre *= f;
        const double rounding = 1e-4 * (std::abs(a) + std::abs(centre) + coded);
        if (a - centre < coded / 2 - rounding || a - centre > coded + rounding ||
            f < length / std::sqrt(layout_.leaf_dims) || f > 2.01 * length)
            say("the leaf's factors are not its code's");
    }

    const Layout& layout_;
    tree::PageStore& store_;
    const tree::Page& page_;
    const tree::Report& report_;
    LeafView leaf_;
    std::vector<float> centroid_;
};

void check_inner(const Layout& layout, const tree::Page& page, const tree::Report& report) {
    const InnerView inner(layout, page.body(), page.block());
    if (!std::isfinite(inner.centroid_scale()) || inner.centroid_scale() < 0)
        report({page.block(), "wrong code", "its centroid's scale is no scale"});
    if (!std::isfinite(inner.spread()) || inner.spread() < 0)
        report({page.block(), "wrong code", "its spread is no distance"});
    for (unsigned entry = 0; entry < inner.count(); ++entry)
        if (!std::isfinite(inner.a()[entry]) || !std::isfinite(inner.f()[entry]))
            report({page.block(), "wrong code",
                    "child " + std::to_string(entry) + " has factors that no code has"});
}

/// Encodes the page's centroid as its parent should have done.
void check_bound(const Layout& layout, const tree::Page& page, const std::byte* parent, unsigned entry,
                 const tree::Report& report) {
    const InnerView view(layout, parent, tree::no_block);
    std::vector<float> own(layout.leaf_dims);
    view.read_centroid(own.data());
    const std::vector<float> bound = page_bound(layout, page);
    std::vector<std::byte> expected(parent, parent + tree::body_bytes);
    InnerImage(layout, expected.data()).put(entry, {view.child(entry), bound.data()}, own.data());
    if (std::memcmp(expected.data(), parent, tree::body_bytes) != 0)
        report({page.block(), "wrong bound", "its centroid and spread are not what its parent has codes of"});
}

} // namespace

void VannGeometry::verify(tree::PageStore& store, const tree::Page& page, const std::byte* parent,
                          unsigned entry, const tree::Report& report) const {
    if (page.tail().level == 0)
        LeafCheck(layout_, store, page, report).run();
    else
        check_inner(layout_, page, report);
    if (parent != nullptr) check_bound(layout_, page, parent, entry, report);
}

} // namespace soup::vann
