// A result row of PostgreSQL, in binary, as a JSON object.
//
// The functions are called in the select list (there a value-per-call function streams), so a row is one
// composite value: int32 column count, then for each column its type's OID, int32 length (-1 for null) and
// bytes. A function with a single result column returns that value itself. Types are the catalogue's; a row
// that does not have its form throws wire::Malformed.
#pragma once

#include "thin_gateway/catalogue.hpp"

#include <optional>

namespace soup::gateway {

class RowWriter {
public:
    explicit RowWriter(const Function& function) : function_(function) {}

    /// Appends the row as an object, without its next_page column, which is kept instead.
    /// `type_oid` is the result column's type as the server announced it.
    void write(std::string& out, std::string_view value, std::uint32_t type_oid);

    /// The last next_page seen that was not null.
    const std::optional<std::string>& next_page() const { return next_page_; }

private:
    void write_columns(std::string& out, std::string_view composite);

    const Function& function_;
    std::optional<std::string> next_page_;
};

/// One value that is not null, as JSON.
void write_value(std::string& out, Type type, std::string_view bytes);

} // namespace soup::gateway
