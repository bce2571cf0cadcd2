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

void answer_page(Exchange& exchange, Page page) {
    Worker& worker = exchange.worker;
    Response response;
    switch (page) {
    case Page::health:
        response.body = R"({"status":"alive"})";
        break;
    case Page::ready:
        if (!worker.is_ready()) return exchange.refuse(problem("BUSY", "the database is not available"));
        response.body = R"({"status":"ready"})";
        break;
    case Page::metrics:
        response.content_type = "text/plain; version=0.0.4";
        response.body = worker.hooks().metrics_text();
        break;
    case Page::openapi:
        if (!worker.catalogue()) return exchange.refuse(problem("BUSY", "the database is not available"));
        response.body = worker.catalogue()->openapi(worker.serves_internal(exchange.is_internal));
        break;
    }
    exchange.response = std::move(response);
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

bool takes_token(const Plan& plan) {
    const auto* const call = std::get_if<FunctionCall>(&plan);
    return !call || call->function->takes_token;
}

/// The user that a login by POST names.
std::string_view user_named_by(const Plan& plan) {
    const auto& call = std::get<FunctionCall>(plan);
    std::size_t username = 0;
    if (!call.function->find_argument("username", &username) || !call.arguments.has(username)) return {};
    return call.arguments.values[username].bytes;
}

Caller caller_of(Exchange& exchange, std::string_view token) {
    const Callers& callers = exchange.worker.callers();
    if (!takes_token(exchange.plan)) return callers.of_login(user_named_by(exchange.plan), exchange.source);
    const auto known = callers.find(token);
    exchange.has_known_caller = known.has_value();
    return known ? *known : callers.unproven(token, exchange.source);
}

void start_append(Exchange& exchange, std::string_view token) {
    exchange.append.emplace(std::move(std::get<AppendElement>(exchange.plan)), token);
    exchange.append->caller = caller_of(exchange, token);
}

/// The append's element goes back into the plan, for another attempt.
Done take_append(Exchange& exchange) {
    PendingAppend& pending = *exchange.append;
    Done done;
    if (pending.problem)
        done.problem = std::move(pending.problem);
    else
        done.response = append_response(pending);
    exchange.plan = std::move(pending.element);
    exchange.append.reset();
    return done;
}

bool is_stale_token(const Done& done) {
    return done.problem &&
           (done.problem->rule->code == "TOKEN_BAD" || done.problem->rule->code == "TOKEN_EXPIRED");
}

void settle(Exchange& exchange, Done done) {
    if (done.problem)
        exchange.refuse(*done.problem);
    else
        exchange.response = std::move(done.response);
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
    call.caller = caller_of(exchange, token);
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
        // A reading call can be repeated whatever became of it; others only when surely nothing was done: a
        // refused call's transaction was rolled back.
        const bool may_repeat = attempt < read_attempts_max && Clock::now() < give_up;
        if (call.outcome == PgCall::Outcome::refused && call.error) {
            if (may_repeat && is_transient(*call.error)) continue;
            if (may_repeat && is_outdated(*call.error)) {
                exchange.worker.renew_sessions();
                continue;
            }
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

Awaitable<Done> perform_with(Exchange& exchange, std::string_view token) {
    if (std::holds_alternative<AppendElement>(exchange.plan)) {
        start_append(exchange, token);
        PendingAppend& pending = *exchange.append;
        exchange.worker.appends().add(pending);
        if (!pending.finished.is_set()) co_await pending.finished.wait();
        co_return take_append(exchange);
    }
    const auto& call = std::get<FunctionCall>(exchange.plan);
    if (!call.is_stream) {
        Done done = co_await call_function(exchange, call, token);
        co_return done;
    }
    const PgCall prepared = make_call(exchange, call, token);
    std::optional<Problem> refused = co_await stream_rows(exchange, *call.function, prepared);
    co_return Done{{}, std::move(refused)};
}

/// The server has taken the token, whatever it then said to the request: from now on it counts for the
/// principal.
void learn_caller(Exchange& exchange, std::string_view token, const Done& done) {
    const std::string_view code = done.problem ? done.problem->rule->code : std::string_view();
    if (!code.empty() && code != "SCOPE" && code != "NOT_FOUND" && code != "CONFLICT") return;
    exchange.worker.rate().learn(credential_of(exchange.request), token, Clock::now());
    if (!exchange.has_known_caller) exchange.worker.callers().learn(token);
}

/// The cached token may have been revoked meanwhile: then one fresh login.
Awaitable<Done> perform_with_login(Exchange& exchange, std::string_view credential) {
    for (bool is_first = true;; is_first = false) {
        const LoginCache::Result login =
            co_await exchange.worker.logins().token_for(credential, exchange.source);
        if (login.problem) co_return Done{{}, login.problem};
        exchange.worker.callers().learn(login.token);
        Done done = co_await perform_with(exchange, login.token);
        learn_caller(exchange, login.token, done);
        if (!is_stale_token(done)) co_return done;
        exchange.worker.logins().forget(credential);
        if (!is_first) co_return done;
    }
}

bool is_within_rate(Exchange& exchange) {
    Worker& worker = exchange.worker;
    PrincipalLimit& rate = worker.rate();
    if (!rate.is_on()) return true;
    const auto now = Clock::now();
    if (!takes_token(exchange.plan))
        return rate.allows_login(exchange.source, user_named_by(exchange.plan), now);
    const Credential credential = credential_of(exchange.request);
    // Before the credential gets a count of its own: who guesses shall not fill that table either.
    if (credential.kind == Credential::Kind::basic && worker.logins().must_log_in(credential.value) &&
        !rate.allows_login(exchange.source, LoginCache::user_of(credential.value), now))
        return false;
    return rate.allows(credential, now);
}

PlanContext plan_context(const Worker& worker, const Catalogue* catalogue, bool is_internal) {
    return {catalogue, worker.serves_internal(is_internal), worker.config().limits};
}

/// Runs code that may refuse by throwing; the refusal becomes the response.
template<class Code>
void guarded(Exchange& exchange, Code code) {
    try {
        code();
    } catch (const Problem& problem) {
        exchange.refuse(problem);
    } catch (const Error& refusal) {
        exchange.refuse(problem_from(refusal));
    } catch (const std::bad_alloc&) {
        exchange.refuse(problem("BUSY", {}));
    } catch (const std::exception& e) {
        log::warning("request failed", e.what(), exchange.request_id());
        exchange.refuse(problem("INTERNAL", {}));
    }
}

} // namespace

Exchange::Exchange(Worker& worker_, HttpConnection& connection_, const Request& request_, bool is_internal_,
                   std::string_view source_)
    : worker(worker_), connection(connection_), request(request_), is_internal(is_internal_), source(source_),
      request_id_text(worker_.next_request_id()) {}

ResponseFrame Exchange::frame() const {
    return {request_id(), worker.http_date(), request.is_http_1_0, keep_alive};
}

Problem refusal_of(Exchange& exchange, const ServerError& error) {
    Problem problem = problem_from(error);
    // An upgrade has replaced what the session held, or a function is no longer what it was when it was
    // prepared.
    const bool is_changed = error.sqlstate == "42883" || error.sqlstate == "0A000";
    if (is_outdated(error) || (error.reason.empty() && is_changed)) exchange.worker.renew_sessions();
    if (problem.rule->status >= 500)
        log::warning("call refused", error.sqlstate + " " + error.reason + ": " + error.message,
                     exchange.request_id());
    return problem;
}

void check_head(Worker& worker, const Request& request, bool is_internal) {
    check_head(request, plan_context(worker, worker.catalogue().get(), is_internal));
}

Caller sender_of(Worker& worker, const Request& request, std::string_view source) {
    const Callers& callers = worker.callers();
    const Caller unknown = callers.of_login({}, source);
    try {
        const Credential credential = credential_of(request);
        const bool is_basic = credential.kind == Credential::Kind::basic;
        const std::string* const token = is_basic ? worker.logins().find(credential.value) : nullptr;
        return callers.find(token ? std::string_view(*token) : credential.value).value_or(unknown);
    } catch (const Problem&) { // It has no credential: a login, or a page.
        return unknown;
    }
}

void prepare(Exchange& exchange) {
    Worker& worker = exchange.worker;
    const Request& request = exchange.request;
    exchange.catalogue = worker.catalogue();
    exchange.route = route_name(request, exchange.catalogue.get());
    guarded(exchange, [&] {
        exchange.plan =
            plan_request(request, plan_context(worker, exchange.catalogue.get(), exchange.is_internal));
        if (const auto* page = std::get_if<Page>(&exchange.plan)) return answer_page(exchange, *page);
        if (!is_within_rate(exchange)) throw problem("RATE", {});
        if (!std::holds_alternative<AppendElement>(exchange.plan)) return;
        const Credential credential = credential_of(request);
        if (credential.kind == Credential::Kind::bearer) {
            start_append(exchange, credential.value);
        } else if (const std::string* token = worker.logins().find(credential.value)) {
            exchange.token = *token;
            start_append(exchange, exchange.token);
        }
    });
}

void finish_append(Exchange& exchange) {
    const std::string_view token = exchange.append->token;
    Done done = take_append(exchange);
    learn_caller(exchange, token, done);
    if (!exchange.token.empty() && is_stale_token(done))
        exchange.worker.logins().forget(credential_of(exchange.request).value);
    else
        settle(exchange, std::move(done));
}

Awaitable<> perform(Exchange& exchange) {
    std::exception_ptr failure;
    try {
        Done done;
        if (!takes_token(exchange.plan)) {
            done = co_await perform_with(exchange, {});
        } else if (const Credential credential = credential_of(exchange.request);
                   credential.kind == Credential::Kind::basic) {
            done = co_await perform_with_login(exchange, credential.value);
        } else {
            done = co_await perform_with(exchange, credential.value);
            learn_caller(exchange, credential.value, done);
        }
        settle(exchange, std::move(done));
    } catch (...) {
        failure = std::current_exception();
    }
    if (failure) guarded(exchange, [&] { std::rethrow_exception(failure); });
}

} // namespace soup::gateway
