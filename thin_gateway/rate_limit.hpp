// Token buckets by name, in a bounded table.
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

    bool is_on() const { return per_s_ > 0; }
    bool allows(std::string_view who, Clock::time_point now);
    /// Whether allows() would say yes; takes nothing.
    bool has_room(std::string_view who, Clock::time_point now) const;
    /// What `from` has used counts for `to`, which may owe up to a full bucket then.
    void charge(std::string_view from, std::string_view to, Clock::time_point now);

private:
    struct Bucket {
        double level;
        Clock::time_point since;
    };
    std::uint64_t id_of(std::string_view who) const;
    double refilled(const Bucket& bucket, Clock::time_point now) const;
    Bucket& bucket(std::uint64_t id, Clock::time_point now);

    double per_s_, burst_;
    std::array<unsigned char, 16> key_; ///< nobody outside can choose names that collide
    std::unordered_map<std::uint64_t, Bucket> buckets_;
};

} // namespace soup::gateway
