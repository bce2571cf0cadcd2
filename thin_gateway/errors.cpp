// The published table (see errors.hpp) and the problem document.
#include "thin_gateway/errors.hpp"

#include "core/error.hpp"
#include "core/json/writer.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>

namespace soup::gateway {
namespace {

// Order matters within a kind only for the reader: reason codes of machinesoup, then the gateway's own
// codes (prefix HTTP_), then SQLSTATEs of errors that carry no reason, then their classes.
constexpr std::array rules{
    ErrorRule{"NOT_BOUND", "NOT_BOUND", 401, "A token is needed", 0},
    ErrorRule{"TOKEN_BAD", "TOKEN_BAD", 401, "The token is not valid", 0},
    ErrorRule{"TOKEN_EXPIRED", "TOKEN_EXPIRED", 401, "The token has expired", 0},
    ErrorRule{"LOGIN_FAILED", "LOGIN_FAILED", 401, "User name or passphrase is wrong", 0},
    ErrorRule{"SCOPE", "SCOPE", 403, "The principal may not do this", 0},
    ErrorRule{"LEASE", "LEASE", 403, "A lease is needed", 0},
    ErrorRule{"FORBIDDEN_STMT", "FORBIDDEN_STMT", 403, "This statement is closed", 0},
    ErrorRule{"NOT_FOUND", "NOT_FOUND", 404, "Not found", 0},
    ErrorRule{"BAD_INPUT", "BAD_INPUT", 400, "The input is not acceptable", 0},
    ErrorRule{"TOO_BIG", "TOO_BIG", 413, "The input is too big", 0},
    ErrorRule{"CONFLICT", "CONFLICT", 409, "The request conflicts with the present state", 0},
    ErrorRule{"RATE", "RATE", 429, "Too many requests", 1},
    ErrorRule{"QUOTA", "QUOTA", 429, "The quota is used up", 60},
    ErrorRule{"BUSY", "BUSY", 503, "The service is busy", 1},
    ErrorRule{"BIND_NESTED", "INTERNAL", 500, "Internal error", 0},
    ErrorRule{"BIND_TWICE", "INTERNAL", 500, "Internal error", 0},
    ErrorRule{"AUDIT_DOWN", "AUDIT_DOWN", 503, "The access ledger cannot be written", 5},
    ErrorRule{"SANDBOX_OFF", "SANDBOX_OFF", 503, "The sandbox is not available", 60},
    ErrorRule{"PAGE_GONE", "PAGE_GONE", 410, "The page is gone; ask for the first page again", 0},
    ErrorRule{"PRIMARY_ONLY", "PRIMARY_ONLY", 503, "Only the primary server does this", 5},
    // The gateway's own.
    ErrorRule{"INTERNAL", "INTERNAL", 500, "Internal error", 0},
    ErrorRule{"TIMEOUT", "TIMEOUT", 504, "The request took too long", 0},
    ErrorRule{"HTTP_MALFORMED", "HTTP_MALFORMED", 400, "The HTTP message is malformed", 0},
    ErrorRule{"HTTP_ORIGIN", "HTTP_ORIGIN", 403, "Requests from this origin are refused", 0},
    ErrorRule{"HTTP_NO_ROUTE", "HTTP_NO_ROUTE", 404, "There is no such route", 0},
    ErrorRule{"HTTP_METHOD", "HTTP_METHOD", 405, "The method is not allowed here", 0},
    ErrorRule{"HTTP_NOT_ACCEPTABLE", "HTTP_NOT_ACCEPTABLE", 406, "No such representation", 0},
    ErrorRule{"HTTP_TIMEOUT", "HTTP_TIMEOUT", 408, "The request did not arrive in time", 0},
    ErrorRule{"HTTP_URI_TOO_LONG", "HTTP_URI_TOO_LONG", 414, "The URL is too long", 0},
    ErrorRule{"HTTP_MEDIA_TYPE", "HTTP_MEDIA_TYPE", 415, "The content type is not accepted", 0},
    ErrorRule{"HTTP_EXPECT", "HTTP_EXPECT", 417, "The expectation cannot be met", 0},
    ErrorRule{"HTTP_HEADER_TOO_BIG", "HTTP_HEADER_TOO_BIG", 431, "The header is too big", 0},
    ErrorRule{"HTTP_VERSION", "HTTP_VERSION", 505, "Only HTTP/1.0 and HTTP/1.1 are spoken", 0},
    // SQLSTATEs of errors without machinesoup's mark.
    ErrorRule{"40001", "BUSY", 503, "The service is busy", 1},
    ErrorRule{"40P01", "BUSY", 503, "The service is busy", 1},
    // An open session holds what an upgrade has replaced; the gateway is renewing its sessions.
    ErrorRule{"42883", "BUSY", 503, "The service is busy", 1},
    ErrorRule{"55000", "BUSY", 503, "The service is busy", 1},
    ErrorRule{"55P03", "BUSY", 503, "The service is busy", 1},
    ErrorRule{"57014", "TIMEOUT", 504, "The request took too long", 0},
    ErrorRule{"57P01", "BUSY", 503, "The service is busy", 1},
    ErrorRule{"57P02", "BUSY", 503, "The service is busy", 1},
    ErrorRule{"57P03", "BUSY", 503, "The service is busy", 1},
    ErrorRule{"25006", "PRIMARY_ONLY", 503, "Only the primary server does this", 5},
    ErrorRule{"08", "BUSY", 503, "The service is busy", 1},
    ErrorRule{"22", "BAD_INPUT", 400, "The input is not acceptable", 0},
    ErrorRule{"53", "BUSY", 503, "The service is busy", 1},
    ErrorRule{"54", "TOO_BIG", 413, "The input is too big", 0},
};

const ErrorRule* find_rule(std::string_view key) {
    const auto it =
        std::find_if(rules.begin(), rules.end(), [&](const ErrorRule& r) { return r.key == key; });
    return it == rules.end() ? nullptr : &*it;
}

void append_number(std::string& out, unsigned value) {
    std::array<char, 10> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    out.append(digits.data(), end);
}

} // namespace

std::span<const ErrorRule> error_rules() {
    return rules;
}

const ErrorRule& rule_of(std::string_view code) {
    if (const auto* rule = find_rule(code)) return *rule;
    throw std::logic_error("no rule for code " + std::string(code));
}

Problem problem(std::string_view code, std::string detail) {
    return {&rule_of(code), std::move(detail)};
}

Problem problem_from(const Error& refusal) {
    const auto* rule = find_rule(refusal.reason());
    if (!rule) rule = &rule_of("INTERNAL");
    std::string detail = refusal.message();
    if (!refusal.detail().empty()) detail += ": " + refusal.detail();
    return {rule, std::move(detail)};
}

Problem problem_from(const ServerError& error) {
    if (!error.reason.empty()) {
        if (const auto* rule = find_rule(error.reason); rule && rule->status != 500) {
            std::string detail = error.message;
            if (!error.detail.empty()) detail += ": " + error.detail;
            return {rule, std::move(detail)};
        }
        return problem("INTERNAL", {});
    }
    const std::string_view state = error.sqlstate;
    if (const auto* rule = find_rule(state); rule && state.size() == 5) return {rule, {}};
    if (const auto* rule = find_rule(state.substr(0, 2)); rule && state.size() == 5) return {rule, {}};
    return problem("INTERNAL", {});
}

bool is_outdated(const ServerError& error) {
    return error.reason.empty() && error.sqlstate == "55000";
}

bool is_transient(const ServerError& error) {
    return error.sqlstate == "40001" || error.sqlstate == "40P01";
}

void write_problem(std::string& out, const Problem& problem, std::string_view request_id) {
    const ErrorRule& rule = *problem.rule;
    out += R"({"type":"about:blank","title":)";
    json::append_string(out, rule.title);
    out += R"(,"status":)";
    append_number(out, rule.status);
    out += R"(,"code":)";
    json::append_string(out, rule.code);
    out += R"(,"detail":)";
    json::append_string(out, problem.detail.empty() ? rule.title : std::string_view(problem.detail));
    out += R"(,"request_id":)";
    json::append_string(out, request_id);
    out += '}';
}

std::string errors_page() {
    std::string page =
        "# Errors over HTTP\n\n"
        "Generated by `soup_gateway --print-errors`; the table is the code's own "
        "(`thin_gateway/errors.cpp`).\n\n"
        "Every refusal is an `application/problem+json` document: `type`, `title`, `status`, "
        "`code`, `detail`, `request_id`.\nDecide on `code`; `detail` is for people. A row is "
        "looked up by machinesoup's reason code; an error without one\nby its SQLSTATE, then by "
        "the SQLSTATE's class; what has no row is `INTERNAL` (500).\n\n"
        "| reason or SQLSTATE | HTTP | code | Retry-After | title |\n|---|---|---|---|---|\n";
    for (const ErrorRule& rule : rules) {
        page += "| `";
        page += rule.key;
        page += "` | ";
        append_number(page, rule.status);
        page += " | `";
        page += rule.code;
        page += "` | ";
        if (rule.retry_after_s) {
            append_number(page, rule.retry_after_s);
            page += " s";
        }
        page += " | ";
        page += rule.title;
        page += " |\n";
    }
    return page;
}

} // namespace soup::gateway
