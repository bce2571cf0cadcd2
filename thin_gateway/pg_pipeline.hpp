// One connection in libpq's pipeline mode, shared by many requests at a time.
//
// Each call gets its own Sync, so each is its own transaction and an error of one leaves the others alone.
// A statement is prepared in front of its first execution, in the same Sync. The connection opens itself,
// and again after a loss, with growing pauses; calls under way when it breaks end as `lost`.
#pragma once

#include "thin_gateway/pg_call.hpp"
#include "thin_gateway/pg_link.hpp"
#include "thin_gateway/share.hpp"

#include <deque>
#include <functional>
#include <unordered_set>

namespace soup::gateway {

class PgPipeline {
public:
    /// `on_change` is called whenever the connection can take a call again, or no longer.
    PgPipeline(const Executor& executor, PgTarget target, std::function<void()> on_change);

    /// Opens, reads and reopens until stop(); the pool spawns it once.
    Awaitable<> run();
    void stop();

    bool is_ready() const { return is_ready_; }
    bool takes_calls() const { return is_ready_ && !wants_recycling_; }
    bool has_ended() const { return has_ended_; }
    std::size_t under_way() const { return entries_.size(); }
    /// The nearest to `caller` of those who have a call under way here.
    Kin nearest_kin(const Caller& caller) const;
    void send(PgCall& call);

    /// Gives up a connection attempt or a call that hangs; called a few times a second.
    void sweep(Clock::time_point now, Clock::duration call_limit);
    /// Closes the connection once nothing is under way, to open a fresh one.
    void recycle();
    const std::string& last_error() const { return link_.last_error(); }

private:
    struct Entry {
        PgCall* call; ///< null: housekeeping
        std::uint64_t preparing = 0;
        bool has_prepared = false;
        Clock::time_point since;
    };

    Awaitable<bool> open();
    Awaitable<> read();
    Awaitable<> pause(Clock::duration time);
    Awaitable<> flush_rest();
    void flush();
    void take_results();
    void take(PgResult result);
    void finish_front();
    void lose();
    void forget_statements();

    Executor executor_;
    PgTarget target_;
    std::function<void()> on_change_;
    PgLink link_;
    Timer timer_;
    std::deque<Entry> entries_;
    std::unordered_set<std::uint64_t> prepared_;
    bool is_ready_ = false, is_flushing_ = false, is_stopping_ = false, has_ended_ = false;
    bool wants_recycling_ = false;
    Clock::time_point connecting_since_;
};

} // namespace soup::gateway
