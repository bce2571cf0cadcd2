// Rolls back first, asks questions afterwards: the error's kind decides only whether it goes on.
#include "boundary/subtransaction.hpp"

extern "C" {
#include "utils/resowner.h"
}

namespace soup::pg {

namespace {

/// A cancel or a shutdown is meant for the whole statement or session, never for one element of it. What
/// carries a reason code is a refusal of ours, whatever its class (BUSY and QUOTA are class 53 too).
bool is_for_everyone(int sqlstate) noexcept {
    const int category = ERRCODE_TO_CATEGORY(sqlstate);
    return category == ERRCODE_OPERATOR_INTERVENTION || category == ERRCODE_INSUFFICIENT_RESOURCES ||
           category == ERRCODE_SYSTEM_ERROR || category == ERRCODE_INTERNAL_ERROR;
}

class Subtransaction {
public:
    Subtransaction() : context_(CurrentMemoryContext), owner_(CurrentResourceOwner) {
        call([&] {
            BeginInternalSubTransaction(nullptr);
            MemoryContextSwitchTo(context_);
        });
    }
    void commit() {
        call([&] { ReleaseCurrentSubTransaction(); });
        restore();
    }
    /// An ERROR in here would be an error in an abort, which the server makes a PANIC of if it repeats.
    void roll_back() {
        call([&] { RollbackAndReleaseCurrentSubTransaction(); });
        restore();
        detail::server_error_settled();
    }

private:
    void restore() noexcept {
        MemoryContextSwitchTo(context_);
        CurrentResourceOwner = owner_;
    }
    MemoryContext context_;
    ResourceOwner owner_;
};

} // namespace

std::optional<Refusal> try_in_subtransaction(const std::function<void()>& body) {
    Subtransaction subtransaction;
    try {
        body();
        subtransaction.commit();
        return std::nullopt;
    } catch (const PgError& error) {
        subtransaction.roll_back();
        const bool has_reason = error.schema_name() != nullptr &&
                                std::string_view("soup") == error.schema_name() &&
                                error.constraint_name() != nullptr;
        if (!has_reason && is_for_everyone(error.sqlstate())) throw;
        return Refusal{error.sqlstate(), error.message(), has_reason ? error.constraint_name() : ""};
    } catch (const Error& error) {
        subtransaction.roll_back();
        const char* code = error.sqlstate();
        return Refusal{MAKE_SQLSTATE(code[0], code[1], code[2], code[3], code[4]), error.message(),
                       error.reason()};
    } catch (...) {
        subtransaction.roll_back();
        throw;
    }
}

} // namespace soup::pg
