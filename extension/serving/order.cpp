// See order.hpp.
#include "serving/order.hpp"

namespace soup::serving {

std::string after_last(Statement& statement, const Page& page, const std::string& distance) {
    if (!page.continued) return "true";
    return "(" + distance + ", key) > (" +
           statement.parameter(FLOAT8OID, Float8GetDatum(page.continued->last_distance)) + ", " +
           statement.parameter(TEXTOID, pg::make_text(page.continued->last_key)) + ")";
}

/// The order by two columns cannot be had from the index (PostgreSQL knows how to sort within the order of
/// one only since 17, and an approximate index is not quite in it), so the second sort is one of few rows.
std::string nearest_by_index(const std::string& found, const std::string& near, const std::string& condition,
                             const std::string& rows) {
    // The planner takes the index's order for exact and would only sort the keys within it; "+ 0" is another
    // order.
    return "SELECT * FROM (" + found + " FETCH FIRST " + near + " ROWS WITH TIES) near WHERE " + condition +
           " ORDER BY distance + 0, key LIMIT " + rows;
}

} // namespace soup::serving
