// See append_join.hpp.
#include "thin_gateway/append_join.hpp"

#include "thin_gateway/log.hpp"
#include "thin_gateway/pg_array.hpp"
#include "thin_gateway/types.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

namespace soup::gateway {
namespace {

constexpr unsigned attempts_max = 3;

// How long the oldest append waits behind a call before a second call starts beside it.
constexpr auto relief_after = std::chrono::milliseconds(10);
// Or when so many bytes wait that the call's own cost no longer counts beside theirs: about 20 us against
// 300. From here up to 512 KiB the disk's own noise hides what difference the limit makes.
constexpr std::size_t relief_bytes = 64 << 10;

constexpr auto append_many_sql =
    "SELECT partition, first_offset, count, label, code, detail FROM soup_api.append_many("
    "tokens => $1, models => $2, labels => $3, streams => $4, content_types => $5, idempotency_keys => $6, "
    "record_counts => $7, records => $8, times => $9)";

enum ResultColumn {
    partition_column,
    first_offset_column,
    count_column,
    label_column,
    code_column,
    detail_column
};

void add_or_null(std::string& out, const std::optional<std::string>& text) {
    if (text)
        pg_array::add(out, *text);
    else
        pg_array::add_null(out);
}

template<class Integer>
Integer integer_at(const PGresult* result, int row, ResultColumn column) {
    return wire::Reader(
               {PQgetvalue(result, row, column), static_cast<std::size_t>(PQgetlength(result, row, column))})
        .integer<Integer>();
}

std::string text_at(const PGresult* result, int row, ResultColumn column) {
    return {PQgetvalue(result, row, column), static_cast<std::size_t>(PQgetlength(result, row, column))};
}

} // namespace

AppendJoiner::AppendJoiner(const Executor& executor, Pool& pool, Limits limits, Metrics& metrics)
    : executor_(executor), pool_(pool), limits_(limits), metrics_(metrics),
      statement_(std::make_shared<const Statement>(
          append_many_sql, std::vector<Oid>{oid::text_array, oid::text_array, oid::text_array,
                                            oid::text_array, oid::text_array, oid::text_array,
                                            oid::int4_array, oid::bytea_array, oid::timestamptz_array})) {}

void AppendJoiner::start() {
    for (unsigned i = 0; i < pool_.settings().size; ++i)
        asio::co_spawn(executor_, lane(), asio::detached);
}

void AppendJoiner::stop() {
    is_stopping_ = true;
    Batch left;
    for (const Batch& batch : std::exchange(closed_, {}))
        left.insert(left.end(), batch.begin(), batch.end());
    const Batch waiting = take_late(Clock::time_point::max());
    left.insert(left.end(), waiting.begin(), waiting.end());
    fail(left, problem("BUSY", "the gateway is stopping"));
    for (Signal* lane : std::exchange(idle_lanes_, {}))
        lane->notify();
}

void AppendJoiner::add(PendingAppend& pending) {
    if (is_stopping_) {
        pending.problem = problem("BUSY", "the gateway is stopping");
        return pending.finished.notify();
    }
    const auto now = Clock::now();
    pending.deadline = now + limits_.wait_limit;
    if (waiting_.empty()) waiting_since_ = now;
    waiting_.push_back(pending);
    waiting_bytes_ += pending.element.bytes();
    wake_lane(now);
}

bool AppendJoiner::may_start(std::size_t busy_others, Clock::time_point now) const {
    if (!closed_.empty()) return true;
    if (waiting_.empty()) return false;
    return busy_others == 0 || waiting_bytes_ >= relief_bytes || waiting_since_ + relief_after <= now;
}

void AppendJoiner::wake_lane(Clock::time_point now) {
    if (idle_lanes_.empty() || !may_start(pool_.settings().size - idle_lanes_.size(), now)) return;
    Signal* const lane = idle_lanes_.back();
    idle_lanes_.pop_back();
    // Posted, not called: requests already read from other sockets get in line first.
    asio::post(executor_, [lane] { lane->notify(); });
}

void AppendJoiner::sweep(Clock::time_point now) {
    fail(take_late(now), problem("BUSY", "no database connection was free in time; nothing was stored"));
    wake_lane(now);
}

Awaitable<> AppendJoiner::lane() {
    std::array<std::string, arrays> buffers;
    bool was_woken = true;
    while (!is_stopping_) {
        // One that was woken has been judged already, and counts as busy since.
        const std::size_t busy_others = pool_.settings().size - idle_lanes_.size() - 1;
        const bool has_work = !waiting_.empty() || !closed_.empty();
        if (!has_work || !(was_woken || may_start(busy_others, Clock::now()))) {
            Signal wake;
            idle_lanes_.push_back(&wake);
            if (!wake.is_set()) co_await wake.wait();
            was_woken = true;
            continue;
        }
        was_woken = false;
        Batch batch = take_batch();
        co_await run(std::move(batch), buffers);
    }
}

AppendJoiner::Batch AppendJoiner::take_batch() {
    Batch batch;
    if (!closed_.empty()) {
        batch = std::move(closed_.front());
        closed_.pop_front();
        return batch;
    }
    std::size_t bytes = 0;
    // Who has no room keeps the turn, and is the first of the next call, which takes it whatever its size.
    const auto has_room = [&](const PendingAppend& next) {
        return batch.empty() || bytes + next.element.bytes() <= limits_.bytes_max;
    };
    while (batch.size() < limits_.elements_max) {
        PendingAppend* const next = waiting_.pop(has_room);
        if (!next) break;
        bytes += next->element.bytes();
        batch.push_back(next);
    }
    waiting_bytes_ -= bytes;
    return batch;
}

AppendJoiner::Batch AppendJoiner::take_late(Clock::time_point now) {
    Batch late = waiting_.take_late(now);
    for (const PendingAppend* pending : late)
        waiting_bytes_ -= pending->element.bytes();
    return late;
}

// In front of its caller's others, and with the deadline that it had.
void AppendJoiner::wait_again(PendingAppend& pending) {
    if (waiting_.empty()) waiting_since_ = Clock::now();
    waiting_.push_front(pending);
    waiting_bytes_ += pending.element.bytes();
}

void AppendJoiner::encode(const Batch& batch, std::array<std::string, arrays>& buffers) {
    auto& [tokens, models, labels, streams, content_types, keys, counts, records, times] = buffers;
    std::size_t record_count = 0, record_bytes = 0;
    bool has_times = false;
    for (const PendingAppend* pending : batch) {
        record_count += static_cast<std::size_t>(pending->element.record_count);
        record_bytes += pending->element.records.size() + pending->element.only_record.size() + 4;
        has_times |= !pending->element.times.empty();
    }
    for (std::string* texts : {&tokens, &models, &labels, &streams, &content_types, &keys})
        pg_array::begin(*texts, oid::text, batch.size());
    pg_array::begin(counts, oid::int4, batch.size());
    pg_array::begin(records, oid::bytea, record_count);
    times.clear();
    if (has_times) pg_array::begin(times, oid::timestamptz, record_count);
    records.reserve(records.size() + record_bytes);
    for (const PendingAppend* pending : batch) {
        const AppendElement& element = pending->element;
        pg_array::add(tokens, pending->token);
        pg_array::add(models, element.model);
        add_or_null(labels, element.label);
        add_or_null(streams, element.stream);
        add_or_null(content_types, element.content_type);
        add_or_null(keys, element.idempotency_key);
        pg_array::add_int4(counts, element.record_count);
        if (element.only_record.empty())
            records += element.records;
        else
            pg_array::add(records, element.only_record);
        times += element.times;
        if (has_times && element.times.empty())
            for (std::int32_t i = 0; i < element.record_count; ++i)
                pg_array::add_null(times);
    }
}

Awaitable<> AppendJoiner::run(Batch batch, std::array<std::string, arrays>& buffers) {
    encode(batch, buffers);
    metrics_.count_join(batch.size());
    PgCall call(statement_);
    // Only the times are nothing at all where nobody gave any: the server need not read a null a record.
    for (const std::string& buffer : buffers) {
        if (buffer.empty())
            call.add_null();
        else
            call.add(buffer, true);
    }
    co_await pool_.run(call);
    // A rare giant should not hold its memory for ever.
    constexpr std::size_t kept_bytes_max = 4 << 20;
    for (std::string& buffer : buffers)
        if (buffer.capacity() > kept_bytes_max) std::string().swap(buffer);

    switch (call.outcome) {
    case PgCall::Outcome::done:
        distribute(batch, call);
        break;
    case PgCall::Outcome::unsent:
        fail(batch, problem("BUSY", "no database connection was free in time; nothing was stored"));
        break;
    case PgCall::Outcome::refused: {
        const ServerError error = call.error.value_or(ServerError{"XX000", {}, "no result", {}});
        if (is_outdated(error)) pool_.recycle();
        const bool is_retried = (is_transient(error) || is_outdated(error)) && !is_stopping_ &&
                                ++batch.front()->attempts < attempts_max;
        if (is_retried) {
            closed_.push_front(std::move(batch));
        } else if (batch.size() > 1 && !is_stopping_) {
            halve(std::move(batch));
        } else {
            const Problem problem = problem_from(error);
            if (problem.rule->status >= 500)
                log::warning("append refused", error.sqlstate + ": " + error.message);
            fail(batch, problem);
        }
        break;
    }
    default:
        retry_lost(batch);
    }
}

void AppendJoiner::halve(Batch batch) {
    const auto middle = batch.begin() + static_cast<std::ptrdiff_t>(batch.size() / 2);
    closed_.emplace_front(middle, batch.end());
    closed_.emplace_front(batch.begin(), middle);
    wake_lane(Clock::now());
}

void AppendJoiner::distribute(const Batch& batch, const PgCall& call) {
    const PGresult* const result = call.result.get();
    if (PQntuples(result) != static_cast<int>(batch.size()) ||
        PQftype(result, partition_column) != oid::int4 || PQftype(result, first_offset_column) != oid::int8 ||
        PQftype(result, count_column) != oid::int4) {
        log::warning("append_many did not return one row for each element");
        return fail(batch, problem("INTERNAL", {}));
    }
    std::uint64_t records = 0;
    Batch finished, again;
    for (std::size_t i = 0; i < batch.size(); ++i) {
        const int row = static_cast<int>(i);
        PendingAppend& pending = *batch[i];
        if (!PQgetisnull(result, row, code_column)) {
            ServerError refusal;
            refusal.reason = text_at(result, row, code_column);
            refusal.message = text_at(result, row, detail_column);
            // The model's partitions have changed under it. Nothing was stored, and a new call finds the new
            // ones.
            if (refusal.reason == "BUSY" && !is_stopping_ && ++pending.attempts < attempts_max) {
                again.push_back(&pending);
                continue;
            }
            pending.problem = problem_from(refusal);
        } else if (PQgetisnull(result, row, partition_column) ||
                   PQgetisnull(result, row, first_offset_column) || PQgetisnull(result, row, count_column)) {
            pending.problem = problem("INTERNAL", {});
        } else {
            pending.partition = integer_at<std::int32_t>(result, row, partition_column);
            pending.first_offset = integer_at<std::int64_t>(result, row, first_offset_column);
            pending.count = integer_at<std::int32_t>(result, row, count_column);
            if (!PQgetisnull(result, row, label_column)) pending.label = text_at(result, row, label_column);
            records += static_cast<std::uint64_t>(pending.count);
        }
        finished.push_back(&pending);
    }
    metrics_.count_records(records);
    for (auto it = again.rbegin(); it != again.rend(); ++it)
        wait_again(**it);
    for (PendingAppend* pending : finished)
        pending->finished.notify();
}

void AppendJoiner::retry_lost(const Batch& batch) {
    Batch unknown;
    for (auto it = batch.rbegin(); it != batch.rend(); ++it) {
        PendingAppend* const pending = *it;
        if (pending->element.idempotency_key && !is_stopping_ && ++pending->attempts < attempts_max)
            wait_again(*pending);
        else
            unknown.push_back(pending);
    }
    fail(unknown,
         problem("BUSY", "the connection to the database broke: it is unknown whether the records were "
                         "stored; repeat with an Idempotency-Key to be sure"));
}

void AppendJoiner::fail(const Batch& batch, const Problem& problem) {
    for (PendingAppend* pending : batch)
        pending->problem = problem;
    for (PendingAppend* pending : batch)
        pending->finished.notify();
}

} // namespace soup::gateway
