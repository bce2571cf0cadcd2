// Reads one row of channel values out of a sensor record, JSON or packed row.
#pragma once

#include "core/json/sensor_record.hpp"
#include "core/manifest/manifest.hpp"
#include "core/processors/content_type.hpp"
#include "core/processors/processor.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace soup::processors {

class SensorReader {
public:
    explicit SensorReader(const manifest::Input& input);

    /// The reason why the record can't be used, or empty: then values() and time_us() are those of the
    /// record. The time is that of the record's time field, else the one given with the append, else none.
    std::string_view read(const InputRecord& record);

    std::span<const double> values() const { return values_; }
    std::optional<std::int64_t> time_us() const { return time_us_; }

private:
    std::string_view read_row(const InputRecord& record);
    void prepare_row(std::string_view content_type);

    json::Channels channels_;
    std::vector<double> values_;
    std::optional<std::int64_t> time_us_;

    // Batches of one content type follow each other: what is known of it is kept.
    std::string content_type_;
    RecordForm form_ = RecordForm::unknown;
    std::optional<frame::RowReader> row_;
    std::vector<std::size_t> row_fields_; ///< Of each channel.
    std::optional<std::size_t> row_time_;
};

} // namespace soup::processors
