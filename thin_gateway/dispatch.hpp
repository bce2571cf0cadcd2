// From a read request to its answer: plan it, find the token, ask PostgreSQL, translate.
//
// What can be done without waiting is done in plain functions, so that the most frequent request, an append
// with a known token, costs one wait and no coroutine of its own.
#pragma once

#include "thin_gateway/append_join.hpp"
#include "thin_gateway/plan.hpp"
#include "thin_gateway/response.hpp"

#include <optional>

namespace soup::gateway {

class Worker;
class HttpConnection;

/// One request and what became of it.
struct Exchange {
    Exchange(Worker& worker_, HttpConnection& connection_, const Request& request_, bool is_internal_,
             std::string_view source_);

    Worker& worker;
    HttpConnection& connection;
    const Request& request;
    bool is_internal;        ///< came by the internal listener
    std::string_view source; ///< the network (source.hpp)
    std::array<char, 28> request_id_text;

    CataloguePtr catalogue; ///< this request's, whatever is published meanwhile
    Plan plan;
    std::string token;                   ///< of HTTP Basic, from the cache
    std::optional<PendingAppend> append; ///< an append that has all it needs: to be joined
    std::optional<Response> response;    ///< empty after perform(): it was streamed

    bool has_known_caller = false; ///< by the server's word (caller.hpp)
    bool keep_alive = true;
    bool must_close = false; ///< a stream was cut: the client must not take it for whole
    std::string route = "none";
    unsigned status = 0;
    std::string_view code;
    std::size_t bytes_out = 0;

    std::string_view request_id() const { return {request_id_text.data(), request_id_text.size()}; }
    ResponseFrame frame() const;
    void refuse(const Problem& problem) { response = problem_response(problem, request_id()); }
};

/// Throws Problem when a request can be refused before its body has come.
void check_head(Worker& worker, const Request& request, bool is_internal);

/// Whose a body is that is coming in.
Caller sender_of(Worker& worker, const Request& request, std::string_view source);

/// Plans the request. Afterwards there is a response, or `append` waits to be joined, or perform() is needed.
void prepare(Exchange& exchange);

/// After `append` has finished: makes the response, or asks for perform() when the cached token was stale.
void finish_append(Exchange& exchange);

/// Does what has to wait.
Awaitable<> perform(Exchange& exchange);

} // namespace soup::gateway
