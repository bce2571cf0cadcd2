// Parses and checks manifests, object by object, in the order in which a manifest is written.
//
// What only one built-in processor can know (that the fit windows suffice for the dimensions, which
// attributes it gives) is checked by that processor's own validate; here is what holds for all.
#include "core/manifest/manifest.hpp"

#include "core/json/door.hpp"
#include "core/manifest/node.hpp"

#include <algorithm>
#include <array>

namespace soup::manifest {
namespace {

enum class Entry : std::uint8_t { window_convolution, image_convolution, passthrough, position };

constexpr std::array<Word<Runtime>, 3> runtimes = {
    {{"builtin", Runtime::builtin}, {"python", Runtime::python}, {"native", Runtime::native}}};
constexpr std::array<Word<Entry>, 4> entries = {{{"window_convolution", Entry::window_convolution},
                                                 {"image_convolution", Entry::image_convolution},
                                                 {"passthrough", Entry::passthrough},
                                                 {"position", Entry::position}}};
constexpr std::array<Word<Metric>, 4> metrics = {
    {{"l2", Metric::l2}, {"ip", Metric::ip}, {"cosine", Metric::cosine}, {"l1", Metric::l1}}};
constexpr std::array<Word<AttributeType>, 7> attribute_types = {
    {{"real", AttributeType::real},
     {"double", AttributeType::double_precision},
     {"integer", AttributeType::integer},
     {"bigint", AttributeType::bigint},
     {"boolean", AttributeType::boolean},
     {"text", AttributeType::text},
     {"timestamptz", AttributeType::timestamptz}}};
constexpr std::array<Word<PositionKind>, 2> position_kinds = {
    {{"xyz", PositionKind::xyz}, {"latlon", PositionKind::latlon}}};
constexpr std::array<Word<bool>, 1> vector_indexes = {{{"vann", true}}};
constexpr std::array<Word<bool>, 1> position_indexes = {{{"vtree", true}}};

constexpr std::size_t entry_bytes_max = 200;
constexpr std::size_t content_type_bytes_max = 100;
constexpr std::size_t environment_bytes_max = 200;

bool is_one_of(char c, std::string_view others) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           others.find(c) != std::string_view::npos;
}

bool all_one_of(std::string_view text, std::string_view others) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [&](char c) { return is_one_of(c, others); });
}

/// "type/subtype" without parameters, in lower case.
std::string media_type(const Node& node) {
    std::string text = node.text();
    const std::size_t slash = text.find('/');
    const auto is_part = [](std::string_view part) {
        return all_one_of(part, "!#$&^_.+-") &&
               std::none_of(part.begin(), part.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
    };
    if (slash == std::string::npos || text.size() > content_type_bytes_max ||
        !is_part(std::string_view(text).substr(0, slash)) ||
        !is_part(std::string_view(text).substr(slash + 1)))
        throw node.error("must be a media type such as \"application/json\"");
    return text;
}

/// Built-in entries are words; that of uploaded code is a path inside the bundle, with a function behind a
/// colon.
std::string parse_entry(const Node& node, Runtime runtime) {
    if (runtime == Runtime::builtin) {
        (void)node.word<Entry>(entries);
        return node.text();
    }
    std::string text = node.text();
    if (!all_one_of(text, "_./:-") || text.size() > entry_bytes_max || text.front() == '/' ||
        text.find("..") != std::string::npos)
        throw node.error("must be a relative path inside the bundle, such as \"main.py:process\"");
    return text;
}

std::string parse_environment(const Node& node) {
    std::string text = node.text();
    const std::size_t colon = text.find(':');
    if (colon == std::string::npos || text.size() > environment_bytes_max ||
        !all_one_of(std::string_view(text).substr(0, colon), "_.-") ||
        !all_one_of(std::string_view(text).substr(colon + 1), "_.-"))
        throw node.error("must be name:tag");
    return text;
}

Input parse_input(const Node& node) {
    node.object_of({"content_type", "channels", "time_field", "key_field"});
    Input input;
    if (const auto field = node.find("content_type")) input.content_type = media_type(*field);
    if (const auto field = node.find("channels")) input.channels = field->names(1, channels_max);
    if (const auto field = node.find("time_field")) {
        input.time_field = field->name();
        if (std::find(input.channels.begin(), input.channels.end(), input.time_field) != input.channels.end())
            throw field->error("must not be a channel as well");
    }
    if (const auto field = node.find("key_field")) input.key_field = field->name();
    return input;
}

Parameters parse_builtin_parameters(const Node& node, Entry entry) {
    Parameters parameters;
    const auto take = [&](std::string_view key, int& value, int min, int max) {
        if (const auto field = node.find_any(key)) value = field->integer(min, max);
    };
    const auto take_fit = [&] {
        if (const auto fit = node.find_any("fit")) {
            fit->object_of({"first_windows"});
            if (const auto field = fit->find_any("first_windows"))
                parameters.first_windows = field->integer(2, 10'000);
        }
    };
    switch (entry) {
    case Entry::window_convolution:
        node.object_of({"window", "stride", "features", "fit"});
        take("window", parameters.window, 9, 4096); // a kernel has nine cells
        take("stride", parameters.stride, 1, 4096);
        if (parameters.stride > parameters.window)
            throw node.member_error("stride", "must not exceed the window");
        take("features", parameters.features, 84, 1000); // as many as there are kernels
        take_fit();
        break;
    case Entry::image_convolution:
        node.object_of({"width", "height", "features", "fit"});
        parameters.width = node.require("width").integer(8, 256);
        parameters.height = node.require("height").integer(8, 256);
        take("features", parameters.features, 32, 1000); // those of a filter
        take_fit();
        break;
    case Entry::passthrough:
    case Entry::position:
        node.object_of({});
    }
    return parameters;
}

Position parse_position(const Node& node) {
    node.object_of({"type", "fields"});
    Position position;
    position.kind = node.require("type").word<PositionKind>(position_kinds);
    const bool is_latlon = position.kind == PositionKind::latlon;
    position.fields = node.require("fields").names(2, is_latlon ? 2 : 16);
    return position;
}

std::vector<Attribute> parse_attributes(const Node& node) {
    std::vector<Attribute> attributes;
    for (const auto& [key, value] : node.object()) {
        const Node field = node.member(key, value);
        if (attributes.size() == attributes_max)
            throw node.error("must not have more than " + std::to_string(attributes_max) + " attributes");
        if (!is_name(key)) throw field.error(std::string(name_rule));
        attributes.push_back({std::string(key), field.word<AttributeType>(attribute_types)});
    }
    return attributes;
}

Output parse_output(const Node& node) {
    node.object_of({"vector", "metric", "position", "attributes"});
    Output output;
    if (const auto field = node.find("vector")) output.vector = field->integer(1, vector_dimensions_max);
    if (const auto field = node.find("metric")) output.metric = field->word<Metric>(metrics);
    if (const auto field = node.find("position")) output.position = parse_position(*field);
    if (const auto field = node.find("attributes")) output.attributes = parse_attributes(*field);
    return output;
}

/// A wish for an index over something that is not there is no error: manifests are copied from one another.
Index parse_index(const std::optional<Node>& node, const Output& output) {
    Index index{output.vector > 0, output.position.kind != PositionKind::none};
    if (!node) return index;
    node->object_of({"vector", "position"});
    if (const auto field = node->find_any("vector"))
        index.vann = !field->is_null() && field->word<bool>(vector_indexes) && index.vann;
    if (const auto field = node->find_any("position"))
        index.vtree = !field->is_null() && field->word<bool>(position_indexes) && index.vtree;
    return index;
}

/// Fields of the input that a built-in processor would ignore are refused.
void check_input(const Node& input, Entry entry) {
    const bool takes_windows = entry == Entry::window_convolution;
    if (!takes_windows && input.find("channels"))
        throw input.member_error("channels", "is for window_convolution only");
    if (takes_windows && !input.find("channels")) throw input.member_error("channels", "is missing");
    if (takes_windows && input.find("key_field"))
        throw input.member_error("key_field",
                                 "is not for window_convolution, whose keys are its windows' addresses");
}

Manifest parse_checked(const Node& root) {
    root.object_of({"runtime", "entry", "input", "parameters", "output", "index", "environment"});
    Manifest manifest;
    manifest.runtime = root.require("runtime").word<Runtime>(runtimes);
    manifest.entry = parse_entry(root.require("entry"), manifest.runtime);
    const Node input = root.require("input");
    manifest.input = parse_input(input);
    const auto parameters = root.find("parameters");
    if (parameters) manifest.parameters_json = simdjson::minify(parameters->object());
    if (manifest.runtime == Runtime::builtin) {
        const Entry entry = root.require("entry").word<Entry>(entries);
        check_input(input, entry);
        if (parameters)
            manifest.parameters = parse_builtin_parameters(*parameters, entry);
        else if (entry == Entry::image_convolution)
            throw root.member_error("parameters", "is missing: image_convolution needs width and height");
    }
    const Node output = root.require("output");
    manifest.output = parse_output(output);
    if (manifest.output.vector == 0 && manifest.output.position.kind == PositionKind::none)
        throw output.error("must have a vector or a position");
    manifest.index = parse_index(root.find("index"), manifest.output);
    if (const auto field = root.find("environment")) manifest.environment = parse_environment(*field);
    return manifest;
}

template<class T, std::size_t N>
std::string_view word_of(const std::array<Word<T>, N>& words, T value) noexcept {
    for (const Word<T>& word : words)
        if (word.value == value) return word.text;
    return {};
}

} // namespace

std::string_view metric_name(Metric metric) noexcept {
    return word_of(metrics, metric);
}
std::string_view type_name(AttributeType type) noexcept {
    return word_of(attribute_types, type);
}
std::string_view sql_type(AttributeType type) noexcept {
    return type == AttributeType::double_precision ? "double precision" : type_name(type);
}

Manifest parse_manifest(std::string_view json) {
    if (json.size() > manifest_bytes_max)
        throw too_big("manifest of " + std::to_string(json.size()) + " bytes exceeds the limit of " +
                      std::to_string(manifest_bytes_max));
    // The door refuses what a DOM would take: duplicate keys, depth, NUL.
    const std::string text = json::compact(json);
    simdjson::dom::parser parser;
    simdjson::dom::element root;
    if (parser.parse(text).get(root) != simdjson::SUCCESS) throw bad_input("manifest is not valid JSON");
    return parse_checked({root, ""});
}

} // namespace soup::manifest
