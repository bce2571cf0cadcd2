// soup_api.nearest: the k points nearest to a vector, by (distance, key).
#include "serving/arguments.hpp"
#include "serving/order.hpp"
#include "serving/row_stream.hpp"
#include "serving/version_table.hpp"

namespace soup::serving {

namespace {

constexpr int k_default = 10;
constexpr int k_max = 100'000;

enum Argument { token, model, query, like, k, label, filter, page_size, page };

/// The query vector as a parameter: the one given, or that of the point called `like`.
std::string query_parameter(FunctionCallInfo fcinfo, const VersionTable& table, Statement& statement,
                            const std::optional<std::string>& like_key) {
    int const dimensions = table.output().vector;
    if (like_key) {
        Statement lookup;
        lookup.sql = "SELECT vector::real[] FROM " + table.name() + " WHERE vector IS NOT NULL AND key = " +
                     lookup.parameter(TEXTOID, pg::make_text(*like_key));
        pg::Rows const rows = lookup.run_for_one();
        if (rows.empty()) throw not_found("point does not exist");
        Datum const vector = rows[0].datum(1);
        Datum const copy = pg::call([&] { return PointerGetDatum(DatumGetArrayTypePCopy(vector)); });
        return statement.parameter(FLOAT4ARRAYOID, copy) + "::" + table.vector_type();
    }
    std::vector<double> const numbers = required_numbers(fcinfo, query, pg::float4_elements, "query");
    if (numbers.size() != static_cast<std::size_t>(dimensions))
        throw bad_input("query must have " + std::to_string(dimensions) + " dimensions, not " +
                        std::to_string(numbers.size()));
    return statement.parameter(FLOAT4ARRAYOID, fcinfo->args[query].value) + "::" + table.vector_type();
}

/// The rows of a page by (distance, key). Which rows an approximate index finds depends on how many are
/// wanted of it, and it gives them not quite in order: a page that took only its own would lose those that
/// come late. So every page finds all `total` again, and the pages are the parts of one answer.
std::string page_of(const VersionTable& table, Statement& statement, const std::string& distance,
                    const std::string& condition, const Page& asked, int total) {
    std::string const rows = std::to_string(rows_to_fetch(asked, total));
    std::string const found =
        "SELECT *, " + distance + " AS distance FROM " + table.name() + " WHERE " + condition;
    if (table.manifest().index.vann)
        return nearest_by_index(found + " ORDER BY " + distance, std::to_string(total),
                                after_last(statement, asked, "distance"), rows);
    return found + " AND " + after_last(statement, asked, distance) + " ORDER BY " + distance +
           ", key LIMIT " + rows;
}

Search prepare(FunctionCallInfo fcinfo, pg::Spi& spi) {
    const access::Identity& identity = bind_call(fcinfo);
    std::string const model_name = required_text(fcinfo, model, "model");
    std::optional<std::string> const like_key = text_argument(fcinfo, like),
                                     label_name = text_argument(fcinfo, label);
    std::optional<std::string> const filter_text = jsonb_argument(fcinfo, filter),
                                     page_token = text_argument(fcinfo, page);
    if (fcinfo->args[query].isnull == !like_key) throw bad_input("give either query or like");
    int const total = bounded_integer(fcinfo, k, "k", k_default, 1, k_max);
    int const size = bounded_integer(fcinfo, page_size, "page_size", page_size_default, 0, page_size_max);

    QueryDigest digest;
    digest.add(model_name)
        .add(label_name.value_or(""))
        .add(like_key.value_or(""))
        .add(filter_text.value_or(""));
    digest.add(std::to_string(total));
    if (!like_key) digest.add(pg::Varlena(fcinfo->args[query].value).bytes());
    Page asked = open_page("nearest", identity, digest.finish(), size, view(page_token));

    access::VersionRef const version = queried_version(identity, model_name, view(label_name), asked);
    VersionTable const table = open_version_table(spi, version);
    if (table.output().vector == 0) throw bad_input("version has no vectors");
    Statement statement;
    std::string const distance =
        "vector " + table.metric_operator() + " " + query_parameter(fcinfo, table, statement, like_key);
    std::string condition = "vector IS NOT NULL";
    if (filter_text)
        condition +=
            filter_condition(statement, manifest::parse_filter(*filter_text, table.output().attributes),
                             table.output().attributes);
    std::string const page = page_of(table, statement, distance, condition, asked, total);
    // The attributes are put together after the limit, for the rows that are returned and no others.
    statement.sql = "SELECT key, distance, time, " + table.attributes(statement) + ", NULL::text FROM (" +
                    page + ") found";
    return {.statement = std::move(statement),
            .page = std::move(asked),
            .identity = identity,
            .version = version.version,
            .distance_column = 2};
}

} // namespace

} // namespace soup::serving

SOUP_FUNCTION(soup_api_nearest) {
    return soup::serving::stream_rows(fcinfo, soup::serving::prepare);
}
