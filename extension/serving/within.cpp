// soup_api.within_box and within_radius: the points in a region of space.
//
// Positions of a latlon version are asked for in degrees. A box is compared on the stored degrees themselves,
// after the index gave what lies in the box in space around the patch; a radius is a chord in metres between
// earth-centred coordinates (core/geodesy).
#include "serving/arguments.hpp"
#include "serving/order.hpp"
#include "serving/region.hpp"
#include "serving/row_stream.hpp"
#include "serving/version_table.hpp"

namespace soup::serving {

namespace {

using manifest::PositionKind;

constexpr std::int64_t all_rows = std::numeric_limits<std::int64_t>::max();

/// What both functions ask in the same way.
struct RegionCall {
    const access::Identity& identity;
    std::string model;
    std::optional<std::string> label, filter, page;
    int page_size;
};

RegionCall read_call(FunctionCallInfo fcinfo, int label, int filter, int page_size, int page) {
    return {bind_call(fcinfo),
            required_text(fcinfo, 1, "model"),
            text_argument(fcinfo, label),
            jsonb_argument(fcinfo, filter),
            text_argument(fcinfo, page),
            bounded_integer(fcinfo, page_size, "page_size", page_size_default, 0, page_size_max)};
}

QueryDigest digest_of(const RegionCall& call, std::span<const double> region) {
    QueryDigest digest;
    digest.add(call.model)
        .add(call.label.value_or(""))
        .add(call.filter.value_or(""))
        .add(std::as_bytes(region));
    return digest;
}

std::string filter_of(const RegionCall& call, const VersionTable& table, Statement& statement) {
    if (!call.filter) return {};
    return filter_condition(statement, manifest::parse_filter(*call.filter, table.output().attributes),
                            table.output().attributes);
}

/// A position argument has to be one of this version's.
void check_position(const VersionTable& table, std::span<const double> numbers, const char* name) {
    const manifest::Position& position = table.output().position;
    if (position.kind == PositionKind::none) throw bad_input("version has no positions");
    if (numbers.size() != position.fields.size())
        throw bad_input(std::string(name) + " must have " + std::to_string(position.fields.size()) +
                        " coordinates, not " + std::to_string(numbers.size()));
    if (position.kind == PositionKind::latlon && !geodesy::is_place(numbers[0], numbers[1]))
        throw bad_input(std::string(name) + " must be [latitude, longitude] in degrees");
}

Datum doubles(std::span<const double> numbers) {
    return pg::make_array(numbers, pg::float8_elements);
}

std::string number(Statement& statement, double value) {
    return statement.parameter(FLOAT8OID, Float8GetDatum(value));
}

std::string box_condition(const VersionTable& table, Statement& statement, std::span<const double> lo,
                          std::span<const double> hi) {
    if (table.output().position.kind == PositionKind::xyz) return in_box(table, statement, lo, hi);
    const char* join = lo[1] > hi[1] ? " OR " : " AND "; // Across 180°: east of lo or west of hi.
    return in_patch(table, statement, lo, hi) + " AND lat BETWEEN " + number(statement, lo[0]) + " AND " +
           number(statement, hi[0]) + " AND (lon >= " + number(statement, lo[1]) + join +
           "lon <= " + number(statement, hi[1]) + ")";
}

Search prepare_box(FunctionCallInfo fcinfo, pg::Spi& spi) {
    enum Argument { token, model, lo, hi, label, filter, page_size, page };
    RegionCall const call = read_call(fcinfo, label, filter, page_size, page);
    std::vector<double> const low = required_numbers(fcinfo, lo, pg::float8_elements, "lo");
    std::vector<double> const high = required_numbers(fcinfo, hi, pg::float8_elements, "hi");
    Page asked = open_page("within_box", call.identity,
                           digest_of(call, low).add(std::as_bytes(std::span(high))).finish(), call.page_size,
                           view(call.page));

    access::VersionRef const version = queried_version(call.identity, call.model, view(call.label), asked);
    VersionTable const table = open_version_table(spi, version);
    check_position(table, low, "lo");
    check_position(table, high, "hi");
    bool const may_wrap = table.output().position.kind == PositionKind::latlon;
    for (std::size_t i = 0; i < low.size(); ++i)
        if (low[i] > high[i] && !(may_wrap && i == 1)) throw bad_input("lo must not be above hi");

    Statement statement;
    std::string condition = box_condition(table, statement, low, high) + filter_of(call, table, statement);
    if (asked.continued)
        condition += " AND key > " + statement.parameter(TEXTOID, pg::make_text(asked.continued->last_key));
    std::string const columns =
        "key, " + table.position() + ", time, " + table.attributes(statement) + ", NULL::text";
    statement.sql = "SELECT " + columns + " FROM " + table.name() + " WHERE " + condition;
    // Pages follow the key; a stream of everything needs no order and so no sort before its first row.
    if (asked.size > 0)
        statement.sql += " ORDER BY key LIMIT " + std::to_string(rows_to_fetch(asked, all_rows));
    return {.statement = std::move(statement),
            .page = std::move(asked),
            .identity = call.identity,
            .version = version.version};
}

Search prepare_radius(FunctionCallInfo fcinfo, pg::Spi& spi) {
    enum Argument { token, model, center, radius, label, filter, page_size, page };
    RegionCall const call = read_call(fcinfo, label, filter, page_size, page);
    std::vector<double> middle = required_numbers(fcinfo, center, pg::float8_elements, "center");
    if (fcinfo->args[radius].isnull) throw bad_input("radius must be given");
    double const reach = DatumGetFloat8(fcinfo->args[radius].value);
    if (!(std::isfinite(reach) && reach >= 0)) throw bad_input("radius must be a finite number, 0 or more");
    Page asked = open_page("within_radius", call.identity,
                           digest_of(call, middle).add(std::as_bytes(std::span(&reach, 1))).finish(),
                           call.page_size, view(call.page));

    access::VersionRef const version = queried_version(call.identity, call.model, view(call.label), asked);
    VersionTable const table = open_version_table(spi, version);
    check_position(table, middle, "center");
    if (table.output().position.kind == PositionKind::latlon) {
        geodesy::Metres const metres = geodesy::earth_centred(middle[0], middle[1]);
        middle.assign(metres.begin(), metres.end());
    } else if (std::any_of(middle.begin(), middle.end(),
                           [](double x) { return std::abs(x) > std::numeric_limits<float>::max(); })) {
        // Unlike a box, whose border may lie beyond what a coordinate can be.
        throw bad_input("center must lie within the range of real");
    }

    Statement statement;
    std::string const distance = "position " + table.l2_operator() + " " +
                                 statement.parameter(FLOAT8ARRAYOID, doubles(middle)) +
                                 "::" + table.vector_type();
    std::string condition = near(table, statement, middle, reach) + " AND " + distance +
                            " <= " + number(statement, reach) + filter_of(call, table, statement);
    condition += " AND " + after_last(statement, asked, distance);
    const std::string found = "SELECT *, " + distance + " AS distance FROM " + table.name() + " WHERE " +
                              condition + " ORDER BY " + distance;
    std::string const rows = std::to_string(rows_to_fetch(asked, all_rows));
    std::string ordered = found + ", key";
    if (asked.size > 0)
        ordered = table.manifest().index.vtree ? nearest_by_index(found, rows, "true", rows)
                                               : ordered + " LIMIT " + rows;
    statement.sql = "SELECT key, " + table.position() + ", distance, time, " + table.attributes(statement) +
                    ", NULL::text FROM (" + ordered + ") found";
    return {.statement = std::move(statement),
            .page = std::move(asked),
            .identity = call.identity,
            .version = version.version,
            .distance_column = 3};
}

} // namespace

} // namespace soup::serving

SOUP_FUNCTION(soup_api_within_box) {
    return soup::serving::stream_rows(fcinfo, soup::serving::prepare_box);
}

SOUP_FUNCTION(soup_api_within_radius) {
    return soup::serving::stream_rows(fcinfo, soup::serving::prepare_radius);
}
