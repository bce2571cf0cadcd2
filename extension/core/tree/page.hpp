// A page as the tree sees it: the server's header, a body that belongs to the geometry, and the tail with the
// links.
//
//     offset   bytes  what
//     0        24     the server's page header; the page store fills it
//     24       8136   body: the geometry's, or the metapage's
//     8160     32     Tail
//
// Numbers are in the machine's byte order, as in all of the server's own pages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace soup::tree {

using Block = std::uint32_t;
inline constexpr Block no_block = 0xFFFFFFFF;
inline constexpr Block meta_block = 0;
inline constexpr Block root_block =
    1; ///< For the whole life of the index: a root that splits keeps its block.

inline constexpr std::size_t page_bytes = 8192;
inline constexpr std::size_t header_bytes = 24;

/// Stored: a number is never given another meaning. 0 is what a page is before its first change.
enum class PageKind : std::uint16_t {
    unused = 0,
    meta = 1,
    inner = 2,
    leaf = 3,
    companion = 4, ///< Holds more of one leaf's entries (vann: details); named by that leaf alone.
    chain = 5,     ///< Addresses of equal points, or what did not fit elsewhere; named by its owner alone.
    freed = 6,     ///< Given back; reused once no scan can hold a link to it.
};

/// The last bytes of every page.
struct Tail {
    std::uint64_t
        split_number; ///< The tree's split counter at the last split of this page, 0 if never split.
    /// Inner page: the highest split_number among its children. Companion and chain: the transaction that
    /// made the page. Freed page: the next transaction at the time of freeing, 0 if it may be reused at once.
    std::uint64_t number;
    Block right;           ///< The page that the last split moved the upper part to, or no_block.
    Block owner;           ///< Companion and chain: the leaf that names the page. Else no_block.
    PageKind kind;         //
    std::uint16_t level;   ///< 0 for a leaf and what belongs to it, the root's is the highest.
    std::uint32_t checked; ///< tail_mark; anything else is no page of ours.
};
static_assert(sizeof(Tail) == 32);
inline constexpr std::uint32_t tail_mark = 0x564f5053; // "SPOV"
inline constexpr std::size_t tail_offset = page_bytes - sizeof(Tail);
inline constexpr std::size_t body_bytes = tail_offset - header_bytes;

inline const Tail& tail(const std::byte* page) noexcept {
    return *reinterpret_cast<const Tail*>(page + tail_offset);
}
inline Tail& tail(std::byte* page) noexcept {
    return *reinterpret_cast<Tail*>(page + tail_offset);
}
inline const std::byte* body(const std::byte* page) noexcept {
    return page + header_bytes;
}
inline std::byte* body(std::byte* page) noexcept {
    return page + header_bytes;
}

/// A row's address, as the server stores it: block (high, low), offset. 6 bytes, aligned to 2.
struct HeapAddress {
    std::uint16_t block_high, block_low, offset;

    friend bool operator==(const HeapAddress&, const HeapAddress&) = default;
};
static_assert(sizeof(HeapAddress) == 6);
inline std::uint64_t as_number(HeapAddress a) noexcept {
    return std::uint64_t{a.block_high} << 32 | std::uint64_t{a.block_low} << 16 | a.offset;
}
inline HeapAddress as_address(std::uint64_t n) noexcept {
    return {static_cast<std::uint16_t>(n >> 32), static_cast<std::uint16_t>(n >> 16),
            static_cast<std::uint16_t>(n)};
}

/// The metapage's body. The first two fields stay where they are in every format, so that any release can
/// read any other's.
struct Meta {
    std::uint32_t magic;                 ///< meta_magic
    std::uint32_t format;                ///< Of this access method; see FORMAT.md.
    std::uint32_t method;                ///< 1 vann, 2 vtree
    std::uint32_t dimensions;            //
    std::uint64_t split_number;          ///< Raised by each split of the tree.
    std::byte geometry[body_bytes - 24]; ///< The geometry's own parameters.
};
static_assert(sizeof(Meta) == body_bytes);
inline constexpr std::uint32_t meta_magic = 0x50554f53; // "SOUP"

inline const Meta& meta(const std::byte* page) noexcept {
    return *reinterpret_cast<const Meta*>(body(page));
}
inline Meta& meta(std::byte* page) noexcept {
    return *reinterpret_cast<Meta*>(body(page));
}

} // namespace soup::tree
