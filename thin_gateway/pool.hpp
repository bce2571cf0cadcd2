// A fixed set of pipelined connections for one kind of call.
//
// A call goes to the connection with the least under way. A slow one holds up whatever is sent behind it, so
// what a caller has a share of is connections (share.hpp): beyond its share its calls go behind its own, or
// its org's. When those are full they wait in a fair line, for a limited time, and then end as `unsent`: the
// client reads 503 BUSY, and an operator can tell a small pool from a slow database.
#pragma once

#include "thin_gateway/pg_pipeline.hpp"

namespace soup::gateway {

struct PoolSettings {
    std::string name;
    unsigned size;
    unsigned depth; ///< calls under way on one connection
    Clock::duration wait_limit;
    Clock::duration call_limit; ///< beyond which a connection counts as dead
    bool has_shares = true;     ///< else a caller may have calls on all connections
};

class Pool {
public:
    Pool(const Executor& executor, const PgTarget& target, PoolSettings settings);

    void start();
    void stop();
    bool has_ended() const;

    /// Returns when call.outcome is set.
    Awaitable<> run(PgCall& call);

    void sweep(Clock::time_point now);
    void recycle();

    const PoolSettings& settings() const { return settings_; }
    std::size_t ready() const;
    std::size_t under_way() const;
    std::size_t waiting() const { return line_.size(); }
    std::size_t callers_waiting() const { return line_.callers(); }
    const std::string& last_error() const;

private:
    /// Where a call of this caller may go now; null: it has to wait.
    PgPipeline* connection_for(const Caller& caller) const;
    void assign();

    Executor executor_;
    PoolSettings settings_;
    std::vector<std::unique_ptr<PgPipeline>> connections_;
    FairLine<PgCall> line_;
    bool is_stopping_ = false;
};

} // namespace soup::gateway
