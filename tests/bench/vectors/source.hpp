// A file, gzipped or not, read from its beginning to its end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

struct gzFile_s;

namespace soup::bench {

/// Raises std::runtime_error that names the file and what is wrong with it.
class Source {
public:
    explicit Source(const std::string& path);
    [[noreturn]] void fail(const std::string& what) const;

    /// Whole or, at a clean end of the file, nothing.
    bool try_read(void* into, std::size_t bytes);
    void read(void* into, std::size_t bytes);
    template<class T>
    T number() {
        T value;
        read(&value, sizeof value);
        return value;
    }
    std::uint32_t big_endian() { return __builtin_bswap32(number<std::uint32_t>()); }
    /// The next line without its end; false at the end of the file.
    bool line(std::string& text);

    /// More than this the file cannot hold, however well it is compressed.
    std::size_t bytes_max() const noexcept { return bytes_max_; }

private:
    void check_end() const;

    std::string path_;
    std::unique_ptr<gzFile_s, int (*)(gzFile_s*)> file_;
    std::size_t bytes_max_;
};

} // namespace soup::bench
