// A freed page keeps the transaction that was next when it was freed. Whoever read a link to it before has a
// snapshot from before, so once no snapshot is that old, nobody can come any more.
//
// On a standby the snapshots are others. Generic WAL has no record that makes the standby cancel queries, so
// the reuse is announced by nbtree's record for the same purpose: its redo looks at nothing but the conflict,
// and names the relation in the message only.
#include "tree/free_pages.hpp"

#include "core/tree/page.hpp"
#include "tree/server_page.hpp"

extern "C" {
#include "access/nbtxlog.h"
#include "access/xlog.h"
#include "access/xloginsert.h"
#include "storage/freespace.h"
#include "storage/lmgr.h"
#include "utils/snapmgr.h"
}

namespace soup::tree {
namespace {

void log_reuse(Relation index, BlockNumber block, FullTransactionId freed_at) {
    if (!XLogStandbyInfoActive() || !RelationNeedsWAL(index)) return;
    xl_btree_reuse_page record;
    std::memset(&record, 0, sizeof record); // Padding goes to the log too.
    record.block = block;
#if PG_VERSION_NUM >= 160000
    record.locator = index->rd_locator;
    record.snapshotConflictHorizon = freed_at;
    record.isCatalogRel = false;
#else
    record.node = index->rd_node;
    record.latestRemovedFullXid = freed_at;
#endif
    XLogBeginInsert();
    XLogRegisterData(reinterpret_cast<char*>(&record), SizeOfBtreeReusePage);
    XLogInsert(RM_BTREE_ID, XLOG_BTREE_REUSE_PAGE);
}

enum class Usable : std::uint8_t { yes, later, no };

Usable usable(Relation index, Buffer buffer) {
    if (pg::is_new(buffer)) return Usable::yes;
    const Tail& found = tail(static_cast<const std::byte*>(pg::bytes_of(buffer)));
    // The map is not logged, so after a crash it may name pages that are in use.
    if (found.checked != tail_mark || found.kind != PageKind::freed) return Usable::no;
    if (found.number == 0) return Usable::yes;
    const FullTransactionId freed_at = FullTransactionIdFromU64(found.number);
    if (!GlobalVisCheckRemovableFullXid(nullptr, freed_at)) return Usable::later;
    log_reuse(index, BufferGetBlockNumber(buffer), freed_at);
    return Usable::yes;
}

} // namespace

void record_free_page(Relation index, BlockNumber block) {
    RecordFreeIndexPage(index, block);
    // That changed the map's lowest level alone, and a search begins at the highest.
    FreeSpaceMapVacuumRange(index, block, block + 1);
}

Buffer take_free_page(Relation index) {
    // Leaves and chains that were freed just now are in the map, too, and too young. The map hands out its
    // pages in turn, so a look at some of them finds an older one as long as a fair part of them is.
    BlockNumber too_young[32];
    std::size_t too_young_count = 0;
    Buffer taken = InvalidBuffer;
    while (taken == InvalidBuffer && too_young_count < std::size(too_young)) {
        const BlockNumber block = GetFreeIndexPage(index);
        if (block == InvalidBlockNumber || block >= RelationGetNumberOfBlocks(index)) break;
        const Buffer buffer = ReadBuffer(index, block);
        // Whoever has it locked is about to use it.
        if (!ConditionalLockBuffer(buffer)) {
            ReleaseBuffer(buffer);
            continue;
        }
        switch (usable(index, buffer)) {
        case Usable::yes:
            taken = buffer;
            continue;
        case Usable::later:
            too_young[too_young_count++] = block;
            break;
        case Usable::no:
            break;
        }
        UnlockReleaseBuffer(buffer);
    }
    while (too_young_count > 0)
        record_free_page(index, too_young[--too_young_count]);
    return taken;
}

Buffer extend_file(Relation index, ForkNumber fork) {
    for (;;) {
#if PG_VERSION_NUM >= 160000
        BufferManagerRelation file{};
        file.rel = index;
        const Buffer buffer = ExtendBufferedRel(file, fork, nullptr, EB_LOCK_FIRST);
#else
        const bool is_shared = !RELATION_IS_LOCAL(index);
        if (is_shared) LockRelationForExtension(index, ExclusiveLock);
        // Locked before others can see it: vacuum, which would offer a page of zeros while it has it locked,
        // may need this same extension lock for the map, and each would wait for the other.
        const Buffer buffer = ReadBufferExtended(index, fork, P_NEW, RBM_ZERO_AND_LOCK, nullptr);
        if (is_shared) UnlockRelationForExtension(index, ExclusiveLock);
#endif
        // Vacuum may have found the page before it was locked and offered it to another backend.
        if (pg::is_new(buffer)) return buffer;
        UnlockReleaseBuffer(buffer);
    }
}

} // namespace soup::tree
