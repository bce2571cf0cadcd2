// What a window_convolution processor takes over of another partition's state, and what it leaves there.
#include "core/error.hpp"
#include "tests/unit/processors_fixture.hpp"

#include <functional>

namespace soup::processors {
namespace {

using manifest::Manifest;
using State = std::vector<std::byte>;

bool all(std::string_view) {
    return true;
}

/// Records of one partition, their streams and times of receipt chosen.
class PartitionLog {
public:
    explicit PartitionLog(std::int32_t partition) : partition_(partition) {}
    void add(const std::string& stream, std::size_t count, std::int64_t received_us = 0) {
        for (std::size_t i = 0; i < count; i++) {
            log_.add_value(stream, test_wave(i));
            log_.last().partition = partition_;
            log_.last().received_us = received_us;
        }
    }
    std::span<const InputRecord> records() const { return log_.records(); }

private:
    std::int32_t partition_;
    TestLog log_;
};

struct ProcessorsInherit : ::testing::Test {
    Manifest manifest = small_window_manifest();
    State artefact = make_artefact(manifest);
    RecordingSink sink;

    static State make_artefact(const Manifest& manifest) {
        TestLog log;
        for (std::size_t i = 0; i < static_cast<std::size_t>(manifest.parameters.window) * 25; i++)
            log.add_value("f", test_wave(i));
        return fit(manifest, log.records());
    }
    std::unique_ptr<Processor> make() const { return make_processor(manifest, artefact); }
    State state_after(const PartitionLog& log) {
        const auto processor = make();
        processor->process(log.records(), sink);
        return processor->save_state();
    }
    std::unique_ptr<Processor> heir_of(const PartitionLog& before) {
        auto heir = make();
        heir->inherit(state_after(before), all);
        return heir;
    }
    /// Names of the streams that complete a window with one record more each.
    std::vector<std::string> complete(Processor& processor, const std::vector<std::string>& streams) {
        PartitionLog log(9);
        for (const std::string& stream : streams)
            log.add(stream, 1, 1'000'000'000);
        RecordingSink completed;
        processor.process(log.records(), completed);
        std::vector<std::string> names;
        names.reserve(completed.points.size());
        for (const Point& point : completed.points)
            names.push_back(point.key.substr(2, point.key.rfind('/') - 2));
        return names;
    }
};

TEST_F(ProcessorsInherit, a_window_has_the_key_of_its_first_record_and_the_source_of_its_last) {
    PartitionLog before(3), after(5);
    before.add("pump/1", 23);
    after.add("pump/1", 9);
    const auto heir = heir_of(before);
    heir->process(after.records(), sink);
    ASSERT_EQ(sink.points.size(), 2U);
    EXPECT_EQ(sink.points[0].key, "3/pump/1/0");
    EXPECT_EQ(sink.points[0].partition, 5);
    EXPECT_EQ(sink.points[0].offset, 0);
    EXPECT_EQ(sink.points[1].key, "3/pump/1/8");
    EXPECT_EQ(sink.points[1].offset, 8);
    EXPECT_EQ(heir->counters(), (Counters{.records = 9, .points = 2, .rejected = 0, .streams_restarted = 0}));
}

TEST_F(ProcessorsInherit, a_key_keeps_its_partition_through_a_saved_state) {
    PartitionLog before(3), after(5);
    before.add("s", 12);
    after.add("s", 40);
    const auto heir = heir_of(before);
    heir->process(after.records(), sink);
    for (std::size_t split = 0; split <= after.records().size(); split++) {
        RecordingSink split_sink;
        const auto first = heir_of(before), second = make();
        first->process(after.records().first(split), split_sink);
        second->load_state(first->save_state());
        second->process(after.records().subspan(split), split_sink);
        EXPECT_EQ(split_sink.points, sink.points) << split;
    }
}

TEST_F(ProcessorsInherit, only_named_streams_are_taken_and_no_counters) {
    PartitionLog before(3);
    before.add("a", 23);
    before.add("b", 23);
    before.add("c", 30);
    const auto heir = make();
    heir->inherit(state_after(before), [](std::string_view stream) { return stream != "b"; });
    EXPECT_EQ(heir->counters(), Counters{});
    EXPECT_EQ(complete(*heir, {"a", "b"}), std::vector<std::string>{"a"});
}

TEST_F(ProcessorsInherit, nothing_is_inherited_of_a_stream_that_owes_nothing) {
    manifest.parameters.stride = 24;
    artefact = make_artefact(manifest);
    PartitionLog before(3);
    before.add("a", 24);
    const auto heir = heir_of(before);
    EXPECT_EQ(heir->save_state(), make()->save_state());
}

TEST_F(ProcessorsInherit, of_streams_that_find_no_room_the_least_recently_used_restart) {
    manifest.parameters.window = 500;
    manifest.parameters.stride = 500;
    manifest.parameters.first_windows = 20;
    artefact = make_artefact(manifest);
    // 400 streams each, of which two states hold more than one may. Streams of the two were used by turns.
    PartitionLog even(3), odd(4);
    std::vector<std::string> streams;
    for (int i = 0; i < 800; i++) {
        streams.push_back("stream-" + std::to_string(i));
        (i % 2 == 0 ? even : odd).add(streams.back(), 499, i);
    }
    for (const bool is_even_first : {true, false}) {
        const auto heir = make();
        heir->inherit(state_after(is_even_first ? even : odd), all);
        EXPECT_EQ(heir->counters().streams_restarted, 0U);
        heir->inherit(state_after(is_even_first ? odd : even), all);
        const auto restarted = heir->counters().streams_restarted;
        EXPECT_GT(restarted, 250U);
        EXPECT_LT(restarted, 350U);
        EXPECT_EQ(heir->counters().records, 0U);
        EXPECT_LE(heir->save_state().size(), state_bytes_max);
        EXPECT_GT(heir->save_state().size(), state_bytes_max - 3000) << "nothing is given up without need";
        const auto loaded = make();
        loaded->load_state(heir->save_state());
        EXPECT_EQ(loaded->counters(), heir->counters());
        // One that was restarted would push others out when it is used: last ones first.
        const auto border = streams.begin() + static_cast<std::ptrdiff_t>(restarted);
        EXPECT_EQ(complete(*heir, {border, streams.end()}),
                  (std::vector<std::string>{border, streams.end()}));
        EXPECT_EQ(complete(*heir, {streams.begin(), border}), std::vector<std::string>());
    }
}

TEST_F(ProcessorsInherit, use_goes_by_the_order_of_records_where_the_clock_stands_still_or_back) {
    manifest.parameters.window = 500;
    manifest.parameters.stride = 500;
    artefact = make_artefact(manifest);
    PartitionLog log(3);
    for (int i = 0; i < 600; i++)
        log.add("stream-" + std::to_string(i), 499, -i);
    const State state = state_after(log);
    const auto heir = make();
    heir->inherit(state, all);
    EXPECT_EQ(complete(*heir, {"stream-599"}), std::vector<std::string>{"stream-599"});
    const auto loaded = make();
    loaded->load_state(state);
    EXPECT_EQ(loaded->save_state(), state);
}

TEST_F(ProcessorsInherit, damaged_states_are_refused_or_harmless) {
    PartitionLog before(3), after(5);
    for (const char* stream : {"a", "b", "c"}) {
        before.add(stream, 50);
        after.add(stream, 50);
    }
    const State state = state_after(before);
    for (std::size_t length = 0; length < state.size(); length++)
        EXPECT_EQ(sqlstate_of([&] { make()->inherit(std::span(state).first(length), all); }), "XX001");
    for (std::size_t i = 0; i < state.size(); i++)
        for (const int bit : {0, 7}) {
            State altered = state;
            altered[i] ^= static_cast<std::byte>(1 << bit);
            const auto heir = make();
            if (sqlstate_of([&] { heir->inherit(altered, all); }) == "none")
                heir->process(after.records(), sink);
        }
    State longer = state;
    longer.push_back(std::byte{0});
    EXPECT_EQ(sqlstate_of([&] { make()->inherit(longer, all); }), "XX001");
}

TEST_F(ProcessorsInherit, a_stream_in_two_states_is_damage) {
    PartitionLog one(3), other(4);
    one.add("s", 5);
    other.add("s", 5);
    const auto heir = make();
    heir->inherit(state_after(one), all);
    EXPECT_EQ(sqlstate_of([&] { heir->inherit(state_after(other), all); }), "XX001");
}

TEST_F(ProcessorsInherit, a_processor_that_keeps_nothing_of_a_stream_inherits_nothing) {
    manifest = {};
    manifest.entry = "passthrough";
    manifest.output.vector = 1;
    const auto before = make_processor(manifest, {}), heir = make_processor(manifest, {});
    PartitionLog log(3);
    log.add("s", 5);
    before->process(log.records(), sink);
    heir->inherit(before->save_state(), all);
    EXPECT_EQ(heir->save_state(), make_processor(manifest, {})->save_state());
}

} // namespace
} // namespace soup::processors
