// One list for all indexes of the session and one for all tables: a block has one place, and the last one
// that came takes it. The key is not stored, since the buffer's own tag tells what it holds.
//
// ReadRecentBuffer does not count a page as used, and pages that are not used are the first to go when
// buffers are short. So a page whose count is not at its highest is read as everybody reads it.
#include "tree/recent_buffers.hpp"

extern "C" {
#include "pgstat.h"
#include "storage/buf_internals.h"
}

namespace soup::tree {
namespace {

std::array<Buffer, 1 << 14> of_indexes{}; ///< 128 MB of pages. InvalidBuffer is 0.
std::array<Buffer, 1 << 16> of_tables{};  ///< 512 MB.

std::uint32_t number_of(Relation relation) noexcept {
#if PG_VERSION_NUM >= 160000
    return relation->rd_locator.relNumber;
#else
    return relation->rd_node.relNode;
#endif
}

/// A temporary relation's pages lie elsewhere: of one nothing is known, and nothing is kept.
Buffer& place_of(Relation relation, BlockNumber block) noexcept {
    static Buffer nowhere;
    if (RelationUsesLocalBuffers(relation)) return nowhere = InvalidBuffer;
    const std::uint32_t place = block + number_of(relation) * 2654435761U;
    return relation->rd_rel->relkind == RELKIND_INDEX ? of_indexes[place % of_indexes.size()]
                                                      : of_tables[place % of_tables.size()];
}

bool is_counted_highest(Buffer buffer) noexcept {
    const std::uint32_t state =
        pg_atomic_read_u32(&GetBufferDescriptor(static_cast<std::uint32_t>(buffer - 1))->state);
    return BUF_STATE_GET_USAGECOUNT(state) == BM_MAX_USAGE_COUNT;
}

/// Pins the buffer if it still holds the block.
bool is_still_there(Relation relation, ForkNumber fork, BlockNumber block, Buffer buffer) {
#if PG_VERSION_NUM >= 160000
    return ReadRecentBuffer(relation->rd_locator, fork, block, buffer);
#else
    return ReadRecentBuffer(relation->rd_node, fork, block, buffer);
#endif
}

} // namespace

Buffer RecentBuffers::read(Relation relation, ForkNumber fork, BlockNumber block,
                           BufferAccessStrategy strategy) {
    const Buffer guess = find(relation, fork, block);
    if (guess != InvalidBuffer && is_counted_highest(guess) && is_still_there(relation, fork, block, guess)) {
        pgstat_count_buffer_read(relation);
        pgstat_count_buffer_hit(relation);
        return guess;
    }
    const Buffer buffer = ReadBufferExtended(relation, fork, block, RBM_NORMAL, strategy);
    keep(relation, block, buffer);
    return buffer;
}

Buffer RecentBuffers::find(Relation relation, ForkNumber fork, BlockNumber block) noexcept {
    const Buffer buffer = place_of(relation, block);
    if (buffer == InvalidBuffer) return InvalidBuffer;
    // Read without a lock: a tag that changes meanwhile makes a wrong guess, which the pin finds out.
    const BufferTag& tag = GetBufferDescriptor(static_cast<uint32>(buffer - 1))->tag;
    BufferTag wanted{};
#if PG_VERSION_NUM >= 160000
    InitBufferTag(&wanted, &relation->rd_locator, fork, block);
    return BufferTagsEqual(&tag, &wanted) ? buffer : InvalidBuffer;
#else
    INIT_BUFFERTAG(wanted, relation->rd_node, fork, block);
    return BUFFERTAGS_EQUAL(tag, wanted) ? buffer : InvalidBuffer;
#endif
}

Buffer RecentBuffers::guess(Relation relation, BlockNumber block) noexcept {
    return place_of(relation, block);
}

void RecentBuffers::keep(Relation relation, BlockNumber block, Buffer buffer) noexcept {
    place_of(relation, block) = buffer;
}

void RecentBuffers::approach(Relation relation, BlockNumber block) noexcept {
    __builtin_prefetch(&place_of(relation, block));
}

} // namespace soup::tree
