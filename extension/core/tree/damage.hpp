// The one error for a page that cannot be what a link says it is.
#pragma once

#include "core/error.hpp"
#include "core/tree/page.hpp"

namespace soup::tree {

/// Raises XX002. `what` is a sentence without its full stop, about the page.
[[noreturn]] inline void refuse_page(Block block, const char* what) {
    throw Error("XX002", "", "index page is damaged", "Block " + std::to_string(block) + ": " + what + ".",
                "Rebuild the index with REINDEX.");
}

} // namespace soup::tree
