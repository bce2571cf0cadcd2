// Which access method an index belongs to, by its ambuild: the relation cache keeps a copy of the routine's
// fields and nothing beside them.
#include "tree/handler.hpp"

namespace soup::tree {
namespace {

struct Registered {
    ambuild_function build;
    const AccessMethod* method;
};
std::array<Registered, 4> registered{};

} // namespace

void register_method(const AccessMethod& method, ambuild_function build) noexcept {
    for (Registered& place : registered) {
        if (place.build != nullptr && place.build != build) continue;
        place = {build, &method};
        return;
    }
}

const AccessMethod& method_of(Relation index) {
    if (index->rd_indam != nullptr)
        for (const Registered& place : registered)
            if (place.build == index->rd_indam->ambuild && place.method != nullptr) return *place.method;
    throw Error("42809", "",
                "\"" + std::string(RelationGetRelationName(index)) + "\" is not an index of soupvec", "",
                "Its access method has to be vann or vtree.");
}

} // namespace soup::tree
