// The raw frame: many records in one self-checking run of bytes, as soup.raw_batch stores it.
//
// extension/rawlog/FORMAT.md documents every byte. A frame holds the records' lengths, their optional
// producer times and their bytes, compressed or not, under a BLAKE2b-256 digest which does not depend on the
// compression. Fields added later travel in a tagged extension area that this reader skips.
//
// Offsets number records: record i of a batch has the offset first_offset + i. Nothing here knows offsets.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace soup::frame {

/// Stored in a frame's byte 6: never renumber. `automatic` asks the encoder to choose and is never stored.
enum class Codec : std::uint8_t { none = 0, lz4 = 1, zstd = 2, automatic = 255 };

/// One item of raw data. `time_us` is the producer's time: microseconds since 1970-01-01 UTC.
struct Record {
    std::span<const std::byte> bytes;
    std::optional<std::int64_t> time_us;
};

/// A tagged field of the extension area. Tags are listed in FORMAT.md; readers skip those they do not know.
struct Field {
    std::uint32_t tag;
    std::span<const std::byte> value;
};

/// Checked before anything is allocated, when writing and when reading.
struct Limits {
    std::size_t records_max = 1'000'000;
    std::size_t content_bytes_max = std::size_t{64} << 20; ///< Lengths, times and payload, uncompressed.
};

/// Bytes that are not zeroed before they are written, kept from call to call.
class Buffer {
public:
    /// At least `bytes` bytes of undefined content; gives memory beyond 8 MiB back when less is asked for.
    std::byte* require(std::size_t bytes);
    std::byte* data() const noexcept { return bytes_.get(); }

private:
    std::unique_ptr<std::byte[]> bytes_;
    std::size_t capacity_ = 0;
};

using ContentDigest = std::array<std::uint8_t, 32>;

/// Encodes frames into a buffer that it keeps, so that a busy caller allocates nothing.
/// The result is valid until the next call. Throws BAD_INPUT for no records, TOO_BIG beyond the limits.
class Encoder {
public:
    explicit Encoder(Limits limits = {});
    Encoder(const Encoder&) = delete;
    Encoder& operator=(const Encoder&) = delete;
    ~Encoder();

    std::span<const std::byte> encode(std::span<const Record> records, Codec codec = Codec::automatic,
                                      std::span<const Field> fields = {});

private:
    struct Shape;
    struct Compressor;
    Shape measure(std::span<const Record> records, std::span<const Field> fields) const;
    /// Compresses content into packed_ if that pays; returns the codec that was used and the bytes written.
    std::pair<Codec, std::size_t> compress(std::span<const std::byte> content, Codec codec);

    Limits limits_;
    Buffer out_;
    Buffer packed_;
    std::unique_ptr<Compressor> compressor_; ///< Made when first needed: most appends are too small for it.
};

/// The thread's own Encoder, result copied.
std::vector<std::byte> encode(std::span<const Record> records, Codec codec = Codec::automatic);

/// A decoded frame. Owns the uncompressed content; records point into it and live as long as it does.
class Frame {
public:
    std::size_t size() const noexcept { return ends_.size(); }
    Record operator[](std::size_t index) const noexcept {
        const std::size_t begin = index == 0 ? 0 : ends_[index - 1];
        Record record{{payload_ + begin, ends_[index] - begin}, std::nullopt};
        if (!times_.empty() && has_time(index)) record.time_us = times_[index];
        return record;
    }
    /// True when at least one record carries a producer time.
    bool has_times() const noexcept { return !times_.empty(); }
    Codec codec() const noexcept { return codec_; }
    const ContentDigest& digest() const noexcept { return digest_; }
    /// The value of an extension field, if the frame has it.
    std::optional<std::span<const std::byte>> field(std::uint32_t tag) const noexcept;

private:
    friend Frame decode(std::span<const std::byte>, const Limits&);
    bool has_time(std::size_t index) const noexcept {
        return time_bitmap_ == nullptr ||
               (std::to_integer<unsigned>(time_bitmap_[index / 8]) >> (index % 8) & 1U) != 0;
    }
    Buffer buffer_;                      ///< Digest prefix, extension area, content.
    std::vector<std::uint32_t> ends_;    ///< Where record i ends in the payload.
    std::vector<std::int64_t> times_;    ///< Empty when no record has a time.
    const std::byte* payload_ = nullptr; ///< Into buffer_, whose allocation moves along with the Frame.
    const std::byte* time_bitmap_ = nullptr;
    std::span<const std::byte> fields_; ///< The extension area, checked.
    Codec codec_ = Codec::none;
    ContentDigest digest_{};
};

/// Throws XX001 for anything that is not exactly one undamaged frame, 0A000 for a newer format version,
/// TOO_BIG beyond the limits; nothing is allocated before the limits are checked.
Frame decode(std::span<const std::byte> bytes, const Limits& limits = {});

/// The digest that the header carries, without reading anything else (idempotency compares it).
ContentDigest stored_digest(std::span<const std::byte> bytes);

} // namespace soup::frame
