// Points as the arrays of one statement, a column each, and which points cannot be stored.
#pragma once

#include "boundary/array.hpp"
#include "core/manifest/manifest.hpp"
#include "core/processors/processor.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace soup::workers {

/// A column of a version's table.
struct StorageColumn {
    std::string name;
    pg::ElementType type;
};

/// In the order of build_arrays(); `key` is the first. vector_elements describes the type vector.
std::vector<StorageColumn> storage_columns(const manifest::Output& output,
                                           const pg::ElementType& vector_elements);

/// An array datum for each column, allocated in the current memory context.
std::vector<Datum> build_arrays(const std::vector<processors::Point>& points, const manifest::Output& output,
                                const pg::ElementType& vector_elements);

/// Why a point cannot be stored, as a reason code of processors::reason; empty if it can. Throws for a point
/// of another shape than the manifest declares, which is a bug of the processor.
std::string_view refusal(const processors::Point& point, const manifest::Output& output);

} // namespace soup::workers
