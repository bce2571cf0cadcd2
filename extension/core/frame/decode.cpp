// Reads raw frames. Nothing in the bytes is believed: sizes are checked against the limits before memory is
// taken, the digest before the content is interpreted, and the content still byte by byte, because anybody
// can compute an unkeyed digest.
#include "core/frame/frame.hpp"

#include "core/error.hpp"
#include "core/frame/header.hpp"
#include "core/frame/varint.hpp"
#include "core/little_endian.hpp"

#include <lz4.h>
#include <zstd.h>

#include <cstring>
#include <string>

namespace soup::frame {
namespace {

Error damaged(std::string detail) {
    return {"XX001", "", "raw frame is damaged", std::move(detail)};
}

struct Header {
    std::uint8_t flags;
    Codec codec;
    std::uint32_t record_count;
    std::uint32_t content_bytes;
    std::uint32_t field_bytes;
    std::uint32_t stored_bytes;
    ContentDigest digest;
};

Header read_header(std::span<const std::byte> bytes) {
    if (bytes.size() < header_bytes) throw damaged("The header is cut short.");
    if (std::memcmp(bytes.data(), frame_magic.data(), frame_magic.size()) != 0)
        throw damaged("The bytes do not begin as a raw frame.");
    const auto version = load_le<std::uint8_t>(&bytes[at_version]);
    if (version == 0) throw damaged("The format version is 0.");
    if (version > frame_version)
        throw Error("0A000", "", "raw frame has format version " + std::to_string(version),
                    "This release reads up to version " + std::to_string(frame_version) + ".",
                    "Install a release that reads it.");
    Header header{};
    header.flags = load_le<std::uint8_t>(&bytes[at_flags]);
    const auto codec = load_le<std::uint8_t>(&bytes[at_codec]);
    if ((header.flags & ~known_flags) != 0 ||
        ((header.flags & flag_some_times) != 0 && (header.flags & flag_times) == 0))
        throw damaged("The flags are not valid.");
    if (codec > static_cast<std::uint8_t>(Codec::zstd)) throw damaged("The codec is not known.");
    if (load_le<std::uint8_t>(&bytes[at_zero]) != 0) throw damaged("A reserved byte is not zero.");
    header.codec = static_cast<Codec>(codec);
    header.record_count = load_le<std::uint32_t>(&bytes[at_record_count]);
    header.content_bytes = load_le<std::uint32_t>(&bytes[at_content_bytes]);
    header.field_bytes = load_le<std::uint32_t>(&bytes[at_field_bytes]);
    header.stored_bytes = load_le<std::uint32_t>(&bytes[at_stored_bytes]);
    std::memcpy(header.digest.data(), &bytes[at_digest], header.digest.size());
    return header;
}

void check_sizes(const Header& header, std::size_t frame_bytes, const Limits& limits) {
    if (frame_bytes != header_bytes + std::uint64_t{header.field_bytes} + header.stored_bytes)
        throw damaged("The length of the frame does not agree with its header.");
    if (header.record_count == 0) throw damaged("The frame has no records.");
    if (header.record_count > limits.records_max)
        throw too_big("raw frame of " + std::to_string(header.record_count) +
                      " records exceeds the limit of " + std::to_string(limits.records_max));
    if (header.content_bytes > limits.content_bytes_max)
        throw too_big("raw frame of " + std::to_string(header.content_bytes) +
                      " bytes exceeds the limit of " + std::to_string(limits.content_bytes_max));
}

struct FreeDecompressor {
    void operator()(ZSTD_DCtx* context) const noexcept { ZSTD_freeDCtx(context); }
};

void uncompress_zstd(std::span<const std::byte> stored, std::byte* content, std::size_t content_bytes) {
    thread_local const std::unique_ptr<ZSTD_DCtx, FreeDecompressor> context{ZSTD_createDCtx()};
    if (!context) throw std::bad_alloc();
    // Exactly one zstd frame: the decoder itself would also take several, and skippable ones.
    if (ZSTD_findFrameCompressedSize(stored.data(), stored.size()) != stored.size() ||
        ZSTD_decompressDCtx(context.get(), content, content_bytes, stored.data(), stored.size()) !=
            content_bytes)
        throw damaged("The zstd content cannot be uncompressed.");
}

/// Sizes that the stored bytes themselves tell are compared before memory is taken for the content.
void check_stored(const Header& header, std::span<const std::byte> stored) {
    if (header.codec == Codec::none && header.stored_bytes != header.content_bytes)
        throw damaged("The content is not compressed and has two lengths.");
    if (header.codec == Codec::lz4 && header.content_bytes / 255 > header.stored_bytes)
        throw damaged("The lz4 content is too short for its length.");
    if (header.codec == Codec::zstd &&
        ZSTD_getFrameContentSize(stored.data(), stored.size()) != header.content_bytes)
        throw damaged("The zstd content has another length than its header says.");
}

void uncompress(const Header& header, std::span<const std::byte> stored, std::byte* content) {
    switch (header.codec) {
    case Codec::lz4:
        if (LZ4_decompress_safe(reinterpret_cast<const char*>(stored.data()),
                                reinterpret_cast<char*>(content), static_cast<int>(stored.size()),
                                static_cast<int>(header.content_bytes)) !=
            static_cast<int>(header.content_bytes))
            throw damaged("The lz4 content cannot be uncompressed.");
        return;
    case Codec::zstd:
        return uncompress_zstd(stored, content, header.content_bytes);
    default:
        if (!stored.empty()) std::memcpy(content, stored.data(), stored.size());
    }
}

void check_fields(std::span<const std::byte> fields) {
    const std::byte* at = fields.data();
    const std::byte* const end = at + fields.size();
    std::uint64_t last_tag = 0;
    while (at != end) {
        std::uint64_t tag = 0, length = 0;
        if (!take_varint(at, end, tag) || !take_varint(at, end, length) || tag <= last_tag ||
            tag > UINT32_MAX || length > static_cast<std::uint64_t>(end - at))
            throw damaged("The extension area is not valid.");
        last_tag = tag;
        at += length;
    }
}

bool has_one_length(const std::vector<std::uint32_t>& ends) {
    for (std::size_t i = 1; i < ends.size(); ++i)
        if (ends[i] - ends[i - 1] != ends[0]) return false;
    return true;
}

std::vector<std::uint32_t> read_ends(const Header& header, const std::byte*& at, const std::byte* end) {
    const bool is_one_length = (header.flags & flag_one_length) != 0;
    // Each length takes a byte, so a count that the content cannot hold is refused before memory is taken.
    if (!is_one_length && header.record_count > static_cast<std::uint64_t>(end - at))
        throw damaged("The content is too short for its record count.");
    std::uint64_t length = 0, total = 0;
    if (is_one_length && !take_varint(at, end, length)) throw damaged("The record length is not valid.");
    if (length > header.content_bytes) throw damaged("A record is longer than the content.");
    std::vector<std::uint32_t> ends(header.record_count);
    for (std::uint32_t& record_end : ends) {
        if (!is_one_length && !take_varint(at, end, length)) throw damaged("A record length is not valid.");
        if (length > header.content_bytes - total) throw damaged("The records are longer than the content.");
        total += length;
        record_end = static_cast<std::uint32_t>(total);
    }
    return ends;
}

const std::byte* read_time_bitmap(const Header& header, const std::byte*& at, const std::byte* end) {
    if ((header.flags & flag_some_times) == 0) return nullptr;
    const std::size_t bytes = (std::size_t{header.record_count} + 7) / 8;
    if (static_cast<std::size_t>(end - at) < bytes) throw damaged("The bitmap of times is cut short.");
    const std::byte* const bitmap = at;
    at += bytes;
    if (header.record_count % 8 != 0 && (std::to_integer<unsigned>(at[-1]) >> (header.record_count % 8)) != 0)
        throw damaged("The bitmap of times has bits behind the last record.");
    return bitmap;
}

std::vector<std::int64_t> read_times(const Header& header, const std::byte* bitmap, const std::byte*& at,
                                     const std::byte* end) {
    std::vector<std::int64_t> times;
    if ((header.flags & flag_times) == 0) return times;
    times.resize(header.record_count);
    std::uint64_t previous = 0;
    std::size_t count = 0;
    for (std::size_t i = 0; i < times.size(); ++i) {
        if (bitmap != nullptr && (std::to_integer<unsigned>(bitmap[i / 8]) >> (i % 8) & 1U) == 0) continue;
        std::uint64_t difference = 0;
        if (!take_varint(at, end, difference)) throw damaged("A producer time is not valid.");
        previous += unzigzag(difference);
        times[i] = static_cast<std::int64_t>(previous);
        ++count;
    }
    // One batch has one form: a bitmap only when some, but not all, records have a time.
    if (bitmap != nullptr && (count == 0 || count == times.size()))
        throw damaged("The bitmap of times is full or empty.");
    return times;
}

} // namespace

Frame decode(std::span<const std::byte> bytes, const Limits& limits) {
    const Header header = read_header(bytes);
    check_sizes(header, bytes.size(), limits);
    const auto fields = bytes.subspan(header_bytes, header.field_bytes);
    const auto stored = bytes.subspan(header_bytes + header.field_bytes);
    check_stored(header, stored);

    Frame frame;
    std::byte* const digested =
        frame.buffer_.require(digest_prefix_bytes + header.field_bytes + header.content_bytes);
    std::memcpy(digested, &bytes[at_version], digest_prefix_bytes);
    digested[at_codec - at_version] = std::byte{0};
    std::byte* at_fields = digested + digest_prefix_bytes;
    if (!fields.empty()) std::memcpy(at_fields, fields.data(), fields.size());
    std::byte* const content = at_fields + header.field_bytes;
    uncompress(header, stored, content);
    const std::byte* const end = content + header.content_bytes;
    if (content_digest({digested, end}) != header.digest)
        throw damaged("The content does not have the digest that was stored with it.");

    frame.fields_ = {at_fields, header.field_bytes};
    check_fields(frame.fields_);
    const std::byte* at = content;
    frame.ends_ = read_ends(header, at, end);
    frame.time_bitmap_ = read_time_bitmap(header, at, end);
    frame.times_ = read_times(header, frame.time_bitmap_, at, end);
    if (static_cast<std::size_t>(end - at) != frame.ends_.back())
        throw damaged("The content is not as long as its records.");
    if ((header.flags & flag_one_length) == 0 && has_one_length(frame.ends_))
        throw damaged("The record lengths are not in their shortest form.");
    frame.payload_ = at;
    frame.codec_ = header.codec;
    frame.digest_ = header.digest;
    return frame;
}

std::optional<std::span<const std::byte>> Frame::field(std::uint32_t tag) const noexcept {
    const std::byte* at = fields_.data();
    const std::byte* const end = at + fields_.size();
    while (at != end) { // checked by decode: every take succeeds
        std::uint64_t found = 0, length = 0;
        take_varint(at, end, found);
        take_varint(at, end, length);
        if (found == tag) return std::span(at, length);
        at += length;
    }
    return std::nullopt;
}

ContentDigest stored_digest(std::span<const std::byte> bytes) {
    return read_header(bytes).digest;
}

} // namespace soup::frame
