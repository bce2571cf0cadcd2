// A processor worker: finds lagging lanes, serves them slice by slice, lingers, leaves.
//
// It takes the lane that has waited longest, serves it for a few slices while there is more, and looks again.
// Without work it marks its slot idle, looks once more (an append that committed before the mark has woken
// nobody) and sleeps on its latch. After soup.processor_linger_ms without work it ends, and the launcher
// starts another one when needed.
//
// Nothing here can stop the worker but a signal: what fails in a slice is recorded by the slice; what fails
// around it (no connection slot, a dropped extension, no memory) is logged and followed by a pause.
#include "bgworkers/entry.hpp"
#include "bgworkers/fit.hpp"
#include "bgworkers/limits.hpp"
#include "bgworkers/process.hpp"
#include "bgworkers/slice.hpp"
#include "bgworkers/slot.hpp"
#include "bgworkers/work_list.hpp"

#include <chrono>
#include <map>

namespace soup::workers {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

class Worker {
public:
    explicit Worker(int number) : slot_(number) {}
    void run();

private:
    bool serve_all(const std::vector<LaneKey>& lanes);
    bool serve(const LaneKey& key);
    LaneCache& cached(const LaneKey& key);
    bool look_and_serve();
    void pause_between_looks() const;

    WakeSlot slot_;
    std::map<LaneKey, LaneCache> lanes_;
    std::uint64_t uses_ = 0;
    bool is_leaving_ = false; ///< Another version of the extension is installed.
    Clock::time_point served_at_ = Clock::now();
    Clock::time_point looked_at_ = Clock::now();
};

/// The lane's cache, at the cost of the one that was used least recently.
LaneCache& Worker::cached(const LaneKey& key) {
    auto found = lanes_.find(key);
    if (found == lanes_.end()) {
        if (lanes_.size() >= limits::cached_lanes_max)
            lanes_.erase(std::min_element(lanes_.begin(), lanes_.end(), [](const auto& a, const auto& b) {
                return a.second.last_used < b.second.last_used;
            }));
        found = lanes_.try_emplace(key).first;
    }
    found->second.last_used = ++uses_;
    return found->second;
}

/// Whether it moved something.
bool Worker::serve(const LaneKey& key) {
    show_activity("version " + crypto::to_string(key.version) + ", partition " +
                  std::to_string(key.partition) + ", lane " + std::string(lane_name(key.lane)));
    if (key.lane == Lane::fit) {
        // A look that did not find enough was work, too: if it took long it ends the round, and who has
        // waited meanwhile is served first. It comes again only after more records.
        const FitEnd end = run_fit(key);
        return end == FitEnd::fitted || end == FitEnd::waiting;
    }
    LaneCache& lane = cached(key);
    bool has_moved = false;
    for (int slices = 0; slices < limits::slices_in_a_row_max; ++slices) {
        const SliceEnd end = run_slice(key, lane);
        if (end == SliceEnd::unavailable) return has_moved;
        has_moved = true;
        if (end != SliceEnd::limited) return true;
    }
    return true;
}

bool Worker::serve_all(const std::vector<LaneKey>& lanes) {
    bool has_moved = false;
    for (const LaneKey& key : lanes) {
        try {
            has_moved |= serve(key);
        } catch (...) {
            is_leaving_ = is_outdated();
            if (is_leaving_) return has_moved;
            log_current_error("recording a failure");
            lanes_.erase(key);
        }
        if (has_moved && Clock::now() - looked_at_ >= milliseconds(limits::work_list_ms_max)) break;
        pg::call([] { CHECK_FOR_INTERRUPTS(); });
    }
    return has_moved;
}

/// Whether there was something to do.
bool Worker::look_and_serve() {
    looked_at_ = Clock::now();
    std::vector<LaneKey> lanes;
    try {
        lanes = find_work();
    } catch (...) {
        is_leaving_ = is_outdated();
        if (!is_leaving_) log_current_error("looking for work");
        return false;
    }
    if (lanes.empty()) return false;
    const bool has_moved = serve_all(lanes);
    if (has_moved) served_at_ = Clock::now();
    return has_moved;
}

/// Appends that trickle in one by one are gathered for a moment, or a worker would spend a core on them.
void Worker::pause_between_looks() const {
    const auto since =
        std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - looked_at_).count();
    const std::int64_t left_us = limits::look_interval_us_min - since;
    if (left_us > 0) pg::wait_for_latch(static_cast<long>(left_us / 1000 + 1));
}

void Worker::run() {
    const loader::Settings& settings = *loader::platform().settings;
    for (is_leaving_ = is_outdated(); !is_leaving_; pause_between_looks()) {
        const bool has_moved = look_and_serve();
        report_statistics();
        if (has_moved) continue;
        if (is_leaving_) return;
        slot_.set(SlotState::idle);
        const bool found_late = look_and_serve();
        if (!found_late) {
            show_idle();
            if (Clock::now() - served_at_ >= milliseconds(settings.processor_linger_ms)) return;
            pg::wait_for_latch(
                std::min<long>(limits::idle_look_ms, std::max(settings.processor_linger_ms, 1)));
        }
        slot_.set(SlotState::busy);
        if (is_outdated()) return;
    }
}

} // namespace

void worker_main(Datum number) {
    pg::entry([number] {
        fix_settings();
        Worker(DatumGetInt32(number)).run();
    });
}

} // namespace soup::workers
