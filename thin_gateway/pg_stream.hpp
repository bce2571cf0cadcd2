// Streamed results: one connection for one query, row by row, in constant memory.
//
// libpq's single-row mode outside the pipeline. Rows are read only when the client's socket has taken the
// ones before: a slow reader stops its own backend and holds up nobody else. A stream that is given up closes
// its connection; the server notices and ends the query.
//
// A stream may last for an hour and its place cannot be taken back, so a caller gets its share of them only
// (share.hpp). Beyond it, it waits in a fair line.
#pragma once

#include "thin_gateway/json_out.hpp"
#include "thin_gateway/pg_call.hpp"
#include "thin_gateway/pg_link.hpp"
#include "thin_gateway/share.hpp"

namespace soup::gateway {

class PgStream {
public:
    PgStream(const Executor& executor, PgTarget target) : target_(std::move(target)), link_(executor) {}

    Caller caller; ///< who has it now

    /// Connects if need be and sends the query. False: no connection (nothing was done).
    Awaitable<bool> start(const PgCall& call);

    enum class Fill : unsigned char { more, end, refused, lost };
    /// Appends rows as NDJSON, up to some 32 KiB or to what the server has sent so far.
    Awaitable<Fill> fill(RowWriter& writer, std::string& out, std::uint64_t& rows);

    const ServerError& error() const { return error_; }
    bool is_reusable() const {
        return has_ended_ && !is_outdated(error_) &&
               PQtransactionStatus(const_cast<PgStream*>(this)->link_.raw()) == PQTRANS_IDLE;
    }
    void interrupt() { link_.interrupt(); }

private:
    PgTarget target_;
    PgLink link_;
    ServerError error_;
    bool has_ended_ = false;
};

class StreamPool {
public:
    StreamPool(const Executor& executor, PgTarget target, std::size_t streams_max, Clock::duration wait_limit)
        : executor_(executor), target_(std::move(target)), streams_max_(streams_max),
          wait_limit_(wait_limit) {}

    /// A place for one stream; null when none was free for this caller in time.
    Awaitable<std::unique_ptr<PgStream>> acquire(Caller caller);
    void release(std::unique_ptr<PgStream> stream);

    void sweep(Clock::time_point now);
    void stop();
    void forget_idle() { idle_.clear(); }
    std::size_t under_way() const { return active_.size(); }
    std::size_t waiting() const { return line_.size(); }
    std::size_t callers_waiting() const { return line_.callers(); }

private:
    struct Waiting : InLine<Waiting> {
        std::unique_ptr<PgStream> stream;
        Signal signal;
    };
    bool has_place_for(const Caller& caller) const;
    std::unique_ptr<PgStream> take(const Caller& caller);

    Executor executor_;
    PgTarget target_;
    std::size_t streams_max_;
    Clock::duration wait_limit_;
    std::vector<PgStream*> active_;
    std::vector<std::unique_ptr<PgStream>> idle_;
    FairLine<Waiting> line_;
};

} // namespace soup::gateway
