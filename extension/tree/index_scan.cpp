// The server calls behind index_scan.hpp.
#include "tree/index_scan.hpp"

namespace soup::tree {

IndexScanDesc describe_scan(Relation index, int key_count, int order_count) {
    return pg::call([=] {
        IndexScanDesc scan = RelationGetIndexScan(index, key_count, order_count);
        scan->xs_orderbyvals = static_cast<Datum*>(palloc0(sizeof(Datum) * std::max(order_count, 1)));
        scan->xs_orderbynulls = static_cast<bool*>(palloc0(sizeof(bool) * std::max(order_count, 1)));
        return scan;
    });
}

void take_keys(IndexScanDesc scan, const ScanKeyData* keys, int key_count, const ScanKeyData* orders,
               int order_count) noexcept {
    if (keys != nullptr && key_count > 0)
        std::memmove(scan->keyData, keys, sizeof(ScanKeyData) * static_cast<std::size_t>(key_count));
    if (orders != nullptr && order_count > 0)
        std::memmove(scan->orderByData, orders, sizeof(ScanKeyData) * static_cast<std::size_t>(order_count));
}

} // namespace soup::tree
