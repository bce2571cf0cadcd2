// What a header claims is believed as far as the file goes: rows are stored as they are read.
#include "tests/bench/vectors/dataset.hpp"

#include "tests/bench/vectors/source.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <sstream>
#include <stdexcept>

namespace soup::bench {
namespace {

float half_to_float(std::uint16_t half) {
    const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000U) << 16;
    std::uint32_t exponent = (half >> 10) & 0x1fU, fraction = half & 0x3ffU;
    if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000U | fraction << 13);
    if (exponent == 0) { // Zero and what is below the smallest normal number.
        const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
        return sign != 0 ? -magnitude : magnitude;
    }
    return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
}

/// Turns `count` stored elements into T. The element's type is known by numpy's name for it.
template<class T>
void convert(const std::string& type, const std::byte* from, std::size_t count, T* to) {
    const auto each = [&]<class Stored>(Stored, auto&& value) {
        for (std::size_t i = 0; i < count; i++) {
            Stored stored;
            std::memcpy(&stored, from + i * sizeof stored, sizeof stored);
            to[i] = static_cast<T>(value(stored));
        }
    };
    const auto same = [](auto stored) { return stored; };
    if (type == "<f4")
        each(float{}, same);
    else if (type == "<f8")
        each(double{}, same);
    else if (type == "<f2")
        each(std::uint16_t{}, half_to_float);
    else if (type == "|u1")
        each(std::uint8_t{}, same);
    else if (type == "<i4")
        each(std::int32_t{}, same);
    else // "<i8": what numpy's argsort returns. -1 is no row's number.
        each(std::int64_t{},
             [](std::int64_t stored) { return stored == static_cast<std::int32_t>(stored) ? stored : -1; });
}

std::size_t element_bytes(const std::string& type, const Source& source) {
    for (const char* known : {"<f4", "<f8", "<f2", "|u1", "<i4", "<i8"})
        if (type == known) return static_cast<std::size_t>(type[2] - '0');
    source.fail("holds elements of type " + type + ", which is not read here");
}

template<class T>
struct Table {
    std::size_t rows = 0, columns = 0;
    std::vector<T> values;
};

/// Room for a row's bytes. Who has no limit believes a damaged length.
std::vector<std::byte> row_buffer(std::size_t columns, const std::string& type, const Source& source) {
    constexpr std::size_t columns_max = 1 << 24;
    if (columns > columns_max) source.fail("claims rows of " + std::to_string(columns) + " elements");
    return std::vector<std::byte>(columns * element_bytes(type, source));
}

/// Rows one behind the other, `claimed` of them, and nothing behind.
template<class T>
void read_rows(Source& source, const std::string& type, std::size_t claimed, std::size_t rows_max,
               Table<T>& table) {
    std::vector<std::byte> row = row_buffer(table.columns, type, source);
    const std::size_t wanted = std::min(claimed, rows_max);
    if (!row.empty()) table.values.reserve(std::min(wanted, source.bytes_max() / row.size()) * table.columns);
    for (; table.rows < wanted; table.rows++) {
        source.read(row.data(), row.size());
        table.values.resize((table.rows + 1) * table.columns);
        convert(type, row.data(), table.columns, table.values.data() + table.rows * table.columns);
    }
    std::byte more{};
    if (wanted == claimed && source.try_read(&more, 1)) source.fail("is longer than its header says");
}

/// The text between `key` and the next of `ends` in a numpy header, which is a Python literal.
std::string field(const std::string& header, const std::string& key, const char* ends, const Source& source) {
    const auto at = header.find(key);
    if (at == std::string::npos) source.fail("has no " + key + " in its header");
    const auto from = at + key.size(), to = header.find_first_of(ends, from);
    if (to == std::string::npos) source.fail("has a damaged header");
    return header.substr(from, to - from);
}

template<class T>
Table<T> read_npy(Source& source, std::size_t rows_max) {
    char magic[8];
    source.read(magic, sizeof magic);
    if (std::memcmp(magic, "\x93NUMPY", 6) != 0) source.fail("is no .npy file");
    const std::size_t length =
        magic[6] == 1 ? source.number<std::uint16_t>() : source.number<std::uint32_t>();
    constexpr std::size_t header_max = 1 << 20;
    if (length > header_max) source.fail("has a damaged header");
    std::string header(length, '\0');
    source.read(header.data(), length);
    const std::string type = field(header, "'descr': '", "'", source);
    if (field(header, "'fortran_order': ", ",", source) != "False") source.fail("is not in row order");
    std::istringstream shape(field(header, "'shape': (", ")", source));
    std::size_t rows = 0;
    if (!(shape >> rows)) source.fail("has a damaged shape");
    Table<T> table{0, 1, {}};
    // "(7,)" has one dimension; of more than two, such as images have, all but the first are a row.
    char comma = 0;
    for (std::size_t size = 0; shape >> comma >> size;) {
        if (__builtin_mul_overflow(table.columns, size, &table.columns)) source.fail("has a damaged shape");
    }
    read_rows(source, type, rows, rows_max, table);
    return table;
}

/// Rows that each begin with their length.
template<class T>
Table<T> read_vecs(Source& source, const std::string& type, std::size_t rows_max) {
    Table<T> table;
    std::vector<std::byte> row;
    std::int32_t length = 0;
    while (table.rows < rows_max && source.try_read(&length, sizeof length)) {
        if (length <= 0) source.fail("has a row of no length");
        if (table.rows == 0) table.columns = static_cast<std::size_t>(length);
        if (static_cast<std::size_t>(length) != table.columns) source.fail("has rows of different length");
        if (row.empty()) row = row_buffer(table.columns, type, source);
        source.read(row.data(), row.size());
        table.values.resize((table.rows + 1) * table.columns);
        convert(type, row.data(), table.columns, table.values.data() + table.rows * table.columns);
        table.rows++;
    }
    return table;
}

template<class T>
Table<T> read_idx(Source& source, std::size_t rows_max) {
    const std::uint32_t magic = source.big_endian();
    if (magic >> 8 != 8 || (magic & 0xff) < 2) source.fail("is no idx file of uint8 vectors");
    const std::size_t rows = source.big_endian();
    Table<T> table{0, 1, {}};
    for (std::uint32_t axis = 1; axis < (magic & 0xff); axis++)
        if (__builtin_mul_overflow(table.columns, std::size_t{source.big_endian()}, &table.columns))
            source.fail("has a damaged shape");
    read_rows(source, "|u1", rows, rows_max, table);
    return table;
}

template<class T>
Table<T> read_table(const std::string& path, std::size_t rows_max) {
    Source source(path);
    std::string name = path.substr(path.rfind('/') + 1);
    if (name.ends_with(".gz")) name.resize(name.size() - 3);
    Table<T> table;
    if (name.ends_with(".npy"))
        table = read_npy<T>(source, rows_max);
    else if (name.ends_with(".fvecs"))
        table = read_vecs<T>(source, "<f4", rows_max);
    else if (name.ends_with(".ivecs"))
        table = read_vecs<T>(source, "<i4", rows_max);
    else if (name.ends_with(".bvecs"))
        table = read_vecs<T>(source, "|u1", rows_max);
    else if (name.ends_with("-ubyte"))
        table = read_idx<T>(source, rows_max);
    else
        source.fail("is none of .fvecs, .bvecs, .ivecs, .npy, -ubyte, or one of these with .gz");
    if (table.rows == 0 || table.columns == 0) source.fail("holds nothing");
    return table;
}

} // namespace

Vectors read_vectors(const std::string& path, std::size_t rows_max) {
    auto table = read_table<float>(path, rows_max);
    const auto bad = std::find_if_not(table.values.begin(), table.values.end(),
                                      [](float value) { return std::isfinite(value); });
    if (bad != table.values.end())
        throw std::runtime_error(
            path + ": row " +
            std::to_string(static_cast<std::size_t>(bad - table.values.begin()) / table.columns + 1) +
            " holds what is no finite number");
    return {table.rows, table.columns, std::move(table.values)};
}

Vectors read_base(const std::string& path, std::size_t rows_max) {
    constexpr std::size_t rows_least = 100;
    Vectors base = read_vectors(path, rows_max);
    if (base.rows < rows_least)
        throw std::runtime_error(path + ": " + std::to_string(base.rows) + " vectors are too few: at least " +
                                 std::to_string(rows_least) + " are searched");
    return base;
}

Numbers read_numbers(const std::string& path) {
    auto table = read_table<std::int32_t>(path, SIZE_MAX);
    return {table.rows, table.columns, std::move(table.values)};
}

void write_fvecs(const std::string& path, const Vectors& vectors) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "wb"), &std::fclose);
    if (!file) throw std::runtime_error(path + ": cannot be written");
    const auto length = static_cast<std::int32_t>(vectors.dimensions);
    for (std::size_t i = 0; i < vectors.rows; i++)
        if (std::fwrite(&length, sizeof length, 1, file.get()) != 1 ||
            std::fwrite(vectors.row(i), sizeof(float), vectors.dimensions, file.get()) != vectors.dimensions)
            throw std::runtime_error(path + ": is not written whole");
}

} // namespace soup::bench
