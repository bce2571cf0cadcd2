// SQL functions of this room: what add_version has to know of a manifest, and whether the launcher runs.
#include "bgworkers/manifest_text.hpp"

#include "boundary/array.hpp"
#include "core/processors/processor.hpp"
#include "loader/machinesoup_loader.hpp"

extern "C" {
#include "access/htup_details.h"
#include "funcapi.h"
}

namespace {

using namespace soup;

Datum text_array(const std::vector<std::string_view>& texts) {
    std::vector<Datum> datums;
    datums.reserve(texts.size());
    for (std::string_view text : texts)
        datums.push_back(pg::make_text(text));
    return pg::make_array(datums, {}, pg::text_elements);
}

/// The columns of soup.read_manifest, in its order.
struct ManifestRow {
    static constexpr int columns = 11;
    Datum values[columns];
    bool nulls[columns];
};

ManifestRow describe(const manifest::Manifest& manifest) {
    const manifest::Output& output = manifest.output;
    std::vector<std::string_view> names, types, sql_types;
    for (const manifest::Attribute& attribute : output.attributes) {
        names.push_back(attribute.name);
        types.push_back(manifest::type_name(attribute.type));
        sql_types.push_back(manifest::sql_type(attribute.type));
    }
    const bool is_latlon = output.position.kind == manifest::PositionKind::latlon;
    const int dimensions = is_latlon ? 3 : static_cast<int>(output.position.fields.size());
    const bool learns = processors::needs_fit(manifest);
    const auto windows =
        learns ? static_cast<std::int32_t>(processors::make_fitter(manifest)->windows_needed()) : 0;
    return {{pg::make_jsonb(workers::write_manifest(manifest)), Int32GetDatum(output.vector),
             pg::make_text(manifest::metric_name(output.metric)), Int32GetDatum(dimensions),
             BoolGetDatum(is_latlon), text_array(names), text_array(types), text_array(sql_types),
             Int32GetDatum(windows), BoolGetDatum(manifest.index.vann), BoolGetDatum(manifest.index.vtree)},
            {false, false, false, false, false, false, false, false, !learns, false, false}};
}

} // namespace

/// soup.read_manifest(manifest text) → record: checks all that can be checked without data.
SOUP_FUNCTION(soup_read_manifest) {
    const pg::Varlena text(PG_GETARG_DATUM(0));
    const manifest::Manifest manifest = manifest::parse_manifest(text.text());
    processors::validate(manifest);
    ManifestRow row = describe(manifest);
    return pg::call([&] {
        TupleDesc description = nullptr;
        if (get_call_result_type(fcinfo, nullptr, &description) != TYPEFUNC_COMPOSITE ||
            description->natts != ManifestRow::columns)
            elog(ERROR, "soup.read_manifest has another result type than its library");
        return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(description), row.values, row.nulls));
    });
}

/// soup.launcher_pid() → integer, null while the launcher does not run in this database.
SOUP_FUNCTION(soup_launcher_pid) {
    const loader::WorkerSlot& launcher = loader::platform().shared->wake().launcher;
    const std::int32_t pid = launcher.pid.load();
    if (pid == 0 || launcher.database.load() != MyDatabaseId) {
        fcinfo->isnull = true;
        return 0;
    }
    return Int32GetDatum(pid);
}
