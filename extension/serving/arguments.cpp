// Reading arguments out of a call.
#include "serving/arguments.hpp"

extern "C" {
#include "utils/jsonb.h"
}

namespace soup::serving {

namespace {
bool is_absent(FunctionCallInfo fcinfo, int number) {
    return fcinfo->args[number].isnull;
}
Datum argument(FunctionCallInfo fcinfo, int number) {
    return fcinfo->args[number].value;
}
} // namespace

const access::Identity& bind_call(FunctionCallInfo fcinfo) {
    if (is_absent(fcinfo, 0)) throw token_bad();
    return access::bind(fcinfo, pg::Varlena(argument(fcinfo, 0)).text());
}

std::optional<std::string> text_argument(FunctionCallInfo fcinfo, int number) {
    if (is_absent(fcinfo, number)) return std::nullopt;
    return pg::to_string(argument(fcinfo, number));
}

std::string required_text(FunctionCallInfo fcinfo, int number, const char* name) {
    std::optional<std::string> text = text_argument(fcinfo, number);
    if (!text) throw bad_input(std::string(name) + " must be given");
    return std::move(*text);
}

std::vector<double> required_numbers(FunctionCallInfo fcinfo, int number, const pg::ElementType& type,
                                     const char* name) {
    if (is_absent(fcinfo, number)) throw bad_input(std::string(name) + " must be given");
    pg::Array array(argument(fcinfo, number), type);
    std::vector<double> numbers;
    if (type.oid == FLOAT4OID)
        for (float value : array.values<float>())
            numbers.push_back(value);
    else
        for (double value : array.values<double>())
            numbers.push_back(value);
    for (double value : numbers)
        if (!std::isfinite(value)) throw bad_input(std::string(name) + " must hold finite numbers");
    return numbers;
}

std::optional<std::string> jsonb_argument(FunctionCallInfo fcinfo, int number) {
    if (is_absent(fcinfo, number)) return std::nullopt;
    Datum const json = argument(fcinfo, number);
    char* text = pg::call([&] {
        Jsonb* document = DatumGetJsonbP(json);
        return JsonbToCString(nullptr, &document->root, static_cast<int>(VARSIZE(document)));
    });
    std::string copy(text);
    pfree(text);
    return copy;
}

int bounded_integer(FunctionCallInfo fcinfo, int number, const char* name, int fallback, int low, int high) {
    if (is_absent(fcinfo, number)) return fallback;
    int const value = DatumGetInt32(argument(fcinfo, number));
    if (value < low || value > high)
        throw bad_input(std::string(name) + " must be from " + std::to_string(low) + " to " +
                        std::to_string(high));
    return value;
}

} // namespace soup::serving
