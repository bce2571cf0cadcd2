// One call of a prepared statement, from the coroutine that waits for it to the connection that runs it.
#pragma once

#include "thin_gateway/async.hpp"
#include "thin_gateway/errors.hpp"
#include "thin_gateway/fair_line.hpp"

#include <cstdint>
#include <libpq-fe.h>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace soup::gateway {

struct PgResultDeleter {
    void operator()(PGresult* result) const { PQclear(result); }
};
using PgResult = std::unique_ptr<PGresult, PgResultDeleter>;

/// Prepared on a connection when it is first used there; the name is unique in this process.
struct Statement {
    Statement(std::string sql_text, std::vector<Oid> parameter_types);

    std::uint64_t id;
    std::string name;
    std::string sql;
    std::vector<Oid> types;
};
using StatementPtr = std::shared_ptr<const Statement>;

/// Lives in the waiting coroutine's frame; the parameters' bytes must outlive the call.
struct PgCall : InLine<PgCall> {
    enum class Outcome : unsigned char {
        waiting,
        done,    ///< result holds rows
        refused, ///< error holds what the server said; nothing was done
        lost,    ///< the connection broke after sending: unknown whether it was done
        unsent   ///< no connection took it in time: not done
    };

    explicit PgCall(StatementPtr prepared) : statement(std::move(prepared)) {}

    void add(std::string_view bytes, bool is_binary) {
        // libpq reads text parameters as C strings: those come from std::string and end with a NUL.
        values.push_back(bytes.data());
        lengths.push_back(static_cast<int>(bytes.size()));
        formats.push_back(is_binary ? 1 : 0);
    }
    void add_null() {
        values.push_back(nullptr);
        lengths.push_back(0);
        formats.push_back(1);
    }
    void finish(Outcome how) {
        outcome = how;
        finished.notify();
    }

    StatementPtr statement;
    std::vector<const char*> values;
    std::vector<int> lengths, formats;

    Outcome outcome = Outcome::waiting;
    PgResult result;
    std::optional<ServerError> error;
    Signal finished;
};

/// The fields of an error that the gateway may use; never the whole message with its context.
ServerError server_error(const PGresult* result);

} // namespace soup::gateway
