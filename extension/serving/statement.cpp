// Opening a statement as a portal, and the filter's terms as SQL with parameters.
#include "serving/statement.hpp"

#include "boundary/array.hpp"

extern "C" {
#include "utils/lsyscache.h"
}

namespace soup::serving {

namespace {

using manifest::AttributeType;
using manifest::FilterOp;
using manifest::FilterValue;

const pg::ElementType& element_type(AttributeType type) {
    static constexpr pg::ElementType bool_elements{BOOLOID, 1, true, TYPALIGN_CHAR};
    switch (type) {
    case AttributeType::real:
    case AttributeType::double_precision:
        return pg::float8_elements;
    case AttributeType::integer:
    case AttributeType::bigint:
        return pg::int8_elements;
    case AttributeType::boolean:
        return bool_elements;
    case AttributeType::text:
        return pg::text_elements;
    case AttributeType::timestamptz:
        return pg::timestamptz_elements;
    }
    throw std::logic_error("unknown attribute type");
}

Datum to_datum(const FilterValue& value, AttributeType type) {
    if (auto* boolean = std::get_if<bool>(&value)) return BoolGetDatum(*boolean);
    if (auto* number = std::get_if<double>(&value)) return Float8GetDatum(*number);
    if (auto* text = std::get_if<std::string>(&value)) return pg::make_text(*text);
    std::int64_t const integer = std::get<std::int64_t>(value);
    return type == AttributeType::timestamptz ? TimestampTzGetDatum(pg::from_unix_us(integer))
                                              : Int64GetDatum(integer);
}

const char* sql_operator(FilterOp op) {
    switch (op) {
    case FilterOp::eq:
        return "=";
    case FilterOp::ne:
        return "<>";
    case FilterOp::lt:
        return "<";
    case FilterOp::lte:
        return "<=";
    case FilterOp::gt:
        return ">";
    case FilterOp::gte:
        return ">=";
    case FilterOp::in:
        return "= ANY";
    }
    throw std::logic_error("unknown filter operator");
}

} // namespace

std::string Statement::open() {
    const char* text = sql.c_str();
    Portal portal = pg::call([&] {
        return SPI_cursor_open_with_args(nullptr, text, static_cast<int>(types_.size()), types_.data(),
                                         values_.data(), nullptr, true, CURSOR_OPT_NO_SCROLL);
    });
    values_.clear(); // The portal has copies; these go with the SPI connection.
    return portal->name;
}

pg::Rows Statement::run_for_one() {
    const char* text = sql.c_str();
    pg::call([&] {
        int const status = SPI_execute_with_args(text, static_cast<int>(types_.size()), types_.data(),
                                                 values_.data(), nullptr, true, 1);
        if (status != SPI_OK_SELECT) elog(ERROR, "SPI_execute_with_args returned %d", status);
    });
    return {SPI_tuptable, SPI_processed};
}

std::string filter_condition(Statement& statement, std::span<const manifest::Term> terms,
                             std::span<const manifest::Attribute> attributes) {
    std::string condition;
    for (const manifest::Term& term : terms) {
        AttributeType const type = attributes[term.attribute].type;
        const pg::ElementType& elements = element_type(type);
        std::string parameter;
        if (term.op == FilterOp::in) {
            std::vector<Datum> values;
            values.reserve(term.values.size());
            for (const FilterValue& value : term.values)
                values.push_back(to_datum(value, type));
            Oid const array = pg::call([&] { return get_array_type(elements.oid); });
            parameter = "(" + statement.parameter(array, pg::make_array(values, {}, elements)) + ")";
        } else {
            parameter = statement.parameter(elements.oid, to_datum(term.values.front(), type));
        }
        condition +=
            " AND a" + std::to_string(term.attribute + 1) + " " + sql_operator(term.op) + " " + parameter;
    }
    return condition;
}

} // namespace soup::serving
