// soup_api.get_point: one point by its key.
#include "serving/arguments.hpp"
#include "serving/page.hpp"
#include "serving/version_table.hpp"

#include "boundary/memory.hpp"

extern "C" {
#include "funcapi.h"
#include "access/htup_details.h"
}

namespace soup::serving {

namespace {

Datum get_point(FunctionCallInfo fcinfo) {
    enum Argument { token, model, key, label };
    const access::Identity& identity = bind_call(fcinfo);
    std::string const model_name = required_text(fcinfo, model, "model"),
                      key_name = required_text(fcinfo, key, "key");
    std::optional<std::string> const label_name = text_argument(fcinfo, label);
    access::VersionRef const version = queried_version(identity, model_name, view(label_name), Page{});
    TupleDesc result = pg::call([&] {
        TupleDesc description;
        if (get_call_result_type(fcinfo, nullptr, &description) != TYPEFUNC_COMPOSITE)
            ereport(ERROR,
                    (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("function must return a row type")));
        return BlessTupleDesc(description);
    });
    MemoryContext const callers = CurrentMemoryContext;

    pg::Spi spi;
    VersionTable const table = open_version_table(spi, version);
    Statement statement;
    std::string const vector = table.output().vector > 0 ? "vector::real[]" : "NULL::real[]";
    statement.sql = "SELECT key, " + vector + ", " + table.position() + ", time, " +
                    table.attributes(statement) +
                    ", jsonb_build_object('partition', source_partition, 'offset', source_offset) FROM " +
                    table.name() + " WHERE key = " + statement.parameter(TEXTOID, pg::make_text(key_name));
    pg::Rows const rows = statement.run_for_one();
    if (rows.empty()) throw not_found("point does not exist");
    HeapTuple const tuple = SPI_tuptable->vals[0];
    pg::ContextScope keep(callers);
    return pg::call([&] { return heap_copy_tuple_as_datum(tuple, result); });
}

} // namespace

} // namespace soup::serving

SOUP_FUNCTION(soup_api_get_point) {
    return soup::serving::get_point(fcinfo);
}
