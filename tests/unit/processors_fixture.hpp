// What the tests of the built-in processors share: records that own their bytes, a sink that remembers,
// manifests.
#pragma once

#include "core/error.hpp"
#include "core/manifest/manifest.hpp"
#include "core/processors/processor.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

namespace soup::processors {

inline bool operator==(const Point& a, const Point& b) {
    return std::tie(a.key, a.time_us, a.vector, a.position, a.attributes, a.partition, a.offset,
                    a.received_us) == std::tie(b.key, b.time_us, b.vector, b.position, b.attributes,
                                               b.partition, b.offset, b.received_us);
}

struct Rejected {
    std::int64_t offset;
    std::string reason;
    friend bool operator==(const Rejected&, const Rejected&) = default;
};

class RecordingSink final : public PointSink {
public:
    void point(Point&& point) override { points.push_back(std::move(point)); }
    void reject(const InputRecord& record, std::string_view reason) override {
        rejected.push_back({record.offset, std::string(reason)});
    }
    std::vector<Point> points;
    std::vector<Rejected> rejected;
};

/// Records of partition 3 with offsets from 0, received one second apart.
class TestLog {
public:
    void add(std::string stream, std::string bytes, std::string content_type = "application/json") {
        texts_.push_back({std::move(stream), std::move(bytes), std::move(content_type)});
        const Text& text = texts_.back();
        InputRecord record;
        record.partition = 3;
        record.offset = static_cast<std::int64_t>(records_.size());
        record.received_us = 1'000'000 * record.offset;
        record.stream = text.stream;
        record.content_type = text.content_type;
        record.bytes = std::as_bytes(std::span(text.bytes));
        records_.push_back(record);
    }
    void add_value(std::string stream, double value) {
        add(std::move(stream), "[" + std::to_string(value) + "]");
    }

    std::span<const InputRecord> records() const { return records_; }
    InputRecord& last() { return records_.back(); }

private:
    struct Text {
        std::string stream, bytes, content_type;
    };
    std::deque<Text> texts_; // A deque: views into it must stay valid.
    std::vector<InputRecord> records_;
};

inline std::string sqlstate_of(const std::function<void()>& action) {
    try {
        action();
    } catch (const Error& error) {
        return error.sqlstate();
    }
    return "none";
}

/// A wave with noise from a fixed generator.
inline double test_wave(std::size_t i) {
    const auto noise = static_cast<double>((i * 2654435761U) % 997) / 997;
    return static_cast<double>(i % 37) / 37 + noise / 2;
}

inline manifest::Manifest small_window_manifest() {
    manifest::Manifest manifest;
    manifest.entry = "window_convolution";
    manifest.input.channels = {"value"};
    manifest.input.time_field = "timestamp";
    manifest.parameters.window = 24;
    manifest.parameters.stride = 8;
    manifest.parameters.features = 168;
    manifest.parameters.first_windows = 20;
    manifest.output.vector = 5;
    manifest.output.attributes = {{"score", manifest::AttributeType::real}};
    return manifest;
}

inline std::vector<std::byte> fit(const manifest::Manifest& manifest, std::span<const InputRecord> records) {
    const auto fitter = make_fitter(manifest);
    fitter->add(records);
    return fitter->artefact();
}

inline RecordingSink process_all(const manifest::Manifest& manifest, std::span<const std::byte> artefact,
                                 std::span<const InputRecord> records) {
    RecordingSink sink;
    make_processor(manifest, artefact)->process(records, sink);
    return sink;
}

/// The guarantee behind exactly-once: splitting the records at any boundary, with save and load between,
/// gives the same bytes. Every boundary is tried.
inline void expect_no_split_shows(const manifest::Manifest& manifest, std::span<const std::byte> artefact,
                                  std::span<const InputRecord> records) {
    const auto whole = make_processor(manifest, artefact);
    RecordingSink expected;
    whole->process(records, expected);
    for (std::size_t split = 0; split <= records.size(); split++) {
        RecordingSink sink;
        const auto first = make_processor(manifest, artefact);
        first->process(records.first(split), sink);
        const auto second = make_processor(manifest, artefact);
        second->load_state(first->save_state());
        second->process(records.subspan(split), sink);
        ASSERT_EQ(sink.points, expected.points) << "split at " << split;
        ASSERT_EQ(sink.rejected, expected.rejected) << "split at " << split;
        ASSERT_EQ(second->save_state(), whole->save_state()) << "split at " << split;
        ASSERT_EQ(second->counters(), whole->counters()) << "split at " << split;
    }
}

} // namespace soup::processors
