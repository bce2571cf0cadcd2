// Which access method an index belongs to, by its ambuild: the relation cache keeps a copy of the routine's
// fields and nothing beside them; and what an operator class is for.
#include "tree/handler.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_opclass.h"
#include "utils/syscache.h"
}

namespace soup::tree {
namespace {

struct Registered {
    ambuild_function build;
    const AccessMethod* method;
};
std::array<Registered, 4> registered{};

const AccessMethod* registered_as(Oid access_method) {
    const IndexAmRoutine* routine = GetIndexAmRoutineByAmId(access_method, true);
    for (const Registered& place : registered)
        if (routine != nullptr && place.build == routine->ambuild) return place.method;
    return nullptr;
}

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

OperatorClass operator_class(Oid number) {
    HeapTuple tuple = SearchSysCache1(CLAOID, ObjectIdGetDatum(number));
    if (!HeapTupleIsValid(tuple)) elog(ERROR, "cache lookup failed for operator class %u", number);
    const auto* found = reinterpret_cast<Form_pg_opclass>(GETSTRUCT(tuple));
    const OperatorClass operators{found->opcfamily, found->opcintype};
    ReleaseSysCache(tuple);
    return operators;
}

bool is_registered(Oid access_method) {
    return registered_as(access_method) != nullptr;
}

bool is_method(Oid access_method, const AccessMethod& method) {
    return registered_as(access_method) == &method;
}

} // namespace soup::tree
