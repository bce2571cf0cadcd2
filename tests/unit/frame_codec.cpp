// The raw frame: what goes in comes out, in every codec; whatever is not exactly a frame is refused with its
// SQLSTATE.
#include "core/crypto/digest.hpp"
#include "core/error.hpp"
#include "core/frame/frame.hpp"
#include "core/frame/header.hpp"
#include "core/frame/varint.hpp"
#include "core/little_endian.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <random>
#include <string>

namespace soup::frame {
namespace {

constexpr unsigned seed = 20240611;

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text));
}

/// SQLSTATE of the refusal, or "" when the frame is accepted.
std::string refusal(std::span<const std::byte> frame, const Limits& limits = {}) {
    try {
        (void)decode(frame, limits);
        return "";
    } catch (const Error& error) {
        return error.sqlstate();
    }
}

/// Records that own their bytes.
struct Batch {
    std::vector<std::string> texts;
    std::vector<std::optional<std::int64_t>> times;

    std::vector<Record> records() const {
        std::vector<Record> records;
        records.reserve(texts.size());
        for (std::size_t i = 0; i < texts.size(); ++i)
            records.push_back({bytes_of(texts[i]), times[i]});
        return records;
    }
    void add(std::string text, std::optional<std::int64_t> time = std::nullopt) {
        texts.push_back(std::move(text));
        times.push_back(time);
    }
};

void expect_equal(const Frame& frame, const Batch& batch) {
    ASSERT_EQ(frame.size(), batch.texts.size());
    for (std::size_t i = 0; i < frame.size(); ++i) {
        const Record record = frame[i];
        ASSERT_EQ(std::string_view(reinterpret_cast<const char*>(record.bytes.data()), record.bytes.size()),
                  batch.texts[i])
            << "record " << i;
        ASSERT_EQ(record.time_us, batch.times[i]) << "record " << i;
    }
}

Batch random_batch(std::mt19937_64& random) {
    Batch batch;
    const std::size_t count = 1 + random() % 200;
    const unsigned time_kind = random() % 3; // none, some, all
    const bool has_one_length = random() % 2 == 0;
    const bool is_repetitive = random() % 2 == 0;
    const std::size_t length = random() % 100;
    for (std::size_t i = 0; i < count; ++i) {
        std::string text(has_one_length ? length : random() % 100, '\0');
        for (char& c : text)
            c = static_cast<char>(is_repetitive ? 'a' + random() % 3 : random());
        std::optional<std::int64_t> time;
        if (time_kind == 2 || (time_kind == 1 && random() % 2 == 0))
            time = static_cast<std::int64_t>(random());
        batch.add(std::move(text), time);
    }
    return batch;
}

TEST(FrameCodec, WhatGoesInComesOutInEveryCodec) {
    std::mt19937_64 random(seed);
    RecordProperty("seed", static_cast<int>(seed));
    for (int round = 0; round < 300; ++round) {
        const Batch batch = random_batch(random);
        for (const Codec codec : {Codec::automatic, Codec::none, Codec::lz4, Codec::zstd}) {
            const auto bytes = encode(batch.records(), codec);
            const Frame frame = decode(bytes);
            if (codec != Codec::automatic) {
                ASSERT_EQ(frame.codec(), codec);
            }
            expect_equal(frame, batch);
        }
    }
}

TEST(FrameCodec, ExtremeTimesAndEmptyRecords) {
    Batch batch;
    batch.add("", std::numeric_limits<std::int64_t>::min());
    batch.add("x", std::numeric_limits<std::int64_t>::max());
    batch.add("", std::nullopt);
    batch.add("", 0);
    batch.add("", std::numeric_limits<std::int64_t>::min());
    expect_equal(decode(encode(batch.records())), batch);
    Batch empty;
    for (int i = 0; i < 1000; ++i)
        empty.add("");
    const auto bytes = encode(empty.records());
    EXPECT_EQ(bytes.size(), header_bytes + 1);
    expect_equal(decode(bytes), empty);
}

TEST(FrameCodec, DigestDoesNotDependOnTheCodec) {
    Batch batch;
    for (int i = 0; i < 100; ++i)
        batch.add("{\"value\":" + std::to_string(i) + "}", 1000 * i);
    const auto plain = encode(batch.records(), Codec::none);
    const auto packed = encode(batch.records(), Codec::zstd);
    EXPECT_LT(packed.size(), plain.size());
    EXPECT_EQ(stored_digest(plain), stored_digest(packed));
    EXPECT_EQ(decode(plain).digest(), decode(packed).digest());
    batch.times[7] = 7001;
    EXPECT_NE(stored_digest(encode(batch.records())), stored_digest(plain));
}

TEST(FrameCodec, CodecIsChosenByWhatItSaves) {
    std::mt19937_64 random(seed);
    const auto codec_of = [](const std::string& text) {
        const Record record{bytes_of(text), std::nullopt};
        return decode(encode({&record, 1})).codec();
    };
    std::string noise(200'000, '\0');
    for (char& c : noise)
        c = static_cast<char>(random());
    std::string readings; // a constant head and noisy digits
    while (readings.size() < 200'000)
        readings += "2014-04-14 18:00:00," + std::to_string(random() % 100'000) + '\n';
    EXPECT_EQ(codec_of(std::string(400, 'a')), Codec::none);
    EXPECT_EQ(codec_of(std::string(2000, 'a')), Codec::lz4);
    EXPECT_EQ(codec_of(std::string(20'000, 'a')), Codec::lz4);
    EXPECT_EQ(codec_of(readings), Codec::lz4);
    EXPECT_EQ(codec_of(noise), Codec::none);
    EXPECT_EQ(codec_of(noise.substr(0, 2000)), Codec::none);
}

TEST(FrameCodec, EveryFlippedBitIsRefused) {
    Batch batch;
    for (int i = 0; i < 20; ++i)
        batch.add("{\"value\":" + std::to_string(i * 7) + "}",
                  i % 3 == 0 ? std::optional(i * 1000) : std::nullopt);
    for (const Codec codec : {Codec::none, Codec::lz4, Codec::zstd}) {
        const auto frame = encode(batch.records(), codec);
        EXPECT_EQ(refusal(frame), "");
        for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
            auto altered = frame;
            altered[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
            std::string state = refusal(altered);
            if (state.empty()) {
                // lz4 and zstd have bits that do not matter; then the content must be the very same.
                ASSERT_NE(codec, Codec::none) << "bit " << bit;
                expect_equal(decode(altered), batch);
                continue;
            }
            ASSERT_TRUE(state == "XX001" || state == "0A000" || state == "54000")
                << state << " at bit " << bit;
        }
    }
}

TEST(FrameCodec, EveryTruncationAndExtensionIsRefused) {
    Batch batch;
    for (int i = 0; i < 60; ++i)
        batch.add("record " + std::to_string(i % 5), 1000 + i);
    for (const Codec codec : {Codec::none, Codec::lz4, Codec::zstd}) {
        auto frame = encode(batch.records(), codec);
        for (std::size_t length = 0; length < frame.size(); ++length)
            ASSERT_EQ(refusal(std::span(frame).first(length)), "XX001") << "length " << length;
        frame.push_back(std::byte{0});
        EXPECT_EQ(refusal(frame), "XX001");
        EXPECT_EQ(refusal(std::span(frame).first(frame.size() - 1)), "");
    }
}

TEST(FrameCodec, NewerVersionIsNotSupported) {
    const Record record{bytes_of("x"), std::nullopt};
    auto frame = encode({&record, 1});
    frame[at_version] = std::byte{2};
    EXPECT_EQ(refusal(frame), "0A000");
}

TEST(FrameCodec, LimitsHoldWhenReading) {
    Batch batch;
    for (int i = 0; i < 10; ++i)
        batch.add(std::string(1000, 'a'));
    const auto frame = encode(batch.records());
    EXPECT_EQ(refusal(frame, {.records_max = 10, .content_bytes_max = 10'001 + 8}), "");
    EXPECT_EQ(refusal(frame, {.records_max = 9}), "54000");
    EXPECT_EQ(refusal(frame, {.content_bytes_max = 9'000}), "54000");
}

TEST(FrameCodec, LimitsHoldWhenWriting) {
    const Record record{bytes_of("0123456789"), std::nullopt};
    const std::vector<Record> three(3, record);
    const auto state = [](Limits limits, std::span<const Record> records) -> std::string {
        try {
            Encoder encoder(limits);
            (void)encoder.encode(records);
            return "";
        } catch (const Error& error) {
            return error.sqlstate();
        }
    };
    EXPECT_EQ(state({.records_max = 3}, three), "");
    EXPECT_EQ(state({.records_max = 2}, three), "54000");
    EXPECT_EQ(state({.content_bytes_max = 31}, three), "");
    EXPECT_EQ(state({.content_bytes_max = 30}, three), "54000");
    EXPECT_EQ(state({.content_bytes_max = 29}, three), "54000");
    EXPECT_EQ(state({}, {}), "22023");
}

TEST(FrameCodec, FieldsAreSkippedByReadersThatDoNotKnowThem) {
    Batch batch;
    batch.add("one", 1);
    batch.add("two!", 2);
    const Field fields[] = {{3, bytes_of("three")}, {1000, bytes_of("")}};
    Encoder encoder;
    for (const Codec codec : {Codec::none, Codec::zstd}) {
        const auto bytes = encoder.encode(batch.records(), codec, fields);
        const Frame frame = decode(bytes);
        expect_equal(frame, batch);
        ASSERT_TRUE(frame.field(3));
        EXPECT_EQ(
            std::string_view(reinterpret_cast<const char*>(frame.field(3)->data()), frame.field(3)->size()),
            "three");
        EXPECT_TRUE(frame.field(1000));
        EXPECT_FALSE(frame.field(4));
    }
    const Field unordered[] = {{3, {}}, {3, {}}};
    EXPECT_THROW((void)encoder.encode(batch.records(), Codec::none, unordered), Error);
}

TEST(FrameCodec, AnEncoderIsReusable) {
    std::mt19937_64 random(seed + 1);
    Encoder encoder;
    for (int round = 0; round < 50; ++round) {
        const Batch batch = random_batch(random);
        const auto bytes = encoder.encode(batch.records());
        expect_equal(decode(bytes), batch);
    }
}

/// A frame whose digest is right, made by hand: what a liar would send.
class Forgery {
public:
    std::uint8_t flags = 0;
    std::uint32_t record_count = 1;
    std::vector<std::byte> fields, content;

    Forgery& varint(std::uint64_t value, std::vector<std::byte> Forgery::*part = &Forgery::content) {
        std::byte room[varint_bytes_max];
        const auto* const end = put_varint(room, value);
        (this->*part).insert((this->*part).end(), room, room + (end - room));
        return *this;
    }
    Forgery& raw(std::initializer_list<int> bytes,
                 std::vector<std::byte> Forgery::*part = &Forgery::content) {
        for (const int byte : bytes)
            (this->*part).push_back(static_cast<std::byte>(byte));
        return *this;
    }
    std::vector<std::byte> frame() const {
        std::vector<std::byte> bytes(header_bytes);
        std::memcpy(bytes.data(), frame_magic.data(), frame_magic.size());
        bytes[at_version] = std::byte{frame_version};
        bytes[at_flags] = std::byte{flags};
        store_le(&bytes[at_record_count], record_count);
        store_le(&bytes[at_content_bytes], static_cast<std::uint32_t>(content.size()));
        store_le(&bytes[at_field_bytes], static_cast<std::uint32_t>(fields.size()));
        store_le(&bytes[at_stored_bytes], static_cast<std::uint32_t>(content.size()));
        crypto::Hasher hasher;
        hasher.update(std::span<const std::byte>(bytes).subspan(at_version, digest_prefix_bytes));
        hasher.update(std::span<const std::byte>(fields));
        hasher.update(std::span<const std::byte>(content));
        const auto digest = hasher.finish();
        std::memcpy(&bytes[at_digest], digest.data(), digest.size());
        bytes.insert(bytes.end(), fields.begin(), fields.end());
        bytes.insert(bytes.end(), content.begin(), content.end());
        return bytes;
    }
};

TEST(FrameCodec, ForgeriesWithARightDigestAreRefused) {
    struct Case {
        const char* what;
        Forgery forgery;
        const char* sqlstate;
    };
    const std::uint8_t one = flag_one_length, some = flag_times | flag_some_times;
    const auto make = [](std::uint8_t flags, std::uint32_t count) {
        Forgery forgery;
        forgery.flags = flags;
        forgery.record_count = count;
        return forgery;
    };
    const Case cases[] = {
        {"an honest one", make(one, 2).varint(1).raw({'a', 'b'}), ""},
        {"two lengths", make(0, 2).varint(1).varint(2).raw({'a', 'b', 'c'}), ""},
        {"no records", make(one, 0).varint(1), "XX001"},
        {"unknown flag", make(8 | one, 1).varint(1).raw({'a'}), "XX001"},
        {"bitmap without times", make(flag_some_times | one, 1).varint(0).raw({1}), "XX001"},
        {"records longer than the content", make(one, 2).varint(2).raw({'a', 'b'}), "XX001"},
        {"length of 2^63", make(one, 1).varint(std::uint64_t{1} << 63).raw({'a'}), "XX001"},
        {"lengths whose sum wraps", make(0, 2).varint(~std::uint64_t{0}).varint(2).raw({'a'}), "XX001"},
        {"payload longer than its records", make(one, 1).varint(1).raw({'a', 'b'}), "XX001"},
        {"a million records in one byte", make(0, 1'000'000).varint(0), "XX001"},
        {"too many records", make(one, 1'000'001).varint(0), "54000"},
        {"varint not in its shortest form", make(one, 1).raw({0x81, 0x00, 'a'}), "XX001"},
        {"varint of eleven bytes", make(one, 1).raw({255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1}),
         "XX001"},
        {"varint beyond 64 bits", make(one, 1).raw({255, 255, 255, 255, 255, 255, 255, 255, 255, 2}),
         "XX001"},
        {"cut varint", make(one, 1).raw({0x80}), "XX001"},
        {"no content", make(one, 1), "XX001"},
        {"equal lengths written twice", make(0, 2).varint(1).varint(1).raw({'a', 'b'}), "XX001"},
        {"cut bitmap", make(one | some, 9).varint(0).raw({1}), "XX001"},
        {"bitmap bit behind the last record", make(one | some, 2).varint(0).raw({5}).varint(0), "XX001"},
        {"full bitmap", make(one | some, 2).varint(0).raw({3}).varint(0).varint(0), "XX001"},
        {"empty bitmap", make(one | some, 2).varint(0).raw({0}), "XX001"},
        {"missing time", make(one | flag_times, 2).varint(0).varint(7), "XX001"},
        {"honest bitmap", make(one | some, 2).varint(0).raw({2}).varint(14), ""},
        {"field without length", make(one, 1).varint(0).raw({1}, &Forgery::fields), "XX001"},
        {"field longer than the area", make(one, 1).varint(0).raw({1, 5, 0}, &Forgery::fields), "XX001"},
        {"field with tag 0", make(one, 1).varint(0).raw({0, 0}, &Forgery::fields), "XX001"},
        {"fields out of order", make(one, 1).varint(0).raw({2, 0, 1, 0}, &Forgery::fields), "XX001"},
        {"tag beyond 32 bits",
         make(one, 1).varint(0).varint(std::uint64_t{1} << 32, &Forgery::fields).raw({0}, &Forgery::fields),
         "XX001"},
        {"unknown field", make(one, 1).varint(0).raw({9, 1, 77}, &Forgery::fields), ""},
    };
    for (const Case& c : cases)
        EXPECT_EQ(refusal(c.forgery.frame()), c.sqlstate) << c.what;
}

TEST(FrameCodec, LyingSizesTakeNoMemory) {
    // A header that promises 4 GiB in 57 bytes: refused by the limit; 64 MiB of zstd: by zstd's own content
    // size.
    Batch batch;
    batch.add(std::string(10'000, 'a'));
    auto frame = encode(batch.records(), Codec::zstd);
    store_le(&frame[at_content_bytes], std::uint32_t{0xffffffff});
    EXPECT_EQ(refusal(frame), "54000");
    store_le(&frame[at_content_bytes], std::uint32_t{60U << 20});
    EXPECT_EQ(refusal(frame), "XX001");
}

} // namespace
} // namespace soup::frame
