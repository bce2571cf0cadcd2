// Key columns beside the vector: which types there are, and how a row's values lie in a page. A page keeps
// fixed widths; text is kept as a hash, so that equality can be told up to rechecking.
#pragma once

#include "boundary/boundary.hpp"
#include "core/vann/parameters.hpp"

extern "C" {
#include "utils/rel.h"
}

namespace soup::vann {

/// KeyColumn::type. Stored: a number is never given another meaning.
enum class KeyType : std::uint8_t {
    int2 = 1,
    int4 = 2,
    int8 = 3,
    boolean = 4,
    date = 5,
    timestamp = 6,
    timestamptz = 7,
    uuid = 8,
    text = 9, ///< A hash of 8 bytes, under the column's collation.
};

/// Refuses with 0A000 a type that no operator class should have.
KeyType key_type_of(Oid type);
unsigned key_width(KeyType type) noexcept;

/// The columns of an index after the first.
std::vector<KeyColumn> key_columns_of(Relation index);

/// A value of a key column as a number with the type's order (of a text, its hash). Server code: a text may
/// have to be fetched.
std::int64_t to_number(KeyType type, Datum value, Oid collation);
/// The same for uuid, the one type that is wider.
__int128 to_wide_number(Datum uuid) noexcept;

/// `values` and `is_null` begin with the first key column. Writes Parameters::key_bytes() bytes.
void write_keys(Relation index, const Parameters& parameters, const Datum* values, const bool* is_null,
                std::vector<std::byte>& into);

} // namespace soup::vann
