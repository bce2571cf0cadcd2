// Datums as C++ values and back: text, bytea, arrays, timestamps, uuids, JSON. Views are taken without a copy
// where the datum lies plainly in memory; compressed or external ones are fetched under the trap.
#pragma once

#include "boundary/boundary.hpp"

namespace soup::pg {

/// A variable-length datum made readable, for the length of a scope. Frees what it had to fetch.
class Varlena {
public:
    explicit Varlena(Datum datum) : plain_(reinterpret_cast<varlena*>(DatumGetPointer(datum))) {
        if (VARATT_IS_COMPRESSED(plain_) || VARATT_IS_EXTERNAL(plain_)) {
            fetched_ = call([&] { return pg_detoast_datum_packed(plain_); });
            plain_ = fetched_;
        }
    }
    ~Varlena() {
        if (fetched_ != nullptr) pfree(fetched_);
    }
    Varlena(Varlena&& other) noexcept
        : plain_(other.plain_), fetched_(std::exchange(other.fetched_, nullptr)) {}
    Varlena& operator=(Varlena&&) = delete;

    std::string_view text() const noexcept { return {VARDATA_ANY(plain_), size()}; }
    std::span<const std::byte> bytes() const noexcept {
        return {reinterpret_cast<const std::byte*>(VARDATA_ANY(plain_)), size()};
    }
    std::size_t size() const noexcept { return VARSIZE_ANY_EXHDR(plain_); }

private:
    varlena* plain_;
    varlena* fetched_ = nullptr;
};

inline std::string to_string(Datum text) {
    return std::string(Varlena(text).text());
}

/// A text datum in the current context. The caller vouches for the database's encoding and for no NUL.
inline Datum make_text(std::string_view text) {
    return PointerGetDatum(
        call([&] { return cstring_to_text_with_len(text.data(), static_cast<int>(text.size())); }));
}

inline Datum make_bytea(std::span<const std::byte> bytes) {
    if (bytes.size() > MaxAllocSize - VARHDRSZ) throw too_big("value is too long for bytea");
    auto* piece = static_cast<varlena*>(call([&] { return palloc(VARHDRSZ + bytes.size()); }));
    SET_VARSIZE(piece, VARHDRSZ + bytes.size());
    if (!bytes.empty()) std::memcpy(VARDATA(piece), bytes.data(), bytes.size());
    return PointerGetDatum(piece);
}

/// jsonb from text; malformed text is the server's own error.
inline Datum make_jsonb(const std::string& text) {
    return call([&] { return DirectFunctionCall1(jsonb_in, CStringGetDatum(text.c_str())); });
}

// Times. PostgreSQL counts µs from 2000-01-01; everything outside counts them from 1970-01-01.
constexpr std::int64_t unix_epoch_shift_us =
    static_cast<std::int64_t>(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;

/// The infinities have no number outside: refused here.
inline std::int64_t to_unix_us(TimestampTz time) {
    if (TIMESTAMP_NOT_FINITE(time)) throw bad_input("time must be finite");
    return time + unix_epoch_shift_us;
}
inline TimestampTz from_unix_us(std::int64_t unix_us) {
    if (unix_us < MIN_TIMESTAMP + unix_epoch_shift_us || unix_us - unix_epoch_shift_us >= END_TIMESTAMP)
        throw bad_input("time is out of range");
    return unix_us - unix_epoch_shift_us;
}

using Uuid = std::array<std::uint8_t, UUID_LEN>;
inline Uuid to_uuid(Datum datum) noexcept {
    Uuid uuid;
    std::memcpy(uuid.data(), DatumGetUUIDP(datum)->data, uuid.size());
    return uuid;
}
inline Datum make_uuid(const Uuid& uuid) {
    auto* piece = static_cast<pg_uuid_t*>(call([] { return palloc(sizeof(pg_uuid_t)); }));
    std::memcpy(piece->data, uuid.data(), uuid.size());
    return UUIDPGetDatum(piece);
}

} // namespace soup::pg
