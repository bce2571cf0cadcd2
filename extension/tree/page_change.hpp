// One change of up to four buffers, all or nothing: what is to become of them is written down here first, as
// copies that everybody may edit or as a few bytes and their places. commit() brings it to the buffers and to
// the log.
//
// The log record is a generic one, written here rather than by GenericXLogFinish(), which compares two pages
// byte by byte and takes 70 KB of fresh memory for every record. What is written, and in which order, is the
// same (src/backend/access/transam/generic_xlog.c, alike in 15 and 17), so the server's own redo reads it.
#pragma once

#include "boundary/boundary.hpp"
#include "core/tree/page_delta.hpp"
#include "core/tree/store.hpp"

extern "C" {
#include "storage/buf.h"
}

namespace soup::tree {

class PageChange {
public:
    // User-provided, so that nobody sets the images to zero.
    PageChange() noexcept {}

    /// The copy to edit: of what the buffer holds, or a new page with nothing but its header.
    std::byte* edit(Buffer buffer, const Page& page, bool is_new);
    /// Bytes to put into the page, without a copy of it.
    void write(Buffer buffer, const Page& page, std::size_t offset, std::span<const std::byte> bytes);
    /// Not logged: a relation that never is, or whose pages are logged at a build's end.
    void commit(bool is_logged);
    void forget() noexcept { count_ = 0; }

private:
    enum class Form : std::uint8_t {
        fresh,     ///< The image is a new page. The log gets all of it.
        copied,    ///< The image is the new content.
        stretches, ///< The delta is what has been written so far.
    };
    struct Edited {
        Buffer buffer;
        Form form;
        std::size_t delta_bytes;
    };

    unsigned find(Buffer buffer) const noexcept;
    unsigned add(Buffer buffer, const Page& page, Form form);
    std::span<const std::byte> delta(unsigned i) const noexcept {
        return {deltas_[i], edited_[i].delta_bytes};
    }
    void copy(unsigned i);
    void change_buffer(unsigned i);
    void log();

    unsigned count_ = 0;
    Edited edited_[Change::pages_max];
    alignas(64) std::byte images_[Change::pages_max][page_bytes];
    alignas(64) std::byte deltas_[Change::pages_max][delta_bytes_max];
};

} // namespace soup::tree
