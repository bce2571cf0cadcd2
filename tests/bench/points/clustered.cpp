// clustered DIMENSIONS ROWS OUT.fvecs — the points that vtree's figures are stated for: nine tenths in
// Gaussian clusters of different widths, one tenth uniform, in random order. The same numbers on every
// machine.
#include "tests/bench/vectors/dataset.hpp"

#include <cstdio>
#include <cstdlib>
#include <random>

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fprintf(stderr, "usage: clustered DIMENSIONS ROWS OUT.fvecs\n");
        return 2;
    }
    soup::bench::Vectors points;
    points.dimensions = std::strtoul(argv[1], nullptr, 10);
    points.rows = std::strtoul(argv[2], nullptr, 10);
    std::mt19937_64 random(7);
    std::uniform_real_distribution<float> anywhere(0, 1000);
    std::normal_distribution<float> normal;
    constexpr std::size_t clusters = 200;
    std::vector<float> centres(clusters * points.dimensions), widths(clusters);
    for (float& coordinate : centres)
        coordinate = anywhere(random);
    for (float& width : widths)
        width = 1 + anywhere(random) / 50;
    for (std::size_t row = 0; row < points.rows; ++row) {
        const std::size_t cluster = random() % clusters;
        const bool is_uniform = random() % 10 == 0;
        for (std::size_t d = 0; d < points.dimensions; ++d)
            points.values.push_back(is_uniform ? anywhere(random)
                                               : centres[cluster * points.dimensions + d] +
                                                     widths[cluster] * normal(random));
    }
    soup::bench::write_fvecs(argv[3], points);
    return 0;
}
