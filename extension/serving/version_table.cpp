// The columns of a version's table as SQL, and the session's cache of parsed manifests.
#include "serving/version_table.hpp"

#include <map>

namespace soup::serving {

namespace {

/// jsonb_build_object takes at most 100 arguments: so many pairs go into one call.
constexpr std::size_t pairs_per_object = 40;

const manifest::Manifest& cached_manifest(const access::VersionRef& version) {
    static std::map<pg::Uuid, std::unique_ptr<const manifest::Manifest>> cache;
    auto found = cache.find(version.version);
    if (found == cache.end()) {
        auto parsed = std::make_unique<const manifest::Manifest>(
            manifest::parse_manifest(access::read_manifest(version)));
        found = cache.emplace(version.version, std::move(parsed)).first;
    }
    return *found->second;
}

} // namespace

std::string VersionTable::name() const {
    return "soup_data." + version_.storage;
}

std::string VersionTable::attributes(Statement& statement) const {
    const auto& declared = output().attributes;
    if (declared.empty()) return "'{}'::jsonb";
    std::string sql;
    for (std::size_t i = 0; i < declared.size(); ++i) {
        if (i % pairs_per_object == 0)
            sql += i == 0 ? "jsonb_build_object(" : ") || jsonb_build_object(";
        else
            sql += ", ";
        sql += statement.parameter(TEXTOID, pg::make_text(declared[i].name)) + ", a" + std::to_string(i + 1);
    }
    return sql + ")";
}

std::string VersionTable::position() const {
    switch (output().position.kind) {
    case manifest::PositionKind::none:
        return "NULL::double precision[]";
    case manifest::PositionKind::xyz:
        return "position::real[]::double precision[]";
    case manifest::PositionKind::latlon:
        return "ARRAY[lat, lon]";
    }
    throw std::logic_error("unknown kind of position");
}

std::string VersionTable::qualified_operator(const char* symbol) const {
    return "OPERATOR(" + vector_schema_ + "." + symbol + ")";
}

std::string VersionTable::metric_operator() const {
    switch (output().metric) {
    case manifest::Metric::l2:
        return qualified_operator("<->");
    case manifest::Metric::ip:
        return qualified_operator("<#>");
    case manifest::Metric::cosine:
        return qualified_operator("<=>");
    case manifest::Metric::l1:
        return qualified_operator("<+>");
    }
    throw std::logic_error("unknown metric");
}

std::string VersionTable::l2_operator() const {
    return qualified_operator("<->");
}

std::string VersionTable::inside_operator() const {
    return qualified_operator("<@");
}

std::string VersionTable::vector_type() const {
    return vector_name("vector");
}

VersionTable open_version_table(pg::Spi& spi, const access::VersionRef& version) {
    static constinit pg::Plan schema_plan{
        "SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace "
        "WHERE e.extname = 'soupvec'",
        {}};
    const manifest::Manifest& manifest = cached_manifest(version);
    return {version, manifest, spi.run(schema_plan, {}, pg::Access::read_only)[0].text(1)};
}

} // namespace soup::serving
