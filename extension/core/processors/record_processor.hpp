// The frame of the processors that make one point of each record and keep nothing between records but counts.
#pragma once

#include "core/processors/processor.hpp"

namespace soup::processors {

class RecordProcessor : public Processor {
public:
    void process(std::span<const InputRecord> records, PointSink& sink) final;
    std::vector<std::byte> save_state() const final;
    void load_state(std::span<const std::byte> state) final;
    const Counters& counters() const final { return counters_; }

private:
    /// Fills the point, or says why the record can't be used.
    virtual std::string_view make_point(const InputRecord& record, Point& point) = 0;

    Counters counters_;
};

} // namespace soup::processors
