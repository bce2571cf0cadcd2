// Reads soup.version and soup.artefact.
#include "bgworkers/version.hpp"

#include "core/crypto/digest.hpp"
#include "core/processors/processor.hpp"

namespace soup::workers {

std::shared_ptr<const Version> read_version(pg::Spi& spi, const LaneKey& key) {
    static constinit pg::Plan version_plan{
        "SELECT v.manifest::text, v.storage::text, f.content, f.digest FROM soup.version v "
        "LEFT JOIN soup.artefact f ON f.org = v.org AND f.model = v.model AND f.version = v.version AND "
        "f.kind = 'fit' "
        "WHERE v.org = $1 AND v.model = $2 AND v.version = $3",
        {UUIDOID, UUIDOID, UUIDOID}};
    pg::Rows rows =
        spi.run(version_plan, {pg::make_uuid(key.org), pg::make_uuid(key.model), pg::make_uuid(key.version)});
    if (rows.empty()) throw not_found("version does not exist");
    const pg::Row row = rows[0];
    auto version = std::make_shared<Version>();
    version->manifest = manifest::parse_manifest(row.text(1));
    version->storage = row.text(2);
    if (!row.is_null(3)) {
        const pg::Varlena content = row.varlena(3), digest = row.varlena(4);
        const crypto::Digest actual = crypto::digest(content.bytes());
        if (digest.size() != actual.size() ||
            std::memcmp(digest.bytes().data(), actual.data(), actual.size()) != 0)
            throw Error("XX001", "", "artefact of a version is damaged",
                        "Its bytes do not have the digest that was stored with them.");
        version->artefact.assign(content.bytes().begin(), content.bytes().end());
    }
    version->has_learned = !row.is_null(3) || !processors::needs_fit(version->manifest);
    return version;
}

} // namespace soup::workers
