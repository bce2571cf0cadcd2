// How many places of a pool one caller may hold, so that there is always one for somebody else.
//
// A member may hold at most as many as stay free (Choudhury and Hahne's dynamic threshold): alone it gets
// half of them, a second one half of the rest, and so on; nobody has to know how many will come. The last
// free place is for a group that holds none. What waits in a fair line is served soon, but what is
// served cannot be taken back, and may last for an hour (a stream) or until --request-ms (a call).
#pragma once

#include "thin_gateway/caller.hpp"

namespace soup::gateway {

enum class Kin : unsigned char { none, group, member };

inline Kin kin(const Caller& one, const Caller& other) {
    if (one.group != other.group) return Kin::none;
    return one.member == other.member ? Kin::member : Kin::group;
}

/// What is held of a pool's places, as one caller sees it.
struct Holdings {
    std::size_t by_member = 0, free = 0;
    bool has_group_any = false; ///< members of the group other than itself included

    void add(Kin holder) {
        by_member += holder == Kin::member;
        has_group_any |= holder != Kin::none;
    }
    bool has_share_left() const { return by_member < free && (free > 1 || !has_group_any); }
};

} // namespace soup::gateway
