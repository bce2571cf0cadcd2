// What a content type names: type/subtype without its parameters. Letters' case says nothing (RFC
// 9110, 8.3.1).
#pragma once

#include <algorithm>
#include <string_view>

namespace soup::frame {

inline std::string_view base_type(std::string_view content_type) noexcept {
    content_type = content_type.substr(0, content_type.find(';'));
    while (content_type.ends_with(' '))
        content_type.remove_suffix(1);
    return content_type;
}

/// `type` in lower case, without parameters.
inline bool is_media_type(std::string_view content_type, std::string_view type) noexcept {
    return std::ranges::equal(base_type(content_type), type, [](char given, char wanted) {
        return (given >= 'A' && given <= 'Z' ? given | 0x20 : given) == wanted;
    });
}

} // namespace soup::frame
