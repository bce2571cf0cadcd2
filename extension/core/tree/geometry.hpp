// What the tree asks of a geometry: how a page is scored, chosen from and split. The tree itself knows links,
// locks, numbers and changes, and nothing about points.
//
// A *bound* is what a parent keeps of a child, as floats of the geometry's own meaning: vann: the child's
// centroid; vtree: the lower, then the upper corner of its box. All functions on page content work on the
// body and leave the tail alone.
#pragma once

#include "core/tree/store.hpp"

#include <functional>
#include <string>
#include <vector>

namespace soup::tree {

/// What is inserted. `point` is already in the geometry's own space (vann: rotated and centred).
struct Item {
    std::span<const float> point;
    HeapAddress address;
    std::span<const std::byte> keys; ///< Further key columns, fixed width, as the metapage declares them.
    /// See Geometry::look_ahead(). GCC warns of shorter initialisers without a default.
    std::span<const Block> way = {}; // NOLINT(readability-redundant-member-init)
};

/// A child of an inner page that is being written.
struct Child {
    Block block;
    std::vector<float> bound;
};

/// The two pages that a split makes: bodies only. What they name (companions) has been written already.
struct Halves {
    alignas(8) std::byte left[body_bytes];
    alignas(8) std::byte right[body_bytes];
    std::vector<float> left_bound, right_bound;
    std::vector<Block> freed; ///< Companions of the page that was split, which nobody names any more.
};

enum class Placed : std::uint8_t { yes, full };

struct Removed {
    std::uint64_t dead = 0, live = 0; ///< Heap addresses removed from, and left in, the leaf.
};

/// Where a leaf has a row: in a slot, or in a page of the chain that the slot names.
struct RowPlace {
    unsigned slot;
    Block chain = no_block;
    unsigned entry = 0;
};

/// One finding of verify.
struct Violation {
    Block block;
    const char* kind; ///< A stable word: "wrong link", "unreachable page", …
    std::string detail;
};
using Report = std::function<void(Violation)>;

class Geometry {
public:
    virtual ~Geometry() = default;

    // --- Inner pages. A body that was zeroed is an inner page without children.
    virtual unsigned child_count(const std::byte* inner) const = 0;
    virtual Block child(const std::byte* inner, unsigned entry) const = 0;
    /// The child under which the item belongs best.
    virtual unsigned choose(const std::byte* inner, const Item& item) const = 0;
    /// Pages on the way to the leaf where the item belongs best, if that takes looking at more than one page
    /// a level: a hint to choose(), given to it in Item::way, which may be out of date by then.
    virtual void look_ahead(PageStore&, const Item&, std::vector<Block>& /*way*/) const {}
    /// Whether the child's bound has to grow to take the item, and to let it grow.
    virtual bool covers(const std::byte* inner, unsigned entry, const Item& item) const = 0;
    virtual void extend(std::byte* inner, unsigned entry, const Item& item) const = 0;
    /// Whether one more child would not fit.
    virtual bool inner_is_full(const std::byte* inner) const = 0;
    /// Makes `inner` a page with just these children.
    virtual void fill_inner(std::byte* inner, std::span<const Child> children) const = 0;
    /// A child was split: gives the entry the left half's bound, and adds the right half.
    virtual void replace_child(std::byte* inner, unsigned entry, const Child& left,
                               const Child& right) const = 0;
    virtual void remove_child(std::byte* inner, unsigned entry) const = 0;

    // --- Leaves. A body that was zeroed is an empty leaf.
    virtual bool leaf_is_empty(const std::byte* leaf) const = 0;
    /// Puts the item into an exclusively locked leaf by changes of its own. `full`: nothing was changed.
    virtual Placed place(PageStore& store, const Page& leaf, const Item& item) const = 0;
    /// Removes what is dead from a leaf that is locked for cleanup, by changes of its own.
    virtual Removed remove_dead(PageStore& store, const Page& leaf,
                                const std::function<bool(HeapAddress)>& is_dead) const = 0;
    /// The companions and chains that a leaf names. A reader that let go of the leaf checks a companion's
    /// kind and owner under its lock, and does without it if they are others by now (see freeing.hpp).
    virtual void companions(PageStore& store, const std::byte* leaf, std::vector<Block>& into) const = 0;
    /// Calls visit for each heap address of a leaf and of its chains.
    virtual void rows(PageStore& store, const Page& leaf,
                      const std::function<void(HeapAddress, const RowPlace&)>& visit) const = 0;
    /// Why what is at a place cannot have been made of the item, whose address is there; null if it can. What
    /// is kept as a code is compared within a code's error.
    virtual const char* contradiction(PageStore& store, const Page& leaf, const RowPlace& place,
                                      const Item& item) const = 0;

    // --- Both.
    /// Divides the content of an exclusively locked page into what the blocks `left` and `right` will hold:
    /// the page's own block and a new one, or two new ones when the root is split. Writes new companions,
    /// owned by those blocks, by changes of its own; the caller links them.
    virtual void split(PageStore& store, const Page& page, Block left, Block right, Halves& into) const = 0;
    /// Checks one page's own content, and that a child's content lies within the bound that its parent keeps.
    /// `parent` is null for the root.
    virtual void verify(PageStore& store, const Page& page, const std::byte* parent, unsigned entry,
                        const Report& report) const = 0;
};

} // namespace soup::tree
