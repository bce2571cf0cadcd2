// See sensor_reader.hpp.
#include "core/processors/sensor_reader.hpp"

#include "core/error.hpp"
#include "core/json/time.hpp"

#include <algorithm>
#include <cmath>

namespace soup::processors {

SensorReader::SensorReader(const manifest::Input& input)
    : channels_(input.channels, input.time_field), values_(input.channels.size()) {}

std::string_view SensorReader::read(const InputRecord& record) {
    if (record.content_type != content_type_) {
        content_type_ = record.content_type;
        prepare_row(record.content_type);
    }
    time_us_.reset();
    std::string_view reason;
    if (form_ == RecordForm::json) {
        try {
            json::parse_sensor_record(record.bytes, channels_, values_, time_us_);
        } catch (const Error&) {
            return reason::bad_record;
        }
    } else if (form_ == RecordForm::packed_row) {
        reason = read_row(record);
    } else {
        reason = reason::wrong_type;
    }
    if (!reason.empty()) return reason;
    const auto is_finite = [](double value) { return std::isfinite(value); };
    if (!std::all_of(values_.begin(), values_.end(), is_finite)) return reason::bad_record;
    if (!time_us_) time_us_ = record.time_us;
    return {};
}

/// Looks the channels up in a row's fields. A row content type that lacks one makes all its records bad.
void SensorReader::prepare_row(std::string_view content_type) {
    form_ = record_form(content_type);
    row_.reset();
    row_fields_.clear();
    row_time_.reset();
    if (form_ != RecordForm::packed_row) return;
    try {
        row_.emplace(content_type);
    } catch (const Error&) {
        form_ = RecordForm::unknown;
        return;
    }
    for (const std::string& channel : channels_.names()) {
        const auto field = row_->find(channel);
        if (!field || !row_->is_number(*field)) {
            row_.reset();
            return;
        }
        row_fields_.push_back(*field);
    }
    if (!channels_.time_field().empty()) row_time_ = row_->find(channels_.time_field());
}

std::string_view SensorReader::read_row(const InputRecord& record) {
    if (!row_) return reason::bad_record;
    try {
        row_->read(record.bytes);
    } catch (const Error&) {
        return reason::bad_record;
    }
    for (std::size_t channel = 0; channel < values_.size(); channel++)
        values_[channel] = row_->number(row_fields_[channel]);
    if (row_time_) {
        time_us_ = row_->is_number(*row_time_) ? json::time_from_seconds(row_->number(*row_time_))
                                               : json::parse_time(row_->text(*row_time_));
        if (!time_us_) return reason::bad_record;
    }
    return {};
}

} // namespace soup::processors
