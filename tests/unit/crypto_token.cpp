// Access and page tokens: every altered bit, every other alphabet, every other purpose is the same TOKEN_BAD.
#include "core/crypto/base64.hpp"
#include "core/crypto/page_token.hpp"
#include "core/crypto/token.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <random>

namespace soup::crypto {
namespace {

constexpr std::string_view url_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// "SQLSTATE REASON message", or "" when nothing was refused. The message is part of it: causes must not
/// differ.
std::string refusal(const std::function<void()>& attempt) {
    try {
        attempt();
        return "";
    } catch (const Error& error) {
        return std::string(error.sqlstate()) + " " + error.reason() + " " + error.message() + error.detail();
    }
}
const std::string token_bad_text = "28000 TOKEN_BAD token is not valid";

class AccessToken : public testing::Test {
protected:
    static Claims sample_claims() {
        Claims claims;
        claims.kind = PrincipalKind::data_scientist;
        claims.key_id = 7;
        claims.audience = {0x1122334455667788, 16384};
        claims.epoch = 3;
        claims.subject = random_uuid();
        claims.org = random_uuid();
        claims.token_id = random_uuid();
        claims.session = random_uuid();
        claims.issued_us = 1'700'000'000'000'000;
        claims.not_before_us = 1'700'000'000'000'000;
        claims.expires_us = 1'700'000'900'000'000;
        return claims;
    }
    std::string open(std::string_view text) const { return open(text, keys.public_key, claims.audience); }
    static std::string open(std::string_view text, const PublicKey& key, const Audience& audience) {
        return refusal([&] { (void)UnverifiedToken(text).open(key, audience); });
    }

    const Claims claims = sample_claims();
    const KeyPair keys = generate_key_pair();
    const std::string token = seal_token(claims, keys.secret_key);
};

TEST_F(AccessToken, ReadsBackExactly) {
    ASSERT_EQ(token.size(), token_characters);
    const UnverifiedToken unverified(token);
    EXPECT_EQ(unverified.key_id(), 7U);
    EXPECT_EQ(unverified.open(keys.public_key, claims.audience), claims);
}

TEST_F(AccessToken, a05_token_altered_in_every_bit) {
    const auto bytes = base64url_decode(token, 1000).value();
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        auto altered = bytes;
        altered[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
        ASSERT_EQ(open(base64url_encode(altered)), token_bad_text) << "bit " << bit;
    }
}

TEST_F(AccessToken, a05_token_altered_in_every_character) {
    for (std::size_t at = 0; at < token.size(); ++at) {
        for (int c = 0; c < 256; ++c) {
            std::string altered = token;
            altered[at] = static_cast<char>(c);
            if (altered == token) continue;
            // Signatures cost 100 µs: most characters are tried at a few places only.
            if (url_alphabet.find(altered[at]) != std::string_view::npos && at % 16 != 0 &&
                at + 1 != token.size())
                continue;
            ASSERT_EQ(open(altered), token_bad_text) << "character " << at << " as " << c;
        }
    }
    EXPECT_EQ(open(token), "");
}

TEST_F(AccessToken, a05_token_cut_or_lengthened) {
    for (std::size_t length = 0; length < token.size(); ++length)
        ASSERT_EQ(open(std::string_view(token).substr(0, length)), token_bad_text) << length;
    for (const char* suffix : {"=", "A", "\n", " ", "AAAA"})
        EXPECT_EQ(open(token + suffix), token_bad_text) << suffix;
    for (const char* prefix : {" ", "A", "Bearer "})
        EXPECT_EQ(open(prefix + token), token_bad_text) << prefix;
    EXPECT_EQ(open(std::string(1 << 20, 'A')), token_bad_text);
}

TEST_F(AccessToken, a07_token_other_kind) {
    // The same claims signed without the prefix, or with that of another purpose, are no access token.
    const auto bytes = base64url_decode(token, 1000).value();
    for (const std::string_view domain : {"", "soup-page-1", "soup-access-2", "soup-receipt-1"}) {
        std::vector<std::uint8_t> message(domain.begin(), domain.end());
        message.insert(message.end(), bytes.begin(), bytes.begin() + 112);
        const Signature signature = sign(keys.secret_key, message);
        auto forged = bytes;
        std::copy(signature.begin(), signature.end(), forged.begin() + 112);
        EXPECT_EQ(open(base64url_encode(forged)), token_bad_text) << domain;
    }
    PageToken page;
    page.function = "nearest";
    EXPECT_EQ(open(seal_page_token(page, generate_mac_key())), token_bad_text);
}

TEST_F(AccessToken, a08_token_alg_other_keys_and_malleable_signatures) {
    EXPECT_EQ(open(token, generate_key_pair().public_key, claims.audience), token_bad_text);
    EXPECT_EQ(open(token, PublicKey{}, claims.audience), token_bad_text); // a small-order point
    PublicKey identity{};
    identity[0] = 1;
    EXPECT_EQ(open(token, identity, claims.audience), token_bad_text);

    // S + L verifies in lax libraries.
    constexpr std::uint8_t group_order[32] = {
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
        0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};
    auto bytes = base64url_decode(token, 1000).value();
    unsigned carry = 0;
    for (std::size_t i = 0; i < 32; ++i) {
        carry += static_cast<unsigned>(bytes[144 + i]) + group_order[i];
        bytes[144 + i] = static_cast<std::uint8_t>(carry);
        carry >>= 8;
    }
    EXPECT_EQ(open(base64url_encode(bytes)), token_bad_text);
    EXPECT_EQ(open("eyJhbGciOiJub25lIn0.eyJzdWIiOiJyb290In0."), token_bad_text);
}

TEST_F(AccessToken, a11_token_other_cluster) {
    EXPECT_EQ(open(token, keys.public_key, {claims.audience.system_identifier + 1, 16384}), token_bad_text);
    EXPECT_EQ(open(token, keys.public_key, {claims.audience.system_identifier, 16385}), token_bad_text);
    EXPECT_EQ(open(token), "");
}

TEST_F(AccessToken, a06_token_expired_is_for_the_caller_to_see) {
    EXPECT_FALSE(is_live(claims, claims.not_before_us - 1));
    EXPECT_TRUE(is_live(claims, claims.not_before_us));
    EXPECT_TRUE(is_live(claims, claims.expires_us - 1));
    EXPECT_FALSE(is_live(claims, claims.expires_us));
    EXPECT_STREQ(token_expired().reason(), "TOKEN_EXPIRED");
}

TEST_F(AccessToken, InconsistentClaimsAreNotSealed) {
    Claims wrong = claims;
    wrong.expires_us = wrong.issued_us;
    EXPECT_THROW((void)seal_token(wrong, keys.secret_key), Error);
    wrong = claims;
    wrong.kind = static_cast<PrincipalKind>(6);
    EXPECT_THROW((void)seal_token(wrong, keys.secret_key), Error);
}

TEST(AccessTokenKinds, HaveNames) {
    EXPECT_EQ(kind_name(PrincipalKind::producer), "producer");
    EXPECT_EQ(kind_name(PrincipalKind::operator_), "operator");
}

class PageTokens : public testing::Test {
protected:
    static PageToken sample() {
        PageToken page;
        page.function = "nearest";
        page.query = digest("query");
        page.version = random_uuid();
        page.principal = random_uuid();
        page.rows_returned = 100;
        page.last_distance = 0.1;
        page.expires_us = 1000;
        page.last_key = "0/pump-7/4711";
        return page;
    }
    PageBinding binding() const { return {page.function, page.query, page.principal}; }
    std::string open(std::string_view text) const {
        return refusal([&] { (void)open_page_token(text, key, binding(), 999); });
    }

    const PageToken page = sample();
    const MacKey key = generate_mac_key();
    const std::string token = seal_page_token(page, key);
};

TEST_F(PageTokens, ReadBackExactly) {
    EXPECT_EQ(open_page_token(token, key, binding(), 999), page);
    for (const double distance : {0.0, -0.0, 1e-310, HUGE_VAL, -HUGE_VAL}) {
        PageToken other = page;
        other.last_distance = distance;
        other.last_key = std::string(page_key_bytes_max, 'k');
        const PageToken opened = open_page_token(seal_page_token(other, key), key, binding(), 0);
        EXPECT_EQ(std::bit_cast<std::uint64_t>(opened.last_distance), std::bit_cast<std::uint64_t>(distance));
        EXPECT_EQ(opened.last_key, other.last_key);
    }
}

TEST_F(PageTokens, b46_page_token_altered_in_every_bit) {
    const auto bytes = base64url_decode(token, 1000).value();
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        auto altered = bytes;
        altered[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
        ASSERT_EQ(open(base64url_encode(altered)), token_bad_text) << "bit " << bit;
    }
    for (std::size_t length = 0; length < token.size(); ++length)
        ASSERT_EQ(open(std::string_view(token).substr(0, length)), token_bad_text);
    for (const char* suffix : {"=", "A", "AA", "\n"})
        EXPECT_EQ(open(token + suffix), token_bad_text);
    EXPECT_EQ(open(token), "");
}

TEST_F(PageTokens, b46_page_token_for_something_else) {
    const auto open_for = [&](std::string_view function, const Digest& query, const Uuid& principal,
                              std::int64_t now, const MacKey& with) {
        return refusal([&] { (void)open_page_token(token, with, {function, query, principal}, now); });
    };
    EXPECT_EQ(open_for("nearest", page.query, page.principal, 999, key), "");
    EXPECT_EQ(open_for("within_box", page.query, page.principal, 999, key), token_bad_text);
    EXPECT_EQ(open_for("nearest", digest("other"), page.principal, 999, key), token_bad_text);
    EXPECT_EQ(open_for("nearest", page.query, random_uuid(), 999, key), token_bad_text);
    EXPECT_EQ(open_for("nearest", page.query, page.principal, 1000, key), token_bad_text);
    EXPECT_EQ(open_for("nearest", page.query, page.principal, 999, generate_mac_key()), token_bad_text);
    EXPECT_EQ(open(std::string(1 << 20, 'A')), token_bad_text);
    const KeyPair keys = generate_key_pair();
    Claims claims;
    claims.expires_us = 1;
    EXPECT_EQ(open(seal_token(claims, keys.secret_key)), token_bad_text);
}

TEST_F(PageTokens, b46_page_token_with_an_authentic_tag_over_nonsense) {
    // Whoever could make tags might still lie about lengths: the reader must not read past the end.
    std::mt19937_64 random(1);
    auto bytes = base64url_decode(token, 1000).value();
    for (int round = 0; round < 2000; ++round) {
        std::vector<std::uint8_t> body(bytes.begin(), bytes.end() - 32);
        body[round % 2 == 0 ? 1 : 91 + 7 + random() % 2] = static_cast<std::uint8_t>(random());
        body.resize(92 + random() % body.size());
        Hasher hasher(key);
        hasher.update(std::string_view("soup-page-1"));
        hasher.update(std::as_bytes(std::span(body)));
        const Digest tag = hasher.finish();
        body.insert(body.end(), tag.begin(), tag.end());
        const std::string result = open(base64url_encode(body));
        ASSERT_TRUE(result.empty() || result == token_bad_text) << result;
    }
}

TEST_F(PageTokens, WhatCannotBeSealedIsRefused) {
    PageToken wrong = page;
    wrong.last_key = std::string(page_key_bytes_max + 1, 'k');
    EXPECT_EQ(refusal([&] { (void)seal_page_token(wrong, key); }).substr(0, 13), "54000 TOO_BIG");
    wrong = page;
    wrong.last_distance = NAN;
    EXPECT_NE(refusal([&] { (void)seal_page_token(wrong, key); }), "");
    wrong = page;
    wrong.function.clear();
    EXPECT_NE(refusal([&] { (void)seal_page_token(wrong, key); }), "");
}

} // namespace
} // namespace soup::crypto
