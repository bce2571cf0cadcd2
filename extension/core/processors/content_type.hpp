// Which reader a record's content type asks for.
#pragma once

#include "core/frame/row.hpp"

#include <string_view>

namespace soup::processors {

enum class RecordForm { json, packed_row, opaque, unknown };

inline RecordForm record_form(std::string_view content_type) {
    if (frame::is_row_content_type(content_type)) return RecordForm::packed_row;
    const std::string_view name = content_type.substr(0, content_type.find_first_of("; "));
    if (name == "application/json" || name == "application/x-ndjson") return RecordForm::json;
    if (name == "application/octet-stream") return RecordForm::opaque;
    return RecordForm::unknown;
}

} // namespace soup::processors
