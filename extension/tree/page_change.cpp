// The copies, and the log record. A buffer gets the very delta that the log gets: what the server's redo does
// on a standby and after a crash has been done here before.
#include "tree/page_change.hpp"

#include "tree/server_page.hpp"

extern "C" {
#include "access/generic_xlog.h"
#include "access/xloginsert.h"
#include "miscadmin.h"
}

namespace soup::tree {
namespace {

static_assert(Change::pages_max == MAX_GENERIC_XLOG_PAGES && sizeof(OffsetNumber) == sizeof(std::uint16_t));

/// Body and tail are the tree's; for the server the tail is the special space, and there is no hole before it
/// that a log record could leave out.
void initialise_header(std::byte* image) {
    PageInit(reinterpret_cast<::Page>(image), page_bytes, sizeof(Tail));
    auto* header = reinterpret_cast<PageHeader>(image);
    header->pd_lower = header->pd_upper;
}

} // namespace

// --- What is to be changed
// --------------------------------------------------------------------------------------

unsigned PageChange::find(Buffer buffer) const noexcept {
    unsigned i = 0;
    while (i < count_ && edited_[i].buffer != buffer)
        ++i;
    return i;
}

unsigned PageChange::add(Buffer buffer, const Page& page, Form form) {
    if (count_ == Change::pages_max) throw Error("XX000", "", "too many pages in one change");
    if (form != Form::fresh && pg::has_hole(page.bytes())) [[unlikely]]
        refuse_page(page.block(), "its header claims that it has free space");
    edited_[count_] = {buffer, form, 0};
    return count_++;
}

/// From stretches to a copy that has them.
void PageChange::copy(unsigned i) {
    std::memcpy(images_[i], pg::bytes_of(edited_[i].buffer), page_bytes);
    apply_delta(images_[i], delta(i));
    edited_[i].form = Form::copied;
}

std::byte* PageChange::edit(Buffer buffer, const Page& page, bool is_new) {
    unsigned i = find(buffer);
    if (i == count_) {
        i = add(buffer, page, is_new ? Form::fresh : Form::stretches);
        if (is_new) initialise_header(images_[i]);
    }
    if (edited_[i].form == Form::stretches) copy(i);
    return images_[i];
}

void PageChange::write(Buffer buffer, const Page& page, std::size_t offset,
                       std::span<const std::byte> bytes) {
    unsigned i = find(buffer);
    if (i == count_) i = add(buffer, page, Form::stretches);
    Edited& edited = edited_[i];
    if (edited.form == Form::stretches &&
        edited.delta_bytes + stretch_head_bytes + bytes.size() > delta_bytes_max)
        copy(i);
    if (edited.form != Form::stretches) {
        std::memcpy(images_[i] + offset, bytes.data(), bytes.size());
        return;
    }
    edited.delta_bytes += write_stretch(deltas_[i] + edited.delta_bytes, offset, bytes);
}

// --- The change
// -------------------------------------------------------------------------------------------------

void PageChange::commit(bool is_logged) {
    for (unsigned i = 0; i < count_; ++i)
        if (edited_[i].form == Form::copied)
            edited_[i].delta_bytes =
                write_delta(pg::bytes_of(edited_[i].buffer), images_[i], deltas_[i]).size();
    pg::call([=, this] {
        if (is_logged) XLogBeginInsert();
        // What fails from here on stops the server, and recovery finds the state before the change.
        CritSectionCount = CritSectionCount + 1;
        for (unsigned i = 0; i < count_; ++i)
            change_buffer(i);
        if (is_logged) log();
        CritSectionCount = CritSectionCount - 1;
    });
    forget();
}

void PageChange::change_buffer(unsigned i) {
    std::byte* bytes = pg::bytes_of(edited_[i].buffer);
    if (edited_[i].form == Form::fresh)
        std::memcpy(bytes, images_[i], page_bytes);
    else
        apply_delta(bytes, delta(i));
    MarkBufferDirty(edited_[i].buffer);
}

void PageChange::log() {
    for (unsigned i = 0; i < count_; ++i) {
        const auto id = static_cast<uint8>(i);
        if (edited_[i].form == Form::fresh) {
            XLogRegisterBuffer(id, edited_[i].buffer, REGBUF_FORCE_IMAGE | REGBUF_STANDARD);
            continue;
        }
        XLogRegisterBuffer(id, edited_[i].buffer, REGBUF_STANDARD);
        XLogRegisterBufData(id, reinterpret_cast<char*>(deltas_[i]),
                            static_cast<uint32>(edited_[i].delta_bytes));
    }
    const XLogRecPtr end = XLogInsert(RM_GENERIC_ID, 0);
    for (unsigned i = 0; i < count_; ++i)
        PageSetLSN(reinterpret_cast<::Page>(pg::bytes_of(edited_[i].buffer)), end);
}

} // namespace soup::tree
