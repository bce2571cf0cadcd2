// See rate_limit.hpp.
#include "thin_gateway/rate_limit.hpp"

#include <algorithm>
#include <cstring>
#include <sodium.h>

namespace soup::gateway {

RateLimit::RateLimit(double per_s, double burst) : per_s_(per_s), burst_(burst) {
    randombytes_buf(key_.data(), key_.size());
}

double RateLimit::refilled(const Bucket& bucket, Clock::time_point now) const {
    return std::min(burst_,
                    bucket.level + std::chrono::duration<double>(now - bucket.since).count() * per_s_);
}

bool RateLimit::allows(std::string_view who, Clock::time_point now) {
    if (per_s_ <= 0) return true;
    std::array<unsigned char, 8> hash;
    crypto_shorthash(hash.data(), reinterpret_cast<const unsigned char*>(who.data()), who.size(),
                     key_.data());
    std::uint64_t id = 0;
    std::memcpy(&id, hash.data(), sizeof id);
    // A full bucket says no more than an absent one.
    constexpr std::size_t buckets_max = 100'000;
    if (buckets_.size() >= buckets_max)
        std::erase_if(buckets_, [&](const auto& entry) { return refilled(entry.second, now) >= burst_; });
    if (buckets_.size() >= buckets_max) buckets_.clear();
    Bucket& bucket = buckets_.try_emplace(id, Bucket{burst_, now}).first->second;
    bucket = {refilled(bucket, now), now};
    if (bucket.level < 1) return false;
    bucket.level -= 1;
    return true;
}

} // namespace soup::gateway
