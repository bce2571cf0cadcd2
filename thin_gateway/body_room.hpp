// Bytes of requests' bodies that a worker holds, as far as they have come, and whose they are.
//
// A group of callers (an org, or a source of tokens that nobody has checked yet) may hold at most as many
// bytes as stay free, so whoever sends megabytes and holds back the end leaves as much to the others as it
// takes. One body of a group needs no more than that there is room: whatever the others hold, and however
// little room there is in all, somebody alone can send the biggest append.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <unordered_map>

namespace soup::gateway {

class BodyRoom {
public:
    explicit BodyRoom(std::size_t bytes_max) : free_(bytes_max) {}

    /// For a body of `group` that holds `held` already.
    bool take(std::uint64_t group, std::size_t held, std::size_t bytes);
    void give(std::uint64_t group, std::size_t bytes);

    std::size_t free() const { return free_; }

private:
    std::size_t free_;
    // Keeps its memory: a body comes in many pieces, and most groups have one body at a time.
    std::pmr::unsynchronized_pool_resource memory_;
    std::pmr::unordered_map<std::uint64_t, std::size_t> by_group_{&memory_};
};

} // namespace soup::gateway
