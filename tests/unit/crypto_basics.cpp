// Digests, text forms and passphrases. Test vectors: RFC 7693 and the BLAKE2 authors' for BLAKE2b-256, RFC
// 4648 for base64.
#include "core/crypto/base64.hpp"
#include "core/crypto/digest.hpp"
#include "core/crypto/password.hpp"
#include "core/crypto/random.hpp"
#include "core/crypto/uuid.hpp"
#include "core/error.hpp"

#include <gtest/gtest.h>

#include <set>

namespace soup::crypto {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

std::span<const std::uint8_t> bytes_of(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

TEST(CryptoDigest, KnownVectors) {
    EXPECT_EQ(hex(digest(""sv)), "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
    EXPECT_EQ(hex(digest("abc"sv)), "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
}

TEST(CryptoDigest, PiecesGiveTheSameAsTheWhole) {
    const std::string text(1000, 'x');
    for (const std::size_t cut : {std::size_t{0}, std::size_t{1}, std::size_t{127}, std::size_t{128},
                                  std::size_t{129}, std::size_t{1000}}) {
        Hasher hasher;
        hasher.update(std::string_view(text).substr(0, cut));
        hasher.update(std::string_view(text).substr(cut));
        EXPECT_EQ(hasher.finish(), digest(text)) << cut;
    }
}

TEST(CryptoDigest, KeysMatter) {
    const auto keyed = [](const MacKey& key) {
        Hasher hasher(key);
        hasher.update("abc"sv);
        return hasher.finish();
    };
    const MacKey first = generate_mac_key(), second = generate_mac_key();
    EXPECT_EQ(keyed(first), keyed(first));
    EXPECT_NE(keyed(first), keyed(second));
    EXPECT_NE(keyed(first), digest("abc"sv));
    EXPECT_TRUE(equal_constant_time(digest("a"sv), digest("a"sv)));
    EXPECT_FALSE(equal_constant_time(digest("a"sv), digest("b"sv)));
    EXPECT_FALSE(equal_constant_time(bytes_of("a"), bytes_of("ab")));
}

TEST(CryptoBase64, KnownVectorsAndBack) {
    const std::pair<const char*, const char*> vectors[] = {
        {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},         {"foo", "Zm9v"},
        {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}};
    for (const auto& [plain, text] : vectors) {
        EXPECT_EQ(base64url_encode(bytes_of(plain)), text);
        const auto back = base64url_decode(text, 100);
        ASSERT_TRUE(back) << text;
        EXPECT_EQ(std::string(back->begin(), back->end()), plain);
    }
    EXPECT_EQ(base64url_encode(bytes_of("\xfb\xff"sv)), "-_8");
    for (std::size_t length = 0; length < 100; ++length) {
        std::vector<std::uint8_t> bytes(length);
        fill_random(bytes);
        EXPECT_EQ(base64url_decode(base64url_encode(bytes), length), bytes);
    }
}

TEST(CryptoBase64, OnlyTheCanonicalForm) {
    for (const auto text :
         {"Zg==", "Zg=", "Zh", "Z", "+/8", "-_9", "-_8=", "Zg\n", " Zg", "Zg Zg", ".", "=", "\xff"})
        EXPECT_FALSE(base64url_decode(text, 100)) << text;
    for (const char* begin : {"", "Z", "Zm", "Zm9"}) {
        // Exactly the alphabet, at each place of a group: libsodium alone takes some bytes above 0x7f.
        int count = 0;
        for (int c = 0; c < 256; ++c) {
            std::string group = begin + std::string(1, static_cast<char>(c));
            group.resize(4, 'A');
            count += base64url_decode(group, 3) ? 1 : 0;
        }
        EXPECT_EQ(count, 64) << begin;
    }
    EXPECT_TRUE(base64url_decode("Zm9v", 3));
    EXPECT_FALSE(base64url_decode("Zm9v", 2));
    EXPECT_FALSE(base64url_decode(std::string(1 << 20, 'A'), 100));
}

TEST(CryptoUuid, TextForm) {
    const Uuid uuid{0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                    0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
    EXPECT_EQ(to_string(uuid), "00112233-4455-6677-8899-aabbccddeeff");
    std::set<std::string> seen;
    for (int i = 0; i < 100; ++i) {
        const std::string text = to_string(random_uuid());
        EXPECT_EQ(text[14], '4');
        EXPECT_NE("89ab"sv.find(text[19]), std::string_view::npos);
        EXPECT_TRUE(seen.insert(text).second);
    }
}

std::string set_refusal(std::string_view passphrase) {
    try {
        check_passphrase(passphrase);
        return "";
    } catch (const Error& error) {
        return error.reason();
    }
}

TEST(CryptoPassword, a20_passphrase_edges_when_set) {
    EXPECT_EQ(set_refusal("correct horse battery staple"), "");
    EXPECT_EQ(set_refusal("grün"), "");
    EXPECT_EQ(set_refusal(std::string(1024, 'a')), "");
    EXPECT_EQ(set_refusal(std::string(1025, 'a')), "BAD_INPUT");
    EXPECT_EQ(set_refusal(std::string(1 << 20, 'a')), "BAD_INPUT");
    EXPECT_EQ(set_refusal(""), "BAD_INPUT");
    EXPECT_EQ(set_refusal("a\0b"sv), "BAD_INPUT");
    EXPECT_EQ(set_refusal("\xff\xfe"), "BAD_INPUT");
    EXPECT_EQ(set_refusal("\xed\xa0\x80"), "BAD_INPUT");
    EXPECT_THROW((void)hash_passphrase(""), Error);
}

TEST(CryptoPassword, a20_passphrase_edges_when_checked) {
    // Equal first 72 bytes, composed and decomposed ü: other bytes are another passphrase.
    const std::string composed = std::string(72, 'a') + "\xc3\xbc",
                      decomposed = std::string(72, 'a') + "u\xcc\x88";
    const std::string hash = hash_passphrase(composed);
    EXPECT_EQ(hash.substr(0, 30), "$argon2id$v=19$m=65536,t=2,p=1");
    EXPECT_TRUE(verify_passphrase(hash, composed));
    EXPECT_FALSE(verify_passphrase(hash, decomposed));
    EXPECT_FALSE(verify_passphrase(hash, std::string_view(composed).substr(0, 72)));
    EXPECT_FALSE(verify_passphrase(hash, composed + "\0"s));
    EXPECT_FALSE(verify_passphrase(hash, ""));
    EXPECT_FALSE(verify_passphrase(hash, std::string(1 << 20, 'a')));
    EXPECT_NE(hash_passphrase(composed), hash) << "salted";
}

TEST(CryptoPassword, UnknownUsersNeverPass) {
    EXPECT_FALSE(verify_unknown("anything"));
    EXPECT_FALSE(verify_unknown(""));
    EXPECT_FALSE(verify_unknown("-"));
}

/// "$argon2id$v=…$m=…,t=…,p=…$" and the lengths of salt and hash: all that the cost of a check depends on,
/// beside the passphrase.
std::string cost_of(std::string_view hash) {
    const std::size_t hash_at = hash.rfind('$') + 1, salt_at = hash.rfind('$', hash_at - 2) + 1;
    return std::string(hash.substr(0, salt_at)) + " salt " + std::to_string(hash_at - 1 - salt_at) +
           " hash " + std::to_string(hash.size() - hash_at);
}

TEST(CryptoPassword, an_unknown_user_costs_what_a_known_one_costs) {
    EXPECT_EQ(cost_of(unknown_users_hash()), cost_of(hash_passphrase("any passphrase")));
    EXPECT_EQ(cost_of("$argon2id$v=19$m=65536,t=3,p=1$c2FsdA$aGFzaA"),
              "$argon2id$v=19$m=65536,t=3,p=1$ salt 6 hash 6");
}

TEST(CryptoPassword, ADamagedHashIsNotAWrongPassphrase) {
    for (const char* damaged :
         {"", "x", "$argon2id$", "$argon2id$v=19$m=65536,t=2,p=1$!!!$!!!", "$2b$10$abc"}) {
        try {
            (void)verify_passphrase(damaged, "secret");
            ADD_FAILURE() << damaged;
        } catch (const Error& error) {
            EXPECT_STREQ(error.sqlstate(), "XX001") << damaged;
        }
    }
}

} // namespace
} // namespace soup::crypto
