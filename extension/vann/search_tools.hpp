// What a scan searches with. The open index keeps one set from scan to scan, because a search's lists grow to
// the same sizes each time, and memory that was given back has to be asked for and touched anew.
#pragma once

#include "core/vann/search.hpp"
#include "tree/buffer_store.hpp"
#include "vann/method.hpp"

namespace soup::vann {

struct SearchTools {
    SearchTools(Relation index, const VannGeometry& geometry)
        : store(index), query(geometry.layout()), search(store, geometry) {}

    tree::BufferStore store;
    Query query;
    Search search;
    std::vector<float> vector, point;
};

/// The open index's spare set, or a new one if it is in use.
std::unique_ptr<SearchTools> take_tools(Relation index, const OpenVann& open);
/// Keeps the set as the spare one, unless a large search has made it large.
void keep_tools(std::unique_ptr<SearchTools> tools, const OpenVann& open) noexcept;

} // namespace soup::vann
