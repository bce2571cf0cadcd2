// Which of n partitions a stream belongs to. Part of the stored order: a stream's records stay in one lane
// only as long as this function gives the same number, so it never changes within an epoch of a model's
// partitions.
//
// FNV-1a (64 bits) over the stream's UTF-8 bytes, then the finaliser of MurmurHash3: FNV alone mixes its low
// bits badly, and a small modulus looks at nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace soup::rawlog {

constexpr std::uint64_t stream_hash(std::string_view stream) noexcept {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (char byte : stream) {
        hash ^= static_cast<unsigned char>(byte);
        hash *= 0x100000001b3;
    }
    hash ^= hash >> 33;
    hash *= 0xff51afd7ed558ccd;
    hash ^= hash >> 33;
    hash *= 0xc4ceb9fe1a85ec53;
    hash ^= hash >> 33;
    return hash;
}

/// At which place among the partitions of an epoch, in ascending order, a stream's records lie.
constexpr std::size_t stream_place(std::string_view stream, std::size_t partition_count) noexcept {
    return stream_hash(stream) % partition_count;
}

static_assert(stream_hash("") == 0xefd01f60ba992926 && stream_hash("sensor-1") == 0xd9272224b5783dc7,
              "a stream's partition must not change");

} // namespace soup::rawlog
