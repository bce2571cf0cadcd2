// zlib reads plain files as it reads gzipped ones, so there is one way in.
#include "tests/bench/vectors/dataset.hpp"

#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstring>
#include <memory>
#include <sstream>
#include <stdexcept>

namespace soup::bench {
namespace {

class Source {
public:
    explicit Source(const std::string& path) : path_(path), file_(gzopen(path.c_str(), "rb"), &gzclose) {
        if (!file_) fail("cannot be opened");
        gzbuffer(file_.get(), 1 << 20);
    }
    [[noreturn]] void fail(const std::string& what) const { throw std::runtime_error(path_ + ": " + what); }

    /// Whole or, at a clean end of the file, nothing.
    bool try_read(void* into, std::size_t bytes) {
        auto* out = static_cast<char*>(into);
        std::size_t done = 0;
        while (done < bytes) {
            const auto step = static_cast<unsigned>(std::min<std::size_t>(bytes - done, 1 << 30));
            const int got = gzread(file_.get(), out + done, step);
            if (got < 0) fail("is damaged");
            if (got == 0) break;
            done += static_cast<std::size_t>(got);
        }
        if (done != 0 && done != bytes) fail("ends too early");
        return done == bytes;
    }
    void read(void* into, std::size_t bytes) {
        if (bytes != 0 && !try_read(into, bytes)) fail("ends too early");
    }
    template<class T>
    T number() {
        T value;
        read(&value, sizeof value);
        return value;
    }
    std::uint32_t big_endian() {
        const auto value = number<std::uint32_t>();
        return __builtin_bswap32(value);
    }

private:
    std::string path_;
    std::unique_ptr<gzFile_s, int (*)(gzFile)> file_;
};

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
void convert(const std::string& type, const std::byte* from, std::size_t count, T* to, const Source& source) {
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
    else
        source.fail("holds elements of type " + type + ", which is not read here");
}

std::size_t element_bytes(const std::string& type) {
    return std::stoul(type.substr(2));
}

template<class T>
struct Table {
    std::size_t rows = 0, columns = 0;
    std::vector<T> values;
};

template<class T>
void read_rows(Source& source, const std::string& type, Table<T>& table) {
    std::vector<std::byte> row(table.columns * element_bytes(type));
    table.values.resize(table.rows * table.columns);
    for (std::size_t i = 0; i < table.rows; i++) {
        source.read(row.data(), row.size());
        convert(type, row.data(), table.columns, table.values.data() + i * table.columns, source);
    }
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
    std::string header(length, '\0');
    source.read(header.data(), length);
    const std::string type = field(header, "'descr': '", "'", source);
    if (field(header, "'fortran_order': ", ",", source) != "False") source.fail("is not in row order");
    const std::string shape = field(header, "'shape': (", ")", source);
    unsigned long long rows = 0, columns = 1;
    char comma = 0;
    std::istringstream sizes(shape);
    if (!(sizes >> rows)) source.fail("has a damaged shape");
    if (!(sizes >> comma >> columns)) columns = 1; // "(7,)" has one dimension
    Table<T> table{std::min<std::size_t>(rows, rows_max), columns, {}};
    read_rows(source, type, table);
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
        row.resize(table.columns * element_bytes(type));
        source.read(row.data(), row.size());
        table.values.resize((table.rows + 1) * table.columns);
        convert(type, row.data(), table.columns, table.values.data() + table.rows * table.columns, source);
        table.rows++;
    }
    return table;
}

template<class T>
Table<T> read_idx(Source& source, std::size_t rows_max) {
    const std::uint32_t magic = source.big_endian();
    if (magic >> 8 != 8 || (magic & 0xff) < 2) source.fail("is no idx file of uint8 vectors");
    Table<T> table{std::min<std::size_t>(source.big_endian(), rows_max), 1, {}};
    for (std::uint32_t axis = 1; axis < (magic & 0xff); axis++)
        table.columns *= source.big_endian();
    read_rows(source, "|u1", table);
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
    return {table.rows, table.columns, std::move(table.values)};
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
