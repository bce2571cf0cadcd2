// Most of a page is equal, and is passed over in large blocks by the C library's comparison; around a
// difference words of eight bytes are looked at. An insert is a page's handful of stretches, so this is what
// it costs to let everybody edit a copy of the page without saying where.
#include "core/tree/page_delta.hpp"

#include <algorithm>
#include <bit>

namespace soup::tree {
namespace {

constexpr std::size_t block_bytes = 512, word_bytes = sizeof(std::uint64_t);
static_assert(page_bytes % block_bytes == 0 && block_bytes % word_bytes == 0);

/// The difference of some bytes at an offset; behind the page's end nothing differs.
template<std::size_t count>
std::uint64_t difference(const std::byte* before, const std::byte* after, std::size_t at) noexcept {
    std::uint64_t a = 0, b = 0;
    if (page_bytes - at >= count) [[likely]] {
        std::memcpy(&a, before + at, count);
        std::memcpy(&b, after + at, count);
    } else {
        std::memcpy(&a, before + at, page_bytes - at);
        std::memcpy(&b, after + at, page_bytes - at);
    }
    return a ^ b;
}

constexpr bool is_little = std::endian::native == std::endian::little;

/// Bytes of a difference, which is not 0, before the first one that differs, and up to the last one.
std::size_t equal_before(std::uint64_t difference) noexcept {
    return static_cast<std::size_t>(is_little ? std::countr_zero(difference) : std::countl_zero(difference)) /
           8;
}
std::size_t length_of(std::uint64_t difference) noexcept {
    return word_bytes -
           static_cast<std::size_t>(is_little ? std::countl_zero(difference) : std::countr_zero(difference)) /
               8;
}

/// The first byte from `at` on that differs, or the page's end.
std::size_t next_difference(const std::byte* before, const std::byte* after, std::size_t at) noexcept {
    while (at < page_bytes) {
        if (at % block_bytes == 0 && std::memcmp(before + at, after + at, block_bytes) == 0) {
            at += block_bytes;
            continue;
        }
        const std::size_t end = at / block_bytes * block_bytes + block_bytes;
        for (; at < end; at = at / word_bytes * word_bytes + word_bytes)
            if (const std::uint64_t found = difference<word_bytes>(before, after, at); found != 0)
                return at + equal_before(found);
    }
    return page_bytes;
}

/// The end of a stretch that begins before `at`: where more bytes are equal than a head would take.
std::size_t end_of_stretch(const std::byte* before, const std::byte* after, std::size_t at) noexcept {
    while (at < page_bytes) {
        const std::uint64_t found = difference<stretch_head_bytes + 1>(before, after, at);
        if (found == 0) break;
        at += length_of(found);
    }
    return at;
}

} // namespace

std::size_t write_stretch(std::byte* end, std::size_t offset, std::span<const std::byte> bytes) noexcept {
    const std::uint16_t head[] = {static_cast<std::uint16_t>(offset),
                                  static_cast<std::uint16_t>(bytes.size())};
    static_assert(sizeof head == stretch_head_bytes);
    std::memcpy(end, head, sizeof head);
    std::memcpy(end + sizeof head, bytes.data(), bytes.size());
    return sizeof head + bytes.size();
}

std::span<const std::byte> write_delta(const std::byte* before, const std::byte* after,
                                       std::byte* into) noexcept {
    std::byte* end = into;
    for (std::size_t at = next_difference(before, after, 0); at < page_bytes;) {
        const std::size_t stop = end_of_stretch(before, after, at + 1);
        end += write_stretch(end, at, {after + at, stop - at});
        at = next_difference(before, after, stop);
    }
    return {into, end};
}

void apply_delta(std::byte* page, std::span<const std::byte> delta) noexcept {
    while (!delta.empty()) {
        std::uint16_t head[2];
        std::memcpy(head, delta.data(), sizeof head);
        std::memcpy(page + head[0], delta.data() + sizeof head, head[1]);
        delta = delta.subspan(sizeof head + head[1]);
    }
}

} // namespace soup::tree
