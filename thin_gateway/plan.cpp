// See plan.hpp.
#include "thin_gateway/plan.hpp"

#include "core/error.hpp"
#include "thin_gateway/errors.hpp"
#include "thin_gateway/wire.hpp"

#include <algorithm>
#include <array>
#include <boost/beast/core/string.hpp>
#include <optional>

namespace soup::gateway {
namespace {

/// token68 of RFC 9110: what a token or base64 may have.
constexpr auto token_characters = [] {
    std::array<bool, 256> legal{};
    for (const unsigned char c :
         std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/="))
        legal[c] = true;
    return legal;
}();

bool iequals(std::string_view a, std::string_view b) {
    return boost::beast::iequals({a.data(), a.size()}, {b.data(), b.size()});
}

std::optional<Page> page_at(std::string_view path) {
    if (path == "/healthz") return Page::health;
    if (path == "/readyz") return Page::ready;
    if (path == "/metrics") return Page::metrics;
    if (path == "/openapi.json") return Page::openapi;
    return std::nullopt;
}

[[noreturn]] void refuse_method(std::string_view allow) {
    throw Problem{&rule_of("HTTP_METHOD"), "allowed: " + std::string(allow), allow};
}

// A page of another site can make a browser send requests here. It cannot hide where they come from.
void check_origin(const Request& request) {
    if (request.origin.empty()) return;
    const std::string_view origin = request.origin;
    const auto scheme_end = origin.find("://");
    if (scheme_end == std::string_view::npos || origin.substr(scheme_end + 3) != request.host)
        throw problem("HTTP_ORIGIN", {});
}

/// The only representations are JSON and, for sets, NDJSON.
bool wants_stream(std::string_view accept) {
    if (accept.empty()) return false;
    bool takes_json = false;
    while (!accept.empty()) {
        auto range = accept.substr(0, accept.find(','));
        accept.remove_prefix(std::min(accept.size(), range.size() + 1));
        range = range.substr(0, range.find(';'));
        while (!range.empty() && range.front() == ' ')
            range.remove_prefix(1);
        while (!range.empty() && range.back() == ' ')
            range.remove_suffix(1);
        if (iequals(range, "application/x-ndjson")) return true;
        takes_json |= range == "*/*" || iequals(range, "application/*") ||
                      iequals(range, "application/json") || iequals(range, "application/problem+json");
    }
    if (!takes_json)
        throw problem("HTTP_NOT_ACCEPTABLE", "there are application/json and application/x-ndjson");
    return false;
}

const Function& function_at(std::string_view path, const PlanContext& context) {
    if (!path.starts_with(function_prefix)) throw problem("HTTP_NO_ROUTE", {});
    if (!context.catalogue) throw problem("BUSY", "the database is not available");
    const Function* function = context.catalogue->find(path.substr(function_prefix.size()));
    if (!function || function->exposure == Exposure::gateway ||
        (function->exposure == Exposure::internal && !context.serves_internal))
        throw problem("HTTP_NO_ROUTE", {});
    return *function;
}

/// 0 asks for all rows without pages. The gateway asks so for a stream, which holds no rows; any other answer
/// is held whole, on a connection that other requests share.
void settle_page_size(FunctionCall& call) {
    const Function& function = *call.function;
    std::size_t page_size = 0;
    if (!function.is_paged || !function.find_argument("page_size", &page_size)) return;
    if (call.is_stream) {
        if (call.arguments.has(page_size))
            throw bad_input("a streamed result has no pages: leave out \"page_size\"");
        call.arguments.set(page_size, {"0", false});
    } else if (call.arguments.has(page_size) &&
               wire::Reader(call.arguments.values[page_size].bytes).integer<std::int32_t>() < 1) {
        throw bad_input("\"page_size\" must be at least 1; all rows come as a stream, to who accepts "
                        "application/x-ndjson");
    }
}

FunctionCall plan_call(const Request& request, const Function& function) {
    FunctionCall call{&function, {}, function.returns_set && wants_stream(request.accept)};
    if (request.method == Method::get) {
        if (!request.body.empty()) throw bad_input("a GET request has no body");
        call.arguments = arguments_from_query(function, query_of(request.target));
    } else {
        // Also what keeps forms of other sites out: they cannot send this content type unasked.
        if (request.content_type != "application/json")
            throw problem("HTTP_MEDIA_TYPE", "the body must be application/json");
        if (!query_of(request.target).empty())
            throw bad_input("arguments of a POST request stand in the body, not in the query string");
        call.arguments = arguments_from_json(function, request.body);
    }
    if (request.has_idempotency_key) set_idempotency_key(function, call.arguments, request.idempotency_key);
    check_required(function, call.arguments);
    settle_page_size(call);
    return call;
}

} // namespace

const Function* check_head(const Request& request, const PlanContext& context) {
    const auto path = path_of(request.target);
    if (page_at(path)) {
        if (request.method != Method::get) refuse_method("GET");
        return nullptr;
    }
    const Function& function = function_at(path, context);
    if (request.method != Method::post && !(request.method == Method::get && function.is_read_only))
        refuse_method(function.is_read_only ? "GET, POST" : "POST");
    check_origin(request);
    if (function.takes_token) credential_of(request);
    return &function;
}

Plan plan_request(const Request& request, const PlanContext& context) {
    const Function* const asked = check_head(request, context);
    if (!asked) return *page_at(path_of(request.target));
    const Function& function = *asked;
    if (function.name == "append") return append_element(request, context.limits);
    return plan_call(request, function);
}

std::string_view route_name(const Request& request, const Catalogue* catalogue) {
    const auto path = path_of(request.target);
    if (path.starts_with(function_prefix) && catalogue)
        if (const auto* function = catalogue->find(path.substr(function_prefix.size())))
            return function->name;
    switch (page_at(path).value_or(Page{255})) {
    case Page::health:
        return "healthz";
    case Page::ready:
        return "readyz";
    case Page::metrics:
        return "metrics";
    case Page::openapi:
        return "openapi";
    }
    return "none";
}

Credential credential_of(const Request& request) {
    const std::string_view header = request.authorization;
    if (header.empty()) throw problem("NOT_BOUND", {});
    const auto blank = header.find(' ');
    if (blank == std::string_view::npos) throw problem("TOKEN_BAD", {});
    const auto scheme = header.substr(0, blank);
    auto value = header.substr(blank + 1);
    while (!value.empty() && value.front() == ' ')
        value.remove_prefix(1);
    const bool is_legal = !value.empty() && std::all_of(value.begin(), value.end(),
                                                        [](unsigned char c) { return token_characters[c]; });
    if (is_legal && iequals(scheme, "Bearer")) return {Credential::Kind::bearer, value};
    if (is_legal && iequals(scheme, "Basic")) return {Credential::Kind::basic, value};
    throw problem("TOKEN_BAD", {});
}

} // namespace soup::gateway
