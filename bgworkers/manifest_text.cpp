// Field by field, in the order of the examples in docs/manifests.
#include "bgworkers/manifest_text.hpp"

#include "core/json/writer.hpp"

namespace soup::workers {

namespace {

using manifest::Manifest;
using manifest::PositionKind;

void write_text_or_nothing(json::Writer& writer, std::string_view key, const std::string& text) {
    if (text.empty()) return;
    writer.key(key);
    writer.string(text);
}

void write_input(json::Writer& writer, const manifest::Input& input) {
    writer.key("input");
    writer.begin_object();
    write_text_or_nothing(writer, "content_type", input.content_type);
    if (!input.channels.empty()) {
        writer.key("channels");
        writer.begin_array();
        for (const std::string& channel : input.channels)
            writer.string(channel);
        writer.end_array();
    }
    write_text_or_nothing(writer, "time_field", input.time_field);
    write_text_or_nothing(writer, "key_field", input.key_field);
    writer.end_object();
}

void write_number(json::Writer& writer, std::string_view key, int value) {
    writer.key(key);
    writer.number(value);
}

/// Uploaded code reads its own parameters; those of the built-in processors have defaults.
void write_parameters(json::Writer& writer, const Manifest& manifest) {
    const manifest::Parameters& parameters = manifest.parameters;
    const bool is_builtin = manifest.runtime == manifest::Runtime::builtin;
    const bool takes_windows = is_builtin && manifest.entry == "window_convolution";
    const bool takes_images = is_builtin && manifest.entry == "image_convolution";
    writer.key("parameters");
    if (!takes_windows && !takes_images) {
        writer.raw(manifest.parameters_json);
        return;
    }
    writer.begin_object();
    if (takes_windows) {
        write_number(writer, "window", parameters.window);
        write_number(writer, "stride", parameters.stride);
    } else {
        write_number(writer, "width", parameters.width);
        write_number(writer, "height", parameters.height);
    }
    write_number(writer, "features", parameters.features);
    writer.key("fit");
    writer.begin_object();
    write_number(writer, "first_windows", parameters.first_windows);
    writer.end_object();
    writer.end_object();
}

void write_position(json::Writer& writer, const manifest::Position& position) {
    writer.key("position");
    if (position.kind == PositionKind::none) {
        writer.null();
        return;
    }
    writer.begin_object();
    writer.key("type");
    writer.string(position.kind == PositionKind::xyz ? "xyz" : "latlon");
    writer.key("fields");
    writer.begin_array();
    for (const std::string& field : position.fields)
        writer.string(field);
    writer.end_array();
    writer.end_object();
}

void write_output(json::Writer& writer, const manifest::Output& output) {
    writer.key("output");
    writer.begin_object();
    if (output.vector > 0) write_number(writer, "vector", output.vector);
    writer.key("metric");
    writer.string(manifest::metric_name(output.metric));
    write_position(writer, output.position);
    writer.key("attributes");
    writer.begin_object();
    for (const manifest::Attribute& attribute : output.attributes) {
        writer.key(attribute.name);
        writer.string(manifest::type_name(attribute.type));
    }
    writer.end_object();
    writer.end_object();
}

void write_index(json::Writer& writer, const manifest::Index& index) {
    writer.key("index");
    writer.begin_object();
    writer.key("vector");
    index.vann ? writer.string("vann") : writer.null();
    writer.key("position");
    index.vtree ? writer.string("vtree") : writer.null();
    writer.end_object();
}

std::string_view runtime_name(manifest::Runtime runtime) noexcept {
    switch (runtime) {
    case manifest::Runtime::builtin:
        return "builtin";
    case manifest::Runtime::python:
        return "python";
    case manifest::Runtime::native:
        return "native";
    }
    return "";
}

} // namespace

std::string write_manifest(const Manifest& manifest) {
    std::string text;
    json::Writer writer(text);
    writer.begin_object();
    writer.key("runtime");
    writer.string(runtime_name(manifest.runtime));
    writer.key("entry");
    writer.string(manifest.entry);
    write_input(writer, manifest.input);
    write_parameters(writer, manifest);
    write_output(writer, manifest.output);
    write_index(writer, manifest.index);
    write_text_or_nothing(writer, "environment", manifest.environment);
    writer.end_object();
    return text;
}

} // namespace soup::workers
