// Which reader a record's content type asks for.
#pragma once

#include "core/frame/media_type.hpp"
#include "core/frame/row.hpp"

#include <string_view>

namespace soup::processors {

enum class RecordForm { json, packed_row, opaque, unknown };

inline RecordForm record_form(std::string_view content_type) {
    if (frame::is_row_content_type(content_type)) return RecordForm::packed_row;
    if (frame::is_media_type(content_type, "application/json") ||
        frame::is_media_type(content_type, "application/x-ndjson"))
        return RecordForm::json;
    if (frame::is_media_type(content_type, "application/octet-stream")) return RecordForm::opaque;
    return RecordForm::unknown;
}

} // namespace soup::processors
