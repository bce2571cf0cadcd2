// Numbers are stored in the machine's order, as everything in a page is; a uuid as its 16 bytes.
#include "vann/key_columns.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"
}

namespace soup::vann {
namespace {

template<class T>
void write(std::byte* to, T value) noexcept {
    std::memcpy(to, &value, sizeof value);
}

void write_key(KeyType type, Datum value, Oid collation, std::byte* to) {
    switch (key_width(type)) {
    case 1:
        return write(to, static_cast<std::int8_t>(to_number(type, value, collation)));
    case 2:
        return write(to, static_cast<std::int16_t>(to_number(type, value, collation)));
    case 4:
        return write(to, static_cast<std::int32_t>(to_number(type, value, collation)));
    case 8:
        return write(to, to_number(type, value, collation));
    default:
        std::memcpy(to, DatumGetUUIDP(value)->data, UUID_LEN);
    }
}

} // namespace

KeyType key_type_of(Oid type) {
    switch (type) {
    case INT2OID:
        return KeyType::int2;
    case INT4OID:
        return KeyType::int4;
    case INT8OID:
        return KeyType::int8;
    case BOOLOID:
        return KeyType::boolean;
    case DATEOID:
        return KeyType::date;
    case TIMESTAMPOID:
        return KeyType::timestamp;
    case TIMESTAMPTZOID:
        return KeyType::timestamptz;
    case UUIDOID:
        return KeyType::uuid;
    case TEXTOID:
        return KeyType::text;
    default:
        throw Error("0A000", "", "vann cannot keep a key column of this type",
                    "It keeps int2, int4, int8, bool, date, timestamp, timestamptz, uuid and text.");
    }
}

unsigned key_width(KeyType type) noexcept {
    switch (type) {
    case KeyType::boolean:
        return 1;
    case KeyType::int2:
        return 2;
    case KeyType::int4:
    case KeyType::date:
        return 4;
    case KeyType::int8:
    case KeyType::timestamp:
    case KeyType::timestamptz:
    case KeyType::text:
        return 8;
    case KeyType::uuid:
        return UUID_LEN;
    }
    return 0;
}

std::vector<KeyColumn> key_columns_of(Relation index) {
    std::vector<KeyColumn> columns;
    const int count = IndexRelationGetNumberOfKeyAttributes(index);
    for (int i = 1; i < count; ++i) {
        const KeyType type = key_type_of(index->rd_opcintype[i]);
        columns.push_back({static_cast<std::uint8_t>(type), static_cast<std::uint8_t>(key_width(type))});
    }
    if (columns.size() > key_columns_max)
        throw too_big("a vann index cannot have so many key columns",
                      "At most " + std::to_string(key_columns_max) + " after the vector.");
    return columns;
}

std::int64_t to_number(KeyType type, Datum value, Oid collation) {
    switch (type) {
    case KeyType::int2:
        return DatumGetInt16(value);
    case KeyType::int4:
        return DatumGetInt32(value);
    case KeyType::boolean:
        return DatumGetBool(value) ? 1 : 0;
    case KeyType::date:
        return DatumGetDateADT(value);
    case KeyType::text:
        // As the collation sees it: values that are equal under it have equal hashes.
        return DatumGetInt64(DirectFunctionCall2Coll(hashtextextended, collation, value, Int64GetDatum(0)));
    default:
        return DatumGetInt64(value);
    }
}

__int128 to_wide_number(Datum uuid) noexcept {
    unsigned __int128 number = 0;
    for (const std::uint8_t byte : DatumGetUUIDP(uuid)->data)
        number = number << 8 | byte;
    // A uuid's bytes are ordered without a sign.
    return static_cast<__int128>(number ^ static_cast<unsigned __int128>(1) << 127);
}

void write_keys(Relation index, const Parameters& parameters, const Datum* values, const bool* is_null,
                std::vector<std::byte>& into) {
    into.assign(parameters.key_bytes(), std::byte{0});
    if (into.empty()) return;
    std::size_t offset = 0;
    unsigned column = 0;
    for (const KeyColumn& key : parameters.key_columns) {
        if (is_null[column])
            into.back() |= std::byte{1} << column;
        else
            pg::call([&] {
                write_key(static_cast<KeyType>(key.type), values[column], index->rd_indcollation[column + 1],
                          &into[offset]);
            });
        offset += key.bytes;
        ++column;
    }
}

} // namespace soup::vann
