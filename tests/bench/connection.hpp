// A libpq connection for benches: statements with binary parameters, answers or death.
#pragma once

#include <libpq-fe.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

/// A parameter in PostgreSQL's binary form; none is null.
using Parameter = std::optional<std::string>;

Parameter text_array(std::span<const std::optional<std::string>> elements);
Parameter bytea_array(std::span<const std::string> elements);
Parameter int4_array(std::span<const std::int32_t> elements);

/// Single-column rows in COPY's binary form.
std::string copy_rows(std::span<const std::string> rows);

/// To the server and database that PGHOST, PGPORT, PGUSER and PGDATABASE name.
class Connection {
public:
    Connection();

    void run(const std::string& sql);
    std::string value(const std::string& sql);
    void prepare(const char* name, const std::string& sql);
    /// Runs a prepared statement; returns the result in text form.
    std::shared_ptr<PGresult> execute(const char* name, std::span<const Parameter> parameters);
    /// COPY … FROM STDIN (FORMAT binary), one transaction; each piece holds rows as copy_rows() makes them.
    void copy(const std::string& sql, std::span<const std::string_view> pieces);
    /// Microseconds of CPU that this connection's backend has used so far.
    double backend_cpu_us();

private:
    std::shared_ptr<PGresult> check(PGresult* result);
    std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
    int backend_pid_;
};

} // namespace bench
