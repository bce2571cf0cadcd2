// The demo's recording and its labels: rows of time and value, and the stretches that people marked as
// faults.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace soup::demo {

struct Interval {
    std::int64_t from_us, to_us; ///< Both ends included.
};

struct Recording {
    std::vector<std::string> times; ///< As written.
    std::vector<std::int64_t> times_us;
    std::vector<double> values;
    std::vector<Interval> faults;

    std::size_t size() const noexcept { return values.size(); }
    /// Whether one of the rows [first, first + count) lies in a fault.
    bool touches_fault(std::size_t first, std::size_t count) const;
};

/// A CSV file "timestamp,value" with a header, and a JSON array of [from, to]. Throws std::runtime_error
/// naming file and line.
Recording read_recording(const std::string& csv_path, const std::string& faults_path);

} // namespace soup::demo
