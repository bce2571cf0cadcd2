// Threads as backends: writers, scans and vacuum at once. What was there before a scan began and was not
// removed, the scan finds exactly once. Run under the thread sanitizer this also shows that every page is
// read under its lock.
#include "tests/unit/tree_fixture.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

namespace soup::test {
namespace {

/// Ids are removed in order: everything below `removed_below` may be gone.
class Traffic {
public:
    static constexpr std::uint64_t per_writer = 3000, writers = 2;

    void run() {
        std::vector<std::thread> threads;
        threads.reserve(writers + 3);
        for (std::uint64_t w = 0; w < writers; ++w)
            threads.emplace_back([this, w] { write(w); });
        threads.emplace_back([this] { vacuum(); });
        for (int s = 0; s < 2; ++s)
            threads.emplace_back([this] { scan(); });
        for (auto& thread : threads)
            thread.join();
    }

    IntervalTree tree;
    std::atomic<std::uint64_t> scans = 0, repeated = 0, lost = 0;

private:
    /// Writer w stores w, w + writers, …, each published after its insert returned.
    void write(std::uint64_t w) {
        for (std::uint64_t i = 0; i < per_writer; ++i) {
            const std::uint64_t id = 1 + w + i * writers;
            tree.insert(id, scattered(id));
            written_[w].store(i + 1);
        }
        ++writers_done_;
    }

    void vacuum() {
        while (writers_done_ < writers) {
            // A third of what is written is removed; the limit is published before the work begins.
            const std::uint64_t limit = std::min(written_[0].load(), written_[1].load()) * writers / 3;
            removed_below_.store(limit);
            tree.vacuum([limit](std::uint64_t id) { return id < limit; });
        }
    }

    void scan() {
        while (writers_done_ < writers) {
            std::vector<std::uint64_t> expected;
            for (std::uint64_t w = 0; w < writers; ++w)
                for (std::uint64_t i = 0, n = written_[w].load(); i < n; ++i)
                    expected.push_back(1 + w + i * writers);
            std::vector<std::uint64_t> found = tree.scan();
            const std::uint64_t limit = removed_below_.load();
            std::sort(found.begin(), found.end());
            repeated += static_cast<std::uint64_t>(found.end() - std::unique(found.begin(), found.end()));
            for (const std::uint64_t id : expected)
                if (id >= limit && !std::binary_search(found.begin(), found.end(), id)) ++lost;
            ++scans;
        }
    }

    std::atomic<std::uint64_t> written_[writers] = {}, removed_below_ = 0, writers_done_ = 0;
};

TEST(TreeThreads, ScansMissNothingAndRepeatNothing) {
    Traffic traffic;
    traffic.run();
    EXPECT_GT(traffic.scans, 0U);
    EXPECT_EQ(traffic.repeated, 0U);
    EXPECT_EQ(traffic.lost, 0U);
    traffic.tree.vacuum([](std::uint64_t) { return false; });
    EXPECT_EQ(traffic.tree.violations(), std::vector<std::string>{});
}

} // namespace
} // namespace soup::test
