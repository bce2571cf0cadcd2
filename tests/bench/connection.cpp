// libpq with binary arrays and COPY, errors are fatal.
#include "tests/bench/connection.hpp"

#include <cstdio>
#include <cstdlib>
#include <fstream>

namespace bench {

namespace {

[[noreturn]] void die(const char* message) {
    std::fprintf(stderr, "%s\n", message);
    std::exit(1);
}

void put_int32(std::string& out, std::uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8)
        out.push_back(static_cast<char>(value >> shift));
}

constexpr std::uint32_t bytea_oid = 17, int4_oid = 23, text_oid = 25;

std::string array_head(std::size_t count, std::uint32_t element_oid, bool has_nulls) {
    std::string out;
    put_int32(out, count == 0 ? 0 : 1);
    put_int32(out, has_nulls ? 1 : 0);
    put_int32(out, element_oid);
    if (count == 0) return out;
    put_int32(out, static_cast<std::uint32_t>(count));
    put_int32(out, 1);
    return out;
}

void put_element(std::string& out, std::string_view bytes) {
    put_int32(out, static_cast<std::uint32_t>(bytes.size()));
    out.append(bytes);
}

} // namespace

Parameter text_array(std::span<const std::optional<std::string>> elements) {
    std::string out = array_head(elements.size(), text_oid, true);
    for (const auto& element : elements) {
        if (element)
            put_element(out, *element);
        else
            put_int32(out, 0xffffffff);
    }
    return out;
}

Parameter bytea_array(std::span<const std::string> elements) {
    std::string out = array_head(elements.size(), bytea_oid, false);
    for (const std::string& element : elements)
        put_element(out, element);
    return out;
}

Parameter int4_array(std::span<const std::int32_t> elements) {
    std::string out = array_head(elements.size(), int4_oid, false);
    for (std::int32_t element : elements) {
        put_int32(out, 4);
        put_int32(out, static_cast<std::uint32_t>(element));
    }
    return out;
}

std::string copy_rows(std::span<const std::string> rows) {
    std::string out;
    for (const std::string& row : rows) {
        out.append("\0\1", 2);
        put_element(out, row);
    }
    return out;
}

Connection::Connection() : connection_(PQconnectdb(""), &PQfinish), backend_pid_(0) {
    if (PQstatus(connection_.get()) != CONNECTION_OK) die(PQerrorMessage(connection_.get()));
    backend_pid_ = PQbackendPID(connection_.get());
}

std::shared_ptr<PGresult> Connection::check(PGresult* result) {
    std::shared_ptr<PGresult> owned(result, PQclear);
    const ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_COPY_IN)
        die(PQerrorMessage(connection_.get()));
    return owned;
}

void Connection::run(const std::string& sql) {
    check(PQexec(connection_.get(), sql.c_str()));
}

std::string Connection::value(const std::string& sql) {
    return PQgetvalue(check(PQexec(connection_.get(), sql.c_str())).get(), 0, 0);
}

void Connection::prepare(const char* name, const std::string& sql) {
    check(PQprepare(connection_.get(), name, sql.c_str(), 0, nullptr));
}

std::shared_ptr<PGresult> Connection::execute(const char* name, std::span<const Parameter> parameters) {
    std::vector<const char*> values;
    std::vector<int> lengths;
    for (const Parameter& parameter : parameters) {
        values.push_back(parameter ? parameter->data() : nullptr);
        lengths.push_back(parameter ? static_cast<int>(parameter->size()) : 0);
    }
    const std::vector<int> formats(parameters.size(), 1);
    return check(PQexecPrepared(connection_.get(), name, static_cast<int>(parameters.size()), values.data(),
                                lengths.data(), formats.data(), 0));
}

void Connection::copy(const std::string& sql, std::span<const std::string_view> pieces) {
    check(PQexec(connection_.get(), sql.c_str()));
    const auto put = [&](std::string_view bytes) {
        if (PQputCopyData(connection_.get(), bytes.data(), static_cast<int>(bytes.size())) != 1)
            die(PQerrorMessage(connection_.get()));
    };
    put(std::string_view("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19));
    for (const std::string_view piece : pieces)
        put(piece);
    put("\377\377");
    if (PQputCopyEnd(connection_.get(), nullptr) != 1) die(PQerrorMessage(connection_.get()));
    while (PGresult* result = PQgetResult(connection_.get()))
        check(result);
}

double Connection::backend_cpu_us() {
    // schedstat's first field is the time on the CPU in ns; stat counts in ticks of 10 ms.
    std::ifstream stat("/proc/" + std::to_string(backend_pid_) + "/schedstat");
    double ns = 0;
    stat >> ns;
    return ns / 1000;
}

} // namespace bench
