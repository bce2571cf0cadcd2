// Two scans of one index at a time (a cursor, a join) have a set each; one of them is kept.
#include "vann/search_tools.hpp"

namespace soup::vann {
namespace {

constexpr std::size_t kept_bytes_max = 4UL << 20;

} // namespace

OpenVann::~OpenVann() = default;

std::unique_ptr<SearchTools> take_tools(Relation index, const OpenVann& open) {
    std::unique_ptr<SearchTools> tools = std::move(open.spare_tools);
    if (!tools) return std::make_unique<SearchTools>(index, open.vann());
    tools->store.reopen(index);
    return tools;
}

void keep_tools(std::unique_ptr<SearchTools> tools, const OpenVann& open) noexcept {
    if (tools->search.bytes() <= kept_bytes_max) open.spare_tools = std::move(tools);
}

} // namespace soup::vann
