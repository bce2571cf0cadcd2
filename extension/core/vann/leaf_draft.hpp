// A leaf in the making: the body and its detail pages in memory, from points; then written to the store. Used
// by splits and by bulk builds, so that both write the same pages.
#pragma once

#include "core/vann/chain_page.hpp"
#include "core/vann/detail_page.hpp"
#include "core/vann/leaf_page.hpp"

#include <memory>

namespace soup::vann {

/// One entry's codes relative to a leaf's centroid, and the buffers that they lie in.
class Encoder {
public:
    explicit Encoder(const Layout& layout);
    /// `point` has detail_dims floats (leaf_dims without details), `centroid` leaf_dims. `norm` is the
    /// vector's |x|², used where has_norms(). The codes are valid until the next call.
    void encode(const float* point, const float* centroid, float norm) noexcept;

    const LeafCode& leaf() const noexcept { return leaf_; }
    const DetailCode& detail() const noexcept { return detail_; }

private:
    const Layout* layout_;
    std::vector<std::uint8_t> leaf_bytes_;
    std::vector<std::int8_t> detail_bytes_;
    LeafCode leaf_{};
    DetailCode detail_{};
};

class LeafDraft {
public:
    explicit LeafDraft(const Layout& layout);

    /// Begins an empty leaf around `centroid` (leaf_dims floats), which is rounded to what the page can keep.
    void begin(const float* centroid);
    /// What the parent has to keep: rounded.
    std::span<const float> centroid() const noexcept { return centroid_; }

    unsigned size() const noexcept { return count_; }
    bool is_full() const noexcept { return count_ == layout_->leaf.capacity; }
    /// `address` may be a chain's: see write_chain(). The draft must not be full.
    void add(const float* point, tree::HeapAddress address, std::span<const std::byte> keys, float norm);

    /// Writes the detail pages, owned by `leaf`, up to four in a change, and names them in the body. They are
    /// unlinked until the body is in its page.
    void write_details(tree::PageStore& store, tree::Block leaf);
    const std::byte* body() const noexcept { return body_.get(); }

private:
    const Layout* layout_;
    Encoder encoder_;
    std::vector<float> centroid_;
    std::unique_ptr<std::byte[]> body_;
    std::vector<std::unique_ptr<std::byte[]>> details_;
    unsigned count_ = 0;
};

} // namespace soup::vann
