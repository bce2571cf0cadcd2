// A token bucket for each credential (or source address, where there is none), in a bounded table.
#pragma once

#include <array>
#include <chrono>
#include <string_view>
#include <unordered_map>

namespace soup::gateway {

class RateLimit {
public:
    using Clock = std::chrono::steady_clock;

    /// A rate of 0 allows everything.
    RateLimit(double per_s, double burst);

    bool allows(std::string_view who, Clock::time_point now);

private:
    struct Bucket {
        double level;
        Clock::time_point since;
    };
    double refilled(const Bucket& bucket, Clock::time_point now) const;

    double per_s_, burst_;
    std::array<unsigned char, 16> key_; ///< nobody outside can choose names that collide
    std::unordered_map<std::uint64_t, Bucket> buckets_;
};

} // namespace soup::gateway
