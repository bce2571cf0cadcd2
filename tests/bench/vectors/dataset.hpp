// Vectors from a file, as the field stores its data sets: .fvecs, .bvecs, .ivecs, .npy (float32, float64,
// float16, uint8, int32, int64) and MNIST's idx-ubyte, each also gzipped. What the file's header claims is
// checked against its length, and every value has to be a finite number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace soup::bench {

/// A matrix of floats, one vector a row.
struct Vectors {
    std::size_t rows = 0, dimensions = 0;
    std::vector<float> values;

    const float* row(std::size_t i) const noexcept { return values.data() + i * dimensions; }
};

/// Reads at most `rows_max` rows. Raises std::runtime_error that names the file and what is wrong with it.
Vectors read_vectors(const std::string& path, std::size_t rows_max = SIZE_MAX);

/// The same for the rows that are searched: at least 100, or there is no hundredth of them to filter for.
Vectors read_base(const std::string& path, std::size_t rows_max = SIZE_MAX);

/// Row numbers, as ground truth files have them (.ivecs, or .npy of int32).
struct Numbers {
    std::size_t rows = 0, columns = 0;
    std::vector<std::int32_t> values;
};
Numbers read_numbers(const std::string& path);

void write_fvecs(const std::string& path, const Vectors& vectors);

} // namespace soup::bench
