// Models by (org, name), versions by (org, model, label) and by identifier, each found row cached until the
// catalogue changes. What is not found is not cached: names come from outside and have no end. So a look-up
// of an absent name takes longer than one of a known name, and none is made for a name that grants do not
// reach: else time would tell what is hidden from what is absent.
#include "access/resolve.hpp"

#include "access/catalogue_scan.hpp"
#include "access/generation.hpp"
#include "access/grants.hpp"
#include "access/rights.hpp"

#include <map>

extern "C" {
#include "utils/fmgroids.h"
}

namespace soup::access {

namespace {

struct ModelColumn {
    enum : AttrNumber { org = 1, id, name, default_version, epoch };
};
struct VersionColumn {
    enum : AttrNumber { org = 1, model, id, label, state, manifest, storage };
};

constexpr std::size_t cached_rows_max = 16384;

using ModelKey = std::pair<Uuid, std::string>;
using ModelIdKey = std::pair<Uuid, Uuid>;
using LabelKey = std::tuple<Uuid, Uuid, std::string>;
using VersionKey = std::tuple<Uuid, Uuid, Uuid>;

struct NameCache {
    std::uint64_t generation = 0;
    std::map<ModelKey, ModelRef> models;
    std::map<ModelIdKey, ModelRef> models_by_id;
    std::map<LabelKey, VersionRef> labels;
    std::map<VersionKey, VersionRef> versions;
};
NameCache* names = nullptr;

NameCache& fresh_cache() {
    if (names == nullptr) names = new NameCache;
    const std::uint64_t generation = catalogue_generation();
    const std::size_t rows =
        names->models.size() + names->models_by_id.size() + names->labels.size() + names->versions.size();
    if (names->generation != generation || rows >= cached_rows_max) {
        names->models.clear();
        names->models_by_id.clear();
        names->labels.clear();
        names->versions.clear();
        names->generation = generation;
    }
    return *names;
}

ModelRef model_row(const FoundRows& rows) {
    ModelRef model;
    model.org = pg::to_uuid(rows.datum(0, ModelColumn::org));
    model.model = pg::to_uuid(rows.datum(0, ModelColumn::id));
    model.epoch = DatumGetInt32(rows.datum(0, ModelColumn::epoch));
    if (!rows.is_null(0, ModelColumn::default_version))
        model.default_version = pg::to_uuid(rows.datum(0, ModelColumn::default_version));
    model.name = pg::to_string(rows.datum(0, ModelColumn::name));
    return model;
}

const ModelRef* model_by_name(const Uuid& org, std::string_view name) {
    NameCache& known = fresh_cache();
    ModelKey place(org, name);
    if (auto found = known.models.find(place); found != known.models.end()) return &found->second;
    const KeyColumn key[] = {{ModelColumn::org, F_UUID_EQ, search_uuid(org)},
                             {ModelColumn::name, F_TEXTEQ, search_text(name)}};
    const FoundRows rows("model", "model_org_name_key", key);
    if (rows.empty()) return nullptr;
    return &known.models.emplace(std::move(place), model_row(rows)).first->second;
}

const ModelRef* model_by_id(const Uuid& org, const Uuid& model) {
    NameCache& known = fresh_cache();
    const ModelIdKey place(org, model);
    if (auto found = known.models_by_id.find(place); found != known.models_by_id.end()) return &found->second;
    const KeyColumn key[] = {{ModelColumn::org, F_UUID_EQ, search_uuid(org)},
                             {ModelColumn::id, F_UUID_EQ, search_uuid(model)}};
    const FoundRows rows("model", "model_pkey", key);
    if (rows.empty()) return nullptr;
    return &known.models_by_id.emplace(place, model_row(rows)).first->second;
}

VersionRef version_row(const FoundRows& rows) {
    VersionRef version;
    version.org = pg::to_uuid(rows.datum(0, VersionColumn::org));
    version.model = pg::to_uuid(rows.datum(0, VersionColumn::model));
    version.version = pg::to_uuid(rows.datum(0, VersionColumn::id));
    version.label = pg::to_string(rows.datum(0, VersionColumn::label));
    version.state = pg::to_string(rows.datum(0, VersionColumn::state));
    version.storage = NameStr(*DatumGetName(rows.datum(0, VersionColumn::storage)));
    return version;
}

const VersionRef* version_by_label(const Uuid& org, const Uuid& model, std::string_view label) {
    NameCache& known = fresh_cache();
    LabelKey place(org, model, label);
    if (auto found = known.labels.find(place); found != known.labels.end()) return &found->second;
    const KeyColumn key[] = {{VersionColumn::org, F_UUID_EQ, search_uuid(org)},
                             {VersionColumn::model, F_UUID_EQ, search_uuid(model)},
                             {VersionColumn::label, F_TEXTEQ, search_text(label)}};
    const FoundRows rows("version", "version_org_model_label_key", key);
    if (rows.empty()) return nullptr;
    return &known.labels.emplace(std::move(place), version_row(rows)).first->second;
}

FoundRows version_rows(const Uuid& org, const Uuid& model, const Uuid& version) {
    const KeyColumn key[] = {{VersionColumn::org, F_UUID_EQ, search_uuid(org)},
                             {VersionColumn::model, F_UUID_EQ, search_uuid(model)},
                             {VersionColumn::id, F_UUID_EQ, search_uuid(version)}};
    return FoundRows("version", "version_pkey", key);
}

const VersionRef* version_by_id(const Uuid& org, const Uuid& model, const Uuid& version) {
    NameCache& known = fresh_cache();
    const VersionKey place(org, model, version);
    if (auto found = known.versions.find(place); found != known.versions.end()) return &found->second;
    const FoundRows rows = version_rows(org, model, version);
    if (rows.empty()) return nullptr;
    return &known.versions.emplace(place, version_row(rows)).first->second;
}

/// The orgs in which a principal may look for a name.
std::vector<Uuid> orgs_of(const Identity& identity) {
    if (identity.has_org()) return {identity.org};
    std::vector<Uuid> orgs;
    for (const Grant& grant : grants_of(identity.principal)->grants)
        if (orgs.empty() || orgs.back() != grant.org) orgs.push_back(grant.org); // Grants are sorted by org.
    return orgs;
}

/// The model of this name that the grants in one org reach. Where they name models, the name is compared with
/// theirs, which takes as long whether another model bears it or none.
const ModelRef* granted_model(const Identity& identity, const Uuid& org, std::string_view name) {
    const std::shared_ptr<const GrantSet> set = grants_of(identity.principal);
    for (const Grant& grant : set->grants) {
        if (grant.org != org) continue;
        if (!grant.model) return model_by_name(org, name); // Sorted before the org's other grants.
        const ModelRef* model = model_by_id(org, *grant.model);
        if (model != nullptr && model->name == name) return model;
    }
    return nullptr;
}

Error no_such_model() {
    return not_found("no such model");
}

/// What is absent and what may not be seen are refused alike.
VersionRef if_visible(const Identity& identity, const VersionRef* version,
                      const char* otherwise = "no such version") {
    if (version == nullptr || !may_see_label(identity, version->org, version->model, version->label))
        throw not_found(otherwise);
    return *version;
}

} // namespace

ModelRef find_model(const Identity& identity, std::string_view name) {
    std::optional<ModelRef> found;
    for (const Uuid& org : orgs_of(identity)) {
        const ModelRef* model = granted_model(identity, org, name);
        if (model == nullptr) continue;
        if (found) throw bad_input("the model's name is used by several orgs in which you have grants");
        found = *model;
    }
    if (!found) throw no_such_model();
    return *std::move(found);
}

VersionRef find_version(const Identity& identity, const ModelRef& model,
                        std::optional<std::string_view> label) {
    if (label) {
        const bool is_reached = may_see_label(identity, model.org, model.model, *label);
        return if_visible(identity, is_reached ? version_by_label(model.org, model.model, *label) : nullptr);
    }
    const VersionRef* version =
        model.default_version ? version_by_id(model.org, model.model, *model.default_version) : nullptr;
    return if_visible(identity, version, "no default version is visible; name a label");
}

VersionRef find_version_by_id(const Identity& identity, const ModelRef& model, const Uuid& version) {
    return if_visible(identity, version_by_id(model.org, model.model, version));
}

std::optional<std::string> label_of(const Uuid& org, const Uuid& model, const Uuid& version) {
    const VersionRef* found = version_by_id(org, model, version);
    if (found == nullptr) return std::nullopt;
    return found->label;
}

std::string read_manifest(const VersionRef& version) {
    const FoundRows rows = version_rows(version.org, version.model, version.version);
    if (rows.empty()) throw not_found("no such version");
    const Datum manifest = rows.datum(0, VersionColumn::manifest);
    return pg::call([&] { return DatumGetCString(DirectFunctionCall1(jsonb_out, manifest)); });
}

} // namespace soup::access
