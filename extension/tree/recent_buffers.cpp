// One table for all relations of the session: a block has one place, and the last one that came takes it. The
// key is not stored, since the buffer's own tag tells what it holds.
//
// ReadRecentBuffer does not count a page as used, so a page that only ever was read by it would be the first
// to go when buffers are short. So one read in sixteen asks the server as everybody does.
#include "tree/recent_buffers.hpp"

extern "C" {
#include "storage/buf_internals.h"
}

namespace soup::tree {
namespace {

constexpr std::size_t place_count = 1 << 16; ///< 512 MB of pages; of the table itself only what is used.
std::array<Buffer, place_count> places{};    ///< InvalidBuffer is 0.

constexpr unsigned counted_read = 16;
unsigned reads = 0;

std::uint32_t number_of(Relation relation) noexcept {
#if PG_VERSION_NUM >= 160000
    return relation->rd_locator.relNumber;
#else
    return relation->rd_node.relNode;
#endif
}

Buffer& place_of(Relation relation, BlockNumber block) noexcept {
    return places[(block + number_of(relation) * 2654435761U) % place_count];
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
    const Buffer guess = ++reads % counted_read == 0 ? InvalidBuffer : find(relation, fork, block);
    if (guess != InvalidBuffer && is_still_there(relation, fork, block, guess)) return guess;
    const Buffer buffer = ReadBufferExtended(relation, fork, block, RBM_NORMAL, strategy);
    keep(relation, block, buffer);
    return buffer;
}

Buffer RecentBuffers::find(Relation relation, ForkNumber fork, BlockNumber block) noexcept {
    const Buffer buffer = place_of(relation, block);
    // A temporary relation's pages lie elsewhere, and its file's number may be that of another relation's.
    if (buffer == InvalidBuffer || RelationUsesLocalBuffers(relation)) return InvalidBuffer;
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

void RecentBuffers::keep(Relation relation, BlockNumber block, Buffer buffer) noexcept {
    if (!BufferIsLocal(buffer)) place_of(relation, block) = buffer;
}

void RecentBuffers::approach(Relation relation, BlockNumber block) noexcept {
    __builtin_prefetch(&place_of(relation, block));
}

} // namespace soup::tree
