// Threads that help one thread to compute, and nothing else: they block all signals and may touch nothing of
// the server. Work is run by its calling thread and the others, item by item.
#pragma once

#include <atomic>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace soup::vann {

class Trainers {
public:
    /// So many threads beside the calling one. `check` is what check() does on the calling thread; it may
    /// throw. If the system gives fewer threads, there are fewer.
    Trainers(unsigned others, std::function<void()> check);
    ~Trainers();
    Trainers(const Trainers&) = delete;
    Trainers& operator=(const Trainers&) = delete;

    /// Runs body(i) for every i below n, some on the other threads, and returns when no thread runs any. What
    /// the first to fail has thrown is thrown again; items that were not begun by then are not run. On the
    /// constructing thread only, and not from within a body.
    void run(std::size_t n, const std::function<void(std::size_t)>& body);
    /// The same in two steps, so that the calling thread can do something else in between, where the others
    /// have begun. The body has to live until then. An end() without a begin() does nothing.
    void begin(std::size_t n, const std::function<void(std::size_t)>& body);
    void end();
    /// To be called by a body every few milliseconds: ends it by throwing if another has failed.
    void check();

private:
    struct Work {
        std::size_t count = 0;
        const std::function<void(std::size_t)>* body = nullptr;
    };
    /// Thrown by check() where another body has failed, and not seen by anybody else.
    struct Abandoned {};

    bool hire() noexcept;
    void serve(const std::stop_token& stop);
    void take_items(Work work) noexcept;

    const std::thread::id caller_ = std::this_thread::get_id();
    const std::function<void()> check_;
    std::mutex mutex_;
    std::condition_variable_any begin_, end_;
    Work work_;               ///< Of round_.
    std::uint64_t round_ = 0; ///< Counts the calls of run().
    std::size_t busy_ = 0;    ///< Threads that have not ended this round.
    std::exception_ptr failure_;
    std::atomic<std::size_t> next_ = 0;
    std::atomic<bool> has_failed_ = false;
    std::vector<std::jthread> threads_; ///< Last: they end before what they use.
};

} // namespace soup::vann
