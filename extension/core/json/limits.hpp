// What JSON may cost at the door. Beyond them: BAD_INPUT for shape, TOO_BIG for size.
#pragma once

#include <cstddef>

namespace soup::json {

struct Limits {
    std::size_t depth_max = 32;    ///< nested arrays and objects
    std::size_t keys_max = 10'000; ///< in one object
    std::size_t bytes_max = std::size_t{64} << 20;
    std::size_t records_max = 1'000'000;
};

} // namespace soup::json
