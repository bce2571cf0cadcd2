// Turns and shares between callers: the line, the places of a pool, room for bodies, and who a caller is.
#include "core/crypto/token.hpp"
#include "thin_gateway/body_room.hpp"
#include "thin_gateway/caller.hpp"
#include "thin_gateway/fair_line.hpp"
#include "thin_gateway/pg_stream.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>
#include <deque>
#include <list>
#include <map>

namespace soup::gateway {
namespace {

using namespace std::chrono_literals;
using Time = std::chrono::steady_clock::time_point;

struct Waiter : InLine<Waiter> {
    std::string name;
};

class Line : public ::testing::Test {
protected:
    Waiter& make(std::uint64_t group, std::uint64_t member, std::string name, Time deadline = {}) {
        Waiter& waiter = waiters.emplace_back();
        waiter.caller = {group, member};
        waiter.name = std::move(name);
        waiter.deadline = deadline;
        return waiter;
    }
    void come(std::uint64_t group, std::uint64_t member, std::string name, Time deadline = {}) {
        line.push_back(make(group, member, std::move(name), deadline));
    }
    static std::string names(const std::vector<Waiter*>& some) {
        std::string text;
        for (const Waiter* waiter : some)
            text += (text.empty() ? "" : " ") + waiter->name;
        return text;
    }
    template<class MayServe>
    std::string serve(MayServe may_serve) {
        std::vector<Waiter*> served;
        while (Waiter* const next = line.pop(may_serve))
            served.push_back(next);
        return names(served);
    }
    std::string serve() {
        return serve([](const Waiter&) { return true; });
    }

    std::list<Waiter> waiters; // outlives the line
    FairLine<Waiter> line;
};

TEST_F(Line, ServesOneCallerFirstComeFirstServed) {
    for (const char* name : {"a1", "a2", "a3"})
        come(1, 1, name);
    EXPECT_EQ(line.size(), 3U);
    EXPECT_EQ(line.callers(), 1U);
    EXPECT_EQ(serve(), "a1 a2 a3");
    EXPECT_TRUE(line.empty());
    EXPECT_EQ(line.callers(), 0U);
}

TEST_F(Line, ServesCallersInTurn) {
    for (const char* name : {"a1", "a2", "a3", "a4"})
        come(1, 1, name);
    come(2, 2, "b1");
    come(2, 2, "b2");
    come(3, 3, "c1");
    EXPECT_EQ(serve(), "a1 b1 c1 a2 b2 a3 a4");
}

TEST_F(Line, GivesAnOrgOneTurnHoweverManyItsPrincipals) {
    for (std::uint64_t member = 1; member <= 4; ++member)
        come(1, member, "a" + std::to_string(member));
    come(1, 1, "a1+");
    come(2, 9, "b1");
    come(2, 9, "b2");
    EXPECT_EQ(serve(), "a1 b1 a2 b2 a3 a4 a1+");
}

TEST_F(Line, GivesWhoComesAgainNoTurnBeforeTheOthers) {
    come(1, 1, "a1");
    come(2, 2, "b1");
    come(3, 3, "c1");
    EXPECT_EQ(line.pop()->name, "a1");
    come(1, 1, "a2");
    EXPECT_EQ(serve(), "b1 c1 a2");
}

TEST_F(Line, KeepsTheTurnOfWhoMayNotBeServed) {
    for (const char* name : {"a1", "a2"})
        come(1, 1, name);
    come(1, 5, "a'1");
    come(2, 2, "b1");
    come(3, 3, "c1");
    const auto not_a = [](const Waiter& waiter) { return waiter.caller != Caller{1, 1}; };
    EXPECT_EQ(line.pop(not_a)->name, "a'1");
    EXPECT_EQ(line.pop(not_a)->name, "b1");
    EXPECT_EQ(serve(not_a), "c1");
    EXPECT_EQ(line.size(), 2U);
    come(2, 2, "b2");
    EXPECT_EQ(serve(), "a1 b2 a2");
}

TEST_F(Line, TakesBackInFrontOfTheCallersOwn) {
    come(1, 1, "a2");
    come(2, 2, "b1");
    line.push_front(make(1, 1, "a1"));
    line.push_front(make(3, 3, "c1"));
    EXPECT_EQ(serve(), "a1 b1 c1 a2");
}

TEST_F(Line, GivesBackThoseWhoseTimeIsOver) {
    const Time start{};
    come(1, 1, "a1", start + 1s);
    come(2, 2, "b1", start + 2s);
    come(1, 1, "a2", start + 3s);
    come(1, 7, "a'1", start + 3s);
    come(1, 1, "a3", start + 4s);
    EXPECT_EQ(names(line.take_late(start)), "");
    EXPECT_EQ(names(line.take_late(start + 2s)), "a1 b1");
    EXPECT_EQ(line.size(), 3U);
    EXPECT_EQ(line.take_late(start + 3s).size(), 2U);
    EXPECT_EQ(serve(), "a3");
    come(4, 4, "d", start + 9s);
    EXPECT_EQ(names(line.take_all()), "d");
    EXPECT_TRUE(line.empty());
}

TEST_F(Line, StaysInOrderWhateverComesAndGoes) {
    std::uint32_t seed = 7;
    const auto random = [&seed](std::uint32_t below) {
        seed = seed * 1664525 + 1013904223;
        return (seed >> 8) % below;
    };
    std::size_t waiting = 0;
    std::map<std::uint64_t, std::deque<const Waiter*>> by_member;
    for (int i = 0; i < 20'000; ++i) {
        if (random(2) == 0) {
            const std::uint64_t member = 1 + random(12);
            come(1 + member % 4, member, {});
            by_member[member].push_back(&waiters.back());
            ++waiting;
        } else {
            const std::uint64_t barred = 1 + random(4);
            const Waiter* const served =
                line.pop([&](const Waiter& waiter) { return waiter.caller.group != barred; });
            if (served) {
                auto& own = by_member[served->caller.member];
                ASSERT_EQ(own.front(), served);
                own.pop_front();
                --waiting;
            }
        }
        ASSERT_EQ(line.size(), waiting);
    }
    EXPECT_EQ(line.take_all().size(), waiting);
    EXPECT_EQ(line.callers(), 0U);
}

TEST(Share, IsHalfOfThePlacesForOneHalfOfTheRestForTheNext) {
    std::size_t free = 16;
    const auto takes = [&free](bool is_of_new_group) {
        Holdings held{0, free, !is_of_new_group};
        while (held.has_share_left()) {
            held.add(Kin::member);
            --held.free;
        }
        free = held.free;
        return held.by_member;
    };
    EXPECT_EQ(takes(true), 8U);
    EXPECT_EQ(takes(false), 4U) << "another of the same org";
    EXPECT_EQ(takes(false), 2U);
    EXPECT_EQ(takes(false), 1U);
    EXPECT_EQ(takes(false), 0U) << "the last place is for another org";
    EXPECT_EQ(takes(true), 1U);
    EXPECT_EQ(takes(true), 0U);
}

TEST(Share, LeavesAPlaceWhereThereAreTwoAndTakesTheOnlyOne) {
    EXPECT_TRUE((Holdings{0, 2, false}.has_share_left()));
    EXPECT_FALSE((Holdings{1, 1, true}.has_share_left()));
    EXPECT_FALSE((Holdings{0, 1, true}.has_share_left())) << "another of the org that has the first";
    EXPECT_TRUE((Holdings{0, 1, false}.has_share_left()));
}

// Places of the stream pool; nobody connects, so there need not be a server.
class Streams : public ::testing::Test {
protected:
    /// How many of these asked for a place, have one, or were told that there is none.
    struct Asked {
        std::vector<std::unique_ptr<PgStream>> places;
        unsigned refused = 0;
    };
    void ask(Asked& asked, Caller caller, unsigned count = 1) {
        for (unsigned i = 0; i < count; ++i)
            asio::co_spawn(
                context,
                [this, &asked, caller]() -> Awaitable<> {
                    std::unique_ptr<PgStream> place = co_await pool.acquire(caller);
                    if (place)
                        asked.places.push_back(std::move(place));
                    else
                        ++asked.refused;
                },
                asio::detached);
        run();
    }
    void give_back(Asked& asked) {
        std::unique_ptr<PgStream> place = std::move(asked.places.back());
        asked.places.pop_back();
        pool.release(std::move(place));
        run();
    }
    void run() {
        context.restart();
        context.poll();
    }

    static constexpr Caller a{1, 1}, a_too{1, 2}, b{2, 3};
    asio::io_context context{1};
    StreamPool pool{context.get_executor(), {}, 8, 5s};
};

TEST_F(Streams, LeaveAPlaceForOthersHoweverManyOneAsksFor) {
    Asked of_a, of_a_too, of_b;
    ask(of_a, a, 500);
    EXPECT_EQ(of_a.places.size(), 4U);
    EXPECT_EQ(pool.waiting(), 496U);
    EXPECT_EQ(pool.callers_waiting(), 1U);
    ask(of_a_too, a_too, 8);
    EXPECT_EQ(of_a_too.places.size(), 2U);
    ask(of_a_too, {1, 4}, 8);
    EXPECT_EQ(of_a_too.places.size(), 3U) << "a third principal";
    ask(of_a_too, {1, 5}, 8);
    EXPECT_EQ(of_a_too.places.size(), 3U) << "a fourth one";
    ask(of_b, b);
    EXPECT_EQ(of_b.places.size(), 1U) << "the last place waits for another org";

    pool.sweep(Clock::now() + 6s);
    run();
    EXPECT_EQ(of_a.refused + of_a_too.refused, 517U);
    EXPECT_EQ(pool.waiting(), 0U);
    for (Asked* asked : {&of_a, &of_a_too, &of_b})
        while (!asked->places.empty())
            give_back(*asked);
    EXPECT_EQ(pool.under_way(), 0U);
    ask(of_b, b, 4);
    EXPECT_EQ(of_b.places.size(), 4U) << "all places are free again";
    for (unsigned i = 0; i < 4; ++i)
        give_back(of_b);
}

TEST_F(Streams, GoToWhoWaitsInTurn) {
    Asked of_a, of_b;
    ask(of_a, a, 10);
    ask(of_b, b, 10);
    EXPECT_EQ(of_a.places.size(), 4U);
    EXPECT_EQ(of_b.places.size(), 2U);
    for (unsigned i = 0; i < 2; ++i)
        give_back(of_a);
    EXPECT_EQ(of_b.places.size(), 3U) << "B had less than its share";
    EXPECT_EQ(of_a.places.size(), 3U);
    while (!of_b.places.empty())
        give_back(of_b);
    EXPECT_EQ(of_a.places.size(), 4U) << "as B leaves";
    EXPECT_EQ(pool.waiting(), 4U) << "of A";
    pool.stop();
    run();
    EXPECT_EQ(pool.waiting(), 0U);
    for (Asked* asked : {&of_a, &of_b})
        while (!asked->places.empty())
            give_back(*asked);
}

constexpr std::size_t mib = std::size_t{1} << 20;

TEST(Room, IsForAGroupAtMostAsMuchAsStaysFree) {
    BodyRoom room(16 * mib);
    std::size_t of_a = 0;
    for (; room.take(1, 0, mib); of_a += mib) {
    }
    EXPECT_EQ(of_a, 8 * mib);
    EXPECT_TRUE(room.take(2, 0, 4 * mib));
    EXPECT_FALSE(room.take(2, 0, mib));
    EXPECT_TRUE(room.take(3, 0, 4 * mib)) << "one body needs no share";
    EXPECT_FALSE(room.take(4, 0, 1)) << "but room";
    room.give(1, of_a);
    room.give(2, 4 * mib);
    room.give(3, 4 * mib);
    EXPECT_EQ(room.free(), 16 * mib);
}

TEST(Room, IsThereForTheBiggestBodyOfWhoIsAlone) {
    BodyRoom room(16 * mib);
    std::size_t held = 0;
    for (; held < 16 * mib; held += mib)
        ASSERT_TRUE(room.take(1, held, mib)) << held;
    EXPECT_FALSE(room.take(1, held, 1));
    room.give(1, held);
    EXPECT_EQ(room.free(), 16 * mib);
}

TEST(Room, TakesNothingFromWhoIsRefused) {
    BodyRoom room(4 * mib);
    EXPECT_TRUE(room.take(1, 0, 2 * mib));
    EXPECT_FALSE(room.take(1, 0, mib));
    EXPECT_FALSE(room.take(2, 0, 3 * mib));
    EXPECT_EQ(room.free(), 2 * mib);
    EXPECT_TRUE(room.take(2, 0, 2 * mib));
}

/// A token of a principal of an org, which are numbers here; org 0 is none.
std::string token_of(std::uint8_t org, std::uint8_t principal, std::uint8_t number = 0) {
    static const crypto::KeyPair pair = crypto::generate_key_pair();
    crypto::Claims claims;
    claims.org = {org};
    claims.subject = {principal};
    claims.token_id = {number};
    claims.expires_us = 1;
    return crypto::seal_token(claims, pair.secret_key);
}

TEST(WhoCalls, IsOfItsSourceUntilTheServerHasTakenTheToken) {
    Callers callers;
    const std::string token = token_of(1, 1);
    EXPECT_FALSE(callers.find(token));
    const Caller here = callers.unproven(token, "10.0.0.1"), there = callers.unproven(token, "10.0.0.2");
    EXPECT_NE(here.group, there.group);
    EXPECT_EQ(callers.unproven(token_of(2, 2), "10.0.0.1").group, here.group) << "whatever it claims";
    EXPECT_NE(callers.unproven(token_of(2, 2), "10.0.0.1").member, here.member) << "but it has a turn there";
    EXPECT_EQ(callers.unproven(token_of(1, 1, 9), "10.0.0.1"), here);
    EXPECT_EQ(callers.unproven("no token", "10.0.0.1"), callers.unproven("nor this", "10.0.0.1"));
    EXPECT_EQ(callers.of_login("anna", "10.0.0.1").group, here.group);
    EXPECT_NE(callers.of_login("anna", "10.0.0.1"), callers.of_login("bert", "10.0.0.1"));
}

TEST(WhoCalls, IsThePrincipalOfAnOrgAfterwards) {
    Callers callers;
    for (const auto& [org, principal] : {std::pair{1, 1}, {1, 2}, {2, 3}, {0, 4}, {0, 5}})
        callers.learn(token_of(org, principal));
    callers.learn(token_of(1, 1, 9));
    const auto of = [&](const std::string& token) { return callers.find(token).value_or(Caller{}); };
    const Caller one = of(token_of(1, 1));
    EXPECT_EQ(kin(of(token_of(1, 1, 9)), one), Kin::member) << "another token of the principal";
    EXPECT_EQ(kin(of(token_of(1, 2)), one), Kin::group);
    EXPECT_EQ(kin(of(token_of(2, 3)), one), Kin::none);
    EXPECT_EQ(kin(of(token_of(0, 4)), of(token_of(0, 5))), Kin::none) << "those of no org are not of one";
    EXPECT_EQ(kin(callers.unproven(token_of(1, 1, 7), "10.0.0.1"), one), Kin::none)
        << "a claim reaches nobody's share";
    EXPECT_FALSE(one.is_gateway());
    EXPECT_FALSE(callers.unproven(token_of(1, 1, 7), "10.0.0.1").is_gateway());
}

TEST(WhoCalls, IsNobodyWhereWhatWasTakenIsNoToken) {
    Callers callers;
    callers.learn("no token");
    EXPECT_FALSE(callers.find("no token"));
}

} // namespace
} // namespace soup::gateway
