// The table is locked before the index, as everybody does, and whether the index is still its index is looked
// at once more after the wait.
#include "tree/index_lock.hpp"

extern "C" {
#include "access/genam.h"
#include "access/table.h"
#include "catalog/index.h"
#include "utils/lsyscache.h"
}

namespace soup::tree {
namespace {

/// Server code, for use inside pg::call().
void check_kind(Oid index) {
    const char* name = get_rel_name(index);
    if (name == nullptr)
        ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE),
                errmsg("relation with OID %u does not exist", index));
    const char kind = get_rel_relkind(index);
    if (kind == RELKIND_PARTITIONED_INDEX)
        ereport(ERROR, errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("\"%s\" is a partitioned index", name),
                errhint("Name the index of each partition."));
    if (kind != RELKIND_INDEX)
        ereport(ERROR, errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("\"%s\" is not an index", name));
}

} // namespace

IndexLock::IndexLock(Oid index, LOCKMODE mode) {
    pg::call([&] {
        check_kind(index);
        const Oid table = IndexGetRelation(index, true);
        if (OidIsValid(table)) heap_ = table_open(table, mode);
        index_ = index_open(index, mode);
        if (heap_ == nullptr || IndexGetRelation(index, false) != table)
            ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE),
                    errmsg("table of index \"%s\" is gone", RelationGetRelationName(index_)));
        if (RELATION_IS_OTHER_TEMP(index_))
            ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("index \"%s\" belongs to another session's temporary table",
                           RelationGetRelationName(index_)));
        GetUserIdAndSecContext(&user_, &security_);
        SetUserIdAndSecContext(heap_->rd_rel->relowner, security_ | SECURITY_RESTRICTED_OPERATION);
        settings_level_ = NewGUCNestLevel();
    });
}

IndexLock::~IndexLock() {
    // After an ERROR the abort restores user and settings and closes the relations.
    if (pg::server_error_unwinding()) return;
    AtEOXact_GUC(false, settings_level_);
    SetUserIdAndSecContext(user_, security_);
    index_close(index_, NoLock);
    table_close(heap_, NoLock);
}

} // namespace soup::tree
