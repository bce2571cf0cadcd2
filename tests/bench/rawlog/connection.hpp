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

class Connection {
public:
    Connection();

    void run(const std::string& sql);
    std::string value(const std::string& sql);
    void prepare(const char* name, const std::string& sql);
    /// Runs a prepared statement; returns the result in text form.
    std::shared_ptr<PGresult> execute(const char* name, std::span<const Parameter> parameters);
    /// COPY … FROM STDIN (FORMAT binary) with these single-column rows.
    void copy(const std::string& sql, std::span<const std::string> rows);
    /// Microseconds of CPU that this connection's backend has used so far.
    double backend_cpu_us();

private:
    std::shared_ptr<PGresult> check(PGresult* result);
    std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
    int backend_pid_;
};

} // namespace bench
