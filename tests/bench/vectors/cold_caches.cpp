// Before each statement the client goes through more memory than the caches hold. It shares a processor with
// the server's sessions, so that what it does to the processor's caches they meet. Within a statement the
// server does the same before each row.
#include "tests/bench/vectors/cold_caches.hpp"

#include <cerrno>
#include <chrono>
#include <sched.h>
#include <system_error>

namespace soup::bench {
namespace {

/// Keeps this thread and sessions of a server on one processor.
class OneProcessor {
public:
    explicit OneProcessor(std::vector<pid_t> processes) : processes_(std::move(processes)) {
        processes_.push_back(0); // This thread.
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(sched_getcpu(), &one);
        if (sched_getaffinity(0, sizeof before_, &before_) != 0 || !set(one))
            throw std::system_error(errno, std::generic_category(), "cannot choose a processor");
    }
    ~OneProcessor() { set(before_); }
    OneProcessor(const OneProcessor&) = delete;
    OneProcessor& operator=(const OneProcessor&) = delete;

private:
    bool set(const cpu_set_t& processors) const noexcept {
        bool are_set = true;
        for (const pid_t process : processes_)
            are_set = sched_setaffinity(process, sizeof processors, &processors) == 0 && are_set;
        return are_set;
    }

    std::vector<pid_t> processes_;
    cpu_set_t before_;
};

constexpr std::size_t swept_bytes = 128UL << 20;

/// Memory that takes the place of everything else in the caches.
class Sweep {
public:
    void operator()() {
        for (std::size_t at = 0; at < bytes_.size(); at += cache_line)
            bytes_[at] = static_cast<char>(bytes_[at] + 1);
    }

private:
    static constexpr std::size_t cache_line = 64;
    std::vector<char> bytes_ = std::vector<char>(swept_bytes, 1);
};

} // namespace

void ask_cold(std::span<ColdStatement> statements, const Vectors& queries,
              std::span<const std::int32_t> numbers, std::size_t count) {
    using Clock = std::chrono::steady_clock;
    std::vector<pid_t> sessions;
    for (const ColdStatement& statement : statements)
        sessions.push_back(static_cast<pid_t>(std::stol(statement.peer->value("SELECT pg_backend_pid()"))));
    const OneProcessor together(std::move(sessions));
    Sweep sweep;
    std::vector<std::uint32_t> ids;
    for (std::size_t i = 0; i < count; ++i)
        for (ColdStatement& statement : statements) {
            if (statement.point) statement.peer->set({statement.point->setting, statement.point->value});
            sweep();
            const auto begin = Clock::now();
            statement.peer->ask(statement.name.c_str(), {queries.row(i), queries.dimensions}, numbers[i],
                                ids);
            const std::chrono::duration<double> took = Clock::now() - begin;
            statement.seconds += took.count() / static_cast<double>(count);
        }
}

void ask_cold_joined(std::span<ColdStatement> statements, std::size_t count) {
    constexpr std::size_t in_turn = 10;
    for (std::size_t i = 0; i < count; i += in_turn)
        for (ColdStatement& statement : statements) {
            if (statement.point) statement.peer->set({statement.point->setting, statement.point->value});
            statement.seconds +=
                statement.peer->ask_joined(statement.name, swept_bytes, i, std::min(i + in_turn, count)) /
                static_cast<double>(count);
        }
}

} // namespace soup::bench
