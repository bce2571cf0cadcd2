// Value-per-call over a portal.
#include "serving/row_stream.hpp"

#include "boundary/memory.hpp"

extern "C" {
#include "funcapi.h"
#include "access/htup_details.h"
}

namespace soup::serving {

namespace {

/// Rows fetched at a time: enough to hide the cost of a fetch, few enough to keep a slow reader's memory
/// small.
constexpr long fetch_rows = 256;

/// Lives in the call's multi-call context. Has no resources of its own beyond memory: the portal belongs to
/// the transaction, whose end closes it when the caller stops early.
class RowStream {
public:
    RowStream(Search&& search, std::string portal, TupleDesc result, MemoryContext context)
        : search_(std::move(search)), portal_(std::move(portal)), result_(result), context_(context) {}

    std::optional<Datum> next() {
        if (position_ == batch_.size()) fetch();
        if (position_ == batch_.size()) return std::nullopt;
        int const size = search_.page.size;
        if (size > 0 && emitted_ == size) { // The row beyond the page has shown that there is another one.
            close();
            return std::nullopt;
        }
        HeapTuple tuple = batch_[position_++];
        ++emitted_;
        if (size > 0 && emitted_ == size) {
            if (position_ == batch_.size()) fetch_keeping(tuple);
            if (position_ < batch_.size()) tuple = with_next_page(tuple);
        }
        return pg::call([&] { return heap_copy_tuple_as_datum(tuple, result_); });
    }

private:
    void fetch() {
        batch_.clear();
        position_ = 0;
        if (is_exhausted_) return;
        if (batch_context_ != nullptr) MemoryContextReset(batch_context_);
        read_batch();
    }

    /// Fetches although `tuple` still lies in the batch's memory.
    void fetch_keeping(HeapTuple& tuple) {
        {
            pg::ContextScope keep(context_);
            tuple = pg::call([&] { return heap_copytuple(tuple); });
        }
        fetch();
    }

    void read_batch() {
        if (batch_context_ == nullptr)
            batch_context_ = pg::call([&] {
                return AllocSetContextCreateInternal(context_, "soup row batch", ALLOCSET_DEFAULT_SIZES);
            });
        pg::Spi spi;
        const char* name = portal_.c_str();
        Portal portal = pg::call([&] { return SPI_cursor_find(name); });
        if (portal == nullptr) throw std::logic_error("portal of a streamed function is gone");
        pg::call([&] { SPI_cursor_fetch(portal, true, fetch_rows); });
        {
            pg::ContextScope batch(batch_context_);
            batch_.reserve(SPI_processed);
            for (std::uint64_t i = 0; i < SPI_processed; ++i) {
                HeapTuple source = SPI_tuptable->vals[i];
                batch_.push_back(pg::call([&] { return heap_copytuple(source); }));
            }
        }
        is_exhausted_ = batch_.size() < static_cast<std::size_t>(fetch_rows);
        if (is_exhausted_) pg::call([&] { SPI_cursor_close(portal); });
    }

    void close() {
        if (is_exhausted_) return;
        pg::Spi spi;
        const char* name = portal_.c_str();
        pg::call([&] {
            Portal portal = SPI_cursor_find(name);
            if (portal != nullptr) SPI_cursor_close(portal);
        });
        is_exhausted_ = true;
    }

    HeapTuple with_next_page(HeapTuple tuple) const {
        bool is_null = false;
        double distance = 0;
        if (search_.distance_column > 0)
            distance = DatumGetFloat8(heap_getattr(tuple, search_.distance_column, result_, &is_null));
        Datum const key_datum = heap_getattr(tuple, search_.key_column, result_, &is_null);
        std::string const key = pg::to_string(key_datum);
        Datum const token = pg::make_text(next_page(search_.page, search_.identity, search_.version,
                                                    search_.page.rows_before() + emitted_, distance, key));
        std::vector<Datum> values(result_->natts);
        std::unique_ptr<bool[]> nulls(new bool[result_->natts]);
        heap_deform_tuple(tuple, result_, values.data(), nulls.get());
        values.back() = token;
        nulls[result_->natts - 1] = false;
        return pg::call([&] { return heap_form_tuple(result_, values.data(), nulls.get()); });
    }

    Search search_;
    std::string portal_;
    TupleDesc result_;
    MemoryContext context_;
    MemoryContext batch_context_ = nullptr;
    std::vector<HeapTuple> batch_;
    std::size_t position_ = 0;
    int emitted_ = 0;
    bool is_exhausted_ = false;
};

FuncCallContext* start(FunctionCallInfo fcinfo, Search (*prepare)(FunctionCallInfo, pg::Spi&)) {
    FuncCallContext* calls = pg::call([&] { return init_MultiFuncCall(fcinfo); });
    MemoryContext const context = calls->multi_call_memory_ctx;
    TupleDesc result = nullptr;
    {
        pg::ContextScope keep(context);
        pg::call([&] {
            if (get_call_result_type(fcinfo, nullptr, &result) != TYPEFUNC_COMPOSITE)
                ereport(ERROR,
                        (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("function must return a row type")));
            result = BlessTupleDesc(CreateTupleDescCopy(result));
        });
    }
    pg::Spi spi;
    Search search = prepare(fcinfo, spi);
    std::string portal = search.statement.open();
    calls->user_fctx =
        pg::make_in_context<RowStream>(context, std::move(search), std::move(portal), result, context);
    return calls;
}

} // namespace

std::int64_t rows_to_fetch(const Page& page, std::int64_t total) {
    std::int64_t const left = total - page.rows_before();
    return page.size == 0 ? left : std::min<std::int64_t>(left, page.size + 1);
}

Datum stream_rows(FunctionCallInfo fcinfo, Search (*prepare)(FunctionCallInfo, pg::Spi&)) {
    FuncCallContext* calls = fcinfo->flinfo->fn_extra == nullptr
                                 ? start(fcinfo, prepare)
                                 : pg::call([&] { return per_MultiFuncCall(fcinfo); });
    auto* info = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
    if (std::optional<Datum> row = static_cast<RowStream*>(calls->user_fctx)->next()) {
        calls->call_cntr++;
        info->isDone = ExprMultipleResult;
        return *row;
    }
    pg::call([&] { end_MultiFuncCall(fcinfo, calls); });
    info->isDone = ExprEndResult;
    fcinfo->isnull = true;
    return Datum{0};
}

} // namespace soup::serving
