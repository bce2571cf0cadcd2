// Filters: any text gives terms over declared attributes with values of their type, or is refused (threat
// f23).
#include "core/error.hpp"
#include "core/manifest/filter.hpp"

#include <cstdlib>

using namespace soup::manifest;

namespace {

const std::vector<Attribute> attributes = {
    {"a", AttributeType::real},       {"b", AttributeType::double_precision}, {"c", AttributeType::integer},
    {"d", AttributeType::bigint},     {"e", AttributeType::boolean},          {"f", AttributeType::text},
    {"g", AttributeType::timestamptz}};

/// Which alternative of FilterValue an attribute's values have.
std::size_t alternative_of(AttributeType type) {
    switch (type) {
    case AttributeType::boolean:
        return 0;
    case AttributeType::integer:
    case AttributeType::bigint:
    case AttributeType::timestamptz:
        return 1;
    case AttributeType::real:
    case AttributeType::double_precision:
        return 2;
    case AttributeType::text:
        break;
    }
    return 3;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        const auto terms = parse_filter({reinterpret_cast<const char*>(data), size}, attributes);
        if (terms.size() > filter_terms_max) std::abort();
        for (const Term& term : terms) {
            if (term.attribute >= attributes.size()) std::abort();
            if (term.op != FilterOp::in && term.values.size() != 1) std::abort();
            for (const FilterValue& value : term.values)
                if (value.index() != alternative_of(attributes[term.attribute].type)) std::abort();
        }
    } catch (const soup::Error&) { // refused
    }
    return 0;
}
