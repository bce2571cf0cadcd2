// The entry's layout number tells an empty or foreign entry; a torn read shows in the sequence count.
#include "access/token_cache.hpp"

#include "access/library.hpp"

namespace soup::access {

namespace {

constexpr std::uint32_t entry_layout = 1;
constexpr std::size_t places_per_set = 4;

static_assert(std::is_trivially_copyable_v<crypto::Claims>);
static_assert(sizeof(crypto::Claims) <= sizeof(loader::TokenEntry::content));

std::span<loader::TokenEntry> set_of(const crypto::Digest& digest) {
    const std::span<loader::TokenEntry> all = attached_loader().shared->tokens();
    std::uint64_t number = 0;
    std::memcpy(&number, digest.data(), sizeof number);
    return all.subspan(number % (all.size() / places_per_set) * places_per_set, places_per_set);
}

std::optional<crypto::Claims> read(const loader::TokenEntry& entry, const crypto::Digest& digest) noexcept {
    const std::uint32_t before = entry.sequence.load(std::memory_order_acquire);
    if (before % 2 != 0 || entry.layout != entry_layout ||
        std::memcmp(entry.key, digest.data(), sizeof entry.key) != 0)
        return std::nullopt;
    crypto::Claims claims;
    std::memcpy(static_cast<void*>(&claims), entry.content, sizeof claims);
    std::atomic_thread_fence(std::memory_order_acquire);
    if (entry.sequence.load(std::memory_order_relaxed) != before) return std::nullopt;
    return claims;
}

/// When an entry's token expires; an empty one has done so long ago. Under the writers' lock.
std::int64_t expiry_of(const loader::TokenEntry& entry) noexcept {
    if (entry.layout != entry_layout) return std::numeric_limits<std::int64_t>::min();
    crypto::Claims claims;
    std::memcpy(static_cast<void*>(&claims), entry.content, sizeof claims);
    return claims.expires_us;
}

} // namespace

std::optional<crypto::Claims> recall_token(const crypto::Digest& digest) {
    for (const loader::TokenEntry& entry : set_of(digest))
        if (auto claims = read(entry, digest)) return claims;
    return std::nullopt;
}

void remember_token(const crypto::Digest& digest, const crypto::Claims& claims) {
    const std::span<loader::TokenEntry> set = set_of(digest);
    LWLock* lock = attached_loader().lock(loader::Lock::token_writers);
    pg::call([&] { LWLockAcquire(lock, LW_EXCLUSIVE); });
    // Nothing below can raise, so the lock is released on the one way out.
    loader::TokenEntry* place = &*std::ranges::min_element(set, {}, expiry_of);
    for (loader::TokenEntry& entry : set)
        if (entry.layout == entry_layout && std::memcmp(entry.key, digest.data(), sizeof entry.key) == 0)
            place = &entry;
    place->sequence.fetch_add(1, std::memory_order_acq_rel);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    place->layout = entry_layout;
    std::memcpy(place->key, digest.data(), sizeof place->key);
    std::memcpy(place->content, &claims, sizeof claims);
    place->sequence.fetch_add(1, std::memory_order_release);
    LWLockRelease(lock);
}

} // namespace soup::access
