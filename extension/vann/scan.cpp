// ORDER BY vector <-> query, row by row: core/vann's Search on the server's pages.
//
// Between calls no page of the index is pinned. A row's address is returned after its leaf was let go, so
// vacuum may have removed the row and another may have taken its place; a snapshot that sees the old row
// keeps vacuum from it, and the new row is invisible to every older snapshot, so the executor drops it.
#include "vann/scan.hpp"

#include "boundary/memory.hpp"
#include "tree/address.hpp"
#include "tree/index_scan.hpp"
#include "tree/heap_ahead.hpp"
#include "vann/exact_window.hpp"
#include "vann/key_filter.hpp"
#include "vann/search_tools.hpp"
#include "vann/settings.hpp"

extern "C" {
#include "access/stratnum.h"
#include "pgstat.h"
}

namespace soup::vann {
namespace {

class Scan {
public:
    Scan(Relation index, MemoryContext memory)
        : memory_(memory), open_(tree::open_index(index)), tools_(take_tools(index, vann())) {}
    /// Only when the memory context goes: by then an aborted transaction has released everything.
    ~Scan() {
        tools_->store.disown();
        if (window_) window_->disown();
        keep_tools(std::move(tools_), vann());
    }

    void restart() noexcept { is_started_ = false; }
    bool next(IndexScanDesc scan);
    void close() noexcept {
        if (window_) window_->close();
    }

private:
    struct Row {
        tree::HeapAddress address;
        double distance;
    };
    std::optional<Row> next_found();
    void approach_rows(IndexScanDesc scan, tree::HeapAddress first);
    const OpenVann& vann() const noexcept { return static_cast<const OpenVann&>(*open_); }
    void start(IndexScanDesc scan);
    void prepare_query(const ScanKeyData& order);

    MemoryContext memory_; ///< That the scan lives in.
    tree::OpenIndexPtr open_;
    std::unique_ptr<SearchTools> tools_;
    std::optional<ScanKeyFilter> filter_;
    std::optional<ExactWindow> window_;
    double last_ = 0;            ///< Of the row returned last.
    std::size_t approached_ = 0; ///< Of the next rows, that were asked for ahead.
    bool is_started_ = false, is_strict_ = false;
    bool is_exact_ = false; ///< Rows come by way of the window.
};

/// A null orders nothing, and neither does a vector without direction under cosine: any query does for them.
void Scan::prepare_query(const ScanKeyData& order) {
    const Space& space = vann().space;
    tools_->point.assign(space.padded(), 0.0F);
    if (read_vector(order.sk_argument, (order.sk_flags & SK_ISNULL) != 0, space.dimensions(), tools_->vector))
        space.to_point(tools_->vector.data(), tools_->point.data());
    tools_->query.prepare(tools_->point.data());
}

void Scan::start(IndexScanDesc scan) {
    if (scan->numberOfOrderBys != 1) throw Error("0A000", "", "cannot scan a vann index without an order");
    prepare_query(scan->orderByData[0]);
    filter_.emplace(vann().parameters,
                    std::span(scan->keyData, static_cast<std::size_t>(scan->numberOfKeys)));
    SearchSettings settings = search_settings(vann().parameters.calibration);
    if (!filter_->is_empty()) settings.filter = &*filter_;
    is_strict_ = wants_strict_order();
    is_exact_ = false;
    if (const std::size_t rows = exact_rows(vann().parameters, settings); rows > 0) {
        const pg::ContextScope scope(memory_);
        tools_->vector.resize(vann().space.dimensions());
        if (!window_) window_.emplace(scan, vann().parameters.metric);
        window_->start(tools_->vector, rows);
        is_exact_ = true;
    }
    last_ = -std::numeric_limits<double>::infinity();
    approached_ = 0;
    tools_->search.start(tools_->query, settings);
    is_started_ = true;
    pgstat_count_index_scan(scan->indexRelation);
}

std::optional<Scan::Row> Scan::next_found() {
    if (is_exact_) {
        const std::optional<ExactWindow::Row> row = window_->next(tools_->search);
        return row ? std::optional<Row>({row->address, row->distance}) : std::nullopt;
    }
    const std::optional<Found> found = tools_->search.next();
    return found ? std::optional<Row>({found->address, tools_->query.reported(found->order)}) : std::nullopt;
}

/// Asks for the rows' pages, `first` being the row at hand.
void Scan::approach_rows(IndexScanDesc scan, tree::HeapAddress first) {
    if (approached_ > 0) {
        approached_--;
        return;
    }
    std::array<tree::HeapAddress, tree::HeapAhead::rows_at_once> rows{first};
    std::size_t count = 1;
    const std::span<const Found> upcoming = tools_->search.upcoming();
    for (std::size_t i = upcoming.size(); i-- > 0 && count < rows.size();)
        rows[count++] = upcoming[i].address;
    tree::HeapAhead::approach(scan, std::span(rows.data(), count));
    approached_ = count - 1;
}

bool Scan::next(IndexScanDesc scan) {
    if (!is_started_) start(scan);
    for (;;) {
        const std::optional<Row> row = next_found();
        if (!row) return false;
        if (is_strict_ && row->distance < last_) continue;
        last_ = row->distance;
        if (!is_exact_) approach_rows(scan, row->address);
        scan->xs_heaptid = tree::to_item_pointer(row->address);
        scan->xs_recheck = filter_->needs_recheck();
        scan->xs_recheckorderby = false;
        scan->xs_orderbyvals[0] = Float8GetDatum(row->distance);
        scan->xs_orderbynulls[0] = false;
        return true;
    }
}

Scan& scan_of(IndexScanDesc scan) noexcept {
    return *static_cast<Scan*>(scan->opaque);
}

} // namespace

IndexScanDesc begin_scan(Relation index, int key_count, int order_count) {
    return pg::entry([=] {
        IndexScanDesc scan = tree::describe_scan(index, key_count, order_count);
        scan->opaque = pg::make_in_context<Scan>(CurrentMemoryContext, index, CurrentMemoryContext);
        return scan;
    });
}

void rescan(IndexScanDesc scan, ScanKey keys, int key_count, ScanKey orders, int order_count) {
    tree::take_keys(scan, keys, key_count, orders, order_count);
    scan_of(scan).restart();
}

bool next_row(IndexScanDesc scan, ScanDirection) {
    if (!pg::entry([=] { return scan_of(scan).next(scan); })) return false;
    tree::HeapAhead::enter(scan);
    return true;
}

/// The scan's object itself goes with its memory context.
void end_scan(IndexScanDesc scan) {
    scan_of(scan).close();
}

} // namespace soup::vann
