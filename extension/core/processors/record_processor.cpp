// See record_processor.hpp. The state is a magic number with the format's version in it, then three counts.
#include "core/processors/record_processor.hpp"

#include "core/processors/byte_stream.hpp"

namespace soup::processors {
namespace {

constexpr std::uint64_t record_state_magic =
    0x3176746e756f6373ULL; // "scountv1", little-endian; the 1 is the version.

} // namespace

void RecordProcessor::process(std::span<const InputRecord> records, PointSink& sink) {
    for (const InputRecord& record : records) {
        counters_.records++;
        Point point;
        if (const std::string_view reason = make_point(record, point); !reason.empty()) {
            counters_.rejected++;
            sink.reject(record, reason);
            continue;
        }
        counters_.points++;
        sink.point(std::move(point));
    }
}

std::vector<std::byte> RecordProcessor::save_state() const {
    ByteWriter writer;
    writer.number(record_state_magic);
    for (const std::uint64_t count : {counters_.records, counters_.points, counters_.rejected})
        writer.number(count);
    return std::move(writer).take();
}

void RecordProcessor::load_state(std::span<const std::byte> state) {
    ByteReader reader(state, "saved state");
    reader.expect(record_state_magic);
    Counters counters;
    for (std::uint64_t* count : {&counters.records, &counters.points, &counters.rejected})
        *count = reader.number<std::uint64_t>();
    reader.expect_end();
    counters_ = counters;
}

} // namespace soup::processors
