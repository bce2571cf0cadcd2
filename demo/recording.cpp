// Reading the recording and its labels.
#include "demo/recording.hpp"

#include "core/json/time.hpp"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <stdexcept>

namespace soup::demo {

namespace {
std::int64_t time_of(std::string_view text, const std::string& where) {
    auto time = json::parse_time(text);
    if (!time) throw std::runtime_error(where + ": not a time: " + std::string(text));
    return *time;
}
} // namespace

bool Recording::touches_fault(std::size_t first, std::size_t count) const {
    for (std::size_t row = first; row < std::min(first + count, size()); ++row)
        for (const Interval& fault : faults)
            if (fault.from_us <= times_us[row] && times_us[row] <= fault.to_us) return true;
    return false;
}

Recording read_recording(const std::string& csv_path, const std::string& faults_path) {
    Recording recording;
    std::ifstream file(csv_path);
    std::string line;
    std::getline(file, line); // the header
    for (std::size_t number = 2; std::getline(file, line); ++number) {
        std::string const where = csv_path + ":" + std::to_string(number);
        auto const comma = line.find(',');
        double value = 0;
        if (comma == std::string::npos ||
            std::from_chars(line.data() + comma + 1, line.data() + line.size(), value).ec != std::errc())
            throw std::runtime_error(where + ": not a row of time and value");
        recording.times.push_back(line.substr(0, comma));
        recording.times_us.push_back(time_of(recording.times.back(), where));
        recording.values.push_back(value);
    }
    if (recording.size() == 0) throw std::runtime_error(csv_path + ": no rows");

    simdjson::dom::parser parser;
    for (simdjson::dom::array pair : parser.load(faults_path).get_array()) {
        std::string_view const from = pair.at(0), to = pair.at(1);
        recording.faults.push_back({time_of(from, faults_path), time_of(to, faults_path)});
    }
    return recording;
}

} // namespace soup::demo
