// The stored form is a struct of fixed widths in the machine's byte order, as all of the server's pages are.
#include "core/vann/parameters.hpp"

#include "core/error.hpp"

#include <algorithm>

namespace soup::vann {
namespace {

constexpr std::uint32_t stored_version = 3;

struct StoredParameters {
    std::uint32_t version, metric;
    std::uint64_t seed;
    tree::Block mean;
    std::uint32_t key_columns;
    KeyColumn columns[key_columns_max];
    std::uint64_t measured_rows, removed_rows;
    Setting settings[recall_targets.size()];
};
static_assert(sizeof(StoredParameters) == 224 && sizeof(StoredParameters) <= sizeof(tree::Meta::geometry));

[[noreturn]] void refuse(const char* what) {
    throw Error("XX002", "", "index page is damaged", std::string("The metapage's ") + what + " cannot be.",
                "Rebuild the index with REINDEX.");
}

} // namespace

unsigned Parameters::key_bytes() const noexcept {
    unsigned total = key_columns.empty() ? 0 : 1;
    for (const KeyColumn& column : key_columns)
        total += column.bytes;
    return total;
}

void store(const Parameters& parameters, tree::Meta& meta) {
    if (parameters.key_columns.size() > key_columns_max)
        throw too_big("too many key columns: at most " + std::to_string(key_columns_max) +
                      " besides the vector are possible");
    if (parameters.key_bytes() > key_bytes_max)
        throw too_big("key columns of " + std::to_string(parameters.key_bytes()) +
                      " bytes are too wide: at most " + std::to_string(key_bytes_max) + " are possible");
    StoredParameters stored{};
    stored.version = stored_version;
    stored.metric = static_cast<std::uint32_t>(parameters.metric);
    stored.seed = parameters.seed;
    stored.mean = parameters.mean;
    stored.key_columns = static_cast<std::uint32_t>(parameters.key_columns.size());
    std::copy(parameters.key_columns.begin(), parameters.key_columns.end(), stored.columns);
    stored.measured_rows = parameters.calibration.rows;
    stored.removed_rows = parameters.calibration.removed;
    std::copy(parameters.calibration.settings.begin(), parameters.calibration.settings.end(),
              stored.settings);
    meta.dimensions = parameters.dimensions;
    std::memset(meta.geometry, 0, sizeof meta.geometry);
    std::memcpy(meta.geometry, &stored, sizeof stored);
}

Parameters load(const tree::Meta& meta) {
    StoredParameters stored;
    std::memcpy(&stored, meta.geometry, sizeof stored);
    if (stored.version != stored_version) refuse("version of parameters");
    if (stored.metric < 1 || stored.metric > 4) refuse("metric");
    if (meta.dimensions < 1 || meta.dimensions > dimensions_max) refuse("dimension");
    if (stored.key_columns > key_columns_max) refuse("number of key columns");

    Parameters parameters;
    parameters.dimensions = meta.dimensions;
    parameters.metric = static_cast<Metric>(stored.metric);
    parameters.seed = stored.seed;
    parameters.mean = stored.mean;
    parameters.key_columns.assign(stored.columns, stored.columns + stored.key_columns);
    if (parameters.key_bytes() > key_bytes_max) refuse("width of keys");
    parameters.calibration.rows = stored.measured_rows;
    parameters.calibration.removed = stored.removed_rows;
    std::copy(std::begin(stored.settings), std::end(stored.settings),
              parameters.calibration.settings.begin());
    return parameters;
}

} // namespace soup::vann
