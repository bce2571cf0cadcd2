// The four bodies of POST /v1/append, as one element of a joined soup.append_many call.
//
// Records and times are encoded here, once, in the form that PostgreSQL's binary arrays have, so that
// joining appends is copying bytes. A body that is one record to append_many (octets, columns: the server
// unpacks these) is not even copied.
#pragma once

#include "thin_gateway/config.hpp"
#include "thin_gateway/request.hpp"

#include <optional>
#include <string>

namespace soup::gateway {

struct AppendElement {
    std::string model;
    std::optional<std::string> label, stream, content_type, idempotency_key;
    std::int32_t record_count = 0;
    std::string records;          ///< array elements: length and bytes of each record; or, with
    std::string_view only_record; ///< nothing in `records`: the one record, in the request's body
    std::string times; ///< array elements of timestamptz, null where the record has none; empty: none has

    std::size_t bytes() const {
        return records.size() + only_record.size() + times.size() + model.size() + 256;
    }
};

/// Throws soup::Error (BAD_INPUT, TOO_BIG) or Problem (content type). The request outlives the element.
AppendElement append_element(const Request& request, const RequestLimits& limits);

} // namespace soup::gateway
