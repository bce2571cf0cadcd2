// See dispatch.hpp.
#include "thin_gateway/dispatch.hpp"

#include "core/error.hpp"
#include "core/json/writer.hpp"
#include "thin_gateway/http_connection.hpp"
#include "thin_gateway/json_out.hpp"
#include "thin_gateway/log.hpp"
#include "thin_gateway/plan.hpp"
#include "thin_gateway/stream_out.hpp"
#include "thin_gateway/worker.hpp"

namespace soup::gateway {
namespace {

constexpr unsigned read_attempts_max = 3;

/// What came of a call: an answer, a refusal, or (neither) an answer that was streamed already.
struct Done {
    std::optional<Response> response;
    std::optional<Problem> problem;
};

Done answer_page(Exchange& exchange, Page page) {
    Worker& worker = exchange.worker;
    Response response;
    switch (page) {
    case Page::health:
        response.body = R"({"status":"alive"})";
        break;
    case Page::ready:
        if (!worker.is_ready()) return {{}, problem("BUSY", "the database is not available")};
        response.body = R"({"status":"ready"})";
        break;
    case Page::metrics:
        response.content_type = "text/plain; version=0.0.4";
        response.body = worker.hooks().metrics_text();
        break;
    case Page::openapi:
        if (!worker.catalogue()) return {{}, problem("BUSY", "the database is not available")};
        response.body = worker.catalogue()->openapi(worker.serves_internal(exchange.is_internal));
        break;
    }
    return {std::move(response), {}};
}

Response append_response(const PendingAppend& pending) {
    Response response;
    std::string& out = response.body;
    out += R"({"partition":)";
    json::append_number(out, static_cast<std::int64_t>(pending.partition));
    out += R"(,"first_offset":)";
    json::append_number(out, pending.first_offset);
    out += R"(,"count":)";
    json::append_number(out, static_cast<std::int64_t>(pending.count));
    out += R"(,"label":)";
    if (pending.label)
        json::append_string(out, *pending.label);
    else
        out += "null";
    out += '}';
    return response;
}

Awaitable<Done> append(Exchange& exchange, AppendElement& element, std::string_view token) {
    PendingAppend pending(std::move(element), token);
    co_await exchange.worker.appends().append(pending);
    element = std::move(pending.element); // for a second attempt with a fresh token
    if (pending.problem) co_return Done{{}, std::move(pending.problem)};
    co_return Done{append_response(pending), {}};
}

Response rows_response(const Function& function, const PGresult* result) {
    Response response;
    std::string& out = response.body;
    RowWriter writer(function);
    const auto type_oid = PQftype(result, 0);
    const int count = PQntuples(result);
    if (function.returns_set) out += R"({"rows":[)";
    for (int row = 0; row < count; ++row) {
        if (row) out += ',';
        if (PQgetisnull(result, row, 0))
            out += "null";
        else
            writer.write(out,
                         {PQgetvalue(result, row, 0), static_cast<std::size_t>(PQgetlength(result, row, 0))},
                         type_oid);
    }
    if (function.returns_set) {
        out += R"(],"next_page":)";
        if (writer.next_page())
            json::append_string(out, *writer.next_page());
        else
            out += "null";
        out += '}';
    } else if (count == 0) {
        out += "null";
    }
    return response;
}

PgCall make_call(Exchange& exchange, const FunctionCall& plan, std::string_view token) {
    PgCall call(exchange.worker.statements().find(*plan.function, plan.arguments.given));
    if (plan.function->takes_token) call.add(token, true);
    for (std::size_t i = 0; i < plan.arguments.values.size(); ++i)
        if (plan.arguments.has(i))
            call.add(plan.arguments.values[i].bytes, plan.arguments.values[i].is_binary);
    return call;
}

Awaitable<Done> call_function(Exchange& exchange, const FunctionCall& plan, std::string_view token) {
    const Function& function = *plan.function;
    const auto give_up = Clock::now() + exchange.worker.config().deadlines.request;
    for (unsigned attempt = 1;; ++attempt) {
        PgCall call = make_call(exchange, plan, token);
        co_await exchange.worker.pool_for(function).run(call);
        if (call.outcome == PgCall::Outcome::done)
            co_return Done{rows_response(function, call.result.get()), {}};
        // A reading call can be repeated whatever became of it; others only when surely nothing was done.
        const bool may_repeat = attempt < read_attempts_max && Clock::now() < give_up;
        if (call.outcome == PgCall::Outcome::refused && call.error) {
            if (may_repeat && function.is_read_only && is_transient(*call.error)) continue;
            co_return Done{{}, refusal_of(exchange, *call.error)};
        }
        if (call.outcome == PgCall::Outcome::lost && may_repeat && function.is_read_only) continue;
        if (call.outcome == PgCall::Outcome::lost)
            co_return Done{{},
                           problem("BUSY", "the connection to the database broke: it is unknown whether the "
                                           "call took effect")};
        if (call.outcome == PgCall::Outcome::unsent)
            co_return Done{{}, problem("BUSY", "no database connection was free in time; nothing was done")};
        co_return Done{{}, problem("INTERNAL", {})};
    }
}

Awaitable<Done> perform(Exchange& exchange, Plan& plan, std::string_view token) {
    if (auto* const element = std::get_if<AppendElement>(&plan)) {
        Done done = co_await append(exchange, *element, token);
        co_return done;
    }
    const auto& call = std::get<FunctionCall>(plan);
    if (!call.is_stream) {
        Done done = co_await call_function(exchange, call, token);
        co_return done;
    }
    const PgCall prepared = make_call(exchange, call, token);
    std::optional<Problem> refused = co_await stream_rows(exchange, *call.function, prepared);
    co_return Done{{}, std::move(refused)};
}

/// With HTTP Basic the cached token may have been revoked meanwhile: then one fresh login.
Awaitable<Done> perform_with_login(Exchange& exchange, Plan& plan, std::string_view credential) {
    for (bool is_first = true;; is_first = false) {
        const LoginCache::Result login = co_await exchange.worker.logins().token_for(credential);
        if (login.problem) co_return Done{{}, login.problem};
        Done done = co_await perform(exchange, plan, login.token);
        const bool is_stale = done.problem && (done.problem->rule->code == "TOKEN_BAD" ||
                                               done.problem->rule->code == "TOKEN_EXPIRED");
        if (!is_stale) co_return done;
        exchange.worker.logins().forget(credential);
        if (!is_first) co_return done;
    }
}

Awaitable<Done> answer(Exchange& exchange) {
    Worker& worker = exchange.worker;
    const Request& request = exchange.request;
    const CataloguePtr catalogue = worker.catalogue(); // this request's, whatever is published meanwhile
    exchange.route = route_name(request, catalogue.get());
    Plan plan = plan_request(
        request, {catalogue.get(), worker.serves_internal(exchange.is_internal), worker.config().limits});
    if (const auto* page = std::get_if<Page>(&plan)) co_return answer_page(exchange, *page);
    const std::string_view who = request.authorization.empty() ? exchange.source : request.authorization;
    if (!worker.rate().allows(who, Clock::now())) co_return Done{{}, problem("RATE", {})};
    const auto* const call = std::get_if<FunctionCall>(&plan);
    Done done;
    if (call && !call->function->takes_token) {
        done = co_await perform(exchange, plan, {});
    } else if (const Credential credential = credential_of(request);
               credential.kind == Credential::Kind::basic) {
        done = co_await perform_with_login(exchange, plan, credential.value);
    } else {
        done = co_await perform(exchange, plan, credential.value);
    }
    co_return done;
}

} // namespace

ResponseFrame Exchange::frame() const {
    return {request_id, worker.http_date(), request.is_http_1_0, keep_alive};
}

Problem refusal_of(Exchange& exchange, const ServerError& error) {
    Problem problem = problem_from(error);
    // An open session may hold what an upgrade has replaced.
    const bool is_outdated = error.sqlstate == "42883" || error.sqlstate == "55000";
    if (error.reason.empty() && is_outdated) exchange.worker.renew_sessions();
    if (problem.rule->status >= 500)
        log::warning("call refused", error.sqlstate + " " + error.reason + ": " + error.message,
                     exchange.request_id);
    return problem;
}

Awaitable<std::optional<Response>> dispatch(Exchange& exchange) {
    std::optional<Problem> refused;
    try {
        Done done = co_await answer(exchange);
        if (!done.problem) co_return std::move(done.response);
        refused = std::move(done.problem);
    } catch (const Problem& problem) {
        refused = problem;
    } catch (const Error& refusal) {
        refused = problem_from(refusal);
    } catch (const std::bad_alloc&) {
        refused = problem("BUSY", {});
    } catch (const std::exception& e) {
        log::warning("request failed", e.what(), exchange.request_id);
        refused = problem("INTERNAL", {});
    }
    co_return problem_response(*refused, exchange.request_id);
}

} // namespace soup::gateway
