// One table for all indexes of the session: a block has one place, and the last one that came takes it. The
// key is not stored, since the buffer's own tag tells what it holds.
#include "tree/recent_buffers.hpp"

extern "C" {
#include "storage/buf_internals.h"
}

namespace soup::tree {
namespace {

constexpr std::size_t place_count = 1 << 14; ///< 128 MB of pages.
std::array<Buffer, place_count> places{};    ///< InvalidBuffer is 0.

std::uint32_t number_of(Relation index) noexcept {
#if PG_VERSION_NUM >= 160000
    return index->rd_locator.relNumber;
#else
    return index->rd_node.relNode;
#endif
}

Buffer& place_of(Relation index, BlockNumber block) noexcept {
    return places[(block + number_of(index) * 2654435761U) % place_count];
}

} // namespace

Buffer RecentBuffers::find(Relation index, ForkNumber fork, BlockNumber block) noexcept {
    const Buffer buffer = place_of(index, block);
    if (buffer == InvalidBuffer) return InvalidBuffer;
    // Read without a lock: a tag that changes meanwhile makes a wrong guess, which the pin finds out.
    const BufferTag& tag = GetBufferDescriptor(static_cast<uint32>(buffer - 1))->tag;
    BufferTag wanted{};
#if PG_VERSION_NUM >= 160000
    InitBufferTag(&wanted, &index->rd_locator, fork, block);
    return BufferTagsEqual(&tag, &wanted) ? buffer : InvalidBuffer;
#else
    INIT_BUFFERTAG(wanted, index->rd_node, fork, block);
    return BUFFERTAGS_EQUAL(tag, wanted) ? buffer : InvalidBuffer;
#endif
}

void RecentBuffers::keep(Relation index, BlockNumber block, Buffer buffer) noexcept {
    if (!BufferIsLocal(buffer)) place_of(index, block) = buffer;
}

} // namespace soup::tree
