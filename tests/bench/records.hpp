// The records that batch appends are measured with: 200 bytes each, of a real recording or of noise.
#pragma once

#include <cstddef>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace bench {

constexpr std::size_t batch_records = 1000, batch_record_bytes = 200;
/// Batches of different content, so that no figure comes from one cached page.
constexpr std::size_t batches_kept = 8;

/// Records of 200 bytes, several batches of them.
class Records {
public:
    /// The text of a file, cut every 200 bytes wherever its lines end, from the beginning again when it ends.
    static Records of_file(const char* path);
    /// Bytes that no codec makes smaller.
    static Records of_noise(std::mt19937_64& random);

    const std::vector<std::string>& all() const { return records_; }
    std::span<const std::string> batch(std::size_t round) const {
        return std::span(records_).subspan(round % batches_kept * batch_records, batch_records);
    }

private:
    std::vector<std::string> records_;
};

std::string random_bytes(std::mt19937_64& random, std::size_t bytes);

} // namespace bench
