// How an error changes sides. Both directions meet in ErrorRecord: the server's own ErrorData with its
// strings in the same malloc-ed piece. A server error keeps all of it and goes on by ReThrowError (its
// context was collected where it arose); a C++ error is raised afresh by ThrowErrorData, so that the server
// adds the context.
#include "boundary/boundary.hpp"

namespace soup::pg {

struct ErrorRecord {
    ErrorData data;
    bool from_server;
    bool is_static; ///< A spare record: never freed.
    int references;

    static ErrorRecord* of(const PgError& error) noexcept { return error.record_; }
};

namespace {

/// The strings of an ErrorData that a record keeps.
constexpr char* ErrorData::*owned_strings[] = {
    &ErrorData::message,       &ErrorData::detail,          &ErrorData::detail_log,
    &ErrorData::hint,          &ErrorData::context,         &ErrorData::backtrace,
    &ErrorData::schema_name,   &ErrorData::table_name,      &ErrorData::column_name,
    &ErrorData::datatype_name, &ErrorData::constraint_name, &ErrorData::internalquery};
/// Mostly literals, but not those of an error that came from a parallel worker.
constexpr const char* ErrorData::*borrowed_strings[] = {&ErrorData::filename, &ErrorData::funcname};

struct State {
    bool is_unwinding = false;
    MemoryContext copies =
        nullptr; ///< Where CopyErrorData puts its copy; its first block is there in advance.
    ErrorRecord* raised = nullptr; ///< The last one raised; nobody reads it any more, the next one frees it.
    ErrorRecord spare{};           ///< For the moment when malloc fails.
    char spare_message[256] = {};
};
State state;

std::size_t length_with_end(const char* text) noexcept {
    return text != nullptr ? std::strlen(text) + 1 : 0;
}

/// The record that needs no memory. There is one, so a second error at such a moment takes the first one's
/// place.
ErrorRecord* spare_record(int sqlstate, const char* message, bool from_server) noexcept {
    std::snprintf(state.spare_message, sizeof state.spare_message, "%s", message);
    ErrorRecord& record = state.spare;
    record = {};
    record.data.elevel = ERROR;
    record.data.output_to_client = true;
    record.data.output_to_server = true;
    record.data.sqlerrcode = sqlstate;
    record.data.message = state.spare_message;
    record.from_server = from_server;
    record.is_static = true;
    record.references = 1;
    return &record;
}

/// Copies data and its strings into one piece.
ErrorRecord* keep(const ErrorData& data, bool from_server) noexcept {
    std::size_t bytes = sizeof(ErrorRecord);
    for (auto field : owned_strings)
        bytes += length_with_end(data.*field);
    for (auto field : borrowed_strings)
        bytes += length_with_end(data.*field);
    auto* record = faults::keeping_fails() ? nullptr : static_cast<ErrorRecord*>(std::malloc(bytes));
    if (record == nullptr)
        return spare_record(data.sqlerrcode, data.message != nullptr ? data.message : "", from_server);
    record->data = data;
    record->data.assoc_context = nullptr;
    record->from_server = from_server;
    record->is_static = false;
    record->references = 1;
    char* end = reinterpret_cast<char*>(record + 1);
    auto append = [&end](const char* text) -> char* {
        if (text == nullptr) return nullptr;
        char* copy = end;
        std::size_t length = length_with_end(text);
        std::memcpy(copy, text, length);
        end += length;
        return copy;
    };
    for (auto field : owned_strings)
        record->data.*field = append(data.*field);
    for (auto field : borrowed_strings)
        record->data.*field = append(data.*field);
    return record;
}

void release(ErrorRecord* record) noexcept {
    if (record != nullptr && --record->references == 0 && !record->is_static) std::free(record);
}

/// A record of an error that arose in C++.
ErrorRecord* fresh_record(int sqlstate, const char* reason, const char* message, const char* detail,
                          const char* hint) noexcept {
    auto text = [](const char* chars) { return chars[0] != '\0' ? const_cast<char*>(chars) : nullptr; };
    ErrorData data{};
    data.elevel = ERROR;
    data.sqlerrcode = sqlstate;
    data.message = const_cast<char*>(message);
    data.detail = text(detail);
    data.hint = text(hint);
    data.constraint_name = text(reason);
    if (data.constraint_name != nullptr) data.schema_name = const_cast<char*>("soup");
    return keep(data, false);
}

int pack_sqlstate(const char* code) noexcept {
    if (std::strlen(code) != 5) return ERRCODE_INTERNAL_ERROR;
    return MAKE_SQLSTATE(code[0], code[1], code[2], code[3], code[4]);
}

/// Takes the server's current error off its stack. The copy is guarded: when even its memory is missing, the
/// SQLSTATE survives.
ErrorRecord* take_server_error() noexcept {
    const int sqlstate = geterrcode();
    ErrorData* volatile copy = nullptr;
    MemoryContext before = CurrentMemoryContext;
    PG_TRY();
    {
        MemoryContextSwitchTo(state.copies);
        copy = CopyErrorData();
    }
    PG_CATCH();
    {}
    PG_END_TRY();
    MemoryContextSwitchTo(before);
    FlushErrorState();
    ErrorRecord* record = copy != nullptr
                              ? keep(*copy, true)
                              : spare_record(sqlstate, "out of memory while keeping an error", true);
    MemoryContextReset(state.copies);
    return record;
}

} // namespace

PgError::PgError(const PgError& other) noexcept : record_(other.record_) {
    ++record_->references;
}
PgError::~PgError() {
    release(record_);
}
int PgError::sqlstate() const noexcept {
    return record_->data.sqlerrcode;
}
const char* PgError::message() const noexcept {
    return record_->data.message != nullptr ? record_->data.message : "missing error text";
}
const char* PgError::detail() const noexcept {
    return record_->data.detail;
}
const char* PgError::hint() const noexcept {
    return record_->data.hint;
}
const char* PgError::context() const noexcept {
    return record_->data.context;
}
const char* PgError::schema_name() const noexcept {
    return record_->data.schema_name;
}
const char* PgError::constraint_name() const noexcept {
    return record_->data.constraint_name;
}

bool server_error_unwinding() noexcept {
    return state.is_unwinding;
}

namespace detail {

void server_error_settled() noexcept {
    state.is_unwinding = false;
}

void run_trapped(void (*body)(void*), void* argument) {
    MemoryContext context = CurrentMemoryContext;
    ErrorRecord* volatile failed = nullptr;
    PG_TRY();
    {
        // Made before it is needed, for an error is no time to ask for memory; inside the trap, for this may
        // fail too.
        if (state.copies == nullptr) [[unlikely]]
            state.copies = AllocSetContextCreate(TopMemoryContext, "soup errors", ALLOCSET_START_SMALL_SIZES);
        if (faults::call_fails()) [[unlikely]]
            ereport(ERROR, errcode(ERRCODE_SYSTEM_ERROR), errmsg("injected fault"), errdetail("Test detail."),
                    errhint("Test hint."));
        body(argument);
    }
    PG_CATCH();
    {
        MemoryContextSwitchTo(context);
        failed = state.copies != nullptr
                     ? take_server_error()
                     : (FlushErrorState(), spare_record(ERRCODE_OUT_OF_MEMORY, "out of memory", true));
    }
    PG_END_TRY();
    if (failed != nullptr) [[unlikely]] {
        state.is_unwinding = true;
        throw PgError(failed);
    }
}

ErrorRecord* capture_exception() noexcept {
    try {
        throw;
    } catch (const PgError& error) {
        ErrorRecord* record = ErrorRecord::of(error);
        ++record->references;
        return record;
    } catch (const Error& error) {
        return fresh_record(pack_sqlstate(error.sqlstate()), error.reason(), error.message().c_str(),
                            error.detail().c_str(), error.hint().c_str());
    } catch (const std::bad_alloc&) {
        return spare_record(ERRCODE_OUT_OF_MEMORY, "out of memory", false);
    } catch (const std::exception& error) {
        return fresh_record(ERRCODE_INTERNAL_ERROR, "", error.what(), "", "");
    } catch (...) {
        return fresh_record(ERRCODE_INTERNAL_ERROR, "", "unknown C++ exception", "", "");
    }
}

void raise_captured(ErrorRecord* record) {
    release(state.raised);
    state.raised = record;
    state.is_unwinding = false;
    if (record->from_server) ReThrowError(&record->data);
    ThrowErrorData(&record->data);
    pg_unreachable();
}

} // namespace detail

void contain_error(const char* what, ErrorRecord* captured) noexcept {
    // The error ends here; whoever calls this is tidying up after everything else, so nothing is left held.
    state.is_unwinding = false;
    try {
        call([&] {
            ereport(WARNING, errcode(captured->data.sqlerrcode),
                    errmsg("%s failed: %s", what,
                           captured->data.message != nullptr ? captured->data.message : ""));
        });
    } catch (...) {
        // Not even a warning could be written; there is nobody left to tell.
        state.is_unwinding = false;
    }
    release(captured);
}

} // namespace soup::pg
