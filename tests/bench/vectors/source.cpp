// zlib reads plain files as it reads gzipped ones, so there is one way in.
#include "tests/bench/vectors/source.hpp"

#include <zlib.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>

namespace soup::bench {

Source::Source(const std::string& path) : path_(path), file_(gzopen(path.c_str(), "rb"), &gzclose) {
    if (!file_ || std::filesystem::is_directory(path)) fail("cannot be opened");
    gzbuffer(file_.get(), 1 << 20);
    constexpr std::size_t deflate_ratio_max = 1032;
    std::error_code unknown; // A pipe, say.
    const std::uintmax_t size = std::filesystem::file_size(path, unknown);
    bytes_max_ = unknown ? 1 << 20 : size * deflate_ratio_max;
}

void Source::fail(const std::string& what) const {
    throw std::runtime_error(path_ + ": " + what);
}

bool Source::try_read(void* into, std::size_t bytes) {
    auto* out = static_cast<char*>(into);
    std::size_t done = 0;
    while (done < bytes) {
        const auto step = static_cast<unsigned>(std::min<std::size_t>(bytes - done, 1 << 30));
        const int got = gzread(file_.get(), out + done, step);
        if (got < 0) fail("is damaged");
        if (got == 0) break;
        done += static_cast<std::size_t>(got);
    }
    if (done == bytes) return true;
    check_end();
    if (done != 0) fail("ends too early");
    return false;
}

void Source::read(void* into, std::size_t bytes) {
    if (bytes != 0 && !try_read(into, bytes)) fail("ends too early");
}

bool Source::line(std::string& text) {
    text.clear();
    for (int next = gzgetc(file_.get()); next != '\n'; next = gzgetc(file_.get())) {
        if (next < 0) {
            check_end();
            return !text.empty();
        }
        text += static_cast<char>(next);
    }
    return true;
}

// The end of what is compressed may be the end of a row as well.
void Source::check_end() const {
    int state = Z_OK;
    gzerror(file_.get(), &state);
    if (state == Z_BUF_ERROR) fail("ends too early");
    if (state != Z_OK && state != Z_STREAM_END) fail("is damaged");
}

} // namespace soup::bench
