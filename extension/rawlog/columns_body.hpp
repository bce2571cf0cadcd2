// A columns body (FORMAT.md) as the one record of an append: whoever receives one passes it on as it came,
// and its rows become the records here. To a joined call it is one element instead of a thousand.
//
// The append's content type says so: application/vnd.soup.columns, and, if the rows are of a type that the
// columns do not tell, that type behind `;records=`.
#pragma once

#include "core/frame/columns.hpp"
#include "rawlog/request.hpp"

namespace soup::rawlog {

/// The rows as records, and their content type. The records point into the request's, as ColumnRecords does.
/// Throws BAD_INPUT, TOO_BIG.
frame::ColumnRecords unpack_columns(const Request& request);

} // namespace soup::rawlog
