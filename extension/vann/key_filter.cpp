// Every condition becomes an interval or a set: < = > by their bounds, = ANY by its elements, < ANY by the
// greatest element. A condition with a null never holds, nor does one on a row whose column is null.
#include "vann/key_filter.hpp"

extern "C" {
#include "access/stratnum.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
}

namespace soup::vann {
namespace {

/// A condition's argument may be of another integer type than the column.
template<class Number>
Number argument_number(KeyType column, const ScanKeyData& key, Datum value) {
    if constexpr (sizeof(Number) > sizeof(std::int64_t)) {
        return to_wide_number(value);
    } else {
        switch (key.sk_subtype) {
        case INT2OID:
            return to_number(KeyType::int2, value, key.sk_collation);
        case INT4OID:
            return to_number(KeyType::int4, value, key.sk_collation);
        case INT8OID:
            return to_number(KeyType::int8, value, key.sk_collation);
        default:
            return to_number(column, value, key.sk_collation);
        }
    }
}

template<class Number>
std::vector<Number> array_numbers(KeyType column, const ScanKeyData& key) {
    ArrayType* array = nullptr;
    Datum* elements = nullptr;
    bool* is_null = nullptr;
    int count = 0;
    pg::call([&] {
        array = DatumGetArrayTypeP(key.sk_argument);
        std::int16_t length = 0;
        bool by_value = false;
        char alignment = 0;
        get_typlenbyvalalign(ARR_ELEMTYPE(array), &length, &by_value, &alignment);
        deconstruct_array(array, ARR_ELEMTYPE(array), length, by_value, alignment, &elements, &is_null,
                          &count);
    });
    std::vector<Number> numbers;
    for (int i = 0; i < count; ++i)
        if (!is_null[i])
            numbers.push_back(pg::call([&] { return argument_number<Number>(column, key, elements[i]); }));
    // A scan may be started many times in one statement, whose memory this is.
    pfree(elements);
    pfree(is_null);
    if (reinterpret_cast<Pointer>(array) != DatumGetPointer(key.sk_argument)) pfree(array);
    std::sort(numbers.begin(), numbers.end());
    return numbers;
}

template<class Stored>
std::int64_t load(const std::byte* from) noexcept {
    Stored value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

/// Of the rows in `rows`, or of all below `count` if it is the first condition, keeps those that have a value
/// for which test(number) holds; returns how many.
template<class Load, class Test>
unsigned keep_rows(const std::byte* keys, unsigned width, unsigned column, bool is_first, unsigned count,
                   std::uint16_t* rows, Load&& load, Test&& test) {
    const std::byte null_bit = std::byte{1} << column;
    unsigned kept = 0;
    for (unsigned i = 0; i < count; ++i) {
        const std::uint16_t row = is_first ? static_cast<std::uint16_t>(i) : rows[i];
        const std::byte* key = keys + std::size_t{row} * width;
        const bool is_null = (key[width - 1] & null_bit) != std::byte{0};
        // Written always and counted if it stays: a branch here would be guessed wrong often.
        rows[kept] = row;
        kept += is_null ? 0U : static_cast<unsigned>(test(load(key)));
    }
    return kept;
}

template<class Values, class Load>
unsigned keep_values(const std::byte* keys, unsigned width, unsigned column, bool is_first, unsigned count,
                     std::uint16_t* rows, const Values& values, Load&& load) {
    if (!values.some.empty())
        return keep_rows(keys, width, column, is_first, count, rows, load, [&](auto number) {
            return std::binary_search(values.some.begin(), values.some.end(), number);
        });
    const auto low = values.low, high = values.high;
    return keep_rows(keys, width, column, is_first, count, rows, load,
                     [=](auto number) { return (low <= number) & (number <= high); });
}

} // namespace

ScanKeyFilter::ScanKeyFilter(const Parameters& parameters, std::span<const ScanKeyData> keys) {
    for (const ScanKeyData& key : keys) {
        const unsigned column = static_cast<unsigned>(key.sk_attno) - 2;
        if (key.sk_attno < 2 || column >= parameters.key_columns.size())
            throw Error("XX000", "", "vann has no operators on its vector but those that order");
        unsigned offset = 0;
        for (unsigned i = 0; i < column; ++i)
            offset += parameters.key_columns[i].bytes;
        const auto type = static_cast<KeyType>(parameters.key_columns[column].type);
        if (type == KeyType::text) needs_recheck_ = true;
        if ((key.sk_flags & SK_ISNULL) != 0)
            matches_nothing_ = true;
        else if (type == KeyType::uuid)
            add<__int128>(type, offset, column, key);
        else
            add<std::int64_t>(type, offset, column, key);
    }
}

template<class Number>
void ScanKeyFilter::add(KeyType type, unsigned offset, unsigned column, const ScanKeyData& key) {
    constexpr Number one = 1;
    // Without std::numeric_limits, which knows nothing of 128 bits in strict C++.
    constexpr Number half = one << (8 * sizeof(Number) - 2);
    constexpr Number highest = half - one + half;
    Values<Number> values{.low = -highest - one, .high = highest, .some = {}};
    std::vector<Number> arguments;
    if ((key.sk_flags & SK_SEARCHARRAY) != 0)
        arguments = array_numbers<Number>(type, key);
    else
        arguments = {pg::call([&] { return argument_number<Number>(type, key, key.sk_argument); })};
    if (arguments.empty()) {
        matches_nothing_ = true;
        return;
    }
    // One of several arguments has to do, so the most generous one counts.
    switch (key.sk_strategy) {
    case BTLessStrategyNumber:
        if (arguments.back() == values.low)
            matches_nothing_ = true;
        else
            values.high = arguments.back() - one;
        break;
    case BTLessEqualStrategyNumber:
        values.high = arguments.back();
        break;
    case BTEqualStrategyNumber:
        values.low = arguments.front();
        values.high = arguments.back();
        if (arguments.size() > 1) values.some = std::move(arguments);
        break;
    case BTGreaterEqualStrategyNumber:
        values.low = arguments.front();
        break;
    case BTGreaterStrategyNumber:
        if (arguments.front() == highest)
            matches_nothing_ = true;
        else
            values.low = arguments.front() + one;
        break;
    default:
        throw Error("XX000", "", "operator class of a vann index has an unknown strategy");
    }
    conditions_.push_back({type, offset, column, std::move(values)});
}

unsigned ScanKeyFilter::qualify(const std::byte* keys, unsigned width, unsigned count,
                                std::uint16_t* rows) const {
    if (matches_nothing_) return 0;
    bool is_first = true;
    for (const Condition& condition : conditions_) {
        const unsigned offset = condition.offset, column = condition.column;
        const auto keep_by = [&](auto&& load_number) {
            count = keep_values(keys, width, column, is_first, count, rows, std::get<0>(condition.values),
                                load_number);
        };
        switch (key_width(condition.type)) {
        case 1:
            keep_by([=](const std::byte* row) { return load<std::int8_t>(row + offset); });
            break;
        case 2:
            keep_by([=](const std::byte* row) { return load<std::int16_t>(row + offset); });
            break;
        case 4:
            keep_by([=](const std::byte* row) { return load<std::int32_t>(row + offset); });
            break;
        case 8:
            keep_by([=](const std::byte* row) { return load<std::int64_t>(row + offset); });
            break;
        default:
            count = keep_values(
                keys, width, column, is_first, count, rows, std::get<1>(condition.values),
                [=](const std::byte* row) { return to_wide_number(PointerGetDatum(row + offset)); });
        }
        is_first = false;
    }
    return count;
}

} // namespace soup::vann
