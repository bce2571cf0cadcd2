// The part of SPI that calls the server. SPI tells errors by ereport and, for misuse, by negative codes.
#include "boundary/spi.hpp"

namespace soup::pg {

namespace {

[[noreturn]] void fail(const char* step, int code) {
    throw std::runtime_error(std::string("SPI could not ") + step + ": " + SPI_result_code_string(code));
}

} // namespace

Spi::Spi() {
    int code = call([] { return SPI_connect(); });
    if (code != SPI_OK_CONNECT) fail("connect", code);
}

// After an ERROR of the server the abort closes the connection; closing it here as well would free it twice.
Spi::~Spi() {
    if (!server_error_unwinding()) SPI_finish();
}

Rows Spi::run(Plan& plan, std::initializer_list<Parameter> parameters, Access access, long row_limit) {
    if (static_cast<int>(parameters.size()) != plan.type_count_)
        throw std::logic_error("a plan was given another number of parameters than it has");
    std::array<Datum, Plan::parameter_limit> values;
    std::array<char, Plan::parameter_limit> nulls;
    std::size_t i = 0;
    for (const Parameter& parameter : parameters) {
        values[i] = parameter.datum;
        nulls[i] = parameter.is_null ? 'n' : ' ';
        ++i;
    }
    int code = call([&] {
        if (plan.kept_ == nullptr) {
            SPIPlanPtr prepared = SPI_prepare(plan.sql_, plan.type_count_, plan.types_.data());
            if (prepared == nullptr) return SPI_result;
            if (int kept = SPI_keepplan(prepared); kept != 0) return kept;
            plan.kept_ = prepared;
        }
        return SPI_execute_plan(plan.kept_, values.data(), nulls.data(), access == Access::read_only,
                                row_limit);
    });
    if (code < 0) fail("run a plan", code);
    return {SPI_tuptable, SPI_processed};
}

Rows Spi::run(const char* sql, Access access) {
    int code = call([&] { return SPI_execute(sql, access == Access::read_only, 0); });
    if (code < 0) fail("run a statement", code);
    return {SPI_tuptable, SPI_processed};
}

} // namespace soup::pg
