// The rounding itself is a kernel.
#include "core/vann/whole_point.hpp"

#include "core/simd/dispatch.hpp"

namespace soup::vann {

void WholePoint::prepare(const float* point) noexcept {
    step_ = simd::kernels().codes.to_shorts(point, numbers_.size(), numbers_.data());
}

} // namespace soup::vann
