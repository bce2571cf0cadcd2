// A value-per-call function over a portal: rows leave as they are found, in constant memory.
//
// The first call opens the portal; each call hands out one row, fetching a batch when the last one is used
// up. With pages, one row more than the page is asked for: if it comes, the page's last row gets the token of
// the next page. The statement's columns are those of the function's result type, next_page (null) last.
#pragma once

#include "serving/page.hpp"
#include "serving/statement.hpp"

namespace soup::serving {

/// What the first call prepares.
struct Search {
    Statement statement;
    Page page;
    access::Identity identity;
    pg::Uuid version;
    int key_column = 1;      ///< Column with the key.
    int distance_column = 0; ///< Column with the distance, 0 if there is none.
};

/// The body of a streamed function: `prepare` runs in the first call only, with SPI connected.
Datum stream_rows(FunctionCallInfo fcinfo, Search (*prepare)(FunctionCallInfo, pg::Spi&));

/// How many rows the statement should fetch at most, so that a page knows whether it has a successor.
/// `total` is the limit over all pages.
std::int64_t rows_to_fetch(const Page& page, std::int64_t total);

} // namespace soup::serving
