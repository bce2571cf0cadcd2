// Until when the next piece of a body must come, so that a body lasts no longer than its bytes are worth.
//
// A client may fall behind the least rate by a grace, and each byte buys the time that the rate gives it; but
// nobody gets more than a grace ahead. So neither a length announced, nor one byte now and then, nor
// megabytes sent at once pay for a long silence.
#pragma once

#include <chrono>
#include <cstddef>

namespace soup::gateway {

class BodyPace {
public:
    using Clock = std::chrono::steady_clock;

    BodyPace(Clock::duration grace, std::size_t bytes_per_s_min, Clock::time_point now)
        : grace_(grace), bytes_per_s_min_(bytes_per_s_min), deadline_(now + grace) {}

    Clock::time_point deadline() const { return deadline_; }
    void received(std::size_t bytes, Clock::time_point now);

private:
    Clock::duration grace_;
    std::size_t bytes_per_s_min_;
    Clock::time_point deadline_;
};

} // namespace soup::gateway
