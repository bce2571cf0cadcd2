// passthrough, position and image_convolution: one point a record, tables of what they take and what they
// reject.
#include "core/error.hpp"
#include "core/frame/row.hpp"
#include "core/processors/image_convolution.hpp"
#include "tests/unit/processors_fixture.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace soup::processors {
namespace {

using manifest::AttributeType;
using manifest::Manifest;
using manifest::PositionKind;

std::string as_bytes(const std::vector<float>& floats) {
    return {reinterpret_cast<const char*>(floats.data()), floats.size() * sizeof(float)};
}

RecordingSink process_one(const Manifest& manifest, const std::string& bytes,
                          const std::string& type = "application/json") {
    TestLog log;
    log.add("s", bytes, type);
    return process_all(manifest, {}, log.records());
}

Manifest passthrough_manifest() {
    Manifest manifest;
    manifest.entry = "passthrough";
    manifest.input.key_field = "id";
    manifest.input.time_field = "at";
    manifest.output.vector = 3;
    manifest.output.attributes = {{"r", AttributeType::real},       {"d", AttributeType::double_precision},
                                  {"i", AttributeType::integer},    {"b", AttributeType::bigint},
                                  {"t", AttributeType::boolean},    {"s", AttributeType::text},
                                  {"z", AttributeType::timestamptz}};
    return manifest;
}

TEST(ProcessorsPassthrough, an_object_becomes_a_point_with_every_kind_of_attribute) {
    const auto sink = process_one(
        passthrough_manifest(),
        R"({"id":"k é","vector":[1,2.5,-3e2],"r":1.5,"d":2,"i":-7,"b":9007199254740993,"t":true,"s":"x\ny",)"
        R"("z":"1970-01-01T00:00:01Z","at":2.5,"unknown":{"a":[1]}})");
    ASSERT_EQ(sink.points.size(), 1U);
    const Point& point = sink.points[0];
    EXPECT_EQ(point.key, "k é");
    EXPECT_EQ(point.vector, (std::vector<float>{1, 2.5F, -300}));
    EXPECT_EQ(point.attributes,
              (std::vector<Value>{1.5, 2.0, std::int64_t{-7}, std::int64_t{9007199254740993}, true,
                                  std::string("x\ny"), std::int64_t{1'000'000}}));
    EXPECT_EQ(point.time_us, 2'500'000);
    EXPECT_EQ(point.partition, 3);
    EXPECT_EQ(point.offset, 0);
}

TEST(ProcessorsPassthrough, absent_and_null_attributes_are_null) {
    const auto sink = process_one(passthrough_manifest(), R"({"id":12,"vector":[1,2,3],"r":null})");
    ASSERT_EQ(sink.points.size(), 1U);
    EXPECT_EQ(sink.points[0].key, "12");
    EXPECT_EQ(sink.points[0].attributes, std::vector<Value>(7));
    EXPECT_EQ(sink.points[0].time_us, 0) << "without a time of its own: that of receipt";
}

TEST(ProcessorsPassthrough, bare_arrays_and_octets_are_vectors) {
    Manifest manifest = passthrough_manifest();
    manifest.input.key_field.clear();
    for (const auto& [bytes, type] : {std::pair<std::string, std::string>{"[1, 2, 3]", "application/json"},
                                      {as_bytes({1, 2, 3}), "application/octet-stream"}}) {
        const auto sink = process_one(manifest, bytes, type);
        ASSERT_EQ(sink.points.size(), 1U) << type;
        EXPECT_EQ(sink.points[0].vector, (std::vector<float>{1, 2, 3}));
        EXPECT_EQ(sink.points[0].key, "3/0");
        EXPECT_EQ(sink.points[0].attributes, std::vector<Value>(7));
    }
}

TEST(ProcessorsPassthrough, packed_rows_give_vector_key_and_attributes) {
    const Manifest manifest = passthrough_manifest();
    using frame::FieldType;
    const auto text = [](const std::string& letters) {
        const auto size = static_cast<std::uint32_t>(letters.size());
        return std::string(reinterpret_cast<const char*>(&size), sizeof size) + letters;
    };
    const std::int64_t big = 1LL << 60;
    const std::string eight(reinterpret_cast<const char*>(&big), sizeof big);
    const auto loose = frame::make_row_content_type(std::vector<frame::RowField>{{"x", FieldType::f4},
                                                                                 {"id", FieldType::text},
                                                                                 {"y", FieldType::f4},
                                                                                 {"b", FieldType::i8},
                                                                                 {"t", FieldType::boolean},
                                                                                 {"z2", FieldType::f4}});
    auto sink = process_one(
        manifest, as_bytes({1}) + text("key") + as_bytes({2}) + eight + "\1" + as_bytes({3}), loose);
    ASSERT_EQ(sink.points.size(), 1U);
    EXPECT_EQ(sink.points[0].vector, (std::vector<float>{1, 2, 3}));
    EXPECT_EQ(sink.points[0].key, "key");
    EXPECT_EQ(sink.points[0].attributes[3], Value(big));
    EXPECT_EQ(sink.points[0].attributes[4], Value(true));

    const auto whole = frame::make_row_content_type(
        std::vector<frame::RowField>{{"id", FieldType::i8}, {"vector", FieldType::bytes}});
    sink = process_one(manifest, eight + text(as_bytes({4, 5, 6})), whole);
    ASSERT_EQ(sink.points.size(), 1U);
    EXPECT_EQ(sink.points[0].vector, (std::vector<float>{4, 5, 6}));
    EXPECT_EQ(sink.points[0].key, std::to_string(big));

    EXPECT_EQ(process_one(manifest, eight + text("123"), whole).rejected.at(0).reason, "WRONG_SIZE");
    EXPECT_EQ(process_one(manifest, eight, whole).rejected.at(0).reason, "BAD_RECORD");
}

TEST(ProcessorsPassthrough, unusable_records_are_rejected_with_their_reason) {
    const std::string json = "application/json";
    const std::vector<std::tuple<std::string, std::string, std::string>> cases = {
        {"", json, "BAD_RECORD"},
        {"nonsense", json, "BAD_RECORD"},
        {"3", json, "BAD_RECORD"},
        {"\xef\xbb\xbf[1,2,3]", json, "BAD_RECORD"},
        {R"({"id":"k"})", json, "BAD_RECORD"},
        {R"({"id":"k","vector":"1"})", json, "BAD_RECORD"},
        {R"({"id":"k","vector":[1,2,"3"]})", json, "BAD_RECORD"},
        {R"({"id":"k","vector":[1,2]})", json, "WRONG_SIZE"},
        {R"({"id":"k","vector":[1,2,3,4]})", json, "WRONG_SIZE"},
        {R"({"id":"k","vector":[]})", json, "WRONG_SIZE"},
        {R"({"id":"k","vector":[1,2,1e39]})", json, "OUT_OF_RANGE"},
        {R"({"id":"k","vector":[1,2,1e999]})", json, "BAD_RECORD"},
        {R"({"vector":[1,2,3]})", json, "BAD_KEY"},
        {R"({"id":"","vector":[1,2,3]})", json, "BAD_KEY"},
        {R"({"id":1.5,"vector":[1,2,3]})", json, "BAD_KEY"},
        {R"({"id":null,"vector":[1,2,3]})", json, "BAD_KEY"},
        {R"({"id":["k"],"vector":[1,2,3]})", json, "BAD_KEY"},
        {R"({"id":"a\u0000b","vector":[1,2,3]})", json, "BAD_KEY"},
        {R"({"id":")" + std::string(1025, 'k') + R"(","vector":[1,2,3]})", json, "BAD_KEY"},
        {"[1,2,3]", json, "BAD_KEY"},
        {R"({"id":"k","vector":[1,2,3],"at":"soon"})", json, "BAD_RECORD"},
        {R"({"id":"k","vector":[1,2,3],"r":"1"})", json, "BAD_RECORD"},
        {R"({"id":"k","vector":[1,2,3],"r":1e39})", json, "OUT_OF_RANGE"},
        {R"({"id":"k","vector":[1,2,3],"i":2147483648})", json, "OUT_OF_RANGE"},
        {R"({"id":"k","vector":[1,2,3],"i":1.0})", json, "BAD_RECORD"},
        {R"({"id":"k","vector":[1,2,3],"t":1})", json, "BAD_RECORD"},
        {R"({"id":"k","vector":[1,2,3],"s":1})", json, "BAD_RECORD"},
        {R"({"id":"k","vector":[1,2,3],"s":"a\u0000"})", json, "BAD_RECORD"},
        {R"({"id":"k","vector":[1,2,3],"s":{}})", json, "BAD_RECORD"},
        {R"({"id":"k","vector":[1,2,3],"z":true})", json, "BAD_RECORD"},
        {"\xff", json, "BAD_RECORD"},
        {"k,1,2,3", "text/csv", "WRONG_TYPE"},
        {"1234", "application/octet-stream", "WRONG_SIZE"},
        {as_bytes({1, 2, std::nanf("")}), "application/octet-stream", "BAD_RECORD"},
        {as_bytes({1, 2, 3}), "application/octet-stream", "BAD_KEY"},
        {"1", "application/vnd.soup.row;fields=", "WRONG_TYPE"},
    };
    for (const auto& [bytes, type, why] : cases) {
        const auto sink = process_one(passthrough_manifest(), bytes, type);
        ASSERT_TRUE(sink.points.empty()) << bytes;
        ASSERT_EQ(sink.rejected.size(), 1U) << bytes;
        EXPECT_EQ(sink.rejected[0].reason, why) << bytes;
    }
}

TEST(ProcessorsPassthrough, a_content_type_is_itself_in_any_case_and_with_any_parameters) {
    const std::string record = R"({"id":"k","vector":[1,2,3]})";
    for (const char* type : {"application/json", "Application/JSON", "application/json;charset=utf-8",
                             "APPLICATION/json ; charset=\"utf-8\"", "application/X-NDJSON"})
        EXPECT_EQ(process_one(passthrough_manifest(), record, type).points.size(), 1U) << type;
    for (const char* type : {"application/jso", "application/json5", "text/json", "application/json x"})
        EXPECT_EQ(process_one(passthrough_manifest(), record, type).rejected.at(0).reason, "WRONG_TYPE")
            << type;
}

TEST(ProcessorsPassthrough, counts_survive_in_the_state_and_damage_is_refused) {
    Manifest manifest = passthrough_manifest();
    TestLog log;
    log.add("s", R"({"id":"k","vector":[1,2,3]})");
    log.add("s", "{");
    const auto first = make_processor(manifest, {});
    RecordingSink sink;
    first->process(log.records(), sink);
    const auto state = first->save_state();
    const auto second = make_processor(manifest, {});
    second->load_state(state);
    EXPECT_EQ(second->counters(),
              (Counters{.records = 2, .points = 1, .rejected = 1, .streams_restarted = 0}));
    second->process(log.records(), sink);
    EXPECT_EQ(second->counters().records, 4U);
    for (std::size_t length = 0; length < state.size(); length++)
        EXPECT_THROW(second->load_state(std::span(state).first(length)), Error);
    EXPECT_EQ(second->counters().records, 4U) << "a refused state changes nothing";
}

Manifest place_manifest(PositionKind kind, std::vector<std::string> fields) {
    Manifest manifest;
    manifest.entry = "position";
    manifest.input.key_field = "name";
    manifest.output.position = {kind, std::move(fields)};
    manifest.output.attributes = {{"height", AttributeType::real}};
    return manifest;
}

TEST(ProcessorsPosition, latitude_and_longitude_keep_double_precision) {
    const Manifest manifest = place_manifest(PositionKind::latlon, {"lat", "lon"});
    const auto sink = process_one(
        manifest, R"({"lon":-0.12345678901234,"lat":51.98765432109876,"name":"here","height":7})");
    ASSERT_EQ(sink.points.size(), 1U);
    EXPECT_EQ(sink.points[0].position, (std::vector<double>{51.98765432109876, -0.12345678901234}));
    EXPECT_EQ(sink.points[0].attributes, (std::vector<Value>{7.0}));
    EXPECT_TRUE(sink.points[0].vector.empty());
    EXPECT_EQ(process_one(manifest, R"({"lat":90,"lon":-180,"name":"edge"})").points.size(), 1U);
}

TEST(ProcessorsPosition, unusable_places_are_rejected_with_their_reason) {
    const Manifest manifest = place_manifest(PositionKind::latlon, {"lat", "lon"});
    const std::vector<std::pair<std::string, std::string>> cases = {
        {R"({"lat":90.0000001,"lon":0,"name":"n"})", "OUT_OF_RANGE"},
        {R"({"lat":-91,"lon":0,"name":"n"})", "OUT_OF_RANGE"},
        {R"({"lat":0,"lon":180.5,"name":"n"})", "OUT_OF_RANGE"},
        {R"({"lat":0,"name":"n"})", "BAD_RECORD"},
        {R"({"lat":0,"lon":null,"name":"n"})", "BAD_RECORD"},
        {R"({"lat":"0","lon":0,"name":"n"})", "BAD_RECORD"},
        {R"({"lat":0,"lon":0})", "BAD_KEY"},
        {"[0,0]", "BAD_RECORD"},
        {"", "BAD_RECORD"},
    };
    for (const auto& [bytes, why] : cases) {
        const auto sink = process_one(manifest, bytes);
        ASSERT_EQ(sink.rejected.size(), 1U) << bytes;
        EXPECT_EQ(sink.rejected[0].reason, why) << bytes;
    }
    EXPECT_EQ(process_one(manifest, "12345678", "application/octet-stream").rejected.at(0).reason,
              "WRONG_TYPE");
}

TEST(ProcessorsPosition, xyz_takes_any_number_of_fields_in_their_order) {
    const Manifest manifest = place_manifest(PositionKind::xyz, {"c", "a", "b", "d"});
    const auto sink = process_one(manifest, R"({"a":1,"b":2e300,"c":-3,"d":4.5,"name":"n"})");
    ASSERT_EQ(sink.points.size(), 1U);
    EXPECT_EQ(sink.points[0].position, (std::vector<double>{-3, 1, 2e300, 4.5}));
}

Manifest image_manifest() {
    Manifest manifest;
    manifest.entry = "image_convolution";
    manifest.parameters.width = 13;
    manifest.parameters.height = 10;
    manifest.parameters.features = 840;
    manifest.parameters.first_windows = 30;
    manifest.output.vector = 8;
    manifest.output.attributes = {{"label", AttributeType::integer}};
    return manifest;
}

std::string test_image(std::size_t number) {
    std::string pixels;
    const std::size_t slope = number % 2 == 0 ? 11 : 29;
    for (std::size_t i = 0; i < 130; i++)
        pixels += static_cast<char>((i % 13 * slope + i / 13 * 7 + number * 2654435761U % 41) % 256);
    return pixels;
}

TestLog image_log() {
    TestLog log;
    for (std::size_t i = 0; i < 60; i++) {
        if (i % 3 == 0) {
            log.add("s", test_image(i), "application/octet-stream");
            continue;
        }
        std::string array = "[";
        for (const char pixel : test_image(i))
            array += std::to_string(static_cast<unsigned char>(pixel)) + ",";
        array.back() = ']';
        log.add("s", i % 3 == 1 ? array : R"({"label":7,"image":)" + array + "}");
    }
    return log;
}

TEST(ProcessorsImage, all_forms_of_an_image_give_the_same_vector) {
    const Manifest manifest = image_manifest();
    const TestLog log = image_log();
    const auto artefact = fit(manifest, log.records());
    EXPECT_EQ(artefact, fit(manifest, log.records()));
    EXPECT_EQ(artefact.size(), ImageModel::encoded_bytes(image_model_shape(manifest)));
    const auto mixed = process_all(manifest, artefact, log.records());
    TestLog octets;
    for (std::size_t i = 0; i < 60; i++)
        octets.add("s", test_image(i), "application/octet-stream");
    const auto plain = process_all(manifest, artefact, octets.records());
    ASSERT_EQ(mixed.points.size(), 60U);
    for (std::size_t i = 0; i < 60; i++) {
        EXPECT_EQ(mixed.points[i].vector, plain.points[i].vector);
        EXPECT_EQ(mixed.points[i].vector.size(), 8U);
        EXPECT_EQ(mixed.points[i].key, "3/" + std::to_string(i));
        EXPECT_EQ(mixed.points[i].attributes[0], i % 3 == 2 ? Value(std::int64_t{7}) : Value());
    }
}

TEST(ProcessorsImage, records_of_no_use_leave_a_fitter_as_new) {
    const Manifest manifest = image_manifest();
    const TestLog images = image_log();
    TestLog useless;
    useless.add("s", "[1,2]");
    useless.add("s", "x", "application/octet-stream");
    const auto fitter = make_fitter(manifest);
    EXPECT_FALSE(fitter->add(useless.records()));
    EXPECT_FALSE(fitter->has_used_records());
    EXPECT_FALSE(fitter->add(images.records().first(1)));
    EXPECT_TRUE(fitter->has_used_records());
    EXPECT_TRUE(fitter->add(images.records().subspan(1)));
    EXPECT_EQ(fitter->artefact(), fit(manifest, images.records()));
}

TEST(ProcessorsImage, images_of_one_kind_are_nearer_to_each_other) {
    const Manifest manifest = image_manifest();
    const TestLog log = image_log();
    const auto points = process_all(manifest, fit(manifest, log.records()), log.records()).points;
    const auto distance = [&](std::size_t a, std::size_t b) {
        float squared = 0;
        for (std::size_t d = 0; d < 8; d++)
            squared +=
                (points[a].vector[d] - points[b].vector[d]) * (points[a].vector[d] - points[b].vector[d]);
        return squared;
    };
    std::size_t right = 0, all = 0;
    for (std::size_t i = 30; i + 1 < 60; i++)
        for (std::size_t j = 30; j + 1 < 60; j += 2, all++)
            if (i != j && i != j + 1)
                right += (distance(i, j) < distance(i, j + 1)) == (i % 2 == j % 2) ? 1 : 0;
            else
                all--;
    EXPECT_GT(static_cast<double>(right), 0.9 * static_cast<double>(all));
}

/// The features against the definition, computed plainly.
TEST(ProcessorsImage, features_are_pooled_rectified_responses) {
    const ImageModelShape shape = image_model_shape(image_manifest());
    std::vector<float> filters(shape.filters * patch_pixels);
    for (std::size_t i = 0; i < filters.size(); i++)
        filters[i] = static_cast<float>((i * 37) % 19) / 9 - 1;
    const std::string image = test_image(5);
    std::vector<std::uint8_t> pixels(image.begin(), image.end());
    std::vector<float> features(shape.features());
    ImageFeatures(shape, filters).measure(pixels, features.data());
    const std::size_t across = 13 - 4, down = 10 - 4;
    for (std::size_t f = 0; f < shape.filters; f++)
        for (std::size_t cell = 0; cell < 16; cell++) {
            double sums[2] = {};
            std::size_t count = 0;
            for (std::size_t y = cell / 4 * down / 4; y < (cell / 4 + 1) * down / 4; y++)
                for (std::size_t x = cell % 4 * across / 4; x < (cell % 4 + 1) * across / 4; x++, count++) {
                    double response = 0;
                    for (std::size_t p = 0; p < patch_pixels; p++)
                        response += static_cast<double>(filters[f * patch_pixels + p]) *
                                    pixels[(y + p / 5) * 13 + x + p % 5] / 255;
                    sums[response < 0 ? 1 : 0] += std::abs(response);
                }
            for (std::size_t sign = 0; sign < 2; sign++)
                EXPECT_NEAR(features[f * 32 + sign * 16 + cell],
                            std::sqrt(sums[sign] / static_cast<double>(count)), 1e-3);
        }
}

TEST(ProcessorsImage, unusable_records_are_rejected_with_their_reason) {
    const Manifest manifest = image_manifest();
    const auto artefact = fit(manifest, image_log().records());
    std::string numbers = "[";
    for (int i = 0; i < 129; i++)
        numbers += "5,";
    const std::vector<std::tuple<std::string, std::string, std::string>> cases = {
        {std::string(129, 'x'), "application/octet-stream", "WRONG_SIZE"},
        {"", "application/octet-stream", "WRONG_SIZE"},
        {numbers + "256]", "application/json", "OUT_OF_RANGE"},
        {numbers + "-1]", "application/json", "OUT_OF_RANGE"},
        {numbers + "\"5\"]", "application/json", "BAD_RECORD"},
        {numbers + "5,5]", "application/json", "WRONG_SIZE"},
        {"[1,2]", "application/json", "WRONG_SIZE"},
        {R"({"picture":[]})", "application/json", "BAD_RECORD"},
        {R"({"label":"x","image":)" + numbers + "5]}", "application/json", "BAD_RECORD"},
        {"null", "application/json", "BAD_RECORD"},
        {"", "application/json", "BAD_RECORD"},
        {std::string(130, 'x'), "image/png", "WRONG_TYPE"},
    };
    for (const auto& [bytes, type, why] : cases) {
        TestLog log;
        log.add("s", bytes, type);
        const auto sink = process_all(manifest, artefact, log.records());
        ASSERT_EQ(sink.rejected.size(), 1U) << bytes;
        EXPECT_EQ(sink.rejected[0].reason, why) << bytes;
    }
    for (std::size_t length = 0; length < artefact.size(); length += length < 100 ? 1 : 997)
        EXPECT_THROW(make_processor(manifest, std::span(artefact).first(length)), Error) << length;
}

TEST(ProcessorsImage, equal_images_fit_too) {
    const Manifest manifest = image_manifest();
    TestLog log;
    for (std::size_t i = 0; i < 30; i++)
        log.add("s", std::string(130, '\0'), "application/octet-stream");
    log.add("s", test_image(1), "application/octet-stream");
    for (const Point& point : process_all(manifest, fit(manifest, log.records()), log.records()).points)
        for (const float number : point.vector)
            EXPECT_TRUE(std::isfinite(number));
}

void expect_refused(const Manifest& manifest, const std::string& field) {
    try {
        validate(manifest);
        ADD_FAILURE() << field << " passed";
    } catch (const Error& error) {
        EXPECT_STREQ(error.sqlstate(), "22023");
        EXPECT_EQ(error.message().rfind(field + ": ", 0), 0U) << error.message();
    }
}

TEST(ProcessorsRecords, validate_names_the_field_that_cannot_be) {
    Manifest manifest = passthrough_manifest();
    EXPECT_NO_THROW(validate(manifest));
    EXPECT_FALSE(needs_fit(manifest));
    EXPECT_THROW(make_fitter(manifest), Error);
    manifest.output.vector = 0;
    expect_refused(manifest, "/output/vector");
    manifest = passthrough_manifest();
    manifest.input.key_field = "vector";
    expect_refused(manifest, "/output/attributes");

    manifest = place_manifest(PositionKind::latlon, {"lat", "lon"});
    EXPECT_NO_THROW(validate(manifest));
    manifest.output.vector = 3;
    expect_refused(manifest, "/output/vector");
    expect_refused(place_manifest(PositionKind::none, {}), "/output/position");

    const auto change = [](void (*alter)(Manifest&)) {
        Manifest altered = image_manifest();
        alter(altered);
        return altered;
    };
    EXPECT_NO_THROW(validate(image_manifest()));
    EXPECT_TRUE(needs_fit(image_manifest()));
    expect_refused(change([](Manifest& m) { m.parameters.width = 7; }), "/parameters/width");
    expect_refused(change([](Manifest& m) { m.parameters.height = 257; }), "/parameters/height");
    expect_refused(change([](Manifest& m) { m.parameters.features = 31; }), "/parameters/features");
    expect_refused(change([](Manifest& m) { m.parameters.first_windows = 1; }),
                   "/parameters/fit/first_windows");
    expect_refused(change([](Manifest& m) { m.output.vector = 30; }), "/output/vector");
    expect_refused(change([](Manifest& m) { m.output.attributes[0].name = "image"; }), "/output/attributes");
}

TEST(ProcessorsRecords, splitting_anywhere_with_saved_state_changes_no_byte) {
    TestLog vectors, places;
    for (int i = 0; i < 40; i++) {
        const std::string number = std::to_string(i % 7);
        std::string vector = R"({"id":"k)";
        vector.append(number).append(R"(","vector":[1,2,)").append(number).append("]}");
        vectors.add("s", i % 9 == 4 ? "no record" : vector);
        places.add("s", R"({"name":"n)" + number + R"(","lat":)" + std::to_string(i * 3) + R"(,"lon":1})");
    }
    expect_no_split_shows(passthrough_manifest(), {}, vectors.records());
    expect_no_split_shows(place_manifest(PositionKind::latlon, {"lat", "lon"}), {}, places.records());

    const Manifest manifest = image_manifest();
    TestLog images = image_log();
    images.add("s", "no image", "application/octet-stream");
    expect_no_split_shows(manifest, fit(manifest, images.records()), images.records());
}

/// The manifests in the documents are what a user starts from: each parses, passes, and processes a record.
TEST(ProcessorsRecords, documented_manifests_are_accepted) {
    for (const char* name : {"window_convolution", "image_convolution", "passthrough", "position"}) {
        std::ifstream in("docs/manifests/" + std::string(name) + ".json");
        std::ostringstream text;
        text << in.rdbuf();
        const Manifest manifest = manifest::parse_manifest(text.str());
        EXPECT_EQ(manifest.entry, name);
        EXPECT_NO_THROW(validate(manifest));
        if (needs_fit(manifest))
            EXPECT_GT(make_fitter(manifest)->windows_needed(), 0U);
        else
            EXPECT_NE(make_processor(manifest, {}), nullptr);
    }
}

} // namespace
} // namespace soup::processors
