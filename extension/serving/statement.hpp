// A statement under construction: fixed SQL text, values only as parameters.
//
// Nothing that a caller sent ever becomes text of the statement; columns and tables come from the version's
// own row.
#pragma once

#include "boundary/spi.hpp"
#include "core/manifest/filter.hpp"

namespace soup::serving {

class Statement {
public:
    std::string sql;

    /// Adds a parameter and returns its name, "$n". The datum has to live until open().
    std::string parameter(Oid type, Datum value) {
        types_.push_back(type);
        values_.push_back(value);
        return "$" + std::to_string(types_.size());
    }

    /// Plans and starts the statement; needs an open SPI connection. The portal outlives the connection and
    /// ends with the transaction, or by closing it. Its name finds it again.
    std::string open();

    /// Runs the statement for at most one row; needs an open SPI connection.
    pg::Rows run_for_one();

private:
    std::vector<Oid> types_;
    std::vector<Datum> values_;
};

/// " AND a3 >= $5 …" for every term; a<n> is the n-th declared attribute.
std::string filter_condition(Statement& statement, std::span<const manifest::Term> terms,
                             std::span<const manifest::Attribute> attributes);

} // namespace soup::serving
