// Columns bodies: any bytes become records that lie inside their buffers, or are refused (threat e14). Packed
// rows that were made read back; the input itself is also read as a row.
#include "core/error.hpp"
#include "core/frame/columns.hpp"

#include <cstdlib>
#include <numeric>

using namespace soup::frame;

namespace {

void require(bool is_true) {
    if (!is_true) std::abort();
}

unsigned touch(std::span<const std::byte> bytes) {
    return std::accumulate(bytes.begin(), bytes.end(), 0U, [](unsigned sum, std::byte byte) {
        return sum + std::to_integer<unsigned>(byte);
    });
}

unsigned touch_row(const RowReader& reader) {
    unsigned sum = 0;
    for (std::size_t i = 0; i < reader.fields().size(); ++i)
        sum += reader.is_number(i) ? static_cast<unsigned>(reader.number(i) == 0) : touch(reader.bytes(i));
    return sum;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto input = std::as_bytes(std::span(data, size));
    volatile unsigned sink = 0;
    try {
        const ColumnRecords made = to_records(input, {.records_max = 10'000, .content_bytes_max = 1 << 20});
        if (is_row_content_type(made.content_type)) {
            // A row that was made must read: an Error here is a bug, so it is not caught with the others.
            try {
                RowReader reader(made.content_type);
                for (const Record& record : made.records) {
                    reader.read(record.bytes);
                    sink = sink + touch_row(reader);
                }
            } catch (const soup::Error&) {
                std::abort();
            }
        } else {
            for (const Record& record : made.records)
                sink = sink + touch(record.bytes);
        }
        require(!made.records.empty());
    } catch (const soup::Error&) { // refused
    }
    try {
        static RowReader reader("application/vnd.soup.row;fields=a:i2,b:text,c:bool,d:bytes,e:f8");
        reader.read(input);
        sink = sink + touch_row(reader);
    } catch (const soup::Error&) { // refused
    }
    try {
        const std::string_view text(reinterpret_cast<const char*>(data), size);
        const std::string content_type = std::string(row_content_type) + ";fields=" + std::string(text);
        const RowReader named(content_type);
        require(make_row_content_type(named.fields()) == content_type);
    } catch (const soup::Error&) { // refused
    }
    return 0;
}
