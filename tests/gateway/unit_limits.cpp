// The rate per principal and the pace of a body, by a clock of the test's own; what counts as one source.
#include "core/crypto/token.hpp"
#include "thin_gateway/body_pace.hpp"
#include "thin_gateway/principal_limit.hpp"
#include "thin_gateway/source.hpp"

#include <gtest/gtest.h>

namespace soup::gateway {
namespace {

using namespace std::chrono_literals;

/// A token of a principal, who is a number here; its own number makes it another one.
std::string token_of(std::uint8_t principal, std::uint8_t number) {
    static const crypto::KeyPair pair = crypto::generate_key_pair();
    crypto::Claims claims;
    claims.subject = {principal};
    claims.token_id = {number};
    claims.expires_us = 1;
    return crypto::seal_token(claims, pair.secret_key);
}

Credential bearer(const std::string& token) {
    return {Credential::Kind::bearer, token};
}
Credential basic(std::string_view value) {
    return {Credential::Kind::basic, value};
}

class PrincipalRate : public ::testing::Test {
protected:
    unsigned allowed(const Credential& credential, unsigned asked) {
        unsigned count = 0;
        for (unsigned i = 0; i < asked; ++i)
            count += limit.allows(credential, now);
        return count;
    }

    RateLimit::Clock::time_point now;
    PrincipalLimit limit{1, 5};
    std::string one = token_of(1, 1), two = token_of(1, 2), other = token_of(2, 1);
};

TEST_F(PrincipalRate, CountsAllCredentialsOfAPrincipalTogether) {
    for (const Credential& credential : {bearer(one), bearer(two), basic("cDpx")}) {
        EXPECT_EQ(allowed(credential, 1), 1U);
        limit.learn(credential, credential.kind == Credential::Kind::basic ? one : credential.value, now);
    }
    EXPECT_EQ(allowed(bearer(one), 1) + allowed(bearer(two), 1) + allowed(basic("cDpx"), 9), 2U);
    EXPECT_EQ(allowed(bearer(one), 1), 0U);
    EXPECT_EQ(allowed(bearer(token_of(1, 3)), 1), 0U) << "one that was never seen before";
    EXPECT_EQ(allowed(bearer(other), 9), 5U) << "another principal";
    now += 2s;
    EXPECT_EQ(allowed(bearer(one), 1) + allowed(bearer(two), 9), 2U) << "it fills again";
}

TEST_F(PrincipalRate, TakesNothingFromAPrincipalForATokenThatTheServerHasNotTaken) {
    for (std::uint8_t number = 10; number < 60; ++number)
        EXPECT_EQ(allowed(bearer(token_of(1, number)), 2), 2U);
    EXPECT_EQ(allowed(bearer(one), 9), 5U);
}

TEST_F(PrincipalRate, ChargesWhatATokenHasUsedBeforeItWasKnown) {
    EXPECT_EQ(allowed(bearer(one), 4), 4U);
    EXPECT_EQ(allowed(bearer(two), 4), 4U);
    limit.learn(bearer(one), one, now);
    limit.learn(bearer(two), two, now);
    now += 3s;
    EXPECT_EQ(allowed(bearer(one), 1), 0U) << "8 used, 3 came back, of 5";
    now += 1s;
    EXPECT_EQ(allowed(bearer(one), 2), 1U);
}

TEST_F(PrincipalRate, NeverLetsAnybodyOweMoreThanABurst) {
    for (std::uint8_t number = 1; number < 100; ++number) {
        const std::string token = token_of(1, number);
        limit.allows(bearer(token), now);
        limit.learn(bearer(token), token, now);
    }
    now += 11s;
    EXPECT_GE(allowed(bearer(one), 9), 5U);
}

TEST_F(PrincipalRate, CountsWhoHasNoCredentialBySource) {
    for (int i = 0; i < 5; ++i)
        EXPECT_TRUE(limit.allows_login("10.0.0.1", {}, now));
    EXPECT_FALSE(limit.allows_login("10.0.0.1", {}, now));
    EXPECT_TRUE(limit.allows_login("10.0.0.2", {}, now));
}

TEST_F(PrincipalRate, CountsLoginsBySource) {
    for (int i = 0; i < 5; ++i)
        EXPECT_TRUE(limit.allows_login("10.0.0.1", "user " + std::to_string(i), now)) << "of one source";
    EXPECT_FALSE(limit.allows_login("10.0.0.1", "another", now));
    EXPECT_FALSE(limit.allows_login("10.0.0.1", "", now)) << "without a name";
    EXPECT_FALSE(limit.allows_login("10.0.0.1", {}, now));
    EXPECT_TRUE(limit.allows_login("10.0.0.2", "another", now));
}

TEST_F(PrincipalRate, CountsLoginsByTheUserThatTheyName) {
    const auto source = [](int number) { return "10.0.0." + std::to_string(number); };
    for (int i = 0; i < 5; ++i)
        EXPECT_TRUE(limit.allows_login(source(i), "anna", now)) << "from many sources";
    EXPECT_FALSE(limit.allows_login(source(5), "anna", now));
    EXPECT_TRUE(limit.allows_login(source(5), "bert", now));
    EXPECT_TRUE(limit.allows_login(source(6), "", now)) << "nobody is named";
    now += 1s;
    EXPECT_TRUE(limit.allows_login(source(7), "anna", now)) << "it fills again";
}

TEST_F(PrincipalRate, TakesNothingFromAUserForALoginThatItsSourceMayNotTry) {
    for (int i = 0; i < 50; ++i)
        limit.allows_login("10.0.0.1", i < 5 ? "bert" : "anna", now);
    EXPECT_TRUE(limit.allows_login("10.0.0.2", "anna", now));
}

TEST_F(PrincipalRate, RemembersLoginsWhateverTokensAreMadeUp) {
    for (int i = 0; i < 5; ++i)
        limit.allows_login("10.0.0.1", "anna", now);
    for (int i = 0; i < 100'001; ++i) // as many as a table holds, and one
        limit.allows(bearer(std::to_string(i)), now);
    EXPECT_FALSE(limit.allows_login("10.0.0.1", "bert", now));
    EXPECT_FALSE(limit.allows_login("10.0.0.2", "anna", now));
}

TEST_F(PrincipalRate, IsOffAtARateOfZero) {
    PrincipalLimit off(0, 1);
    for (int i = 0; i < 100; ++i)
        EXPECT_TRUE(off.allows(bearer(one), now) && off.allows_login("10.0.0.1", "anna", now));
}

// A grace of a minute, 100 bytes a second.
class Pace : public ::testing::Test {
protected:
    BodyPace::Clock::time_point now;
    BodyPace pace{60s, 100, now};
};

TEST_F(Pace, GivesABodyThatDoesNotComeItsGraceOnly) {
    EXPECT_EQ(pace.deadline(), now + 60s);
}

TEST_F(Pace, LetsABodyAtItsRateTakeAnyTime) {
    for (int second = 0; second < 10'000; ++second) {
        now += 1s;
        pace.received(100, now);
        ASSERT_GT(pace.deadline(), now);
    }
}

TEST_F(Pace, EndsABodyThatTrickles) {
    const auto start = now;
    while (now < pace.deadline()) {
        now += 1s;
        pace.received(50, now);
    }
    EXPECT_EQ(now - start, 120s) << "each second costs half a second of the grace";
}

TEST_F(Pace, GivesNoLongSilenceForMegabytesAtOnce) {
    now += 1s;
    pace.received(100'000'000, now);
    EXPECT_EQ(pace.deadline(), now + 60s);
}

TEST(SourceOf, CountsANetworkOfIpv6AsOne) {
    const auto network = [](const char* address) {
        return source_of(boost::asio::ip::make_address(address)).network;
    };
    EXPECT_EQ(network("2001:db8:1:2::7"), network("2001:db8:1:2:ffff:ffff:ffff:ffff"));
    EXPECT_NE(network("2001:db8:1:2::7"), network("2001:db8:1:3::7"));
    EXPECT_NE(network("192.0.2.7"), network("192.0.2.8"));
    EXPECT_EQ(network("192.0.2.7"), network("::ffff:192.0.2.7"));
    EXPECT_NE(network("::ffff:192.0.2.7"), network("::ffff:192.0.2.8"));
    EXPECT_EQ(source_of(boost::asio::ip::make_address("2001:db8:1:2::7")).address, "2001:db8:1:2::7");
}

} // namespace
} // namespace soup::gateway
