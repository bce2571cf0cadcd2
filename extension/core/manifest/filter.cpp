// Parses filters into typed terms.
#include "core/manifest/filter.hpp"

#include "core/json/door.hpp"
#include "core/json/time.hpp"
#include "core/manifest/node.hpp"

#include <array>
#include <cmath>
#include <limits>

namespace soup::manifest {
namespace {

constexpr std::array<Word<FilterOp>, 6> operators = {{{"ne", FilterOp::ne},
                                                      {"lt", FilterOp::lt},
                                                      {"lte", FilterOp::lte},
                                                      {"gt", FilterOp::gt},
                                                      {"gte", FilterOp::gte},
                                                      {"in", FilterOp::in}}};
constexpr std::size_t text_bytes_max = 8192;

std::size_t find_attribute(const Node& node, std::string_view name, std::span<const Attribute> attributes) {
    for (std::size_t i = 0; i < attributes.size(); ++i)
        if (attributes[i].name == name) return i;
    throw node.error("is not an attribute of this version");
}

/// Integers must be written as such: 5, not 5.0 or 5e0.
FilterValue parse_integer(const Node& node, std::int64_t min, std::int64_t max) {
    std::int64_t value = 0;
    if (node.element().get(value) != simdjson::SUCCESS || value < min || value > max)
        throw node.error("must be an integer from " + std::to_string(min) + " to " + std::to_string(max));
    return value;
}

FilterValue parse_real(const Node& node) {
    double value = 0;
    if (!node.element().is_number() || node.element().get(value) != simdjson::SUCCESS ||
        !(std::abs(value) <= std::numeric_limits<float>::max()))
        throw node.error("must be a number in the range of real");
    return static_cast<double>(static_cast<float>(value));
}

FilterValue parse_double(const Node& node) {
    double value = 0;
    if (!node.element().is_number() || node.element().get(value) != simdjson::SUCCESS)
        throw node.error("must be a number");
    return value;
}

FilterValue parse_timestamp(const Node& node) {
    std::string_view text;
    if (node.element().get(text) == simdjson::SUCCESS)
        if (const auto time = json::parse_time(text)) return *time;
    throw node.error("must be an RFC 3339 time");
}

FilterValue parse_value(const Node& node, AttributeType type) {
    switch (type) {
    case AttributeType::real:
        return parse_real(node);
    case AttributeType::double_precision:
        return parse_double(node);
    case AttributeType::integer:
        return parse_integer(node, std::numeric_limits<std::int32_t>::min(),
                             std::numeric_limits<std::int32_t>::max());
    case AttributeType::bigint:
        return parse_integer(node, std::numeric_limits<std::int64_t>::min(),
                             std::numeric_limits<std::int64_t>::max());
    case AttributeType::boolean: {
        bool value = false;
        if (node.element().get(value) != simdjson::SUCCESS) throw node.error("must be true or false");
        return value;
    }
    case AttributeType::timestamptz:
        return parse_timestamp(node);
    case AttributeType::text:
        break;
    }
    std::string text = node.text();
    if (text.size() > text_bytes_max)
        throw node.error("must not be longer than " + std::to_string(text_bytes_max) + " bytes");
    return text;
}

FilterOp parse_op(const Node& attribute, std::string_view key, AttributeType type) {
    for (const Word<FilterOp>& word : operators) {
        if (word.text != key) continue;
        const bool has_order = word.value != FilterOp::ne && word.value != FilterOp::in;
        if (has_order && type == AttributeType::boolean)
            throw attribute.member_error(key, "is not an operator of boolean");
        return word.value;
    }
    throw attribute.member_error(key, "is not an operator; there are lt, lte, gt, gte, in, ne");
}

std::vector<FilterValue> parse_values(const Node& node, FilterOp op, AttributeType type) {
    std::vector<FilterValue> values;
    if (op != FilterOp::in) {
        values.push_back(parse_value(node, type));
        return values;
    }
    for (const Node& element : node.elements(0, filter_in_max))
        values.push_back(parse_value(element, type));
    return values;
}

void add_term(std::vector<Term>& terms, Term term) {
    if (terms.size() == filter_terms_max)
        throw bad_input("filter: must not have more than " + std::to_string(filter_terms_max) + " terms");
    terms.push_back(std::move(term));
}

} // namespace

std::string_view op_name(FilterOp op) noexcept {
    for (const Word<FilterOp>& word : operators)
        if (word.value == op) return word.text;
    return "eq"; // has no word: it is written as a bare value
}

std::vector<Term> parse_filter(std::string_view json, std::span<const Attribute> attributes) {
    if (json.size() > filter_bytes_max)
        throw bad_input("filter: must not be longer than " + std::to_string(filter_bytes_max) + " bytes");
    const std::string text = json::compact(json);
    simdjson::dom::parser parser;
    simdjson::dom::element element;
    if (parser.parse(text).get(element) != simdjson::SUCCESS) throw bad_input("filter: is not valid JSON");
    const Node root(element, "filter");
    std::vector<Term> terms;
    for (const auto& [name, value] : root.object()) {
        const Node node = root.member(name, value);
        const std::size_t attribute = find_attribute(node, name, attributes);
        const AttributeType type = attributes[attribute].type;
        if (!value.is_object()) {
            add_term(terms, {attribute, FilterOp::eq, {parse_value(node, type)}});
            continue;
        }
        std::size_t op_count = 0;
        for (const auto& [key, operand] : node.object()) {
            const FilterOp op = parse_op(node, key, type);
            add_term(terms, {attribute, op, parse_values(node.member(key, operand), op, type)});
            ++op_count;
        }
        if (op_count == 0) throw node.error("names no operator");
    }
    return terms;
}

} // namespace soup::manifest
