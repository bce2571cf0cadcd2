// See body_pace.hpp.
#include "thin_gateway/body_pace.hpp"

#include <algorithm>

namespace soup::gateway {

void BodyPace::received(std::size_t bytes, Clock::time_point now) {
    const std::chrono::duration<double> bought(static_cast<double>(bytes) /
                                               static_cast<double>(bytes_per_s_min_));
    deadline_ = std::min(deadline_ + std::chrono::duration_cast<Clock::duration>(bought), now + grace_);
}

} // namespace soup::gateway
