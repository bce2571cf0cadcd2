// See pg_call.hpp.
#include "thin_gateway/pg_call.hpp"

#include <atomic>

namespace soup::gateway {
namespace {

std::uint64_t next_statement_id() {
    static std::atomic<std::uint64_t> last{0};
    return ++last;
}

std::string field(const PGresult* result, int code) {
    const char* text = PQresultErrorField(result, code);
    return text ? text : "";
}

} // namespace

Statement::Statement(std::string sql_text, std::vector<Oid> parameter_types)
    : id(next_statement_id()), name("s" + std::to_string(id)), sql(std::move(sql_text)),
      types(std::move(parameter_types)) {}

ServerError server_error(const PGresult* result) {
    ServerError error;
    error.sqlstate = field(result, PG_DIAG_SQLSTATE);
    error.message = field(result, PG_DIAG_MESSAGE_PRIMARY);
    error.detail = field(result, PG_DIAG_MESSAGE_DETAIL);
    if (field(result, PG_DIAG_SCHEMA_NAME) == "soup") error.reason = field(result, PG_DIAG_CONSTRAINT_NAME);
    return error;
}

} // namespace soup::gateway
