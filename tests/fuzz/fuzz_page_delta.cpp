// The log's delta between two pages: whatever differs, redo of it gives the second page, it stays within its
// bound, and its stretches are in order and within the page.
#include "core/tree/page_delta.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

using namespace soup::tree;

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

} // namespace

// The input is a list of edits of a page: where (2 bytes), how many (1 byte), and the bytes to combine with.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::vector<std::byte> before(page_bytes), into(delta_bytes_max);
    for (std::size_t i = 0; i < page_bytes; ++i)
        before[i] = static_cast<std::byte>(i * 31 >> 3);
    std::vector<std::byte> after = before;
    const std::uint8_t* const end = data + size;
    while (end - data >= 3) {
        const std::size_t offset = (data[0] | data[1] << 8) % page_bytes;
        const std::size_t length = std::min(
            {std::size_t{data[2]} + 1, page_bytes - offset, static_cast<std::size_t>(end - data - 3)});
        data += 3;
        for (std::size_t i = 0; i < length; ++i)
            after[offset + i] ^= static_cast<std::byte>(data[i]);
        data += length;
    }

    const auto delta = write_delta(before.data(), after.data(), into.data());
    require(delta.size() <= delta_bytes_max);
    std::size_t reached = 0;
    for (std::size_t at = 0; at < delta.size();) {
        std::uint16_t head[2];
        require(delta.size() - at > sizeof head);
        std::memcpy(head, delta.data() + at, sizeof head);
        at += sizeof head + head[1];
        require(head[1] > 0 && at <= delta.size());
        require(reached == 0 || head[0] > reached + stretch_head_bytes);
        reached = std::size_t{head[0]} + head[1];
        require(reached <= page_bytes);
    }
    apply_delta(before.data(), delta);
    require(before == after);
    return 0;
}
