// The text forms of boxes and balls: any text gives a region that keeps its rules, or is refused.
#include "core/error.hpp"
#include "core/vtree/region_text.hpp"

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>

using namespace soup::vtree;

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    try {
        const BoxText box = read_box(text.c_str());
        require(!box.lower.empty() && box.lower.size() == box.upper.size());
        for (std::size_t j = 0; j < box.lower.size(); ++j)
            require(std::isfinite(box.lower[j]) && std::isfinite(box.upper[j]) &&
                    box.lower[j] <= box.upper[j]);
    } catch (const soup::Error&) { // refused
    }
    try {
        const BallText ball = read_ball(text.c_str());
        require(!ball.centre.empty() && std::isfinite(ball.radius) && ball.radius >= 0);
        for (const float coordinate : ball.centre)
            require(std::isfinite(coordinate));
    } catch (const soup::Error&) { // refused
    }
    return 0;
}
