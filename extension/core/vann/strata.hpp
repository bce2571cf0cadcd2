// Draws members of a sequence evenly: of each of as many equal stretches as members are wanted, one, at a
// place left to chance. What differs from stretch to stretch is then drawn in its true proportions, where a
// draw from all members at once would add its own chance (Cochran, Sampling Techniques, ch. 5).
#pragma once

#include <cstdint>
#include <limits>
#include <random>

namespace soup::vann {

class Strata {
public:
    /// wanted: at most as many as there are members.
    Strata(std::uint64_t members, std::uint64_t wanted, std::mt19937_64& random)
        : members_(members), wanted_(wanted), random_(random) {
        choose();
    }

    /// Whether the next member is drawn.
    bool next() {
        if (at_++ != chosen_) return false;
        stretch_++;
        choose();
        return true;
    }

private:
    std::uint64_t begin(std::uint64_t stretch) const noexcept {
        return stretch * (members_ / wanted_) + stretch * (members_ % wanted_) / wanted_;
    }
    void choose() {
        if (stretch_ == wanted_) {
            chosen_ = std::numeric_limits<std::uint64_t>::max();
            return;
        }
        const std::uint64_t first = begin(stretch_);
        chosen_ = first + random_() % (begin(stretch_ + 1) - first);
    }

    std::uint64_t members_, wanted_;
    std::mt19937_64& random_;
    std::uint64_t at_ = 0, stretch_ = 0, chosen_ = 0;
};

} // namespace soup::vann
