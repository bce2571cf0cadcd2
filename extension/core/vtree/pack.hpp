// Building a whole tree at once: leaves first, then level by level up to the root.
//
// Memory: points are collected until half of the given memory is full. If no more come, they are divided
// right there. Otherwise those that are there, or a sample if one was given, are divided into cells, every
// point goes to a sorter under its cell's number, and cells are read back, as many at a time as make about a
// hundred leaves (PointSet::parts_at_a_time). Who knows in advance that there are too many divides the sample
// first: then all points go to the sorter at once, and other processes may put theirs there too. What is kept
// of the finished levels, a box and a block per page, is not counted (a two-hundredth of the points).
#pragma once

#include "core/tree/store.hpp"
#include "core/vtree/assignment.hpp"
#include "core/vtree/point_set.hpp"

#include <memory>
#include <optional>

namespace soup::vtree {

struct PackLimits {
    std::size_t memory_bytes;
    double fill = 0.9; ///< How full pages are made; the rest is room for what is inserted later.
};
using MakeSorter = std::function<std::unique_ptr<tree::Sorter>(std::size_t memory_bytes)>;

class Packer {
public:
    /// The store holds a metapage and an empty root.
    Packer(tree::PageStore& store, const Layout& layout, const PackLimits& limits, MakeSorter make_sorter);

    /// As many points as make cells of a good shape.
    static constexpr std::size_t sample_wanted = 20'000;
    /// How many points fit before a sorter is needed.
    static std::size_t points_in_memory(unsigned dimensions, const PackLimits& limits) noexcept;

    /// Some of the points, evenly taken, before all are added; may be left out.
    void sample(const float* point);
    std::size_t sampled() const noexcept { return sample_.size(); }
    /// Divides the sample: points that are added will be more than memory holds. `make_sorter` is not called
    /// before the first of them, or the end.
    void divide_sample();
    /// What Assigners in other processes have to know; null if there are none to be: all points are added
    /// here.
    const Cells* cells() const noexcept { return cells_ ? &*cells_ : nullptr; }

    void add(const float* point, HeapAddress row);
    /// How many points others gave to the sorter; within its sort() is early enough.
    void add_elsewhere(std::uint64_t points) noexcept { sorted_ += points; }
    void finish();

private:
    /// A page that is written, as the level above will name it.
    struct Written {
        Block block;
        std::vector<float> box;
    };

    void collect(const float* point, HeapAddress row);
    void begin_sorting();
    void read_back();
    std::size_t points_at_a_time() const noexcept;
    void write_collected();
    void write_leaf(std::span<std::uint32_t> numbers);
    void fill_leaf(std::byte* body, std::span<std::uint32_t> numbers);
    void write_level(std::uint16_t level);
    void write_root(std::uint16_t level);
    std::size_t pages_for(std::size_t entries, unsigned capacity) const noexcept;

    tree::PageStore& store_;
    Layout layout_;
    PackLimits limits_;
    MakeSorter make_sorter_;
    std::size_t points_max_;
    PointSet points_, sample_;
    std::vector<HeapAddress> rows_;
    std::optional<Cells> cells_;
    std::unique_ptr<tree::Sorter> sorter_;
    std::optional<Assigner> assigner_; ///< With a sorter.
    std::uint64_t sorted_ = 0;         ///< Points in it.
    std::vector<Written> below_;       ///< The level that was written last.
};

} // namespace soup::vtree
