// What turns a page into another, in the form that the server's generic WAL records have had since 9.6: for
// each stretch that differs its offset and its length (2 bytes each, the machine's byte order), then the new
// bytes. Redo copies them to their places.
#pragma once

#include "core/tree/page.hpp"

#include <span>

namespace soup::tree {

inline constexpr std::size_t stretch_head_bytes = 4;
/// The worst case: two stretches lie farther apart than a head takes, so only the first one's head adds
/// bytes.
inline constexpr std::size_t delta_bytes_max = page_bytes + stretch_head_bytes;

/// Writes to `into`, which has delta_bytes_max bytes, and gives the part that was written: nothing if the
/// pages are equal.
std::span<const std::byte> write_delta(const std::byte* before, const std::byte* after,
                                       std::byte* into) noexcept;
/// Appends one stretch to a delta, at its end; gives the bytes that this takes. Stretches may overlap: the
/// last one counts.
std::size_t write_stretch(std::byte* end, std::size_t offset, std::span<const std::byte> bytes) noexcept;
/// What redo does.
void apply_delta(std::byte* page, std::span<const std::byte> delta) noexcept;

} // namespace soup::tree
