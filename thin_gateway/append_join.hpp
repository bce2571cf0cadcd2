// Joined appends: what arrives while a commit is under way goes into the next call of append_many.
//
// A few lanes (two by default) each run one call at a time. A lane that is free takes everything that waits,
// up to the limits, and an append that finds no call under way goes at once: batching without a timer and
// without added delay. It starts only after the events already read from the sockets were handled, so that
// requests which arrived together travel together. A second lane starts when the oldest append has waited
// some milliseconds: one big call costs the server less than two small ones side by side (measured: 12
// against 18 us of backend time an append at 64 connections), but a call that hangs on a lock must not hold
// up the others. It also starts when many bytes wait: batches cost by their bytes, whether they share a call
// or not, and one call is received, compressed and digested while the other one is written and flushed.
//
// When more waits than a call may hold, callers take turns (fair_line.hpp).
//
// Every element has its own result. An answer is given only after the server said that the call is committed.
// If the server refuses a whole call, nothing of it was done, and it is tried again in halves, so that one
// element which upsets the server fails alone; as it is, on fresh sessions, if an upgrade has replaced what
// the session held. An element that is BUSY, since its model's partitions were changed under it, goes into
// the next call. If the connection breaks, it is unknown whether the call was committed: elements with an
// idempotency key are sent again (stored once, whatever happened), the others get 503.
#pragma once

#include "thin_gateway/append_request.hpp"
#include "thin_gateway/metrics.hpp"
#include "thin_gateway/pool.hpp"

#include <array>

namespace soup::gateway {

/// One request's append on its way: lives in its exchange.
struct PendingAppend : InLine<PendingAppend> {
    PendingAppend(AppendElement what, std::string_view who) : element(std::move(what)), token(who) {}

    AppendElement element;
    std::string_view token;
    unsigned attempts = 0;

    std::optional<Problem> problem; ///< else the four below
    std::int32_t partition = 0;
    std::int64_t first_offset = 0;
    std::int32_t count = 0;
    std::optional<std::string> label; ///< null while the model has no default version
    Signal finished;
};

class AppendJoiner {
public:
    struct Limits {
        std::size_t elements_max, bytes_max;
        Clock::duration wait_limit;
    };
    /// One lane for each connection of `pool`, whose depth is 1.
    AppendJoiner(const Executor& executor, Pool& pool, Limits limits, Metrics& metrics);

    void start();
    void stop();
    /// `pending` stays where it is until its signal is set.
    void add(PendingAppend& pending);
    void sweep(Clock::time_point now);
    std::size_t waiting() const { return waiting_.size(); }
    std::size_t callers_waiting() const { return waiting_.callers(); }

private:
    using Batch = std::vector<PendingAppend*>;

    static constexpr std::size_t arrays = 9;

    Awaitable<> lane();
    Awaitable<> run(Batch batch, std::array<std::string, arrays>& buffers);
    Batch take_batch();
    Batch take_late(Clock::time_point now);
    void wait_again(PendingAppend& pending);
    void encode(const Batch& batch, std::array<std::string, arrays>& buffers);
    void distribute(const Batch& batch, const PgCall& call);
    void retry_lost(const Batch& batch);
    void halve(Batch batch);
    bool may_start(std::size_t busy_others, Clock::time_point now) const;
    void wake_lane(Clock::time_point now);
    static void fail(const Batch& batch, const Problem& problem);

    Executor executor_;
    Pool& pool_;
    Limits limits_;
    Metrics& metrics_;
    StatementPtr statement_;
    FairLine<PendingAppend> waiting_;
    std::size_t waiting_bytes_ = 0;
    Clock::time_point waiting_since_; ///< somebody waits; not later than the oldest came
    std::deque<Batch> closed_;        ///< halves of refused calls: run as they are, before anything else
    std::vector<Signal*> idle_lanes_;
    bool is_stopping_ = false;
};

} // namespace soup::gateway
