// Manifests: the documented ones parse, every wrong field is named by its pointer, and manifest.schema.json
// says the same as the parser and the built-in processors.
#include "core/error.hpp"
#include "core/manifest/manifest.hpp"
#include "core/processors/processor.hpp"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <fstream>
#include <sstream>

namespace soup::manifest {
namespace {

std::string read_file(const std::string& path) {
    std::ifstream file(path);
    EXPECT_TRUE(file) << path << ": run from the repository's root";
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

std::string manifest_refusal(std::string_view json) {
    try {
        (void)parse_manifest(json);
        return "";
    } catch (const Error& error) {
        EXPECT_STREQ(error.sqlstate(), error.reason() == std::string("TOO_BIG") ? "54000" : "22023");
        return error.message();
    }
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

// The example of the contract, in short.
const std::string window = R"({"runtime":"builtin","entry":"window_convolution",
"input":{"content_type":"application/json","channels":["value"],"time_field":"timestamp"},
"parameters":{"window":96,"stride":16,"features":840,"fit":{"first_windows":500}},
"output":{"vector":32,"metric":"l2","position":null,"attributes":{"score":"real"}},
"index":{"vector":"vann","position":"vtree"},"environment":"python-numpy:1"})";
const std::string image = R"({"runtime":"builtin","entry":"image_convolution","input":{},
"parameters":{"width":28,"height":28},"output":{"vector":64}})";
const std::string place = R"({"runtime":"builtin","entry":"position","input":{"key_field":"id"},
"output":{"position":{"type":"xyz","fields":["x","y","z"]}}})";
const std::string python = R"({"runtime":"python","entry":"main.py:process","input":{"channels":["a"]},
"parameters":{"anything":[1,{"goes":null}]},"output":{"vector":3}})";

TEST(Manifest, TheContractsExample) {
    const Manifest manifest = parse_manifest(read_file("docs/manifests/window_convolution.json"));
    EXPECT_EQ(manifest.runtime, Runtime::builtin);
    EXPECT_EQ(manifest.entry, "window_convolution");
    EXPECT_EQ(manifest.input.content_type, "application/json");
    EXPECT_EQ(manifest.input.channels, std::vector<std::string>{"value"});
    EXPECT_EQ(manifest.input.time_field, "timestamp");
    EXPECT_EQ(manifest.input.key_field, "");
    EXPECT_EQ(manifest.parameters.window, 96);
    EXPECT_EQ(manifest.parameters.stride, 16);
    EXPECT_EQ(manifest.parameters.features, 840);
    EXPECT_EQ(manifest.parameters.first_windows, 500);
    EXPECT_EQ(manifest.output.vector, 32);
    EXPECT_EQ(manifest.output.metric, Metric::l2);
    EXPECT_EQ(manifest.output.position.kind, PositionKind::none);
    ASSERT_EQ(manifest.output.attributes.size(), 1U);
    EXPECT_EQ(manifest.output.attributes[0].name, "score");
    EXPECT_EQ(manifest.output.attributes[0].type, AttributeType::real);
    EXPECT_TRUE(manifest.index.vann);
    EXPECT_FALSE(manifest.index.vtree) << "there is no position to index";
    EXPECT_EQ(manifest.environment, "python-numpy:1");
}

TEST(Manifest, TheOtherDocumentedOnes) {
    const Manifest pictures = parse_manifest(read_file("docs/manifests/image_convolution.json"));
    EXPECT_EQ(pictures.parameters.width, 28);
    EXPECT_EQ(pictures.parameters.first_windows, 1000);
    EXPECT_EQ(pictures.input.content_type, "application/octet-stream");
    const Manifest vectors = parse_manifest(read_file("docs/manifests/passthrough.json"));
    EXPECT_EQ(vectors.output.metric, Metric::cosine);
    EXPECT_EQ(vectors.input.key_field, "id");
    ASSERT_EQ(vectors.output.attributes.size(), 3U);
    EXPECT_EQ(vectors.output.attributes[2].name, "is_running");
    EXPECT_EQ(vectors.output.attributes[2].type, AttributeType::boolean);
    const Manifest places = parse_manifest(read_file("docs/manifests/position.json"));
    EXPECT_EQ(places.output.position.kind, PositionKind::latlon);
    EXPECT_EQ(places.output.position.fields, (std::vector<std::string>{"lat", "lon"}));
    EXPECT_EQ(places.output.vector, 0);
    EXPECT_TRUE(places.index.vtree);
}

TEST(Manifest, DefaultsAndUploadedCode) {
    const Manifest manifest = parse_manifest(
        R"({"runtime":"builtin","entry":"window_convolution","input":{"channels":["v"]},"output":{"vector":8}})");
    EXPECT_EQ(manifest.input.content_type, "application/json");
    EXPECT_EQ(manifest.parameters.window, 96);
    EXPECT_EQ(manifest.parameters.first_windows, 500);
    EXPECT_TRUE(manifest.index.vann);
    EXPECT_EQ(manifest.parameters_json, "{}");
    const Manifest uploaded = parse_manifest(python);
    EXPECT_EQ(uploaded.runtime, Runtime::python);
    EXPECT_EQ(uploaded.parameters_json, R"({"anything":[1,{"goes":null}]})");
    EXPECT_FALSE(parse_manifest(replaced(window, "\"vann\"", "null")).index.vann);
    EXPECT_EQ(sql_type(AttributeType::double_precision), "double precision");
    EXPECT_EQ(type_name(AttributeType::double_precision), "double");
    EXPECT_EQ(metric_name(Metric::ip), "ip");
}

TEST(Manifest, EveryWrongFieldIsNamed) {
    struct Case {
        std::string json;
        const char* message;
    };
    const Case cases[] = {
        {"", "JSON text: nothing there"},
        {"[]", "/: must be an object"},
        {"{}", "/runtime: is missing"},
        {replaced(window, "{\"runtime\"", "{\"runtimes\""), "/runtimes: is not known"},
        {replaced(window, "{\"runtime\"", "{\"a/b~c\":1,\"runtime\""), "/a~1b~0c: is not known"},
        {replaced(window, "{\"runtime\"", "{\"entry\":1,\"runtime\""), "JSON text: duplicate key"},
        {replaced(window, "\"builtin\"", "\"java\""),
         R"(/runtime: must be one of "builtin", "python", "native")"},
        {replaced(window, "\"builtin\"", "7"), R"(/runtime: must be one of "builtin", "python", "native")"},
        {replaced(window, "window_convolution", "window"),
         R"(/entry: must be one of "window_convolution", "image_convolution", "passthrough", "position")"},
        {replaced(window, "\"input\"", "\"inputs\""), "/inputs: is not known"},
        {replaced(window, "application/json", "json"),
         "/input/content_type: must be a media type such as \"application/json\""},
        {replaced(window, "application/json", "a/b;c=d"),
         "/input/content_type: must be a media type such as \"application/json\""},
        {replaced(window, "application/json", "a/B"),
         "/input/content_type: must be a media type such as \"application/json\""},
        {replaced(window, "[\"value\"]", "[]"), "/input/channels: must be an array of 1 to 1024 elements"},
        {replaced(window, "[\"value\"]", "\"value\""),
         "/input/channels: must be an array of 1 to 1024 elements"},
        {replaced(window, "[\"value\"]", "[\"v\",7]"),
         "/input/channels/1: must be a name of 1 to 128 visible characters"},
        {replaced(window, "[\"value\"]", "[\"\"]"),
         "/input/channels/0: must be a name of 1 to 128 visible characters"},
        {replaced(window, "[\"value\"]", "[\"a\\u202eb\"]"),
         "/input/channels/0: must be a name of 1 to 128 visible characters"},
        {replaced(window, "[\"value\"]", "[\"a\\nb\"]"),
         "/input/channels/0: must be a name of 1 to 128 visible characters"},
        {replaced(window, "[\"value\"]", "[\"v\",\"v\"]"), "/input/channels/1: stands there twice"},
        {replaced(window, "[\"value\"]", "null"), "/input/channels: is missing"},
        {replaced(window, "\"timestamp\"", "\"value\""), "/input/time_field: must not be a channel as well"},
        {replaced(window, "\"time_field\":\"timestamp\"", "\"key_field\":\"k\""),
         "/input/key_field: is not for window_convolution, whose keys are its windows' addresses"},
        {replaced(window, "\"time_field\"", "\"timefield\""), "/input/timefield: is not known"},
        {replaced(window, "\"window\":96", "\"window\":8"),
         "/parameters/window: must be an integer from 9 to 4096"},
        {replaced(window, "\"window\":96", "\"window\":96.0"),
         "/parameters/window: must be an integer from 9 to 4096"},
        {replaced(window, "\"window\":96", "\"window\":\"96\""),
         "/parameters/window: must be an integer from 9 to 4096"},
        {replaced(window, "\"window\":96", "\"window\":9223372036854775807"),
         "/parameters/window: must be an integer from 9 to 4096"},
        {replaced(window, "\"window\":96", "\"window\":18446744073709551615"),
         "/parameters/window: must be an integer from 9 to 4096"},
        {replaced(window, "\"window\":96", "\"windows\":96"), "/parameters/windows: is not known"},
        {replaced(window, "\"stride\":16", "\"stride\":97"),
         "/parameters/stride: must not exceed the window"},
        {replaced(window, "\"stride\":16", "\"stride\":null"),
         "/parameters/stride: must be an integer from 1 to 4096"},
        {replaced(window, "\"features\":840", "\"features\":1001"),
         "/parameters/features: must be an integer from 84 to 1000"},
        {replaced(window, "\"features\":840", "\"width\":8"), "/parameters/width: is not known"},
        {replaced(window, "{\"first_windows\":500}", "500"), "/parameters/fit: must be an object"},
        {replaced(window, "\"first_windows\"", "\"windows\""), "/parameters/fit/windows: is not known"},
        {replaced(window, "500", "1"), "/parameters/fit/first_windows: must be an integer from 2 to 10000"},
        {replaced(window, "\"vector\":32", "\"vector\":0"),
         "/output/vector: must be an integer from 1 to 16000"},
        {replaced(window, "\"vector\":32", "\"vector\":16001"),
         "/output/vector: must be an integer from 1 to 16000"},
        {replaced(window, "\"vector\":32", "\"vector\":-1"),
         "/output/vector: must be an integer from 1 to 16000"},
        {replaced(window, "\"vector\":32", "\"vector\":null"), "/output: must have a vector or a position"},
        {replaced(window, "\"l2\"", "\"L2\""),
         R"(/output/metric: must be one of "l2", "ip", "cosine", "l1")"},
        {replaced(window, "\"real\"", "\"float\""),
         R"(/output/attributes/score: must be one of "real", "double", "integer", "bigint", "boolean", "text", "timestamptz")"},
        {replaced(window, "{\"score\"", "{\"\""),
         "/output/attributes/: must be a name of 1 to 128 visible characters"},
        {replaced(window, "{\"score\":\"real\"}", "[]"), "/output/attributes: must be an object"},
        {replaced(window, "\"vann\"", "\"hnsw\""), R"(/index/vector: must be one of "vann")"},
        {replaced(window, "\"vtree\"", "\"rtree\""), R"(/index/position: must be one of "vtree")"},
        {replaced(window, "\"index\":{", "\"index\":{\"x\":1,"), "/index/x: is not known"},
        {replaced(window, "python-numpy:1", "python"), "/environment: must be name:tag"},
        {replaced(window, "python-numpy:1", "a:b:c"), "/environment: must be name:tag"},
        {replaced(image, "\"width\":28,", ""), "/parameters/width: is missing"},
        {replaced(image, "\"parameters\":{\"width\":28,\"height\":28},", ""),
         "/parameters: is missing: image_convolution needs width and height"},
        {replaced(image, "\"height\":28", "\"height\":257"),
         "/parameters/height: must be an integer from 8 to 256"},
        {replaced(image, "\"input\":{}", "\"input\":{\"channels\":[\"a\"]}"),
         "/input/channels: is for window_convolution only"},
        {replaced(place, "\"xyz\"", "\"polar\""), R"(/output/position/type: must be one of "xyz", "latlon")"},
        {replaced(place, "\"xyz\"", "\"latlon\""),
         "/output/position/fields: must be an array of 2 to 2 elements"},
        {replaced(place, "[\"x\",\"y\",\"z\"]", "[\"x\"]"),
         "/output/position/fields: must be an array of 2 to 16 elements"},
        {replaced(place, "[\"x\",\"y\",\"z\"]", "[\"x\",\"x\"]"),
         "/output/position/fields/1: stands there twice"},
        {replaced(place, "\"type\":\"xyz\",", ""), "/output/position/type: is missing"},
        {replaced(place, "\"output\"", "\"parameters\":{\"window\":9},\"output\""),
         "/parameters/window: is not known"},
        {replaced(python, "main.py", "../main.py"),
         "/entry: must be a relative path inside the bundle, such as \"main.py:process\""},
        {replaced(python, "main.py", "/main.py"),
         "/entry: must be a relative path inside the bundle, such as \"main.py:process\""},
        {replaced(python, "main.py", "a b"),
         "/entry: must be a relative path inside the bundle, such as \"main.py:process\""},
        {replaced(python, "{\"anything\":[1,{\"goes\":null}]}", "[]"), "/parameters: must be an object"},
    };
    for (const Case& c : cases)
        EXPECT_EQ(manifest_refusal(c.json), c.message) << c.json;
    for (const std::string& good : {window, image, place, python})
        EXPECT_EQ(manifest_refusal(good), "") << good;
}

TEST(Manifest, CountsAndSizesAreLimited) {
    std::string attributes;
    for (std::size_t i = 0; i < attributes_max; ++i)
        attributes += (i == 0 ? "\"a" : ",\"a") + std::to_string(i) + "\":\"real\"";
    EXPECT_EQ(manifest_refusal(replaced(window, "\"score\":\"real\"", attributes)), "");
    EXPECT_EQ(manifest_refusal(replaced(window, "\"score\":\"real\"", attributes + ",\"more\":\"real\"")),
              "/output/attributes: must not have more than 100 attributes");
    const std::string long_name(128, 'n');
    EXPECT_EQ(manifest_refusal(replaced(window, "\"value\"", "\"" + long_name + "\"")), "");
    EXPECT_NE(manifest_refusal(replaced(window, "\"value\"", "\"" + long_name + "n\"")), "");
    std::string umlauts;
    for (int i = 0; i < 128; ++i)
        umlauts += "ü";
    EXPECT_EQ(manifest_refusal(replaced(window, "\"value\"", "\"" + umlauts + "\"")), "")
        << "characters are counted, not bytes";
    EXPECT_EQ(manifest_refusal(std::string(manifest_bytes_max + 1, ' ')).substr(0, 8), "manifest");
}

// --- the schema
// -------------------------------------------------------------------------------------------------

/// Walks manifest.schema.json and tries what it says on the parser and on the processors' own check: integer
/// bounds, words, unknown members.
class Mirror {
public:
    explicit Mirror(std::string base) : base_(std::move(base)) {}

    void walk(simdjson::dom::element schema, const std::string& pointer) {
        simdjson::dom::object properties;
        bool is_open = true;
        if (schema["additionalProperties"].get(is_open) == simdjson::SUCCESS && !is_open)
            expect(pointer + "/surprise", "1", "is not known");
        std::int64_t minimum = 0, maximum = 0;
        if (schema["minimum"].get(minimum) == simdjson::SUCCESS &&
            schema["maximum"].get(maximum) == simdjson::SUCCESS) {
            expect(pointer, std::to_string(minimum - 1), "must be an integer");
            expect(pointer, std::to_string(maximum + 1), "must be an integer");
            expect_no_complaint(pointer, std::to_string(minimum));
            expect_no_complaint(pointer, std::to_string(maximum));
        }
        simdjson::dom::array words;
        if (schema["enum"].get(words) == simdjson::SUCCESS) {
            expect(pointer, "\"surprise\"", "must be one of");
            for (const auto word : words)
                expect_no_complaint(pointer, simdjson::minify(word));
        }
        if (schema["properties"].get(properties) == simdjson::SUCCESS)
            for (const auto& [key, member] : properties)
                walk(member, pointer + "/" + std::string(key));
    }
    int tried() const { return tried_; }

private:
    /// The base manifest with the value put at the pointer.
    std::string with(const std::string& pointer, const std::string& value) const {
        simdjson::dom::parser parser;
        return put(parser.parse(simdjson::padded_string(base_)).value(), pointer.substr(1), value);
    }
    static std::string put(simdjson::dom::element element, const std::string& path,
                           const std::string& value) {
        const std::size_t slash = path.find('/');
        const std::string head = path.substr(0, slash),
                          rest = slash == std::string::npos ? "" : path.substr(slash + 1);
        std::string out = "{";
        bool is_found = false;
        simdjson::dom::object object;
        if (element.get(object) == simdjson::SUCCESS)
            for (const auto& [key, member] : object) {
                is_found |= key == head;
                out += (out.size() > 1 ? ",\"" : "\"") + std::string(key) + "\":" +
                       (key != head    ? simdjson::minify(member)
                        : rest.empty() ? value
                                       : put(member, rest, value));
            }
        if (!is_found)
            out += (out.size() > 1 ? ",\"" : "\"") + head +
                   "\":" + (rest.empty() ? value : "{\"" + rest + "\":" + value + "}");
        return out + "}";
    }
    void expect(const std::string& pointer, const std::string& value, const char* rule) {
        const std::string message = manifest_refusal(with(pointer, value));
        EXPECT_TRUE(message.starts_with(pointer + ": " + rule))
            << pointer << " = " << value << " gave: " << message;
        ++tried_;
    }
    /// What the built-in processor that the manifest names has against it.
    static std::string processor_refusal(const std::string& json) {
        try {
            processors::validate(parse_manifest(json));
            return "";
        } catch (const Error& error) {
            return error.message();
        }
    }
    /// The field itself is in order; another rule may still refuse the whole (a stride above the window).
    void expect_no_complaint(const std::string& pointer, const std::string& value) {
        const std::string message = manifest_refusal(with(pointer, value));
        EXPECT_FALSE(message.starts_with(pointer + ": must be an integer") ||
                     message.starts_with(pointer + ": must be one of"))
            << value << " gave: " << message;
        if (message.empty()) {
            const std::string refusal = processor_refusal(with(pointer, value));
            EXPECT_FALSE(refusal.starts_with(pointer + ": must be from") ||
                         refusal.starts_with(pointer + ": must be at least"))
                << value << " gave: " << refusal;
        }
        ++tried_;
    }
    std::string base_;
    int tried_ = 0;
};

TEST(ManifestSchema, SaysWhatTheParserDoes) {
    simdjson::dom::parser parser;
    const simdjson::padded_string text(read_file("extension/core/manifest/manifest.schema.json"));
    const simdjson::dom::element schema = parser.parse(text).value();
    Mirror general(window);
    general.walk(schema, "");
    EXPECT_GT(general.tried(), 20);
    const simdjson::dom::array rules = schema["allOf"].get_array().value();
    Mirror windows(window), images(image);
    windows.walk(rules.at(1)["then"]["properties"]["parameters"].value(), "/parameters");
    images.walk(rules.at(2)["then"]["properties"]["parameters"].value(), "/parameters");
    EXPECT_GT(windows.tried(), 12);
    EXPECT_GT(images.tried(), 12);
    Mirror fit(window);
    fit.walk(schema["$defs"]["fit"].value(), "/parameters/fit");
    EXPECT_EQ(fit.tried(), 5);
    Mirror position(place);
    position.walk(schema["properties"]["output"]["properties"]["position"]["oneOf"].at(1).value(),
                  "/output/position");
    EXPECT_EQ(position.tried(), 4);
}

TEST(ManifestSchema, ListsTheTypesAndCountsOfTheParser) {
    simdjson::dom::parser parser;
    const simdjson::padded_string text(read_file("extension/core/manifest/manifest.schema.json"));
    const simdjson::dom::element schema = parser.parse(text).value();
    const auto attributes = schema["properties"]["output"]["properties"]["attributes"];
    EXPECT_EQ(std::size_t{attributes["maxProperties"].get_uint64().value()}, attributes_max);
    const simdjson::dom::array types = attributes["additionalProperties"]["enum"].get_array().value();
    for (const auto type : types)
        EXPECT_EQ(manifest_refusal(replaced(window, "\"real\"", simdjson::minify(type))), "");
    EXPECT_EQ(
        std::size_t{schema["properties"]["input"]["properties"]["channels"]["maxItems"].get_uint64().value()},
        channels_max);
}

} // namespace
} // namespace soup::manifest
