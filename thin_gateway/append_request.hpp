// The four bodies of POST /v1/append, as one element of a joined soup.append_many call.
//
// Records and times are encoded here, once, in the form that PostgreSQL's binary arrays have, so that
// joining appends is copying bytes.
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
    std::string records; ///< array elements: length and bytes of each record
    std::string times;   ///< array elements of timestamptz, null where the record has none; empty: none has

    std::size_t bytes() const { return records.size() + times.size() + model.size() + 256; }
};

/// Throws soup::Error (BAD_INPUT, TOO_BIG) or Problem (content type).
AppendElement append_element(const Request& request, const RequestLimits& limits);

} // namespace soup::gateway
