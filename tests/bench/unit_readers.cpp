// The readers of the benches' files, which others have written: every format that is promised, and for each
// way to be wrong a message that names the file and says it.
#include "tests/bench/points/questions.hpp"
#include "tests/bench/vectors/truth.hpp"

#include <zlib.h>

#include <bit>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace soup::bench {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

template<class T>
std::string bytes_of(std::initializer_list<T> values) {
    std::string bytes;
    for (const T value : values)
        bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
    return bytes;
}
template<class T>
std::string vecs_row(std::initializer_list<T> values) {
    return bytes_of({static_cast<std::int32_t>(values.size())}) + bytes_of(values);
}
std::string npy(const std::string& header, const std::string& data) {
    std::string text = header;
    text.resize((text.size() + 10 + 63) / 64 * 64 - 11, ' ');
    text += '\n';
    return std::string("\x93NUMPY\1\0", 8) + bytes_of({static_cast<std::uint16_t>(text.size())}) + text +
           data;
}
std::string npy(const std::string& type, const std::string& shape, const std::string& data) {
    return npy("{'descr': '" + type + "', 'fortran_order': False, 'shape': (" + shape + "), }", data);
}
std::string big_endian(std::initializer_list<std::uint32_t> values) {
    std::string bytes;
    for (const std::uint32_t value : values)
        bytes += bytes_of({__builtin_bswap32(value)});
    return bytes;
}

class Readers : public ::testing::Test {
protected:
    Readers() {
        std::string pattern = ::testing::TempDir() + "readers.XXXXXX";
        folder_ = mkdtemp(pattern.data());
    }
    ~Readers() override { std::filesystem::remove_all(folder_); }

    /// As a plain file, or gzipped if its name ends so.
    std::string file(const std::string& name, const std::string& content) const {
        const std::string path = folder_ + "/" + name;
        if (!name.ends_with(".gz")) {
            std::ofstream(path, std::ios::binary) << content;
            return path;
        }
        const gzFile out = gzopen(path.c_str(), "wb");
        EXPECT_EQ(gzwrite(out, content.data(), static_cast<unsigned>(content.size())),
                  static_cast<int>(content.size()));
        gzclose(out);
        return path;
    }
    void expect_refused(const std::string& name, const std::string& content, const std::string& what) const {
        const std::string path = file(name, content);
        EXPECT_THAT([&] { read_vectors(path); },
                    ThrowsMessage<std::runtime_error>(::testing::AllOf(HasSubstr(path), HasSubstr(what))));
    }
    void expect_points_refused(const std::string& name, const std::string& content,
                               const std::string& what) const {
        const std::string path = file(name, content);
        EXPECT_THAT([&] { read_points(path, SIZE_MAX); },
                    ThrowsMessage<std::runtime_error>(::testing::AllOf(HasSubstr(path), HasSubstr(what))));
    }

    std::string folder_;
};

const std::string two_rows = vecs_row<float>({1, 2, 3}) + vecs_row<float>({-4, 0.5, 6});

TEST_F(Readers, EveryFormatAndItsGzippedTwin) {
    const std::pair<std::string, std::string> files[] = {
        {"a.fvecs", vecs_row<float>({1, 2}) + vecs_row<float>({3, 4})},
        {"a.bvecs", vecs_row<std::uint8_t>({1, 2}) + vecs_row<std::uint8_t>({3, 4})},
        {"a.ivecs", vecs_row<std::int32_t>({1, 2}) + vecs_row<std::int32_t>({3, 4})},
        {"f4.npy", npy("<f4", "2, 2", bytes_of<float>({1, 2, 3, 4}))},
        {"f8.npy", npy("<f8", "2, 2", bytes_of<double>({1, 2, 3, 4}))},
        {"f2.npy", npy("<f2", "2, 2", bytes_of<std::uint16_t>({0x3c00, 0x4000, 0x4200, 0x4400}))},
        {"u1.npy", npy("|u1", "2, 2", bytes_of<std::uint8_t>({1, 2, 3, 4}))},
        {"i4.npy", npy("<i4", "2, 2", bytes_of<std::int32_t>({1, 2, 3, 4}))},
        {"i8.npy", npy("<i8", "2, 2", bytes_of<std::int64_t>({1, 2, 3, 4}))},
        {"cube.npy", npy("|u1", "2, 1, 2", bytes_of<std::uint8_t>({1, 2, 3, 4}))},
        {"a-ubyte", big_endian({0x0803, 2, 1, 2}) + bytes_of<std::uint8_t>({1, 2, 3, 4})}};
    for (const auto& [name, content] : files)
        for (const std::string& path : {file(name, content), file(name + ".gz", content)}) {
            SCOPED_TRACE(path);
            const Vectors vectors = read_vectors(path);
            EXPECT_EQ(vectors.rows, 2U);
            EXPECT_EQ(vectors.dimensions, 2U);
            EXPECT_THAT(vectors.values, ElementsAre(1, 2, 3, 4));
            EXPECT_THAT(read_numbers(path).values, ElementsAre(1, 2, 3, 4));
            EXPECT_THAT(read_vectors(path, 1).values, ElementsAre(1, 2));
        }
}

TEST_F(Readers, HalvesAreWhatTheyAre) {
    const auto halves = bytes_of<std::uint16_t>({0x0001, 0x03ff, 0x0400, 0x7bff, 0xc000, 0x8000, 0x3555});
    const Vectors vectors = read_vectors(file("h.npy", npy("<f2", "1, 7", halves)));
    EXPECT_THAT(vectors.values,
                ElementsAre(0x1p-24F, 0x3ffp-24F, 0x1p-14F, 65504.0F, -2.0F, -0.0F, 0x1.554p-2F));
    EXPECT_TRUE(std::signbit(vectors.values[5]));
}

TEST_F(Readers, OneDimensionIsAColumn) {
    const Vectors vectors = read_vectors(file("v.npy", npy("<f4", "3,", bytes_of<float>({7, 8, 9}))));
    EXPECT_EQ(vectors.rows, 3U);
    EXPECT_EQ(vectors.dimensions, 1U);
}

TEST_F(Readers, WrittenIsReadAgain) {
    const Vectors written = read_vectors(file("a.fvecs", two_rows));
    write_fvecs(folder_ + "/b.fvecs", written);
    EXPECT_EQ(read_vectors(folder_ + "/b.fvecs").values, written.values);
}

TEST_F(Readers, WhatEndsTooEarlyIsRefusedWhereverItIsCut) {
    const std::pair<std::string, std::string> files[] = {
        {"a.fvecs", two_rows},
        {"a.npy", npy("<f4", "2, 3", bytes_of<float>({1, 2, 3, 4, 5, 6}))},
        {"a-ubyte", big_endian({0x0802, 2, 3}) + "abcdef"}};
    for (const auto& [name, content] : files)
        for (std::size_t length = 1; length < content.size(); ++length) {
            // Between two rows of a .fvecs nothing is missing.
            if (name == "a.fvecs" && length == content.size() / 2) continue;
            expect_refused(name, content.substr(0, length), "ends too early");
        }
    // A compressed file that is cut where a row ends.
    std::string rows;
    for (int row = 0; row < 20'000; ++row) {
        const auto value = static_cast<float>(row);
        rows += vecs_row<float>({value * 0.7F, value * value, 1 / (value + 1)});
    }
    const std::string whole = file("long.fvecs.gz", rows);
    EXPECT_EQ(read_vectors(whole).rows, 20'000U);
    const auto size = std::filesystem::file_size(whole);
    for (const auto kept : {size - 1, size - 8, size - 9, size / 2, std::uintmax_t{30}}) {
        std::filesystem::resize_file(whole, kept);
        EXPECT_THAT([&] { read_vectors(whole); },
                    ThrowsMessage<std::runtime_error>(HasSubstr("ends too early")))
            << kept;
    }
}

TEST_F(Readers, DamageIsNoticed) {
    const std::string path = file("a.fvecs.gz", two_rows);
    std::fstream open(path, std::ios::in | std::ios::out | std::ios::binary);
    open.seekp(-8, std::ios::end); // The checksum.
    open.put('\x55');
    open.close();
    EXPECT_THAT([&] { read_vectors(path); }, ThrowsMessage<std::runtime_error>(HasSubstr("is damaged")));
}

TEST_F(Readers, WrongHeadersAreRefused) {
    const std::string four = bytes_of<float>({1, 2, 3, 4});
    expect_refused("a.npy", "PK\3\4 this is a zip file", "is no .npy file");
    expect_refused("a.npy", npy(">f4", "2, 2", four), "elements of type >f4");
    expect_refused("a.npy", npy("<c8", "2, 1", four), "elements of type <c8");
    expect_refused("a.npy", npy("", "2, 2", four), "elements of type ");
    expect_refused("a.npy", npy("f", "2, 2", four), "elements of type f");
    expect_refused("a.npy", npy("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (4,), }", four),
                   "has no 'descr': '");
    expect_refused("a.npy", npy("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2), }", four),
                   "is not in row order");
    expect_refused("a.npy", npy("{'descr': '<f4', 'shape': (2, 2), }", four), "has no 'fortran_order'");
    expect_refused("a.npy", npy("{'descr': '<f4', 'fortran_order': False, }", four), "has no 'shape'");
    expect_refused("a.npy", npy("<f4", "", four), "has a damaged shape");
    expect_refused("a.npy", npy("<f4", "two, 2", four), "has a damaged shape");
    expect_refused("a.npy", npy("<f4", "2, 4294967296, 4294967296, 2", four), "has a damaged shape");
    expect_refused("a.npy", npy("<f4", "1, 4000000000", four), "claims rows of 4000000000 elements");
    expect_refused("a.npy", npy("<f4", "9000000000000000000, 2", four), "ends too early");
    expect_refused("a.npy", npy("<f4", "-1, 2", four), "ends too early");
    expect_refused("a.npy", npy("<f4", "1, 2", four), "is longer than its header says");
    expect_refused("a.npy", npy("<f4", "0, 2", ""), "holds nothing");
    expect_refused("a.npy", npy("<f4", "2, 0", ""), "holds nothing");
    expect_refused("a.npy", std::string("\x93NUMPY\2\0\xff\xff\xff\x7f", 12), "has a damaged header");
    expect_refused("a.fvecs", bytes_of<std::int32_t>({0}), "has a row of no length");
    expect_refused("a.fvecs", bytes_of<std::int32_t>({-3}), "has a row of no length");
    expect_refused("a.fvecs", bytes_of<std::int32_t>({0x7fffffff, 1}), "claims rows of 2147483647 elements");
    expect_refused("a.fvecs", vecs_row<float>({1, 2}) + vecs_row<float>({1}), "has rows of different length");
    expect_refused("a.fvecs", "", "holds nothing");
    expect_refused("a-ubyte", big_endian({0x0d02, 1, 1}) + "a", "is no idx file");
    expect_refused("a-ubyte", big_endian({0x0801, 1}) + "a", "is no idx file");
    expect_refused("a-ubyte", big_endian({0x0804, 1, 0xffffffff, 0xffffffff, 0xffffffff}),
                   "has a damaged shape");
    expect_refused("a-ubyte", big_endian({0x0802, 1, 1}) + "ab", "is longer than its header says");
    expect_refused("a.parquet", four, "is none of");
    EXPECT_THAT([&] { read_vectors(folder_ + "/absent.npy"); },
                ThrowsMessage<std::runtime_error>(HasSubstr("absent.npy: cannot be opened")));
    std::filesystem::create_directory(folder_ + "/folder.npy");
    EXPECT_THAT([&] { read_vectors(folder_ + "/folder.npy"); },
                ThrowsMessage<std::runtime_error>(HasSubstr("cannot be opened")));
}

TEST_F(Readers, WhatIsNoFiniteNumberIsRefusedByItsRow) {
    for (const float bad :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
        expect_refused("a.fvecs", vecs_row<float>({1, 2}) + vecs_row<float>({1, bad}),
                       "row 2 holds what is no finite number");
        expect_refused("a.npy", npy("<f4", "2, 1", bytes_of<float>({bad, 1})), "row 1 holds");
    }
    expect_refused("a.npy", npy("<f8", "1, 1", bytes_of<double>({1e300})), "row 1 holds");
    expect_refused("a.npy", npy("<f2", "1, 2", bytes_of<std::uint16_t>({0x3c00, 0x7c00})), "row 1 holds");
    expect_refused("a.npy", npy("<f2", "1, 2", bytes_of<std::uint16_t>({0x3c00, 0xfe01})), "row 1 holds");
}

TEST_F(Readers, ATruthThatDoesNotFitIsRefused) {
    const Vectors base = read_vectors(file("base.fvecs", two_rows));
    const auto refused = [&](const std::string& name, const std::string& content, const std::string& what) {
        const std::string path = file(name, content);
        EXPECT_THAT([&] { given_neighbours(base, base, 10, path); },
                    ThrowsMessage<std::runtime_error>(HasSubstr(what)));
    };
    EXPECT_THAT(given_neighbours(base, base, 10,
                                 file("t.npy", npy("<i8", "2, 2", bytes_of<std::int64_t>({0, 1, 1, 0}))))
                    .rows,
                ElementsAre(0, 1, 1, 0));
    refused("t.ivecs", vecs_row<std::int32_t>({0}), "has fewer rows than there are queries");
    refused("t.ivecs", vecs_row<std::int32_t>({0}) + vecs_row<std::int32_t>({2}), "names a row");
    refused("t.ivecs", vecs_row<std::int32_t>({0}) + vecs_row<std::int32_t>({-1}), "names a row");
    refused("t.npy", npy("<i8", "2, 1", bytes_of<std::int64_t>({0, std::int64_t{1} << 32})), "names a row");
    const Vectors narrow = read_vectors(file("q.fvecs", vecs_row<float>({1})));
    EXPECT_THAT([&] { exact_neighbours(base, narrow, 1, ""); },
                ThrowsMessage<std::runtime_error>(HasSubstr("base and queries differ in dimensions")));
}

TEST_F(Readers, ABaseOfFewerThanAHundredRowsIsRefused) {
    std::string rows;
    for (int row = 0; row < 100; ++row)
        rows += vecs_row<float>({static_cast<float>(row), 1, 2});
    const std::string path = file("base.fvecs", rows);
    EXPECT_EQ(read_base(path).rows, 100U);
    EXPECT_THAT([&] { read_base(path, 99); }, ThrowsMessage<std::runtime_error>(HasSubstr(
                                                  "99 vectors are too few: at least 100 are searched")));
}

TEST_F(Readers, FewerRowsThanAreAskedForAreAllThatThereAre) {
    const Vectors base = read_vectors(file("base.fvecs", two_rows), 1'000'000);
    EXPECT_EQ(base.rows, 2U);
    EXPECT_EQ(exact_neighbours(base, base, 10, "").k, 2U);
}

std::string lines(unsigned count, const std::string& line) {
    std::string text;
    for (unsigned i = 0; i < count; ++i)
        text += line;
    return text;
}

TEST_F(Readers, PointsFromText) {
    const std::pair<std::string, std::string> files[] = {
        {"comma.csv", lines(100, "1,-2.5\n")},         {"header.csv", "x,y\n" + lines(100, "1,-2.5\n")},
        {"blanks.txt", lines(100, " 1   -2.5 \n")},    {"tabs.tsv", lines(100, "1\t-2.5\r\n")},
        {"semicolons.csv", lines(100, "1;-2.50e0\n")}, {"empty lines.csv", "\n" + lines(100, "1,-2.5\n\n")},
        {"end.csv", lines(99, "1,-2.5\n") + "1,-2.5"}, {"mark.csv", "\xef\xbb\xbf" + lines(100, "1,-2.5\n")},
        {"a.csv.gz", lines(100, "1,-2.5\n")}};
    for (const auto& [name, content] : files) {
        SCOPED_TRACE(name);
        const Vectors points = read_points(file(name, content), SIZE_MAX);
        EXPECT_EQ(points.rows, 100U);
        EXPECT_EQ(points.dimensions, 2U);
        EXPECT_EQ(points.row(0)[1], -2.5F);
        EXPECT_EQ(points.row(99)[0], 1.0F);
    }
    std::string rows;
    for (int row = 0; row < 150; ++row)
        rows += vecs_row<float>({static_cast<float>(row), 1, 2});
    for (const char* name : {"p.fvecs", "p.fvecs.gz"})
        EXPECT_EQ(read_points(file(name, rows), 120).rows, 120U);
}

TEST_F(Readers, PointsThatCannotBeMeasuredAreRefused) {
    const std::string many = lines(200, "1,2\n");
    expect_points_refused("a.csv", many + "1\n", "line 201: 1 numbers instead of 2");
    expect_points_refused("a.csv", many + "1,x\n", "line 201: \"x\" is no number");
    expect_points_refused("a.csv", "1,x\n" + many, "line 1: \"x\" is no number");
    expect_points_refused("a.csv", many + "1,nan\n", "line 201: holds what is no finite number");
    expect_points_refused("a.csv", "inf,1\n" + many, "line 1: holds what is no finite number");
    expect_points_refused("a.csv", many + "1,1e999\n", "line 201: holds what is no finite number");
    expect_points_refused("a.csv", many + std::string("1,2\0,3\n", 7), "line 201: is no text");
    expect_points_refused("a.csv", "", "0 points are too few: the nearest 100 are asked for");
    expect_points_refused("a.csv", "x,y\n", "0 points are too few");
    expect_points_refused("a.csv", lines(99, "1,2\n"), "99 points are too few");
    expect_points_refused("a.csv", lines(100, "1\n"), "points of 1 dimensions; 2 to 16 are measured");
    expect_points_refused("a.csv", lines(100, "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1\n"),
                          "points of 17 dimensions");
    expect_points_refused("a.npy", npy("<f4", "2, 2", bytes_of<float>({1, 2, 3, 4})), "2 points are too few");
    EXPECT_THAT([&] { read_points(file("few.csv", many), 50); },
                ThrowsMessage<std::runtime_error>(HasSubstr("50 points are too few")));
    EXPECT_THAT([&] { read_points(folder_ + "/absent.csv", 1); },
                ThrowsMessage<std::runtime_error>(HasSubstr("absent.csv: cannot be opened")));
}

} // namespace
} // namespace soup::bench
