// What an index was made with, and what was measured about it: the geometry's part of the metapage.
//
// The stored form begins with a version of its own; FORMAT.md has the layout. Everything but the calibration
// stays as it was when the index was made.
#pragma once

#include "core/tree/page.hpp"

#include <array>
#include <span>
#include <vector>

namespace soup::vann {

inline constexpr unsigned dimensions_max = 16'000;
inline constexpr unsigned key_columns_max = 8;
inline constexpr unsigned key_bytes_max = 128;

/// Stored: a number is never given another meaning.
enum class Metric : std::uint32_t { l2 = 1, inner_product = 2, cosine = 3, l1 = 4 };

/// A further key column. What the type's number means is the access method's own; the geometry keeps bytes.
struct KeyColumn {
    std::uint8_t type, bytes;

    friend bool operator==(const KeyColumn&, const KeyColumn&) = default;
};

/// What reached a recall when it was measured.
struct Setting {
    std::uint32_t probes;  ///< Leaves, on average.
    std::uint32_t beam;    ///< Inner pages below the root, on average.
    std::uint32_t rerank;  //
    float measured_recall; ///< 0: was never measured.
    float reach;           ///< As Nearest has it: which leaves.
    float margin;          ///< As Within has it: which inner pages.

    friend bool operator==(const Setting&, const Setting&) = default;
};

inline constexpr std::array recall_targets{0.80F, 0.85F, 0.90F, 0.95F, 0.98F, 0.99F, 0.995F};

struct Calibration {
    std::uint64_t rows;    ///< That the index had when it was measured, 0: never.
    std::uint64_t removed; ///< Rows that vacuum has removed since.
    std::array<Setting, recall_targets.size()> settings;

    friend bool operator==(const Calibration&, const Calibration&) = default;
};

struct Parameters {
    unsigned dimensions = 0;
    Metric metric = Metric::l2;
    std::uint64_t seed = 0;             ///< Of the rotation.
    tree::Block mean = tree::no_block;  ///< First page of the mean; no_block: the mean is 0.
    std::vector<KeyColumn> key_columns; //
    Calibration calibration{};

    /// Of one row's keys: the columns' bytes after one another, then a byte with a bit for each that is null;
    /// 0 without key columns.
    unsigned key_bytes() const noexcept;

    friend bool operator==(const Parameters&, const Parameters&) = default;
};

/// Writes into `meta`, whose dimensions and geometry bytes it sets. Raises 54000 if the row would be too
/// wide.
void store(const Parameters& parameters, tree::Meta& meta);
/// Raises XX002 if the metapage makes no sense.
Parameters load(const tree::Meta& meta);

} // namespace soup::vann
