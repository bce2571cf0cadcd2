// Routes are built from access/resolve.hpp and the rows of soup.partition, and kept in a table of the
// process.
#include "boundary/boundary.hpp"

#include "rawlog/route.hpp"
#include "rawlog/partition_columns.hpp"
#include "access/catalogue_scan.hpp"
#include "access/generation.hpp"
#include "access/resolve.hpp"
#include "access/rights.hpp"

extern "C" {
#include "utils/fmgroids.h"
}

#include <unordered_map>

namespace soup::rawlog {

namespace {

/// Beyond this many the cache starts afresh; a process that serves more pairs than this is bound by other
/// things.
constexpr std::size_t routes_max = 4096;

struct RouteCache {
    std::uint64_t generation = 0;
    std::unordered_map<std::string, std::shared_ptr<const Route>> routes;
    std::string key; ///< Kept to save an allocation per look-up.
};

/// Never destroyed: a backend does not run destructors of statics in a useful order.
RouteCache& cache() {
    static auto* cache = new RouteCache;
    return *cache;
}

/// Of soup.principal.
constexpr AttrNumber username_column = 3;

std::vector<std::int32_t> read_partitions(const access::ModelRef& model) {
    const access::KeyColumn key[] = {{PartitionColumn::org, F_UUID_EQ, access::search_uuid(model.org)},
                                     {PartitionColumn::model, F_UUID_EQ, access::search_uuid(model.model)}};
    const access::FoundRows rows("partition", "partition_pkey", key);
    std::vector<std::int32_t> partitions;
    for (std::size_t row = 0; row < rows.size(); ++row)
        if (DatumGetInt32(rows.datum(row, PartitionColumn::epoch)) == model.epoch)
            partitions.push_back(DatumGetInt32(rows.datum(row, PartitionColumn::partition)));
    std::ranges::sort(partitions);
    return partitions;
}

std::string read_username(const Uuid& principal) {
    const access::KeyColumn key[] = {{1, F_UUID_EQ, access::search_uuid(principal)}};
    const access::FoundRows rows("principal", "principal_pkey", key);
    if (rows.empty()) throw token_bad();
    return pg::to_string(rows.datum(0, username_column));
}

Route make_route(const Identity& identity, std::string_view model_name,
                 std::optional<std::string_view> label) {
    Route route{.model = access::find_model(identity, model_name),
                .partitions = {},
                .explicit_version = {},
                .default_version = {},
                .label = {},
                .default_stream = read_username(identity.principal)};
    const access::ModelRef& model = route.model;
    if (label) {
        // The right comes first: who may append to some labels only is told nothing about the others.
        access::require(identity, access::Right::append, model.org, model.model, *label);
        // Whatever its state: the log takes what is sent to a version, also to one that was promoted away or
        // suspended, since it may be promoted or resumed again. Processing decides by the state.
        const access::VersionRef version = access::find_version(identity, model, label);
        route.explicit_version = version.version;
        route.label = version.label;
    } else {
        route.default_version = model.default_version;
        route.label = default_label(identity, route, model.default_version);
    }
    route.partitions = read_partitions(model);
    if (route.partitions.empty())
        throw Error("XX001", "", "model \"" + model.name + "\" has no partitions",
                    "No row of soup.partition has the model's epoch.");
    return route;
}

} // namespace

std::shared_ptr<const Route> find_route(const Identity& identity, std::string_view model,
                                        std::optional<std::string_view> label) {
    RouteCache& routes = cache();
    // The generation is read before the data: what changes meanwhile is thrown away at the next call.
    const std::uint64_t generation = access::catalogue_generation();
    if (generation != routes.generation || routes.routes.size() >= routes_max) {
        routes.routes.clear();
        routes.generation = generation;
    }
    // Neither name can hold a NUL, so the key is unambiguous.
    std::string& key = routes.key;
    key.assign(reinterpret_cast<const char*>(identity.principal.data()), identity.principal.size());
    key.append(model);
    if (label) key.append(1, '\0').append(*label);
    if (auto found = routes.routes.find(key); found != routes.routes.end()) return found->second;
    auto route = std::make_shared<const Route>(make_route(identity, model, label));
    routes.routes.insert_or_assign(key, route);
    return route;
}

// The model is visible, so a missing right is SCOPE whether there is a default, and whether its label is
// visible, or not.
std::string default_label(const Identity& identity, const Route& route, const std::optional<Uuid>& version) {
    const std::string label = version ? visible_label(identity, route, *version) : std::string();
    // A model without default takes records from those whose grant covers every label.
    if (!access::has_right(identity, access::Right::append, route.model.org, route.model.model, label))
        throw scope_refused("the right to append is missing");
    return label;
}

std::string visible_label(const Identity& identity, const Route& route, const Uuid& version) {
    try {
        return access::find_version_by_id(identity, route.model, version).label;
    } catch (const Error& error) {
        if (std::string_view(error.reason()) != "NOT_FOUND") throw;
        return {};
    }
}

} // namespace soup::rawlog
