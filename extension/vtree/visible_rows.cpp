// The visibility map is read without a lock, as by the executor's index-only scans: a bit that is set while
// the leaf is pinned says that every snapshot sees the page's rows that are still in the index. On a standby
// that is not so, because replay does not wait for pins: there all rows are looked up in the heap.
#include "vtree/visible_rows.hpp"

#include "tree/address.hpp"
#include "tree/server_page.hpp"

#include <bit>

extern "C" {
#include "access/tableam.h"
#include "access/visibilitymap.h"
#include "access/xlog.h"
#include "executor/tuptable.h"
}

namespace soup::vtree {
namespace {

constexpr BlockNumber blocks_a_byte = BITS_PER_BYTE / BITS_PER_HEAPBLOCK;
constexpr BlockNumber blocks_a_page = (BLCKSZ - MAXALIGN(SizeOfPageHeaderData)) * blocks_a_byte;
/// So much of the map, which is looked at eight bytes at a time, costs less than to find the rows' least
/// page.
constexpr std::size_t map_bytes_a_row_unasked = 8;
/// And so much no more than to look at each row by itself.
constexpr std::size_t map_bytes_a_row = 16;

BlockNumber block_of(tree::HeapAddress row) noexcept {
    std::uint32_t halves = 0; // As they lie there, the higher one first.
    std::memcpy(&halves, &row, sizeof halves);
    return std::rotl(halves, 16);
}

/// The least or greatest heap page of the rows, in two halves, because each has to wait for the one before.
template<class Pick>
BlockNumber picked_block(std::span<const tree::HeapAddress> rows, Pick pick) noexcept {
    BlockNumber one = block_of(rows.back()), other = one;
    const std::size_t half = rows.size() / 2;
    for (std::size_t i = 0; i < half; ++i) {
        one = pick(one, block_of(rows[i]));
        other = pick(other, block_of(rows[half + i]));
    }
    return pick(one, other);
}

} // namespace

VisibleRows::VisibleRows(Relation heap, Snapshot snapshot)
    : heap_(heap), snapshot_(snapshot), trusts_map_(!RecoveryInProgress()) {
    pg::call([&] {
        slot_ = table_slot_create(heap_, nullptr);
        fetch_ = table_index_fetch_begin(heap_);
    });
}

VisibleRows::~VisibleRows() {
    // After an ERROR the abort lets go of all this.
    if (pg::server_error_unwinding()) return;
    if (map_page_ != InvalidBuffer) ReleaseBuffer(map_page_);
    table_index_fetch_end(fetch_);
    ExecDropSingleTupleTableSlot(slot_);
}

void VisibleRows::look_at(std::span<const tree::HeapAddress> rows, std::vector<char>& is_visible) {
    is_visible.resize(rows.size());
    pg::call([&] {
        for (std::size_t i = 0; i < rows.size(); ++i)
            is_visible[i] = static_cast<char>(is_all_visible(block_of(rows[i])) || is_in_heap(rows[i]));
    });
}

/// Most tables are all visible but for their end, so the map up to a leaf's last heap page is looked at as a
/// whole, of a long one the part from its first page on: a kilobyte of it, 32 MB of heap, costs less than a
/// few rows one by one.
bool VisibleRows::are_all_visible(std::span<const tree::HeapAddress> rows) {
    const BlockNumber last = picked_block(rows, [](auto a, auto b) { return std::max(a, b); });
    if (last / blocks_a_byte <= rows.size() * map_bytes_a_row_unasked && are_all_visible(0, last))
        return true;
    const BlockNumber first = picked_block(rows, [](auto a, auto b) { return std::min(a, b); });
    return (last - first) / blocks_a_byte <= rows.size() * map_bytes_a_row && are_all_visible(first, last);
}

bool VisibleRows::are_all_visible(BlockNumber first, BlockNumber last) {
    // This also brings the map's page.
    if (!is_all_visible(first) || map_ == nullptr || first / blocks_a_page != last / blocks_a_page)
        return false;
    const std::byte* byte = map_ + first % blocks_a_page / blocks_a_byte;
    const std::byte* end = map_ + last % blocks_a_page / blocks_a_byte;
    static_assert(VISIBILITYMAP_ALL_VISIBLE == 1 && BITS_PER_HEAPBLOCK == 2 && blocks_a_byte == 4);
    constexpr std::uint64_t visible = 0x5555'5555'5555'5555;
    // The first and the last byte are also about pages that are not asked about.
    const unsigned before = 0xFFU & ~(0xFFU << first % blocks_a_byte * BITS_PER_HEAPBLOCK);
    const unsigned after = 0xFFU & (0xFFU << last % blocks_a_byte * BITS_PER_HEAPBLOCK << BITS_PER_HEAPBLOCK);
    if (byte == end)
        return ((std::to_integer<unsigned>(*byte) | before | after) & visible & 0xFF) == (visible & 0xFF);
    std::uint64_t all = visible & (std::to_integer<std::uint64_t>(*byte++) | before | ~std::uint64_t{0xFF});
    all &= std::to_integer<std::uint64_t>(*end) | after | ~std::uint64_t{0xFF};
    for (; end - byte >= 8; byte += 8) {
        std::uint64_t eight = 0;
        std::memcpy(&eight, byte, 8);
        all &= eight;
    }
    for (; byte < end; ++byte)
        all &= std::to_integer<std::uint64_t>(*byte) | ~std::uint64_t{0xFF};
    return all == visible;
}

/// What visibilitymap_get_status() says, without its call for each row: two bits per heap page, four heap
/// pages per byte, after the page header. Rows of a leaf lie all over the heap, and one page of the map
/// covers 256 MB.
bool VisibleRows::is_all_visible(BlockNumber block) {
    if (!trusts_map_) return false;
    if (map_ == nullptr || block / blocks_a_page != map_number_) {
        const bool is_visible =
            (visibilitymap_get_status(heap_, block, &map_page_) & VISIBILITYMAP_ALL_VISIBLE) != 0;
        // No buffer: the map does not reach so far yet.
        map_ = BufferIsValid(map_page_) ? pg::bytes_of(map_page_) + MAXALIGN(SizeOfPageHeaderData) : nullptr;
        map_number_ = block / blocks_a_page;
        return is_visible;
    }
    const BlockNumber at = block % blocks_a_page;
    const auto bits =
        std::to_integer<unsigned>(map_[at / blocks_a_byte]) >> (at % blocks_a_byte * BITS_PER_HEAPBLOCK);
    return (bits & VISIBILITYMAP_ALL_VISIBLE) != 0;
}

bool VisibleRows::is_in_heap(tree::HeapAddress row) {
    ItemPointerData address = tree::to_item_pointer(row);
    bool again = false, all_dead = false;
    const bool found = table_index_fetch_tuple(fetch_, &address, snapshot_, slot_, &again, &all_dead);
    ExecClearTuple(slot_);
    return found;
}

} // namespace soup::vtree
