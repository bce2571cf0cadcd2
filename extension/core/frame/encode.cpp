// Writes raw frames.
//
// The content is written once, at the place where an uncompressed frame has it; the digest is then one call
// over contiguous bytes, because the header's digested part is first copied right in front of the content
// (where the digest itself will stand). Compressed bytes are kept only where they save something; on
// incompressible content lz4 gives up early (measured: 12 µs for 200 KB) and nothing is copied.
#include "core/frame/frame.hpp"

#include "core/error.hpp"
#include "core/frame/header.hpp"
#include "core/frame/varint.hpp"
#include "core/little_endian.hpp"

#include <lz4.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <cstring>
#include <string>

namespace soup::frame {
namespace {

// Below this a codec's own overhead eats the gain, and an append should cost under a microsecond.
constexpr std::size_t compress_bytes_min = 512;
// From here on lz4 looks for repeats at fewer places: 200 KB of sensor readings become 96 KB in 215 µs
// instead of 93 KB in 300 µs. zstd at level 1 would make 54 KB in 630 µs, and a batch has to be in no later
// than COPY would have it, 1.1 ms.
constexpr std::size_t lz4_fast_bytes_min = 16384;
constexpr int lz4_fast_acceleration = 4;
constexpr int zstd_level = 1;
constexpr std::size_t buffer_kept_max = std::size_t{8} << 20;

/// What a codec must reach in `automatic`: at least a sixteenth saved.
std::size_t worthwhile_bytes(std::size_t content_bytes) {
    return content_bytes - content_bytes / 16;
}

struct FreeCompressor {
    void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
};

std::size_t field_area_bytes(std::span<const Field> fields) {
    std::size_t bytes = 0;
    std::uint32_t last_tag = 0;
    for (const Field& field : fields) {
        if (field.tag <= last_tag) throw Error("XX000", "", "frame fields must have ascending tags");
        last_tag = field.tag;
        bytes += varint_bytes(field.tag) + varint_bytes(field.value.size()) + field.value.size();
    }
    return bytes;
}

std::byte* put_bytes(std::byte* to, std::span<const std::byte> bytes) {
    if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
    return to + bytes.size();
}

std::byte* put_times(std::byte* to, std::span<const Record> records, bool some_lack_one) {
    if (some_lack_one) {
        const std::size_t bitmap_bytes = (records.size() + 7) / 8;
        std::memset(to, 0, bitmap_bytes);
        for (std::size_t i = 0; i < records.size(); ++i)
            if (records[i].time_us) to[i / 8] |= static_cast<std::byte>(1U << (i % 8));
        to += bitmap_bytes;
    }
    std::uint64_t previous = 0;
    for (const Record& record : records) {
        if (!record.time_us) continue;
        const auto time = static_cast<std::uint64_t>(*record.time_us);
        to = put_varint(to, zigzag(time - previous)); // differences wrap, so that every int64 has one form
        previous = time;
    }
    return to;
}

} // namespace

std::byte* Buffer::require(std::size_t bytes) {
    if (bytes > capacity_ || (capacity_ > buffer_kept_max && bytes <= buffer_kept_max)) {
        bytes_.reset(); // first, so that the old and the new block never stand side by side
        capacity_ = 0;
        const std::size_t rounded = std::max<std::size_t>(4096, bytes + bytes / 4);
        bytes_ = std::make_unique_for_overwrite<std::byte[]>(rounded);
        capacity_ = rounded;
    }
    return bytes_.get();
}

/// What one pass over the records tells before anything is written.
struct Encoder::Shape {
    std::size_t payload_bytes = 0;
    std::size_t field_bytes = 0;
    std::size_t time_count = 0;
    bool is_one_length = true;
    std::size_t index_bytes_max = 0; ///< Lengths and times at their longest.
};

struct Encoder::Compressor {
    std::unique_ptr<ZSTD_CCtx, FreeCompressor> zstd{ZSTD_createCCtx()};
};

Encoder::Encoder(Limits limits) : limits_(limits) {
    // Sizes are stored in 32 bits, and lz4 takes a little less than 2 GiB at once.
    limits_.content_bytes_max = std::min(limits_.content_bytes_max, std::size_t{1} << 30);
}
Encoder::~Encoder() = default;

Encoder::Shape Encoder::measure(std::span<const Record> records, std::span<const Field> fields) const {
    if (records.empty()) throw bad_input("a batch needs at least one record");
    if (records.size() > limits_.records_max)
        throw too_big("a batch of " + std::to_string(records.size()) + " records exceeds the limit of " +
                      std::to_string(limits_.records_max));
    Shape shape;
    const std::size_t first_length = records.front().bytes.size();
    for (const Record& record : records) {
        const std::size_t length = record.bytes.size();
        // Checked at every step, so that the sum cannot wrap.
        if (length > limits_.content_bytes_max - shape.payload_bytes)
            throw too_big("a batch exceeds the limit of " + std::to_string(limits_.content_bytes_max) +
                          " bytes");
        shape.payload_bytes += length;
        shape.is_one_length &= length == first_length;
        shape.time_count += record.time_us ? 1 : 0;
    }
    shape.field_bytes = field_area_bytes(fields);
    const std::size_t bitmap_bytes = shape.time_count == 0 ? 0 : (records.size() + 7) / 8;
    shape.index_bytes_max =
        varint_bytes_max * ((shape.is_one_length ? 1 : records.size()) + shape.time_count) + bitmap_bytes;
    return shape;
}

std::pair<Codec, std::size_t> Encoder::compress(std::span<const std::byte> content, Codec codec) {
    const bool must_pay = codec == Codec::automatic;
    if (must_pay) {
        if (content.size() < compress_bytes_min) return {Codec::none, 0};
        codec = Codec::lz4;
    }
    if (codec == Codec::lz4) {
        const std::size_t room =
            must_pay ? worthwhile_bytes(content.size())
                     : static_cast<std::size_t>(LZ4_compressBound(static_cast<int>(content.size())));
        auto* out = reinterpret_cast<char*>(packed_.require(room));
        const int bytes = LZ4_compress_fast(reinterpret_cast<const char*>(content.data()), out,
                                            static_cast<int>(content.size()), static_cast<int>(room),
                                            content.size() < lz4_fast_bytes_min ? 1 : lz4_fast_acceleration);
        if (bytes > 0) return {Codec::lz4, static_cast<std::size_t>(bytes)};
    } else if (codec == Codec::zstd) {
        if (!compressor_) compressor_ = std::make_unique<Compressor>();
        if (!compressor_->zstd) throw std::bad_alloc();
        const std::size_t room =
            must_pay ? worthwhile_bytes(content.size()) : ZSTD_compressBound(content.size());
        const std::size_t bytes = ZSTD_compressCCtx(compressor_->zstd.get(), packed_.require(room), room,
                                                    content.data(), content.size(), zstd_level);
        if (ZSTD_isError(bytes) == 0) return {Codec::zstd, bytes};
        if (ZSTD_getErrorCode(bytes) == ZSTD_error_memory_allocation) throw std::bad_alloc();
    }
    return {Codec::none, 0};
}

std::span<const std::byte> Encoder::encode(std::span<const Record> records, Codec codec,
                                           std::span<const Field> fields) {
    const Shape shape = measure(records, fields);
    // A codec that was asked for by name may make the content longer, by less than 1/128 and 1 KiB.
    const std::size_t content_bytes_bound = shape.index_bytes_max + shape.payload_bytes;
    std::byte* const frame = out_.require(header_bytes + shape.field_bytes + content_bytes_bound +
                                          content_bytes_bound / 128 + 1024);

    std::byte* at = frame + header_bytes;
    for (const Field& field : fields) {
        at = put_varint(at, field.tag);
        at = put_varint(at, field.value.size());
        at = put_bytes(at, field.value);
    }
    std::byte* const content = at;
    if (shape.is_one_length) {
        at = put_varint(at, records.front().bytes.size());
    } else {
        for (const Record& record : records)
            at = put_varint(at, record.bytes.size());
    }
    const bool some_lack_a_time = shape.time_count < records.size();
    if (shape.time_count != 0) at = put_times(at, records, some_lack_a_time);
    for (const Record& record : records)
        at = put_bytes(at, record.bytes);
    const auto content_bytes = static_cast<std::size_t>(at - content);
    if (content_bytes > limits_.content_bytes_max || shape.field_bytes > limits_.content_bytes_max)
        throw too_big("a batch exceeds the limit of " + std::to_string(limits_.content_bytes_max) + " bytes");

    const unsigned flags = (shape.time_count != 0 ? flag_times : 0U) |
                           (shape.time_count != 0 && some_lack_a_time ? flag_some_times : 0U) |
                           (shape.is_one_length ? flag_one_length : 0U);
    std::memcpy(frame, frame_magic.data(), frame_magic.size());
    store_le(frame + at_version, frame_version);
    store_le(frame + at_flags, static_cast<std::uint8_t>(flags));
    store_le(frame + at_codec, std::uint8_t{0});
    store_le(frame + at_zero, std::uint8_t{0});
    store_le(frame + at_record_count, static_cast<std::uint32_t>(records.size()));
    store_le(frame + at_content_bytes, static_cast<std::uint32_t>(content_bytes));
    store_le(frame + at_field_bytes, static_cast<std::uint32_t>(shape.field_bytes));

    std::byte* const digested = frame + header_bytes - digest_prefix_bytes;
    std::memcpy(digested, frame + at_version, digest_prefix_bytes);
    const crypto::Digest digest = content_digest({digested, at});
    std::memcpy(frame + at_digest, digest.data(), digest.size());

    const auto [used, packed_bytes] = compress({content, content_bytes}, codec);
    std::size_t stored_bytes = content_bytes;
    if (used != Codec::none) {
        stored_bytes = packed_bytes;
        std::memcpy(content, packed_.data(), packed_bytes);
    }
    store_le(frame + at_codec, static_cast<std::uint8_t>(used));
    store_le(frame + at_stored_bytes, static_cast<std::uint32_t>(stored_bytes));
    return {frame, content + stored_bytes};
}

std::vector<std::byte> encode(std::span<const Record> records, Codec codec) {
    thread_local Encoder encoder;
    const auto frame = encoder.encode(records, codec);
    return {frame.begin(), frame.end()};
}

} // namespace soup::frame
