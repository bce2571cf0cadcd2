// soupvec_verify(index, unlinked): every violation of the tree's own rules and of those between index and
// heap, a row each.
//
// Lock: SHARE on the table and the index, which waits for writers and vacuum and keeps them out, so what is
// read stands still. On a standby no such lock exists: there the answer holds only while nothing is replayed.
//
// Checked against the heap: each row that a new snapshot sees, and that the method would index, has its
// address in the index, beside what can have been made of its columns; no address is there twice; each leads
// to a line pointer in use that is no heap-only tuple. Dead rows may still be in the index. Not checked: an
// index that is not valid yet against its heap.
#include "core/tree/verify.hpp"

#include "boundary/memory.hpp"
#include "boundary/subtransaction.hpp"
#include "core/tree/page_copy.hpp"
#include "tree/address.hpp"
#include "tree/buffer_store.hpp"
#include "tree/handler.hpp"
#include "tree/heap_page.hpp"
#include "tree/index_lock.hpp"
#include "tree/server_page.hpp"

extern "C" {
#include "access/tableam.h"
#include "catalog/index.h"
#include "funcapi.h"
#include "utils/snapmgr.h"
}

namespace soup::tree {
namespace {

class Findings {
public:
    explicit Findings(FunctionCallInfo fcinfo) {
        pg::call([=] { InitMaterializedSRF(fcinfo, 0); });
        result_ = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
    }
    void add(std::optional<Block> block, const char* kind, const std::string& detail) {
        pg::call([&] {
            Datum values[3] = {Int64GetDatum(block.value_or(0)), CStringGetTextDatum(kind),
                               CStringGetTextDatum(detail.c_str())};
            bool is_null[3] = {!block.has_value(), false, false};
            tuplestore_putvalues(result_->setResult, result_->setDesc, values, is_null);
        });
    }

private:
    ReturnSetInfo* result_;
};

std::string to_text(std::uint64_t address) {
    const HeapAddress a = as_address(address);
    const std::uint32_t block = std::uint32_t{a.block_high} << 16 | a.block_low;
    return "row (" + std::to_string(block) + "," + std::to_string(a.offset) + ")";
}

/// Pins the blocks from `first` on. Returns the one that the server refuses to read, and why.
std::optional<std::pair<Block, std::string>> first_unreadable(BufferStore& store, Block first, Block end) {
    Block block = first;
    std::optional<pg::Refusal> refusal;
    try {
        refusal = pg::try_in_subtransaction([&] {
            for (; block < end; ++block) {
                store.check_interrupts();
                store.pin(block);
            }
        });
    } catch (const pg::PgError& error) {
        // Elsewhere a corrupted page ends the statement; here it is what is looked for.
        if (error.sqlstate() != ERRCODE_DATA_CORRUPTED) throw;
        return std::pair{block, error.message()};
    }
    if (!refusal) return {};
    return std::pair{block, refusal->message};
}

/// Reports pages that the server itself refuses to read (checksum, header). A page that cannot be read would
/// end the walk with an error instead of a finding.
bool report_unreadable(BufferStore& store, Findings& findings) {
    const Block blocks = store.block_count();
    Block next = 0;
    bool all_readable = true;
    while (const auto found = first_unreadable(store, next, blocks)) {
        findings.add(found->first, "unreadable page", found->second);
        all_readable = false;
        next = found->first + 1;
    }
    return all_readable;
}

/// Reports pages that redo would set to zero in part (page_change.hpp). The bytes are read without a lock:
/// nobody writes an index that is being verified.
void check_headers(BufferStore& store, Findings& findings) {
    const Block blocks = store.block_count();
    for (Block block = 0; block < blocks; ++block) {
        store.check_interrupts();
        if (const Page page = store.pin(block); pg::has_hole(page.bytes()))
            findings.add(block, "wrong header", "the server's page header claims free space");
    }
}

/// Where the index has a row.
struct Place {
    std::uint64_t address;
    Block leaf;
    RowPlace within;
};

/// All places of the index, by address. Every leaf is in the tree, or verify() would have said so.
std::vector<Place> places_of(BufferStore& store, const Geometry& geometry) {
    std::vector<Place> places;
    for (Block block = root_block; block < store.block_count(); ++block) {
        store.check_interrupts();
        const PageCopy leaf(store, block);
        if (leaf.page().tail().kind != PageKind::leaf) continue;
        geometry.rows(store, leaf.page(), [&](HeapAddress address, const RowPlace& within) {
            places.push_back({as_number(address), block, within});
        });
    }
    std::ranges::sort(places, {}, &Place::address);
    return places;
}

void check_addresses(Relation heap, const std::vector<Place>& places, Findings& findings) {
    pg::HeapPage page(heap);
    for (std::size_t i = 0; i < places.size(); ++i) {
        const std::uint64_t address = places[i].address;
        if (i > 0 && address == places[i - 1].address)
            findings.add(places[i].leaf, "address twice", to_text(address) + " is in the index twice");
        else if (const char* fault = page.fault_of(to_item_pointer(as_address(address))))
            findings.add(places[i].leaf, "address leads nowhere", to_text(address) + ": " + fault);
    }
}

struct RowCheck {
    Relation index;
    const OpenIndex& open;
    BufferStore& store;
    const std::vector<Place>& places;
    Findings& findings;
    MemoryContext scratch;
    ItemBuffer row{};
};

/// IndexBuildCallback.
void check_row(Relation, ItemPointer row, Datum* values, bool* is_null, bool, void* argument) {
    pg::entry([&] {
        auto& check = *static_cast<RowCheck*>(argument);
        {
            const pg::ContextScope scope(check.scratch);
            MemoryContextReset(check.scratch);
            if (!check.open.method->make_item(check.index, check.open, values, is_null, check.row)) return;
        }
        check.row.address = to_address(*row);
        const std::uint64_t address = as_number(check.row.address);
        const auto place = std::ranges::lower_bound(check.places, address, {}, &Place::address);
        if (place == check.places.end() || place->address != address)
            return check.findings.add(std::nullopt, "missing row", to_text(address) + " is not in the index");
        const PageCopy leaf(check.store, place->leaf);
        // On a standby it may have become another page by now.
        if (leaf.page().tail().kind != PageKind::leaf) return;
        if (const char* why =
                check.open.geometry->contradiction(check.store, leaf.page(), place->within, check.row.item()))
            check.findings.add(place->leaf, "wrong content", to_text(address) + ": " + why);
    });
}

void check_rows(const IndexLock& lock, const OpenIndex& open, BufferStore& store,
                const std::vector<Place>& places, Findings& findings) {
    const pg::OwnedContext scratch("soupvec verify");
    RowCheck check{.index = lock.index(),
                   .open = open,
                   .store = store,
                   .places = places,
                   .findings = findings,
                   .scratch = scratch.get()};
    pg::call([&] {
        // A concurrent build's way of reading: rows that this snapshot sees, whatever others do.
        Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
        IndexInfo* info = BuildIndexInfo(lock.index());
        info->ii_Concurrent = true;
        info->ii_Unique = false;
        info->ii_ExclusionOps = nullptr;
        info->ii_ExclusionProcs = nullptr;
        info->ii_ExclusionStrats = nullptr;
        TableScanDesc scan = table_beginscan_strat(lock.heap(), snapshot, 0, nullptr, true, true);
        table_index_build_scan(lock.heap(), lock.index(), info, true, false, check_row, &check, scan);
        UnregisterSnapshot(snapshot);
    });
}

void verify_index(FunctionCallInfo fcinfo) {
    const IndexLock lock(PG_GETARG_OID(0), RecoveryInProgress() ? AccessShareLock : ShareLock);
    method_of(lock.index());
    Findings findings(fcinfo);
    BufferStore store(lock.index());
    if (!report_unreadable(store, findings)) return;
    check_headers(store, findings);
    const OpenIndexPtr open = open_index(lock.index());
    bool is_sound = true;
    verify(store, *open->geometry, PG_GETARG_BOOL(1) ? Unlinked::reported : Unlinked::allowed,
           [&](const Violation& found) {
               is_sound = false;
               findings.add(found.block, found.kind, found.detail);
           });
    // In a broken tree an entry may be unreachable or met twice; its addresses would only repeat that.
    if (!is_sound || !lock.index()->rd_index->indisvalid) return;
    const std::vector<Place> places = places_of(store, *open->geometry);
    check_addresses(lock.heap(), places, findings);
    check_rows(lock, *open, store, places, findings);
}

} // namespace
} // namespace soup::tree

SOUP_FUNCTION(svec_verify) {
    soup::tree::verify_index(fcinfo);
    return Datum{0};
}
