// A byte order mark is not JSON (RFC 8259, 8.1). Newer releases of simdjson (3.12, not 3.0) skip it, so each
// parser here asks first: what is refused must not depend on the library's release.
#pragma once

#include <string_view>

namespace soup::json {

constexpr bool has_byte_order_mark(std::string_view text) noexcept {
    return text.starts_with("\xEF\xBB\xBF");
}

} // namespace soup::json
