// SQL from C++: a connection for a scope, plans that are prepared once per session, rows as typed values.
//
//     static constinit pg::Plan plan{"SELECT name FROM soup.model WHERE org_id = $1", {UUIDOID}};
//     pg::Spi spi;
//     for (pg::Row row : spi.run(plan, {pg::make_uuid(org)})) use(row.text(1));
//
// Everything runs as the current user and sees a statement's snapshot, as SPI does. Qualify every name: the
// search path is the caller's.
#pragma once

#include "boundary/datum.hpp"

extern "C" {
#include "executor/spi.h"
}

namespace soup::pg {

/// A parameter: a datum, or null.
struct Parameter {
    Datum datum = 0;
    bool is_null = true;

    Parameter(std::nullopt_t) {}
    Parameter(Datum value) : datum(value), is_null(false) {}
    template<class T>
    Parameter(const std::optional<T>& value)
        : Parameter(value ? Parameter(*value) : Parameter(std::nullopt)) {}
};

/// A statement that is prepared at first use and kept for the session. Made for static storage: it has no
/// destructor, since a backend does not run those of statics in any useful order.
class Plan {
public:
    static constexpr int parameter_limit = 24;

    constexpr Plan(const char* sql, std::initializer_list<Oid> types)
        : sql_(sql), type_count_(static_cast<int>(types.size())) {
        if (types.size() > parameter_limit) throw "a plan has too many parameters";
        std::copy(types.begin(), types.end(), types_.begin());
    }

private:
    friend class Spi;
    const char* sql_;
    int type_count_;
    std::array<Oid, parameter_limit> types_{};
    SPIPlanPtr kept_ = nullptr;
};

/// One row of a result; columns count from 1. Views live as long as the Rows.
class Row {
public:
    Row(HeapTuple tuple, TupleDesc description) noexcept : tuple_(tuple), description_(description) {}

    bool is_null(int column) const noexcept {
        bool null;
        SPI_getbinval(tuple_, description_, column, &null);
        return null;
    }
    /// The datum; a null is an internal error, so ask is_null() where the column may have one.
    Datum datum(int column) const {
        bool null;
        Datum value = SPI_getbinval(tuple_, description_, column, &null);
        if (null) throw std::logic_error("unexpected null in a result");
        return value;
    }
    bool boolean(int column) const { return DatumGetBool(datum(column)); }
    std::int32_t int4(int column) const { return DatumGetInt32(datum(column)); }
    std::int64_t int8(int column) const { return DatumGetInt64(datum(column)); }
    double float8(int column) const { return DatumGetFloat8(datum(column)); }
    TimestampTz timestamptz(int column) const { return DatumGetTimestampTz(datum(column)); }
    Uuid uuid(int column) const { return to_uuid(datum(column)); }
    std::string text(int column) const { return to_string(datum(column)); }
    Varlena varlena(int column) const { return Varlena(datum(column)); }

private:
    HeapTuple tuple_;
    TupleDesc description_;
};

/// What a statement returned: rows, if any, and how many it processed. Freed with its Spi at the latest.
class Rows {
public:
    Rows(SPITupleTable* table, std::uint64_t processed) noexcept : table_(table), processed_(processed) {}
    ~Rows() {
        if (table_ != nullptr && !server_error_unwinding()) SPI_freetuptable(table_);
    }
    Rows(Rows&& other) noexcept
        : table_(std::exchange(other.table_, nullptr)), processed_(other.processed_) {}
    Rows& operator=(Rows&&) = delete;

    std::uint64_t processed() const noexcept { return processed_; }
    std::size_t size() const noexcept { return table_ != nullptr ? processed_ : 0; }
    bool empty() const noexcept { return size() == 0; }
    Row operator[](std::size_t i) const noexcept { return {table_->vals[i], table_->tupdesc}; }

    struct Iterator {
        const Rows* rows;
        std::size_t i;
        Row operator*() const noexcept { return (*rows)[i]; }
        Iterator& operator++() noexcept { return ++i, *this; }
        bool operator!=(const Iterator& other) const noexcept { return i != other.i; }
    };
    Iterator begin() const noexcept { return {this, 0}; }
    Iterator end() const noexcept { return {this, size()}; }

private:
    SPITupleTable* table_;
    std::uint64_t processed_;
};

/// Whether a statement sees the caller's snapshot and may not write, or takes a new one.
enum class Access { read_only, read_write };

/// A connection to SPI. Declare it before everything that lives in it, so that it goes last. Values made
/// while it is open are allocated in its memory unless a ContextScope says otherwise.
class Spi {
public:
    Spi();
    ~Spi();
    Spi(const Spi&) = delete;
    Spi& operator=(const Spi&) = delete;

    /// Runs a kept plan. row_limit 0: all rows.
    Rows run(Plan& plan, std::initializer_list<Parameter> parameters, Access access = Access::read_write,
             long row_limit = 0);
    /// Runs a text once. Never build it from what a caller sent, other than by quote_identifier.
    Rows run(const char* sql, Access access = Access::read_write);
};

} // namespace soup::pg
