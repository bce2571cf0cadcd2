// A value of a checked JSON document together with its JSON pointer, so that every refusal names the field.
// For the parsers of this folder only: it shows simdjson.
#pragma once

#include "core/error.hpp"

#include <simdjson.h>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace soup::manifest {

/// A text that must be one of a few words; `value` is what it means.
template<class T>
struct Word {
    std::string_view text;
    T value;
};

inline constexpr std::string_view name_rule = "must be a name of 1 to 128 visible characters";
/// Without control, direction or zero-width characters: names of fields, channels, attributes. UTF-8 already
/// checked.
bool is_name(std::string_view text);

class Node {
public:
    Node(simdjson::dom::element value, std::string pointer) : value_(value), pointer_(std::move(pointer)) {}

    const std::string& pointer() const noexcept { return pointer_; }
    simdjson::dom::element element() const noexcept { return value_; }
    bool is_null() const noexcept { return value_.is_null(); }

    /// "/output/vector: must be …", to be thrown.
    Error error(const std::string& rule) const { return bad_input(pointer_ + ": " + rule); }
    Error member_error(std::string_view key, const std::string& rule) const;

    /// This must be an object with no other members than these.
    const Node& object_of(std::initializer_list<std::string_view> keys) const;
    simdjson::dom::object object() const;
    /// The member, if it is there and not null.
    std::optional<Node> find(std::string_view key) const;
    /// The member whether null or not.
    std::optional<Node> find_any(std::string_view key) const;
    Node require(std::string_view key) const;
    Node member(std::string_view key, simdjson::dom::element value) const;
    std::vector<Node> elements(std::size_t count_min, std::size_t count_max) const;

    int integer(int min, int max) const;
    std::string text() const;
    std::string name() const;
    /// An array of different names.
    std::vector<std::string> names(std::size_t count_min, std::size_t count_max) const;

    template<class T>
    T word(std::span<const Word<T>> words) const {
        std::string_view text;
        if (value_.get(text) == simdjson::SUCCESS)
            for (const Word<T>& word : words)
                if (word.text == text) return word.value;
        std::string rule = "must be one of";
        for (const Word<T>& word : words)
            rule += (&word == words.data() ? " \"" : ", \"") + std::string(word.text) + "\"";
        throw error(rule);
    }

private:
    simdjson::dom::element value_;
    std::string pointer_;
};

} // namespace soup::manifest
