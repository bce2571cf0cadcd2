// Checked access to JSON values, with their pointers.
#include "core/manifest/node.hpp"

#include <algorithm>

namespace soup::manifest {
namespace {

constexpr std::size_t name_characters_max = 128;

/// RFC 6901: "~" and "/" inside a key are escaped.
std::string escaped(std::string_view key) {
    std::string text;
    for (const char c : key) {
        if (c == '~')
            text += "~0";
        else if (c == '/')
            text += "~1";
        else
            text += c;
    }
    return text;
}

/// The next character of valid UTF-8.
char32_t take_character(std::string_view& text) {
    const auto lead = static_cast<unsigned char>(text.front());
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    char32_t character = length == 1 ? lead : lead & (0x7fU >> length);
    for (std::size_t i = 1; i < length; ++i)
        character = character << 6 | (static_cast<unsigned char>(text[i]) & 0x3fU);
    text.remove_prefix(length);
    return character;
}

/// Characters that cannot be seen, or that turn the reading direction of what follows.
bool is_invisible(char32_t c) {
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

std::string range(std::size_t min, std::size_t max) {
    return std::to_string(min) + " to " + std::to_string(max);
}

} // namespace

bool is_name(std::string_view text) {
    std::size_t count = 0;
    while (!text.empty()) {
        if (is_invisible(take_character(text)) || ++count > name_characters_max) return false;
    }
    return count > 0;
}

Error Node::member_error(std::string_view key, const std::string& rule) const {
    return bad_input(pointer_ + "/" + escaped(key) + ": " + rule);
}

simdjson::dom::object Node::object() const {
    simdjson::dom::object object;
    if (value_.get(object) != simdjson::SUCCESS)
        throw bad_input((pointer_.empty() ? "/" : pointer_) + ": must be an object");
    return object;
}

const Node& Node::object_of(std::initializer_list<std::string_view> keys) const {
    for (const auto& [key, value] : object())
        if (std::find(keys.begin(), keys.end(), key) == keys.end()) throw member_error(key, "is not known");
    return *this;
}

Node Node::member(std::string_view key, simdjson::dom::element value) const {
    return {value, pointer_ + "/" + escaped(key)};
}

std::optional<Node> Node::find_any(std::string_view key) const {
    simdjson::dom::element value;
    if (object().at_key(key).get(value) != simdjson::SUCCESS) return std::nullopt;
    return member(key, value);
}

std::optional<Node> Node::find(std::string_view key) const {
    auto found = find_any(key);
    if (found && found->is_null()) return std::nullopt;
    return found;
}

Node Node::require(std::string_view key) const {
    const auto found = find_any(key);
    if (!found) throw member_error(key, "is missing");
    return *found;
}

std::vector<Node> Node::elements(std::size_t count_min, std::size_t count_max) const {
    simdjson::dom::array array;
    const std::string rule = "must be an array of " + range(count_min, count_max) + " elements";
    if (value_.get(array) != simdjson::SUCCESS) throw error(rule);
    std::vector<Node> nodes;
    for (const simdjson::dom::element element : array) {
        if (nodes.size() == count_max) throw error(rule);
        nodes.emplace_back(element, pointer_ + "/" + std::to_string(nodes.size()));
    }
    if (nodes.size() < count_min) throw error(rule);
    return nodes;
}

int Node::integer(int min, int max) const {
    std::int64_t value = 0;
    if (value_.get(value) != simdjson::SUCCESS || value < min || value > max)
        throw error("must be an integer from " + std::to_string(min) + " to " + std::to_string(max));
    return static_cast<int>(value);
}

std::string Node::text() const {
    std::string_view text;
    if (value_.get(text) != simdjson::SUCCESS) throw error("must be a string");
    return std::string(text);
}

std::string Node::name() const {
    std::string_view text;
    if (value_.get(text) != simdjson::SUCCESS || !is_name(text)) throw error(std::string(name_rule));
    return std::string(text);
}

std::vector<std::string> Node::names(std::size_t count_min, std::size_t count_max) const {
    std::vector<std::string> names;
    for (const Node& node : elements(count_min, count_max)) {
        std::string name = node.name();
        if (std::find(names.begin(), names.end(), name) != names.end())
            throw node.error("stands there twice");
        names.push_back(std::move(name));
    }
    return names;
}

} // namespace soup::manifest
