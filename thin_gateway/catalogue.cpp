// See catalogue.hpp.
#include "thin_gateway/catalogue.hpp"

#include "core/json/writer.hpp"
#include "thin_gateway/openapi.hpp"

#include <atomic>
#include <optional>
#include <simdjson.h>

namespace soup::gateway {
namespace {

// Statement names outlive a catalogue on open connections, so an id must never come back.
std::uint64_t next_function_id() {
    static std::atomic<std::uint64_t> last{0};
    return ++last;
}

std::optional<Exposure> exposure_named(std::string_view name) {
    if (name == "public") return Exposure::public_;
    if (name == "internal") return Exposure::internal;
    if (name == "gateway") return Exposure::gateway;
    return std::nullopt;
}

bool flag(const simdjson::dom::element& element, const char* name) {
    bool value = false;
    return !element[name].get(value) && value;
}

struct UnknownType {
    std::string name;
};

template<class Item>
Item named_item(const simdjson::dom::element& element) {
    Item item;
    item.name = std::string_view(element["name"]);
    item.type_name = std::string_view(element["type"]);
    const auto type = type_named(item.type_name);
    if (!type) throw UnknownType{item.type_name};
    item.type = *type;
    return item;
}

Function read_function(const Catalogue::Row& row, Exposure exposure) {
    Function function;
    function.id = next_function_id();
    function.name = row.name;
    function.exposure = exposure;
    function.returns_set = row.returns_set;
    function.is_read_only = row.volatility == "s" || row.volatility == "i" || row.volatility == "stable" ||
                            row.volatility == "immutable";
    function.takes_token = row.name != "login";
    function.comment = row.comment;
    simdjson::dom::parser parser;
    for (const auto& element : parser.parse(row.args_json).get_array()) {
        auto argument = named_item<Argument>(element);
        argument.is_optional = flag(element, "optional") || flag(element, "has_default");
        function.args.push_back(std::move(argument));
    }
    for (const auto& element : parser.parse(row.columns_json).get_array()) {
        auto column = named_item<Column>(element);
        json::append_string(column.json_key, column.name);
        column.json_key += ':';
        function.columns.push_back(std::move(column));
    }
    function.is_paged =
        row.is_paged && !function.columns.empty() && function.columns.back().name == "next_page";
    return function;
}

} // namespace

const Argument* Function::find_argument(std::string_view arg_name, std::size_t* index) const {
    for (std::size_t i = 0; i < args.size(); ++i)
        if (args[i].name == arg_name) {
            if (index) *index = i;
            return &args[i];
        }
    return nullptr;
}

Catalogue::Catalogue(const std::vector<Row>& rows) {
    constexpr std::size_t args_max = 64; // one bit each in a statement's name
    for (const Row& row : rows) {
        const auto exposure = exposure_named(row.exposure);
        try {
            if (!exposure) throw UnknownType{"exposure " + row.exposure};
            Function function = read_function(row, *exposure);
            if (function.args.size() > args_max) throw UnknownType{"more than 64 arguments"};
            if (function.columns.empty()) throw UnknownType{"no result column"};
            functions_.emplace(row.name, std::move(function));
        } catch (const UnknownType& unknown) {
            skipped_.push_back(row.name + " (" + unknown.name + ")");
        } catch (const simdjson::simdjson_error& e) {
            skipped_.push_back(row.name + " (" + e.what() + ")");
        }
    }
    openapi_public_ = openapi_document(*this, false);
    openapi_all_ = openapi_document(*this, true);
}

const Function* Catalogue::find(std::string_view name) const {
    const auto it = functions_.find(name);
    return it == functions_.end() ? nullptr : &it->second;
}

} // namespace soup::gateway
