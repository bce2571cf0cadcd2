// One look at soup.api_function per function and generation of the catalogue.
#include "access/served_function.hpp"

#include "access/catalogue_scan.hpp"
#include "access/generation.hpp"
#include "boundary/array.hpp"

#include <map>

extern "C" {
#include "catalog/namespace.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
}

namespace soup::access {

namespace {

struct FunctionColumn {
    enum : AttrNumber { name = 1, exposure, kinds };
};

struct KindCache {
    std::uint64_t generation = 0;
    std::map<Oid, KindSet> by_function;
};
KindCache* known_kinds = nullptr;

KindSet read_kinds(Oid function) {
    KindSet set;
    const char* function_name = pg::call([&]() -> const char* {
        if (get_func_namespace(function) != get_namespace_oid("soup_api", false)) return nullptr;
        return get_func_name(function);
    });
    if (function_name == nullptr) return set;
    const KeyColumn key[] = {{FunctionColumn::name, F_TEXTEQ, search_text(function_name)}};
    const FoundRows rows("api_function", "api_function_pkey", key);
    if (rows.empty()) return set;
    const pg::Array listed(rows.datum(0, FunctionColumn::kinds), pg::text_elements);
    for (const auto& kind_name : listed.texts())
        if (auto kind = kind_name ? parse_kind(*kind_name) : std::nullopt) set.add(*kind);
    return set;
}

} // namespace

KindSet kinds_allowed(Oid function) {
    if (known_kinds == nullptr) known_kinds = new KindCache;
    const std::uint64_t generation = catalogue_generation();
    if (known_kinds->generation != generation) {
        known_kinds->by_function.clear();
        known_kinds->generation = generation;
    }
    auto found = known_kinds->by_function.find(function);
    if (found == known_kinds->by_function.end())
        found = known_kinds->by_function.emplace(function, read_kinds(function)).first;
    return found->second;
}

} // namespace soup::access
