// Items are dealt out by one counter. Every thread takes part in every round, so a round has ended when all
// have said so.
#include "core/vann/trainers.hpp"

#include <csignal>
#include <utility>

namespace soup::vann {

Trainers::Trainers(unsigned others, std::function<void()> check) : check_(std::move(check)) {
    // A thread begins with its maker's mask.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (threads_.size() < others)
        if (!hire()) break; // With fewer it only takes longer.
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Trainers::~Trainers() {
    has_failed_ = true; // If a round was begun and not ended.
}

bool Trainers::hire() noexcept {
    try {
        threads_.emplace_back([this](const std::stop_token& stop) { serve(stop); });
        return true;
    } catch (const std::exception&) {
        return false;
    }
}

void Trainers::run(std::size_t n, const std::function<void(std::size_t)>& body) {
    begin(n, body);
    end();
}

void Trainers::begin(std::size_t n, const std::function<void(std::size_t)>& body) {
    {
        const std::lock_guard lock(mutex_);
        next_ = 0;
        work_ = {n, &body};
        if (n == 0 || threads_.empty()) return;
        busy_ = threads_.size();
        round_++;
    }
    begin_.notify_all();
}

void Trainers::end() {
    take_items(work_);
    std::unique_lock lock(mutex_);
    end_.wait(lock, [&] { return busy_ == 0; });
    work_ = {};
    has_failed_ = false;
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void Trainers::check() {
    if (std::this_thread::get_id() == caller_) check_();
    if (has_failed_) throw Abandoned();
}

void Trainers::serve(const std::stop_token& stop) {
    for (std::uint64_t served = 0;;) {
        Work work;
        {
            std::unique_lock lock(mutex_);
            if (!begin_.wait(lock, stop, [&] { return round_ != served; })) return;
            served = round_;
            work = work_;
        }
        take_items(work);
        {
            const std::lock_guard lock(mutex_);
            busy_--;
        }
        end_.notify_one();
    }
}

void Trainers::take_items(Work work) noexcept {
    try {
        for (std::size_t i; !has_failed_ && (i = next_++) < work.count;)
            (*work.body)(i);
    } catch (const Abandoned&) {
        return;
    } catch (...) {
        const std::lock_guard lock(mutex_);
        if (!failure_) failure_ = std::current_exception();
        has_failed_ = true;
    }
}

} // namespace soup::vann
