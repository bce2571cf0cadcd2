// FORMAT.md's worked examples are what the code writes and reads: the hex blocks are taken from the page
// itself.
#include "core/frame/columns.hpp"
#include "core/frame/frame.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

namespace soup::frame {
namespace {

/// The hex blocks of the page, in order: indented lines that hold nothing but pairs of hexadecimal digits.
std::vector<std::vector<std::byte>> hex_blocks() {
    std::ifstream page("extension/rawlog/FORMAT.md");
    EXPECT_TRUE(page) << "run from the repository's root";
    std::vector<std::vector<std::byte>> blocks;
    bool is_inside = false;
    for (std::string line; std::getline(page, line);) {
        const bool is_hex =
            line.starts_with("    ") && line.find_first_not_of(" 0123456789abcdef") == std::string::npos;
        if (is_hex && !is_inside) blocks.emplace_back();
        is_inside = is_hex;
        if (!is_hex) continue;
        for (std::size_t at = line.find_first_not_of(' '); at < line.size();
             at = line.find_first_not_of(' ', at + 2))
            blocks.back().push_back(static_cast<std::byte>(std::stoul(line.substr(at, 2), nullptr, 16)));
    }
    return blocks;
}

std::span<const std::byte> example_bytes(std::string_view text) {
    return std::as_bytes(std::span(text));
}

TEST(FrameFormat, WorkedExampleOfTheFrame) {
    const auto blocks = hex_blocks();
    ASSERT_EQ(blocks.size(), 3U);
    const std::vector<Record> records = {{example_bytes("[20.5]"), 1700000000000000},
                                         {example_bytes("[21]"), 1700000000250000}};
    EXPECT_EQ(encode(records), blocks[0]);
    EXPECT_EQ(decode(blocks[0])[1].time_us, 1700000000250000);
}

TEST(FrameFormat, WorkedExampleOfColumnsAndRows) {
    const auto blocks = hex_blocks();
    ASSERT_EQ(blocks.size(), 3U);
    ColumnsWriter writer;
    const std::int64_t times[] = {1700000000000000, 1700000000250000};
    const float temperatures[] = {20.5F, 21.0F};
    const std::string_view states[] = {"ok", ""};
    writer.add_time("at", times);
    writer.add_f4("temp", temperatures);
    writer.add_text("state", states);
    EXPECT_EQ(writer.finish(), blocks[1]);

    const auto made = to_records(blocks[1]);
    EXPECT_EQ(made.content_type, "application/vnd.soup.row;fields=temp:f4,state:text");
    std::vector<std::byte> joined;
    for (const Record& record : made.records)
        joined.insert(joined.end(), record.bytes.begin(), record.bytes.end());
    EXPECT_EQ(joined, blocks[2]);
}

} // namespace
} // namespace soup::frame
