// window_convolution: windows, keys, state, fitting, score, rejected records, and what validate() refuses.
#include "core/error.hpp"
#include "core/frame/row.hpp"
#include "core/processors/window_convolution.hpp"
#include "tests/unit/processors_fixture.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace soup::processors {
namespace {

using manifest::AttributeType;
using manifest::Manifest;

/// Three streams whose records alternate irregularly, one of them silent for long.
TestLog mixed_log(std::size_t count) {
    TestLog log;
    for (std::size_t i = 0; i < count; i++)
        log.add_value(i % 5 == 0 ? "b" : i % 97 == 1 ? "c" : "a", test_wave(i));
    return log;
}

TEST(ProcessorsWindow, windows_have_their_keys_times_and_sources) {
    TestLog log;
    for (std::size_t i = 0; i < 300; i++)
        log.add_value("pump/1", test_wave(i));
    const Manifest manifest = small_window_manifest();
    const auto sink = process_all(manifest, fit(manifest, log.records()), log.records());
    ASSERT_EQ(sink.points.size(), (300U - 24) / 8 + 1);
    for (std::size_t w = 0; w < sink.points.size(); w++) {
        const Point& point = sink.points[w];
        EXPECT_EQ(point.key, "3/pump/1/" + std::to_string(w * 8));
        EXPECT_EQ(point.offset, static_cast<std::int64_t>(w * 8 + 23));
        EXPECT_EQ(point.partition, 3);
        EXPECT_EQ(point.received_us, point.offset * 1'000'000);
        EXPECT_EQ(point.time_us, point.received_us);
        EXPECT_EQ(point.vector.size(), 5U);
        EXPECT_TRUE(point.position.empty());
        ASSERT_EQ(point.attributes.size(), 1U);
        EXPECT_GE(std::get<double>(point.attributes[0]), 0);
    }
    EXPECT_TRUE(sink.rejected.empty());
}

TEST(ProcessorsWindow, time_is_the_records_own_then_the_appends_then_receipt) {
    TestLog log;
    Manifest manifest = small_window_manifest();
    manifest.parameters.stride = 24;
    manifest.parameters.first_windows = 10;
    for (std::size_t i = 0; i < 240; i++) {
        const bool has_own = i == 23;
        log.add("s", "{\"value\":" + std::to_string(test_wave(i)) +
                         (has_own ? R"(,"timestamp":"1970-01-01T00:00:07Z"})" : "}"));
        if (i == 23 || i == 47) log.last().time_us = 5;
    }
    const auto sink = process_all(manifest, fit(manifest, log.records()), log.records());
    EXPECT_EQ(sink.points.at(0).time_us, 7'000'000);
    EXPECT_EQ(sink.points.at(1).time_us, 5);
    EXPECT_EQ(sink.points.at(2).time_us, 71'000'000);
}

TEST(ProcessorsWindow, streams_never_mix) {
    const Manifest manifest = small_window_manifest();
    const TestLog log = mixed_log(900);
    const auto artefact = fit(manifest, log.records());
    auto together = process_all(manifest, artefact, log.records()).points;
    std::vector<Point> apart;
    for (const char* stream : {"a", "b", "c"}) {
        std::vector<InputRecord> own;
        for (const InputRecord& record : log.records())
            if (record.stream == stream) own.push_back(record);
        auto points = process_all(manifest, artefact, own).points;
        apart.insert(apart.end(), points.begin(), points.end());
    }
    const auto by_offset = [](const Point& a, const Point& b) { return a.offset < b.offset; };
    EXPECT_TRUE(std::is_sorted(together.begin(), together.end(), by_offset)) << "in the order of completion";
    std::sort(apart.begin(), apart.end(), by_offset);
    EXPECT_EQ(together, apart);
}

TEST(ProcessorsWindow, splitting_anywhere_with_saved_state_changes_no_byte) {
    for (const auto& [window, stride] : {std::pair{24, 8}, {24, 24}, {24, 31}, {9, 1}, {25, 7}}) {
        Manifest manifest = small_window_manifest();
        manifest.parameters.window = window;
        manifest.parameters.stride = stride;
        manifest.output.attributes = {{"score", AttributeType::real}, {"std", AttributeType::real}};
        TestLog log = mixed_log(700);
        log.add("a", "not a record");
        for (std::size_t i = 0; i < 100; i++)
            log.add_value("a", test_wave(i));
        expect_no_split_shows(manifest, fit(manifest, log.records()), log.records());
    }
}

TEST(ProcessorsWindow, one_record_at_a_time_through_saved_states_changes_no_byte) {
    const Manifest manifest = small_window_manifest();
    const TestLog log = mixed_log(400);
    const auto artefact = fit(manifest, log.records());
    const auto whole = make_processor(manifest, artefact);
    RecordingSink expected, sink;
    whole->process(log.records(), expected);
    auto state = make_processor(manifest, artefact)->save_state();
    const auto one = make_processor(manifest, artefact);
    for (const InputRecord& record : log.records()) {
        one->load_state(state);
        one->process(std::span(&record, 1), sink);
        state = one->save_state();
    }
    EXPECT_EQ(sink.points, expected.points);
    EXPECT_EQ(state, whole->save_state());
}

TEST(ProcessorsWindow, state_stays_within_its_limit_by_restarting_the_least_recently_used_stream) {
    Manifest manifest = small_window_manifest();
    manifest.parameters.window = 500;
    manifest.parameters.stride = 500;
    manifest.parameters.first_windows = 6;
    TestLog fit_log;
    for (std::size_t i = 0; i < 3000; i++)
        fit_log.add_value("f", test_wave(i));
    const auto artefact = fit(manifest, fit_log.records());

    // 499 rows of 4 bytes a stream: 520 streams fit, the 600 here don't. Stream 0 is kept in use.
    const std::size_t streams = 600, rows = 499;
    TestLog log;
    for (std::size_t s = 0; s < streams; s++) {
        for (std::size_t row = 0; row < rows; row++)
            log.add_value("stream-" + std::to_string(s), test_wave(row));
        if (s > 0 && s % 50 == 0) log.add("stream-0", "[]"); // Bad records don't count as use, nor as rows.
    }
    const auto processor = make_processor(manifest, artefact);
    RecordingSink sink;
    std::size_t done = 0;
    while (done < log.records().size()) {
        const std::size_t count = std::min<std::size_t>(5000, log.records().size() - done);
        processor->process(log.records().subspan(done, count), sink);
        ASSERT_LE(processor->save_state().size(), state_bytes_max);
        done += count;
    }
    EXPECT_TRUE(sink.points.empty());
    const auto restarted = processor->counters().streams_restarted;
    EXPECT_GT(restarted, 50U);
    EXPECT_LT(restarted, 100U);
    EXPECT_GT(processor->save_state().size(), state_bytes_max - 3000) << "nothing is given up without need";

    // One more row: the oldest that is left completes its window, the first ones begin anew.
    TestLog more;
    more.add_value("stream-599", 1);
    more.add_value("stream-" + std::to_string(restarted + 1), 1);
    more.add_value("stream-1", 1);
    processor->process(more.records(), sink);
    EXPECT_EQ(sink.points.size(), 2U);
}

TEST(ProcessorsWindow, a_stream_that_owes_nothing_is_not_kept) {
    Manifest manifest = small_window_manifest();
    manifest.parameters.stride = 24;
    TestLog log;
    for (std::size_t i = 0; i < std::size_t{24} * 20; i++)
        log.add_value("s" + std::to_string(i / 24), test_wave(i));
    const auto processor = make_processor(manifest, fit(manifest, log.records()));
    const auto empty = processor->save_state().size();
    RecordingSink sink;
    processor->process(log.records(), sink);
    EXPECT_EQ(sink.points.size(), 20U);
    EXPECT_EQ(processor->save_state().size(), empty);
    EXPECT_EQ(processor->counters().streams_restarted, 0U);
}

TEST(ProcessorsWindow, packed_rows_give_the_same_points_as_json) {
    Manifest manifest = small_window_manifest();
    manifest.input.channels = {"x", "y"};
    manifest.output.attributes = {{"score", AttributeType::real},
                                  {"last_y", AttributeType::double_precision}};
    const std::vector<frame::RowField> fields = {
        {"y", frame::FieldType::f8}, {"note", frame::FieldType::text}, {"x", frame::FieldType::f4}};
    TestLog json, rows;
    for (std::size_t i = 0; i < 300; i++) {
        const double y = test_wave(i);
        const auto x = static_cast<float>(i % 7);
        json.add("s", "{\"other\":null,\"x\":" + std::to_string(x) + ",\"y\":" + std::to_string(y) + "}");
        const double same_y = std::stod(std::to_string(y)); // As the JSON text has it.
        std::string bytes(sizeof y, '\0');
        std::memcpy(bytes.data(), &same_y, sizeof same_y);
        bytes += std::string("\2\0\0\0hi", 6);
        bytes.append(reinterpret_cast<const char*>(&x), sizeof x);
        rows.add("s", bytes, frame::make_row_content_type(fields));
    }
    const auto artefact = fit(manifest, json.records());
    EXPECT_EQ(artefact, fit(manifest, rows.records()));
    const auto sink = process_all(manifest, artefact, json.records());
    EXPECT_EQ(sink.points.size(), 35U);
    EXPECT_EQ(sink.points, process_all(manifest, artefact, rows.records()).points);
}

TEST(ProcessorsWindow, unusable_records_are_rejected_and_the_window_goes_on) {
    const Manifest manifest = small_window_manifest();
    TestLog good, log;
    const std::vector<std::tuple<std::string, std::string, std::string_view>> bad = {
        {"", "application/json", reason::bad_record},
        {"{", "application/json", reason::bad_record},
        {"[1,2]", "application/json", reason::bad_record},
        {"[]", "application/json", reason::bad_record},
        {"17", "application/json", reason::bad_record},
        {"[\"1\"]", "application/json", reason::bad_record},
        {"{\"value\":null}", "application/json", reason::bad_record},
        {"{\"other\":1}", "application/json", reason::bad_record},
        {"[NaN]", "application/json", reason::bad_record},
        {"[1e999]", "application/json", reason::bad_record},
        {"{\"value\":1,\"timestamp\":\"yesterday\"}", "application/json", reason::bad_record},
        {"[1] [2]", "application/json", reason::bad_record},
        {"[1]", "text/plain", reason::wrong_type},
        {"12345678", "application/octet-stream", reason::wrong_type},
        {"[1]", "", reason::wrong_type},
        {"12345678", "application/vnd.soup.row;fields=other:f8", reason::bad_record},
        {"1234", "application/vnd.soup.row;fields=value:f8", reason::bad_record},
        {"1234", "application/vnd.soup.row;fields=value:text", reason::bad_record},
        {"1234", "application/vnd.soup.row;fields=value:nonsense", reason::wrong_type},
        {std::string(8, '\xff'), "application/vnd.soup.row;fields=value:f8", reason::bad_record}, // A NaN.
    };
    for (std::size_t i = 0; i < 300; i++) {
        good.add_value("s", test_wave(i));
        log.add_value("s", test_wave(i));
        if (i % 3 == 0 && i / 3 < bad.size()) {
            const auto& [bytes, type, why] = bad[i / 3];
            log.add("s", bytes, type);
        }
    }
    const auto artefact = fit(manifest, good.records());
    EXPECT_EQ(artefact, fit(manifest, log.records())) << "fitting passes over the same records";
    const auto processor = make_processor(manifest, artefact);
    RecordingSink sink;
    processor->process(log.records(), sink);
    ASSERT_EQ(sink.rejected.size(), bad.size());
    for (std::size_t i = 0; i < bad.size(); i++)
        EXPECT_EQ(sink.rejected[i].reason, std::get<2>(bad[i]))
            << std::get<0>(bad[i]) << " " << std::get<1>(bad[i]);
    EXPECT_EQ(processor->counters(),
              (Counters{.records = 320, .points = 35, .rejected = 20, .streams_restarted = 0}));
    const auto clean = process_all(manifest, artefact, good.records());
    ASSERT_EQ(sink.points.size(), clean.points.size());
    for (std::size_t w = 0; w < clean.points.size(); w++)
        EXPECT_EQ(sink.points[w].vector, clean.points[w].vector);
}

TEST(ProcessorsWindow, a_stream_name_too_long_for_a_key_is_rejected) {
    const Manifest manifest = small_window_manifest();
    TestLog log = mixed_log(400);
    log.add_value(std::string(1025, 's'), 1);
    log.add_value(std::string(1024, 's'), 1);
    const auto sink = process_all(manifest, fit(manifest, log.records()), log.records());
    EXPECT_EQ(sink.rejected, (std::vector<Rejected>{{400, "BAD_KEY"}}));
}

TEST(ProcessorsWindow, extreme_values_stay_finite) {
    const Manifest manifest = small_window_manifest();
    TestLog log;
    for (std::size_t i = 0; i < 300; i++)
        log.add_value("s", test_wave(i));
    for (std::size_t i = 0; i < 200; i++)
        log.add("s", i % 3 == 0 ? "[1e308]" : i % 3 == 1 ? "[-1e308]" : "[1e-308]");
    for (const auto& artefact : {fit(manifest, log.records()), fit(manifest, log.records().subspan(250))}) {
        for (const Point& point : process_all(manifest, artefact, log.records()).points) {
            for (const float number : point.vector)
                ASSERT_TRUE(std::isfinite(number));
            ASSERT_TRUE(std::isfinite(std::get<double>(point.attributes[0])));
        }
    }
}

TEST(ProcessorsWindow, constant_streams_fit_and_score) {
    const Manifest manifest = small_window_manifest();
    TestLog log;
    for (std::size_t i = 0; i < 300; i++)
        log.add_value("s", 0.1);
    for (std::size_t i = 0; i < 24; i++)
        log.add_value("s", 0.2);
    const auto points = process_all(manifest, fit(manifest, log.records()), log.records()).points;
    EXPECT_EQ(std::get<double>(points.at(10).attributes[0]), 0);
    EXPECT_GT(std::get<double>(points.back().attributes[0]), 1) << "a constant that changes is an anomaly";
}

TEST(ProcessorsWindow, the_score_is_about_1_when_nothing_changes_and_higher_in_a_fault) {
    Manifest manifest = small_window_manifest();
    manifest.parameters.first_windows = 60;
    TestLog log;
    const std::size_t fault = 1500;
    for (std::size_t i = 0; i < 2000; i++) {
        const bool is_faulty = i >= fault && i < fault + 100;
        log.add_value("s", is_faulty ? 3 * test_wave(i * i) - 2 : test_wave(i));
    }
    std::vector<double> usual, faulty;
    for (const Point& point : process_all(manifest, fit(manifest, log.records()), log.records()).points) {
        const auto last = static_cast<std::size_t>(point.offset);
        const double score = std::get<double>(point.attributes[0]);
        if (last > 700 && last < fault) usual.push_back(score);
        if (last >= fault + 24 && last < fault + 100) faulty.push_back(score);
    }
    std::sort(usual.begin(), usual.end());
    EXPECT_GT(usual[usual.size() / 2], 0.5);
    EXPECT_LT(usual[usual.size() / 2], 2);
    EXPECT_GT(*std::min_element(faulty.begin(), faulty.end()), usual.back());
}

TEST(ProcessorsWindow, statistics_are_in_the_channels_own_unit) {
    Manifest manifest = small_window_manifest();
    manifest.input.channels = {"t", "p_1"};
    manifest.output.attributes = {{"mean", AttributeType::real},     {"std", AttributeType::real},
                                  {"min_p_1", AttributeType::real},  {"max_p_1", AttributeType::real},
                                  {"last_p_1", AttributeType::real}, {"mean_t", AttributeType::real},
                                  {"std_p_1", AttributeType::real}};
    TestLog log;
    for (std::size_t i = 0; i < 300; i++)
        log.add("s", "[" + std::to_string(1000 + i % 2) + "," + std::to_string(i) + "]");
    const auto points = process_all(manifest, fit(manifest, log.records()), log.records()).points;
    const double expected[] = {1000.5, 0.5, 0, 23, 23, 1000.5, std::sqrt((24 * 24 - 1) / 12.0)};
    for (std::size_t a = 0; a < 7; a++)
        EXPECT_NEAR(std::get<double>(points[0].attributes[a]), expected[a], 1e-3);
}

TEST(ProcessorsWindow, fitting_takes_the_first_windows_and_is_repeatable) {
    const Manifest manifest = small_window_manifest();
    const TestLog log = mixed_log(900);
    const auto fitter = make_fitter(manifest);
    EXPECT_EQ(fitter->windows_needed(), 20U);
    std::size_t used = 0;
    while (!fitter->add(log.records().subspan(used, 1))) {
        used++;
        EXPECT_LT(fitter->windows_seen(), 20U);
        EXPECT_THROW(fitter->artefact(), Error);
    }
    EXPECT_EQ(fitter->windows_seen(), 20U);
    // The last record taken is the one that completed the 20th window.
    const auto points = process_all(manifest, fitter->artefact(), log.records()).points;
    EXPECT_EQ(points[19].offset, static_cast<std::int64_t>(used));
    EXPECT_TRUE(fitter->add(log.records().subspan(used)));
    EXPECT_EQ(fitter->artefact(), fit(manifest, log.records()));
    EXPECT_EQ(fitter->artefact(), fit(manifest, log.records().first(used + 1)));
}

TEST(ProcessorsWindow, records_of_no_use_leave_a_fitter_as_new) {
    const Manifest manifest = small_window_manifest();
    const TestLog useful = mixed_log(900);
    TestLog useless;
    useless.add("s", R"({"misspelt":1})");
    useless.add("s", "[1", "application/json");
    useless.add("s", "[1]", "text/plain");
    useless.add(std::string(stream_bytes_max + 1, 's'), "[1]");
    const auto fitter = make_fitter(manifest);
    EXPECT_FALSE(fitter->add(useless.records()));
    EXPECT_FALSE(fitter->has_used_records());
    EXPECT_TRUE(fitter->add(useful.records()));
    EXPECT_TRUE(fitter->has_used_records());
    EXPECT_EQ(fitter->artefact(), fit(manifest, useful.records()));
    // Long before a window is complete.
    const auto another = make_fitter(manifest);
    another->add(useful.records().first(1));
    EXPECT_TRUE(another->has_used_records());
}

TEST(ProcessorsWindow, artefacts_have_the_announced_size) {
    const Manifest manifest = small_window_manifest();
    EXPECT_EQ(fit(manifest, mixed_log(900).records()).size(),
              WindowModel::encoded_bytes(window_model_shape(manifest)));
}

TEST(ProcessorsWindow, damaged_or_foreign_artefacts_are_refused) {
    const Manifest manifest = small_window_manifest();
    const auto artefact = fit(manifest, mixed_log(900).records());
    for (std::size_t length = 0; length < artefact.size(); length += length < 200 ? 1 : 997) {
        const std::vector<std::byte> cut(artefact.begin(),
                                         artefact.begin() + static_cast<std::ptrdiff_t>(length));
        EXPECT_EQ(sqlstate_of([&] { make_processor(manifest, cut); }), "XX001") << length;
    }
    auto longer = artefact;
    longer.push_back(std::byte{0});
    EXPECT_EQ(sqlstate_of([&] { make_processor(manifest, longer); }), "XX001");
    for (std::size_t i = 0; i < 60; i++) { // Magic, format version, shape.
        auto altered = artefact;
        altered[i] ^= std::byte{1};
        EXPECT_EQ(sqlstate_of([&] { make_processor(manifest, altered); }), "XX001") << i;
    }
    Manifest other = manifest;
    other.parameters.stride = 9;
    EXPECT_EQ(sqlstate_of([&] { make_processor(other, artefact); }), "XX001");
}

TEST(ProcessorsWindow, damaged_states_are_refused_or_harmless) {
    const Manifest manifest = small_window_manifest();
    const TestLog log = mixed_log(900);
    const auto processor = make_processor(manifest, fit(manifest, log.records()));
    RecordingSink sink;
    processor->process(log.records(), sink);
    const auto state = processor->save_state();
    for (std::size_t length = 0; length < state.size(); length++)
        EXPECT_EQ(sqlstate_of([&] { processor->load_state(std::span(state).first(length)); }), "XX001");
    for (std::size_t i = 0; i < state.size(); i++)
        for (const int bit : {0, 7}) {
            auto altered = state;
            altered[i] ^= static_cast<std::byte>(1 << bit);
            if (sqlstate_of([&] { processor->load_state(altered); }) == "none")
                processor->process(log.records(), sink);
        }
    processor->load_state(state);
    EXPECT_EQ(processor->save_state(), state);
}

struct Refused {
    const char* field;
    std::function<void(Manifest&)> change;
};

TEST(ProcessorsWindow, validate_names_the_field_that_cannot_be) {
    EXPECT_NO_THROW(validate(small_window_manifest()));
    const std::vector<Refused> cases = {
        {"/runtime", [](Manifest& m) { m.runtime = manifest::Runtime::python; }},
        {"/entry", [](Manifest& m) { m.entry = "no_such"; }},
        {"/input/channels", [](Manifest& m) { m.input.channels.clear(); }},
        {"/parameters/window", [](Manifest& m) { m.parameters.window = 8; }},
        {"/parameters/window",
         [](Manifest& m) {
             m.input.channels.assign(40, "c");
             m.parameters.window = 4096;
         }},
        {"/parameters/stride", [](Manifest& m) { m.parameters.stride = 0; }},
        {"/parameters/features", [](Manifest& m) { m.parameters.features = 83; }},
        {"/parameters/features", [](Manifest& m) { m.input.channels.assign(459, "c"); }},
        {"/parameters/fit/first_windows", [](Manifest& m) { m.parameters.first_windows = 1; }},
        {"/parameters/fit/first_windows", [](Manifest& m) { m.parameters.first_windows = 10'001; }},
        {"/parameters/fit/first_windows",
         [](Manifest& m) {
             m.parameters.first_windows = 10'000;
             m.parameters.window = 4096;
         }},
        {"/output/vector", [](Manifest& m) { m.output.vector = 0; }},
        {"/output/vector", [](Manifest& m) { m.output.vector = 20; }},
        {"/output/vector",
         [](Manifest& m) {
             m.parameters.first_windows = 999;
             m.output.vector = 171;
         }},
        {"/output/position",
         [](Manifest& m) {
             m.output.position = {manifest::PositionKind::xyz, {"x", "y"}};
         }},
        {"/output/attributes/median", [](Manifest& m) { m.output.attributes[0].name = "median"; }},
        {"/output/attributes/mean_other", [](Manifest& m) { m.output.attributes[0].name = "mean_other"; }},
        {"/output/attributes/score", [](Manifest& m) { m.output.attributes[0].type = AttributeType::text; }},
    };
    for (const Refused& one : cases) {
        Manifest manifest = small_window_manifest();
        one.change(manifest);
        try {
            validate(manifest);
            ADD_FAILURE() << one.field << " passed";
        } catch (const Error& error) {
            EXPECT_STREQ(error.sqlstate(), "22023");
            EXPECT_STREQ(error.reason(), "BAD_INPUT");
            EXPECT_EQ(error.message().rfind(std::string(one.field) + ": ", 0), 0U) << error.message();
        }
    }
}

TEST(WindowState, has_room_for_as_many_streams_as_the_docs_say) {
    constexpr WindowShape shape{.window = 96, .stride = 16, .channels = 1};
    constexpr std::size_t name_bytes = 10;
    const std::size_t streams = state_bytes_max / stream_state_bytes(shape, name_bytes, shape.window - 1);
    EXPECT_NEAR(static_cast<double>(streams), 2100, 50);
}

} // namespace
} // namespace soup::processors
