// From which saved states a partition inherits, and which streams of each.
//
// A stream goes through one partition of each epoch. Its carry-over lies in the state of the last one that
// has a state, for the processor of a partition takes over what concerns it when it is made, before its first
// record. A partition in which the lane had no record has none, and is looked past. No server types here:
// unit-tested on its own.
#pragma once

#include "rawlog/stream_hash.hpp"

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace soup::workers {

/// A partition as one lane of a version left it.
struct Ancestor {
    std::int32_t epoch = 0;
    std::int32_t partition = 0;
    bool has_state = false;
    bool operator==(const Ancestor&) const = default;
};

/// Of partitions that the caller keeps.
class Lineage {
public:
    /// All partitions of the model up to the heir's epoch, ascending by epoch, then by number. The heir is
    /// one of the last epoch.
    Lineage(std::span<const Ancestor> partitions, std::int32_t heir) : heir_(heir) {
        while (!partitions.empty()) {
            std::size_t count = 1;
            while (count < partitions.size() && partitions[count].epoch == partitions[0].epoch)
                count++;
            epochs_.push_back(partitions.first(count));
            partitions = partitions.subspan(count);
        }
    }

    /// Those whose states to take over, the newest epoch first. Behind an epoch of which every partition has
    /// a state there is nothing to be found.
    std::vector<const Ancestor*> sources() const {
        std::vector<const Ancestor*> found;
        for (std::size_t e = epochs_.size() - 1; e-- > 0;) {
            bool is_complete = true;
            for (const Ancestor& partition : epochs_[e])
                if (partition.has_state)
                    found.push_back(&partition);
                else
                    is_complete = false;
            if (is_complete) break;
        }
        return found;
    }

    /// Whether the heir has the stream, and has it from this one of its sources.
    bool inherits(std::string_view stream, const Ancestor& source) const {
        if (at(epochs_.back(), stream).partition != heir_) return false;
        for (const Epoch epoch : std::span(epochs_).first(epochs_.size() - 1))
            if (epoch.front().epoch > source.epoch && at(epoch, stream).has_state) return false;
        return true;
    }

private:
    using Epoch = std::span<const Ancestor>;
    static const Ancestor& at(Epoch epoch, std::string_view stream) {
        return epoch[rawlog::stream_place(stream, epoch.size())];
    }

    std::vector<Epoch> epochs_; ///< Oldest first, none empty.
    std::int32_t heir_;
};

} // namespace soup::workers
