// See body_room.hpp.
#include "thin_gateway/body_room.hpp"

namespace soup::gateway {

bool BodyRoom::take(std::uint64_t group, std::size_t held, std::size_t bytes) {
    if (bytes > free_) return false;
    std::size_t& of_group = by_group_[group];
    const bool is_its_only = of_group == held;
    if (!is_its_only && of_group + bytes > free_ - bytes) return false;
    of_group += bytes;
    free_ -= bytes;
    return true;
}

void BodyRoom::give(std::uint64_t group, std::size_t bytes) {
    if (bytes == 0) return;
    const auto it = by_group_.find(group);
    free_ += bytes;
    it->second -= bytes;
    if (it->second == 0) by_group_.erase(it);
}

} // namespace soup::gateway
