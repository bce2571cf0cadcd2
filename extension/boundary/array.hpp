// Array datums as C++ values: elements of any type by index, plain spans over fixed-width elements, and
// arrays made of spans. One dimension or none; PostgreSQL has no ragged arrays, so bulk calls flatten and
// carry counts.
#pragma once

#include "boundary/datum.hpp"

namespace soup::pg {

/// How the server stores elements of a type.
struct ElementType {
    Oid oid;
    std::int16_t length;
    bool by_value;
    char alignment;
};
constexpr ElementType text_elements{TEXTOID, -1, false, TYPALIGN_INT};
constexpr ElementType bytea_elements{BYTEAOID, -1, false, TYPALIGN_INT};
constexpr ElementType float4_elements{FLOAT4OID, sizeof(float), true, TYPALIGN_INT};
constexpr ElementType float8_elements{FLOAT8OID, sizeof(double), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE};
constexpr ElementType int4_elements{INT4OID, sizeof(std::int32_t), true, TYPALIGN_INT};
constexpr ElementType int8_elements{INT8OID, sizeof(std::int64_t), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE};
constexpr ElementType timestamptz_elements{TIMESTAMPTZOID, sizeof(TimestampTz), FLOAT8PASSBYVAL,
                                           TYPALIGN_DOUBLE};

/// An array argument, fetched if need be and refused when it has another element type or several dimensions.
class Array {
public:
    Array(Datum datum, const ElementType& type) {
        array_ = call([&] { return DatumGetArrayTypeP(datum); });
        if (PointerGetDatum(array_) != datum) fetched_ = array_;
        if (ARR_ELEMTYPE(array_) != type.oid) fail("array has another element type");
        if (ARR_NDIM(array_) > 1) fail("array must have one dimension");
        size_ = ARR_NDIM(array_) == 0 ? 0 : static_cast<std::size_t>(ARR_DIMS(array_)[0]);
        type_ = type;
    }
    ~Array() {
        if (fetched_ != nullptr) pfree(fetched_);
    }
    Array(const Array&) = delete;
    Array& operator=(const Array&) = delete;

    std::size_t size() const noexcept { return size_; }
    bool has_null() const noexcept { return ARR_HASNULL(array_) && array_contains_nulls(array_); }

    /// The values in place, for fixed-width elements without nulls.
    template<class T>
    std::span<const T> values() const {
        static_assert(std::is_trivially_copyable_v<T>);
        if (type_.length != static_cast<int>(sizeof(T))) throw bad_input("array has another element width");
        if (has_null()) throw bad_input("array must not contain nulls");
        return {reinterpret_cast<const T*>(ARR_DATA_PTR(array_)), size_};
    }

    /// Calls each(index, Datum, is_null) for every element in order.
    template<class F>
    void for_each(F&& each) const {
        const char* const data = ARR_DATA_PTR(array_);
        std::size_t offset = 0;
        const bits8* nulls = ARR_NULLBITMAP(array_);
        for (std::size_t i = 0; i < size_; ++i) {
            if (nulls != nullptr && (nulls[i / 8] & (1 << (i % 8))) == 0) {
                each(i, Datum{0}, true);
                continue;
            }
            const char* const at = data + offset;
            each(i, fetch_att(at, type_.by_value, type_.length), false);
            offset = att_addlength_pointer(offset, type_.length, at);
            offset = att_align_nominal(offset, type_.alignment);
        }
    }

    /// Text or bytea elements as views into the array, which must outlive them; null is nullopt. Array
    /// elements are never external, and array construction has unpacked what was compressed.
    std::vector<std::optional<std::string_view>> texts() const {
        std::vector<std::optional<std::string_view>> views(size_);
        for_each([&](std::size_t i, Datum datum, bool is_null) {
            if (!is_null) views[i] = {VARDATA_ANY(datum), VARSIZE_ANY_EXHDR(datum)};
        });
        return views;
    }
    std::vector<std::optional<std::span<const std::byte>>> byte_strings() const {
        std::vector<std::optional<std::span<const std::byte>>> views(size_);
        for_each([&](std::size_t i, Datum datum, bool is_null) {
            if (!is_null)
                views[i] = std::span(reinterpret_cast<const std::byte*>(VARDATA_ANY(datum)),
                                     static_cast<std::size_t>(VARSIZE_ANY_EXHDR(datum)));
        });
        return views;
    }

private:
    /// The destructor does not run when the constructor throws.
    [[noreturn]] void fail(const char* message) {
        if (fetched_ != nullptr) pfree(fetched_);
        throw bad_input(message);
    }

    ArrayType* array_;
    ArrayType* fetched_ = nullptr;
    std::size_t size_ = 0;
    ElementType type_{};
};

/// An array of fixed-width elements: real[], double precision[], integer[], bigint[], uuid[] and the like.
template<class T>
Datum make_array(std::span<const T> values, const ElementType& type) {
    static_assert(std::is_trivially_copyable_v<T>);
    constexpr std::size_t head = ARR_OVERHEAD_NONULLS(1);
    if (values.size() > (MaxAllocSize - head) / sizeof(T)) throw too_big("array is too long");
    if (type.length != static_cast<int>(sizeof(T))) throw std::invalid_argument("element width");
    if (values.empty()) return PointerGetDatum(call([&] { return construct_empty_array(type.oid); }));
    const std::size_t bytes = head + values.size_bytes();
    auto* array = static_cast<ArrayType*>(call([&] { return palloc0(bytes); }));
    SET_VARSIZE(array, bytes);
    array->ndim = 1;
    array->elemtype = type.oid;
    ARR_DIMS(array)[0] = static_cast<int>(values.size());
    ARR_LBOUND(array)[0] = 1;
    std::memcpy(ARR_DATA_PTR(array), values.data(), values.size_bytes());
    return PointerGetDatum(array);
}

/// An array of datums, null where `is_null` says so (empty: none is).
inline Datum make_array(std::span<const Datum> values, std::span<const bool> is_null,
                        const ElementType& type) {
    if (values.empty()) return PointerGetDatum(call([&] { return construct_empty_array(type.oid); }));
    int dimension = static_cast<int>(values.size());
    int lower_bound = 1;
    return PointerGetDatum(call([&] {
        return construct_md_array(
            const_cast<Datum*>(values.data()), is_null.empty() ? nullptr : const_cast<bool*>(is_null.data()),
            1, &dimension, &lower_bound, type.oid, type.length, type.by_value, type.alignment);
    }));
}

} // namespace soup::pg
