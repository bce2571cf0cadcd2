// Names of leaves and the way from an org and a time to the table.
#include "rawlog/leaf.hpp"

#include "rawlog/stored_table.hpp"
#include "access/scope.hpp"
#include "boundary/spi.hpp"

extern "C" {
#include "catalog/pg_inherits.h"
#include "utils/datetime.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
}

namespace soup::rawlog {

namespace {

constexpr const char* leaf_schema = "soup_data";

/// r_ and 32 hexadecimal digits.
std::string org_table_name(const crypto::Uuid& org) {
    constexpr char digits[] = "0123456789abcdef";
    std::string name = "r_";
    for (std::uint8_t byte : org)
        name.append({digits[byte >> 4], digits[byte & 15]});
    return name;
}

std::string leaf_name(const crypto::Uuid& org, const Month& month) {
    char suffix[16];
    std::snprintf(suffix, sizeof suffix, "_%04d%02d", month.year, month.month);
    return org_table_name(org) + suffix;
}

/// A detached leaf keeps its name for a while but is no longer part of the log.
bool is_attached(Oid leaf) {
    return pg::call([&] { return get_rel_relispartition(leaf); });
}

void make_leaf(const crypto::Uuid& org, const Month& month) {
    static constinit pg::Plan plan{"SELECT soup.make_raw_leaf($1, pg_catalog.make_date($2, $3, 1))",
                                   {UUIDOID, INT4OID, INT4OID}};
    access::OwnerScope owner;
    pg::Spi spi;
    spi.run(plan, {uuid_datum(org), Int32GetDatum(month.year), Int32GetDatum(month.month)});
}

} // namespace

Month month_of(TimestampTz time) {
    const std::int64_t day_us = USECS_PER_DAY;
    const std::int64_t days = time / day_us - (time % day_us < 0 ? 1 : 0);
    Month month{};
    int day;
    j2date(static_cast<int>(days + POSTGRES_EPOCH_JDATE), &month.year, &month.month, &day);
    return month;
}

Oid acquire_leaf(const crypto::Uuid& org, const Month& month) {
    const std::string name = leaf_name(org, month);
    Oid leaf = table_oid(leaf_schema, name.c_str());
    if (!OidIsValid(leaf)) {
        make_leaf(org, month);
        leaf = table_oid(leaf_schema, name.c_str());
    }
    if (!OidIsValid(leaf) || !is_attached(leaf))
        throw Error("55000", "", "the raw log has no place for this month",
                    "Table soup_data." + name + " is missing or detached.");
    return leaf;
}

std::vector<Oid> list_leaves(const crypto::Uuid& org) {
    const std::string parent_name = org_table_name(org);
    const Oid parent = table_oid(leaf_schema, parent_name.c_str());
    if (!OidIsValid(parent)) return {};
    struct Children {
        List* oids;
        int count;
    };
    const Children children = pg::call([&] {
        List* oids = find_inheritance_children(parent, AccessShareLock);
        return Children{oids, list_length(oids)};
    });
    std::vector<std::pair<std::string, Oid>> named;
    named.reserve(children.count);
    for (int i = 0; i < children.count; ++i) {
        const Oid leaf = list_nth_oid(children.oids, i);
        const char* name = pg::call([&] { return get_rel_name(leaf); });
        if (name != nullptr) named.emplace_back(name, leaf);
    }
    // Names of one org differ in _yyyymm only.
    std::ranges::sort(named);
    std::vector<Oid> leaves;
    leaves.reserve(named.size());
    for (const auto& [name, leaf] : named)
        leaves.push_back(leaf);
    return leaves;
}

} // namespace soup::rawlog
