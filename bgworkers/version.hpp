// What a worker has to know of a version: manifest, storage table, artefact. None of it ever changes, so it
// is read once per process and shared by the lanes.
#pragma once

#include "bgworkers/lane.hpp"
#include "boundary/spi.hpp"
#include "core/manifest/manifest.hpp"

#include <memory>
#include <optional>
#include <vector>

namespace soup::workers {

struct Version {
    manifest::Manifest manifest;
    std::string storage;             ///< Its table in soup_data.
    std::vector<std::byte> artefact; ///< Empty for a processor that learns nothing.
    bool has_learned = false;        ///< It needs no artefact, or has it.
};

/// Under the version's scope, in a transaction. Throws NOT_FOUND when the version has gone, XX001 when its
/// artefact isn't what its digest says.
std::shared_ptr<const Version> read_version(pg::Spi& spi, const LaneKey& key);

} // namespace soup::workers
