// A sorter that keeps everything in memory.
#pragma once

#include "core/tree/sorter.hpp"

#include <algorithm>
#include <vector>

namespace soup::test {

class MemorySorter final : public tree::Sorter {
public:
    void put(std::uint64_t key, std::span<const std::byte> row) override {
        rows_.push_back({key, bytes_.size(), row.size()});
        bytes_.insert(bytes_.end(), row.begin(), row.end());
    }
    void sort() override { std::ranges::stable_sort(rows_, {}, &Row::key); }
    bool next(std::uint64_t& key, std::span<const std::byte>& row) override {
        if (at_ == rows_.size()) return false;
        key = rows_[at_].key;
        row = std::span(bytes_).subspan(rows_[at_].first, rows_[at_].size);
        ++at_;
        return true;
    }

private:
    struct Row {
        std::uint64_t key;
        std::size_t first, size;
    };
    std::vector<Row> rows_;
    std::vector<std::byte> bytes_;
    std::size_t at_ = 0;
};

} // namespace soup::test
