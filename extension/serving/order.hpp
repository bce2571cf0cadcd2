// Rows by (distance, key): the order that an index gives, made strict; and where a page goes on in it.
#pragma once

#include "serving/page.hpp"
#include "serving/statement.hpp"

namespace soup::serving {

/// The condition that a row comes after the last one of the page before; `distance` is the row's.
std::string after_last(Statement& statement, const Page& page, const std::string& distance);

/// `found` selects rows with a column `distance`, ordered by that alone, as an index does it. Of the nearest
/// `near` of these and all that tie with the last of them: those that satisfy `condition`, the first `rows`
/// by (distance, key).
std::string nearest_by_index(const std::string& found, const std::string& near, const std::string& condition,
                             const std::string& rows);

} // namespace soup::serving
