// What a page said while it was share-locked, for whoever looks at it for longer or at others meanwhile.
//
// Nothing may be locked then. A backend that holds a page's lock cannot be cancelled; and on a standby redo
// locks all pages of a change in an order of its own, so that whoever holds one and waits for another may
// wait for ever.
#pragma once

#include "core/tree/store.hpp"

#include <memory>

namespace soup::tree {

class PageCopy {
public:
    PageCopy(PageStore& store, Block block) : bytes_(std::make_unique<Bytes>()) {
        {
            const Page page = store.lock(block, Lock::shared);
            std::memcpy(bytes_->all, page.bytes(), page_bytes);
        }
        page_ = Page::of_copy(block, bytes_->all);
    }
    const Page& page() const noexcept { return page_; }

private:
    struct Bytes {
        alignas(64) std::byte all[page_bytes];
    };
    std::unique_ptr<Bytes> bytes_;
    Page page_;
};

} // namespace soup::tree
