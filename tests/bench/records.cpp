// Both kinds hold the same number of bytes, so that their figures differ by content alone.
#include "tests/bench/records.hpp"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

namespace bench {

std::string random_bytes(std::mt19937_64& random, std::size_t bytes) {
    std::string out(bytes, '\0');
    for (char& byte : out)
        byte = static_cast<char>(random());
    return out;
}

Records Records::of_file(const char* path) {
    std::ifstream file(path, std::ios::binary);
    const std::string text(std::istreambuf_iterator<char>(file), {});
    if (text.size() < batch_record_bytes) {
        std::fprintf(stderr, "%s cannot be read, or is shorter than one record\n", path);
        std::exit(1);
    }
    Records out;
    for (std::size_t at = 0; out.records_.size() < batches_kept * batch_records; at += batch_record_bytes) {
        if (at + batch_record_bytes > text.size()) at = 0;
        out.records_.push_back(text.substr(at, batch_record_bytes));
    }
    return out;
}

Records Records::of_noise(std::mt19937_64& random) {
    Records out;
    while (out.records_.size() < batches_kept * batch_records)
        out.records_.push_back(random_bytes(random, batch_record_bytes));
    return out;
}

} // namespace bench
