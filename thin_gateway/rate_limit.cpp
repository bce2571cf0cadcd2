// See rate_limit.hpp.
#include "thin_gateway/rate_limit.hpp"

#include <algorithm>
#include <cstring>
#include <sodium.h>

namespace soup::gateway {

RateLimit::RateLimit(double per_s, double burst) : per_s_(per_s), burst_(burst) {
    randombytes_buf(key_.data(), key_.size());
}

std::uint64_t RateLimit::id_of(std::string_view who) const {
    std::array<unsigned char, 8> hash;
    crypto_shorthash(hash.data(), reinterpret_cast<const unsigned char*>(who.data()), who.size(),
                     key_.data());
    std::uint64_t id = 0;
    std::memcpy(&id, hash.data(), sizeof id);
    return id;
}

double RateLimit::refilled(const Bucket& bucket, Clock::time_point now) const {
    return std::min(burst_,
                    bucket.level + std::chrono::duration<double>(now - bucket.since).count() * per_s_);
}

RateLimit::Bucket& RateLimit::bucket(std::uint64_t id, Clock::time_point now) {
    // A full bucket says no more than an absent one.
    constexpr std::size_t buckets_max = 100'000;
    if (buckets_.size() >= buckets_max)
        std::erase_if(buckets_, [&](const auto& entry) { return refilled(entry.second, now) >= burst_; });
    if (buckets_.size() >= buckets_max) buckets_.clear();
    Bucket& found = buckets_.try_emplace(id, Bucket{burst_, now}).first->second;
    found = {refilled(found, now), now};
    return found;
}

bool RateLimit::allows(std::string_view who, Clock::time_point now) {
    if (!is_on()) return true;
    Bucket& own = bucket(id_of(who), now);
    if (own.level < 1) return false;
    own.level -= 1;
    return true;
}

bool RateLimit::has_room(std::string_view who, Clock::time_point now) const {
    const auto it = buckets_.find(id_of(who));
    return !is_on() || it == buckets_.end() || refilled(it->second, now) >= 1;
}

void RateLimit::charge(std::string_view from, std::string_view to, Clock::time_point now) {
    const auto it = buckets_.find(id_of(from));
    if (it == buckets_.end()) return;
    const double used = burst_ - refilled(it->second, now);
    buckets_.erase(it);
    Bucket& charged = bucket(id_of(to), now);
    charged.level = std::max(charged.level - used, -burst_);
}

} // namespace soup::gateway
