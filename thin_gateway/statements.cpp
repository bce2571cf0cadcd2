// See statements.hpp.
#include "thin_gateway/statements.hpp"

namespace soup::gateway {
namespace {

std::string quoted_name(std::string_view name) {
    std::string out = "\"";
    for (const char c : name) {
        if (c == '"') out += '"';
        out += c;
    }
    return out += '"';
}

} // namespace

StatementPtr Statements::find(const Function& function, std::uint64_t given) {
    auto& known = known_[{function.id, given}];
    if (known) return known;
    constexpr std::size_t statements_max =
        4096; // of catalogues long gone, or of a client that tries them all
    if (known_.size() > statements_max) {
        known_.clear();
        return find(function, given);
    }
    std::string sql = "SELECT soup_api." + quoted_name(function.name) + "(";
    std::vector<Oid> types;
    const auto add = [&](std::string_view name, Oid type) {
        types.push_back(type);
        sql += (types.size() > 1 ? ", " : "") + quoted_name(name) + " => $" + std::to_string(types.size());
    };
    if (function.takes_token) add("token", oid::text);
    for (std::size_t i = 0; i < function.args.size(); ++i)
        if (given >> i & 1) add(function.args[i].name, oid_of(function.args[i].type));
    known = std::make_shared<const Statement>(sql + ")", std::move(types));
    return known;
}

} // namespace soup::gateway
