// Limits are those of an append that has the rows as records.
#include "rawlog/columns_body.hpp"

#include "core/error.hpp"

namespace soup::rawlog {

frame::ColumnRecords unpack_columns(const Request& request) {
    if (request.records.size() != 1)
        throw bad_input("a columns body holds all records of its append, so records must have one element");
    if (!request.records.front()) throw bad_input("records[0] must not be null");
    if (!request.times.empty() && request.times.front())
        throw bad_input("a columns body holds its times itself, so times must be null");
    frame::Limits limits;
    limits.records_max = records_max;
    frame::ColumnRecords columns = frame::to_records(*request.records.front(), limits);
    if (const auto given = read_content_type(request).of_rows) {
        if (columns.content_type != content_type_default)
            throw bad_input("the columns say what the content type is; it cannot be given");
        columns.content_type = *given;
    }
    return columns;
}

} // namespace soup::rawlog
