// Threads that help to compute: each item once, failures of any thread, signals.
#include "core/vann/trainers.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <stdexcept>
#include <sys/resource.h>
#include <unistd.h>

namespace soup::vann {
namespace {

TEST(VannTrainers, RunEachItemOnce) {
    for (const unsigned others : {0U, 1U, 3U}) {
        Trainers trainers(others, [] {});
        for (std::size_t n = 0; n < 200; n++) {
            std::vector<std::atomic<int>> runs(n);
            trainers.run(n, [&](std::size_t i) { runs[i]++; });
            for (const auto& times : runs)
                EXPECT_EQ(times, 1);
        }
    }
}

TEST(VannTrainers, BeginWithoutTheCaller) {
    Trainers trainers(1, [] {});
    trainers.end(); // Of nothing.
    for (std::size_t n = 1; n < 20; n++) {
        std::vector<std::atomic<int>> runs(n);
        std::atomic<bool> has_begun = false;
        const std::function<void(std::size_t)> body = [&](std::size_t i) {
            runs[i]++;
            has_begun = true;
        };
        trainers.begin(n, body);
        while (!has_begun)
            std::this_thread::yield();
        trainers.end();
        for (const auto& times : runs)
            EXPECT_EQ(times, 1);
    }
}

TEST(VannTrainers, GoWhereACallerDoesNotEndWhatItBegan) {
    std::atomic<int> runs = 0;
    std::atomic<bool> is_interrupted = false;
    const std::function<void(std::size_t)> one = [&](std::size_t) { runs++; };
    const auto begin_and_leave = [&] {
        Trainers trainers(2, [] {});
        const std::function<void(std::size_t)> endless = [&](std::size_t) {
            runs++;
            while (true)
                trainers.check();
        };
        trainers.begin(100, endless);
        while (runs < 2)
            std::this_thread::yield();
        is_interrupted = true;
        throw std::runtime_error("cancelled");
    };
    EXPECT_THROW(begin_and_leave(), std::runtime_error);
    EXPECT_TRUE(is_interrupted);
    EXPECT_EQ(runs, 2); // Nobody began another.
}

/// In a process that may have no more threads.
[[noreturn]] void compute_alone() {
    constexpr uid_t nobody = 65534;
    const rlimit none{0, 0};
    if (setrlimit(RLIMIT_NPROC, &none) != 0 || (geteuid() == 0 && setuid(nobody) != 0)) _exit(2);
    Trainers trainers(2, [] {});
    std::size_t sum = 0;
    trainers.run(10, [&](std::size_t i) { sum += i; }); // No data race, since nobody helps.
    _exit(sum == 45 ? 0 : 1);
}

TEST(VannTrainers, ComputeAloneWhereThereAreNoThreads) {
    EXPECT_EXIT(compute_alone(), testing::ExitedWithCode(0), "");
}

/// Nobody gets beyond its item before `begun` have one, so more than the caller takes part.
void wait_for(std::atomic<unsigned>& at_work, unsigned begun) {
    at_work++;
    while (at_work < begun)
        std::this_thread::yield();
}

TEST(VannTrainers, EndAllWhenOneFails) {
    Trainers trainers(2, [] {});
    for (std::size_t failing = 0; failing < 3; failing++) {
        std::atomic<unsigned> at_work = 0;
        EXPECT_THROW(trainers.run(3,
                                  [&](std::size_t i) {
                                      wait_for(at_work, 3);
                                      if (i == failing) throw std::runtime_error("no");
                                      while (true)
                                          trainers.check();
                                  }),
                     std::runtime_error);
    }
    std::atomic<int> runs = 0;
    trainers.run(10, [&](std::size_t) { runs++; });
    EXPECT_EQ(runs, 10);
}

TEST(VannTrainers, EndAllWhenTheCallerIsInterrupted) {
    int calls = 0;
    Trainers trainers(1, [&] {
        if (++calls == 20) throw std::logic_error("cancelled");
    });
    std::atomic<unsigned> at_work = 0;
    EXPECT_THROW(trainers.run(2,
                              [&](std::size_t) {
                                  wait_for(at_work, 2);
                                  while (true)
                                      trainers.check();
                              }),
                 std::logic_error);
    EXPECT_EQ(calls, 20); // By the caller alone.
}

TEST(VannTrainers, LeaveSignalsToTheCaller) {
    Trainers trainers(1, [] {});
    std::atomic<unsigned> at_work = 0;
    const auto caller = std::this_thread::get_id();
    trainers.run(2, [&](std::size_t) {
        wait_for(at_work, 2);
        sigset_t blocked;
        pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
        for (const int signal : {SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGUSR1, SIGALRM})
            EXPECT_EQ(sigismember(&blocked, signal), std::this_thread::get_id() == caller ? 0 : 1);
    });
}

} // namespace
} // namespace soup::vann
