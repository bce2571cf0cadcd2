// Vectors are made fit for sums of squares first: what is not finite or far too large is limited.
#include "core/vann/space.hpp"

#include <algorithm>
#include <cmath>

namespace soup::vann {
namespace {

/// Sixteen thousand squares of this, and of differences of two of these, stay far below float's range.
constexpr float coordinate_max = 1e15F;

/// NaN becomes the lower end: an index of an expression may hand over anything.
float limited(float x) noexcept {
    if (!(x >= -coordinate_max)) return -coordinate_max;
    return x <= coordinate_max ? x : coordinate_max;
}

unsigned padded_dimensions(unsigned dimensions) noexcept {
    return dimensions < 8 ? 8 : (dimensions + 15) / 16 * 16;
}

struct MeanHeader {
    tree::Block next;
    std::uint32_t count;
};
constexpr unsigned mean_page_floats = (tree::body_bytes - sizeof(MeanHeader)) / sizeof(float);

} // namespace

Space::Space(const Parameters& parameters, std::span<const float> mean)
    : dimensions_(parameters.dimensions), metric_(parameters.metric), mean_(mean.begin(), mean.end()),
      rotation_(padded_dimensions(parameters.dimensions), parameters.seed) {
    if (metric_ == Metric::inner_product || mean_.empty()) mean_.assign(dimensions_, 0);
}

bool Space::to_point(const float* vector, float* point) const noexcept {
    if (metric_ == Metric::cosine) {
        double squares = 0;
        for (unsigned i = 0; i < dimensions_; ++i)
            squares += double{vector[i]} * double{vector[i]};
        if (!(squares > 0)) return false;
        // In double: a vector of tiny numbers has a direction too.
        const double inverse = 1 / std::sqrt(squares);
        for (unsigned i = 0; i < dimensions_; ++i)
            point[i] = static_cast<float>(double{vector[i]} * inverse) - mean_[i];
    } else {
        for (unsigned i = 0; i < dimensions_; ++i)
            point[i] = limited(vector[i]) - mean_[i];
    }
    std::fill(point + dimensions_, point + padded(), 0.0F);
    rotation_.apply(point);
    return true;
}

tree::Block write_mean(tree::PageStore& store, std::span<const float> mean) {
    tree::Block next = tree::no_block;
    // From the end, so that each page can name the one after it.
    for (std::size_t page = (mean.size() + mean_page_floats - 1) / mean_page_floats; page-- > 0;) {
        const std::size_t first = page * mean_page_floats;
        const auto part = mean.subspan(first, std::min<std::size_t>(mean.size() - first, mean_page_floats));
        const tree::Page written = store.allocate();
        tree::Change change(store);
        std::byte* body = tree::body(change.initialise(written, tree::PageKind::meta, 0));
        const MeanHeader header{next, static_cast<std::uint32_t>(part.size())};
        std::memcpy(body, &header, sizeof header);
        std::memcpy(body + sizeof header, part.data(), part.size_bytes());
        change.commit();
        next = written.block();
    }
    return next;
}

std::vector<float> read_mean(tree::PageStore& store, tree::Block first, unsigned dimensions) {
    std::vector<float> mean;
    for (tree::Block block = first; block != tree::no_block;) {
        const tree::Page page = store.lock(block, tree::Lock::shared);
        const auto& header = *reinterpret_cast<const MeanHeader*>(page.body());
        const bool fits = page.tail().kind == tree::PageKind::meta && header.count > 0 &&
                          header.count <= mean_page_floats && mean.size() + header.count <= dimensions;
        if (!fits) tree::refuse_page(block, "it does not hold a part of the mean");
        const auto* floats = reinterpret_cast<const float*>(page.body() + sizeof header);
        mean.insert(mean.end(), floats, floats + header.count);
        block = header.next;
    }
    if (mean.size() != dimensions || !std::ranges::all_of(mean, [](float x) { return std::isfinite(x); }))
        tree::refuse_page(first, "it is not where a mean of the index's dimension begins");
    return mean;
}

} // namespace soup::vann
