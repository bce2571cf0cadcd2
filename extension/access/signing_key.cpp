// A key's references stay valid until the next look-up after a change of the catalogue.
#include "access/signing_key.hpp"

#include "access/catalogue_scan.hpp"
#include "access/generation.hpp"

extern "C" {
#include "access/xlog.h"
}

namespace soup::access {

namespace {

struct SigningKeyColumn {
    enum : AttrNumber { key_id = 1, public_key, secret_key, mac_key, valid_from, valid_to };
};

struct Keys {
    std::uint64_t generation = 0;
    std::vector<SigningKey> all; ///< By falling number.
};
Keys* keys = nullptr;

std::int64_t time_or_limit(Datum datum) {
    const TimestampTz time = DatumGetTimestampTz(datum);
    if (TIMESTAMP_IS_NOBEGIN(time)) return std::numeric_limits<std::int64_t>::min();
    if (TIMESTAMP_IS_NOEND(time)) return std::numeric_limits<std::int64_t>::max();
    return pg::to_unix_us(time);
}

template<std::size_t N>
std::array<std::uint8_t, N> fixed_bytes(Datum datum) {
    const pg::Varlena value(datum);
    if (value.size() != N) throw Error("XX001", "", "signing key has a wrong length");
    std::array<std::uint8_t, N> bytes;
    std::memcpy(bytes.data(), value.bytes().data(), N);
    return bytes;
}

template<std::size_t N>
crypto::Secret<N> secret_bytes(Datum datum) {
    auto bytes = fixed_bytes<N>(datum);
    crypto::Secret<N> secret{std::span<const std::uint8_t, N>(bytes)};
    crypto::wipe(bytes);
    return secret;
}

const std::vector<SigningKey>& all_keys() {
    if (keys == nullptr) keys = new Keys;
    const std::uint64_t generation = catalogue_generation();
    if (keys->generation == generation) return keys->all;
    keys->generation = 0;
    keys->all.clear();
    const FoundRows rows("signing_key", nullptr, {});
    for (std::size_t i = 0; i < rows.size(); ++i)
        keys->all.push_back(
            {static_cast<std::uint32_t>(DatumGetInt32(rows.datum(i, SigningKeyColumn::key_id))),
             fixed_bytes<32>(rows.datum(i, SigningKeyColumn::public_key)),
             secret_bytes<64>(rows.datum(i, SigningKeyColumn::secret_key)),
             secret_bytes<32>(rows.datum(i, SigningKeyColumn::mac_key)),
             time_or_limit(rows.datum(i, SigningKeyColumn::valid_from)),
             time_or_limit(rows.datum(i, SigningKeyColumn::valid_to))});
    std::ranges::sort(keys->all, std::ranges::greater{}, &SigningKey::key_id);
    keys->generation = generation;
    return keys->all;
}

} // namespace

const SigningKey& current_key(std::int64_t now_us) {
    for (const SigningKey& key : all_keys())
        if (key.is_valid(now_us)) return key;
    throw Error("55000", "", "no signing key is valid", {}, "Run SELECT soup.rotate_signing_key().");
}

const SigningKey* find_key(std::uint32_t key_id, std::int64_t now_us) {
    for (const SigningKey& key : all_keys())
        if (key.key_id == key_id) return key.is_valid(now_us) ? &key : nullptr;
    return nullptr;
}

const crypto::MacKey& page_key() {
    return current_key(unix_now_us()).mac_key;
}

crypto::Audience own_audience() {
    return {GetSystemIdentifier(), MyDatabaseId};
}

std::int64_t unix_now_us() {
    return GetCurrentTimestamp() + pg::unix_epoch_shift_us;
}

} // namespace soup::access
