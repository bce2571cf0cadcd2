// What a session keeps of an index. The relation cache's entry holds only a serial number, which dies with
// the entry; the object with that number lies here. So an invalidation (REINDEX, a new calibration) is
// noticed at the next open, while scans and inserts that are under way keep the object that they began with.
#include "boundary/memory.hpp"
#include "tree/buffer_store.hpp"
#include "tree/handler.hpp"

#include <unordered_map>

namespace soup::tree {
namespace {

struct OpenIndexes {
    struct Entry {
        std::uint64_t serial;
        OpenIndexPtr open;
    };
    std::unordered_map<Oid, Entry> by_index;
    std::uint64_t serial = 0;
};
/// Entries of dropped indexes stay until the map is full; then all go, and come back when used.
constexpr std::size_t open_indexes_max = 256;

OpenIndexes& open_indexes() {
    static auto* indexes = new OpenIndexes; // Never destroyed: a backend's exit runs no destructors.
    return *indexes;
}

Meta read_meta(Relation index, BufferStore& store, const AccessMethod& method) {
    const char* name = RelationGetRelationName(index);
    const Page page = store.lock(meta_block, Lock::shared);
    const Meta& stored = meta(page.bytes());
    if (page.tail().kind != PageKind::meta || stored.magic != meta_magic || stored.method != method.number())
        refuse_page(meta_block, "it is not the metapage of such an index");
    if (stored.format != method.format())
        throw Error("55000", "", "index \"" + std::string(name) + "\" has an incompatible format",
                    "Its format is " + std::to_string(stored.format) + ", this library reads and writes " +
                        std::to_string(method.format()) + ".",
                    "Rebuild the index with REINDEX.");
    return stored;
}

} // namespace

OpenIndexPtr open_index(Relation index) {
    OpenIndexes& all = open_indexes();
    const Oid id = RelationGetRelid(index);
    if (index->rd_amcache != nullptr) [[likely]] {
        const auto found = all.by_index.find(id);
        if (found != all.by_index.end() &&
            found->second.serial == *static_cast<std::uint64_t*>(index->rd_amcache))
            return found->second.open;
    }
    const AccessMethod& method = method_of(index);
    BufferStore store(index);
    const Meta stored = read_meta(index, store, method);
    if (!method.is_of(index, stored)) refuse_page(meta_block, "it is that of an index of other columns");
    OpenIndexPtr open = method.open(store, stored);

    if (all.by_index.size() >= open_indexes_max) all.by_index.clear();
    all.by_index.insert_or_assign(id, OpenIndexes::Entry{++all.serial, open});
    // Reading may have processed invalidations, so what the entry holds is looked at again.
    if (index->rd_amcache == nullptr)
        index->rd_amcache = pg::allocate_bytes(index->rd_indexcxt, sizeof(std::uint64_t));
    *static_cast<std::uint64_t*>(index->rd_amcache) = all.serial;
    return open;
}

} // namespace soup::tree
