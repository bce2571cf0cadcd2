// The upsert: built once per version, run with a column's array as each parameter.
#include "bgworkers/point_table.hpp"

#include "bgworkers/limits.hpp"
#include "bgworkers/point_arrays.hpp"
#include "boundary/memory.hpp"

extern "C" {
#include "utils/lsyscache.h"
}

#include <tuple>

namespace soup::workers {

namespace {

using processors::Point;

Oid array_of(const pg::ElementType& type) {
    const Oid array = pg::call([&] { return get_array_type(type.oid); });
    if (!OidIsValid(array)) throw std::logic_error("a column's type has no array type");
    return array;
}

std::size_t approximate_bytes(const Point& point) {
    std::size_t bytes = sizeof(Point) + point.key.size() + point.vector.size() * sizeof(float) +
                        point.position.size() * sizeof(double) +
                        point.attributes.size() * sizeof(processors::Value);
    for (const processors::Value& value : point.attributes)
        if (const auto* text = std::get_if<std::string>(&value)) bytes += text->size();
    return bytes;
}

bool is_later(const Point& a, const Point& b) noexcept {
    return std::tie(a.received_us, a.partition, a.offset) > std::tie(b.received_us, b.partition, b.offset);
}

} // namespace

PointTable::~PointTable() {
    if (plan_ != nullptr) SPI_freeplan(plan_);
}

std::string_view PointTable::refusal(const Point& point) const {
    return workers::refusal(point, version_->manifest.output);
}

void PointTable::add(pg::Spi& spi, Point&& point) {
    bytes_ += approximate_bytes(point);
    points_.push_back(std::move(point));
    if (points_.size() >= limits::upsert_points_max || bytes_ >= limits::upsert_bytes_max) flush(spi);
}

void PointTable::keep_latest_of_each_key() {
    std::sort(points_.begin(), points_.end(), [](const Point& a, const Point& b) {
        if (int order = a.key.compare(b.key); order != 0) return order < 0;
        return is_later(a, b);
    });
    points_.erase(std::unique(points_.begin(), points_.end(),
                              [](const Point& a, const Point& b) { return a.key == b.key; }),
                  points_.end());
}

void PointTable::prepare(pg::Spi& spi) {
    static constinit pg::Plan type_plan{
        "SELECT t.oid, t.typalign, quote_ident(n.nspname) FROM pg_catalog.pg_extension e "
        "JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace "
        "JOIN pg_catalog.pg_type t ON t.typnamespace = n.oid AND t.typname = 'vector' "
        "WHERE e.extname = 'soupvec'",
        {}};
    pg::Rows rows = spi.run(type_plan, {}, pg::Access::read_only);
    if (rows.empty()) throw Error("55000", "", "extension soupvec is not installed");
    vector_elements_ = {DatumGetObjectId(rows[0].datum(1)), -1, false, DatumGetChar(rows[0].datum(2))};

    std::string names, parameters, updates;
    std::vector<Oid> types;
    for (const auto& [name, type] : storage_columns(version_->manifest.output, vector_elements_)) {
        const char* comma = names.empty() ? "" : ", ";
        names += comma + name;
        types.push_back(array_of(type));
        parameters += comma + ("$" + std::to_string(types.size()));
        if (name != "key")
            updates.append(updates.empty() ? "" : ", ").append(name).append(" = excluded.").append(name);
    }
    const std::string sql =
        "INSERT INTO soup_data." + version_->storage + " AS stored (" + names + ") SELECT * FROM unnest(" +
        parameters + ") ON CONFLICT (key) DO UPDATE SET " + updates +
        " WHERE (excluded.received_at, excluded.source_partition, excluded.source_offset) > "
        "(stored.received_at, stored.source_partition, stored.source_offset)";
    plan_ = pg::call([&] {
        SPIPlanPtr plan = SPI_prepare(sql.c_str(), static_cast<int>(types.size()), types.data());
        if (plan == nullptr) elog(ERROR, "SPI could not prepare: %s", SPI_result_code_string(SPI_result));
        if (int code = SPI_keepplan(plan); code != 0)
            elog(ERROR, "SPI could not keep a plan: %s", SPI_result_code_string(code));
        return plan;
    });
}

void PointTable::flush(pg::Spi& spi) {
    if (points_.empty()) return;
    if (plan_ == nullptr) prepare(spi);
    keep_latest_of_each_key();
    pg::OwnedContext scratch("soup points");
    pg::ContextScope scope(scratch.get());
    std::vector<Datum> arrays = build_arrays(points_, version_->manifest.output, vector_elements_);
    clear();
    const int code = pg::call([&] { return SPI_execute_plan(plan_, arrays.data(), nullptr, false, 0); });
    if (code != SPI_OK_INSERT)
        throw std::runtime_error(std::string("SPI could not store points: ") + SPI_result_code_string(code));
}

} // namespace soup::workers
