// Raw frames: any bytes are decoded or refused; what decodes encodes to a frame with the same digest and
// records. The input is also tried as the content of a frame whose digest is right, so that the parser behind
// the digest is reached (threat e13).
#include "core/crypto/digest.hpp"
#include "core/error.hpp"
#include "core/frame/frame.hpp"
#include "core/frame/header.hpp"
#include "core/little_endian.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

using namespace soup::frame;

namespace {

constexpr Limits limits{.records_max = 10'000, .content_bytes_max = 1 << 20};

void require(bool is_true) {
    if (!is_true) std::abort();
}

bool is_same(std::span<const std::byte> left, std::span<const std::byte> right) {
    return std::equal(left.begin(), left.end(), right.begin(), right.end());
}

void try_frame(std::span<const std::byte> bytes) {
    try {
        const Frame frame = decode(bytes, limits);
        std::vector<Record> records;
        records.reserve(frame.size());
        for (std::size_t i = 0; i < frame.size(); ++i)
            records.push_back(frame[i]);
        const auto again = encode(records, frame.codec());
        const Frame second = decode(again, limits);
        require(second.size() == frame.size());
        for (std::size_t i = 0; i < frame.size(); ++i)
            require(is_same(second[i].bytes, frame[i].bytes) && second[i].time_us == frame[i].time_us);
        const bool has_fields = soup::load_le<std::uint32_t>(&bytes[at_field_bytes]) != 0;
        require(has_fields || second.digest() == frame.digest());
        (void)frame.field(1);
    } catch (const soup::Error&) { // refused
    }
}

/// flags, record count, length of the fields, then fields and content.
void try_forgery(std::span<const std::byte> input) {
    if (input.size() < 4) return;
    const std::size_t field_bytes =
        std::min<std::size_t>(std::to_integer<std::size_t>(input[3]), input.size() - 4);
    const auto body = input.subspan(4);
    std::vector<std::byte> frame(header_bytes);
    std::memcpy(frame.data(), frame_magic.data(), frame_magic.size());
    frame[at_version] = std::byte{frame_version};
    frame[at_flags] = input[0];
    soup::store_le(&frame[at_record_count], soup::load_le<std::uint16_t>(&input[1]) + std::uint32_t{0});
    soup::store_le(&frame[at_content_bytes], static_cast<std::uint32_t>(body.size() - field_bytes));
    soup::store_le(&frame[at_field_bytes], static_cast<std::uint32_t>(field_bytes));
    soup::store_le(&frame[at_stored_bytes], static_cast<std::uint32_t>(body.size() - field_bytes));
    soup::crypto::Hasher hasher;
    hasher.update(std::span<const std::byte>(frame).subspan(at_version, digest_prefix_bytes));
    hasher.update(body);
    const auto digest = hasher.finish();
    std::memcpy(&frame[at_digest], digest.data(), digest.size());
    frame.insert(frame.end(), body.begin(), body.end());
    try_frame(frame);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto input = std::as_bytes(std::span(data, size));
    try_frame(input);
    try_forgery(input);
    return 0;
}
