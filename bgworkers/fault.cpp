// Classes of SQLSTATE decide, never the wording of a message.
#include "bgworkers/fault.hpp"

#include "boundary/boundary.hpp"

namespace soup::workers {

Fault current_fault() {
    try {
        throw;
    } catch (const pg::PgError& error) {
        return {unpack_sql_state(error.sqlstate()), error.message() != nullptr ? error.message() : ""};
    } catch (const Error& error) {
        return {error.sqlstate(), error.message()};
    } catch (const std::bad_alloc&) {
        return {"53200", "out of memory"};
    } catch (const std::exception& error) {
        return {"XX000", error.what()};
    } catch (...) {
        return {"XX000", "unknown C++ exception"};
    }
}

bool is_batch_at_fault(const Fault& fault, Phase phase) noexcept {
    const std::string_view category = std::string_view(fault.sqlstate).substr(0, 2);
    switch (phase) {
    case Phase::reading:
        return false;
    // Even the lack of memory: a processor's need follows from the batch alone.
    case Phase::processing:
        return category != "57";
    // A damaged index or table (XX001, XX002) is met by whatever batch comes by.
    case Phase::writing:
        if (fault.sqlstate == "XX001" || fault.sqlstate == "XX002") return false;
        return category == "22" || category == "23" || category == "54" || category == "XX";
    }
    return false;
}

bool is_conflict_with_others(const Fault& fault) noexcept {
    return fault.sqlstate == "55P03" || std::string_view(fault.sqlstate).substr(0, 2) == "40";
}

bool is_counted(const Fault& fault, Phase phase) noexcept {
    return is_batch_at_fault(fault, phase) || std::string_view(fault.sqlstate).substr(0, 2) == "XX";
}

} // namespace soup::workers
