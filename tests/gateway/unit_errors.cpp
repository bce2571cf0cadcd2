// The published table of errors, written out a second time: docs/http-errors.md is printed from the code, so
// it cannot say that a row changed which clients rely on. Whoever changes a row changes it here too, and
// knows it.
#include "thin_gateway/errors.hpp"

#include <gtest/gtest.h>
#include <set>
#include <vector>

namespace soup::gateway {
namespace {

struct Row {
    std::string key;
    unsigned status;
    std::string code;
    unsigned retry_after_s;
};

// What an error with machinesoup's mark is looked up by.
const std::vector<Row> reasons{
    {"NOT_BOUND", 401, "NOT_BOUND", 0},
    {"TOKEN_BAD", 401, "TOKEN_BAD", 0},
    {"TOKEN_EXPIRED", 401, "TOKEN_EXPIRED", 0},
    {"LOGIN_FAILED", 401, "LOGIN_FAILED", 0},
    {"SCOPE", 403, "SCOPE", 0},
    {"LEASE", 403, "LEASE", 0},
    {"FORBIDDEN_STMT", 403, "FORBIDDEN_STMT", 0},
    {"NOT_FOUND", 404, "NOT_FOUND", 0},
    {"BAD_INPUT", 400, "BAD_INPUT", 0},
    {"TOO_BIG", 413, "TOO_BIG", 0},
    {"CONFLICT", 409, "CONFLICT", 0},
    {"RATE", 429, "RATE", 1},
    {"QUOTA", 429, "QUOTA", 60},
    {"BUSY", 503, "BUSY", 1},
    {"BIND_NESTED", 500, "INTERNAL", 0},
    {"BIND_TWICE", 500, "INTERNAL", 0},
    {"AUDIT_DOWN", 503, "AUDIT_DOWN", 5},
    {"SANDBOX_OFF", 503, "SANDBOX_OFF", 60},
    {"PAGE_GONE", 410, "PAGE_GONE", 0},
    {"PRIMARY_ONLY", 503, "PRIMARY_ONLY", 5},
};

// Raised by the gateway itself.
const std::vector<Row> own{
    {"INTERNAL", 500, "INTERNAL", 0},
    {"TIMEOUT", 504, "TIMEOUT", 0},
    {"HTTP_MALFORMED", 400, "HTTP_MALFORMED", 0},
    {"HTTP_ORIGIN", 403, "HTTP_ORIGIN", 0},
    {"HTTP_NO_ROUTE", 404, "HTTP_NO_ROUTE", 0},
    {"HTTP_METHOD", 405, "HTTP_METHOD", 0},
    {"HTTP_NOT_ACCEPTABLE", 406, "HTTP_NOT_ACCEPTABLE", 0},
    {"HTTP_TIMEOUT", 408, "HTTP_TIMEOUT", 0},
    {"HTTP_URI_TOO_LONG", 414, "HTTP_URI_TOO_LONG", 0},
    {"HTTP_MEDIA_TYPE", 415, "HTTP_MEDIA_TYPE", 0},
    {"HTTP_EXPECT", 417, "HTTP_EXPECT", 0},
    {"HTTP_HEADER_TOO_BIG", 431, "HTTP_HEADER_TOO_BIG", 0},
    {"HTTP_VERSION", 505, "HTTP_VERSION", 0},
};

// What an error without the mark is looked up by; then by its class.
const std::vector<Row> states{
    {"40001", 503, "BUSY", 1},         {"40P01", 503, "BUSY", 1}, {"42883", 503, "BUSY", 1},
    {"55000", 503, "BUSY", 1},         {"55P03", 503, "BUSY", 1}, {"57014", 504, "TIMEOUT", 0},
    {"57P01", 503, "BUSY", 1},         {"57P02", 503, "BUSY", 1}, {"57P03", 503, "BUSY", 1},
    {"25006", 503, "PRIMARY_ONLY", 5},
};
const std::vector<Row> classes{
    {"08", 503, "BUSY", 1},
    {"22", 400, "BAD_INPUT", 0},
    {"53", 503, "BUSY", 1},
    {"54", 413, "TOO_BIG", 0},
};

void expect_row(const Problem& problem, const Row& row) {
    EXPECT_EQ(problem.rule->status, row.status) << row.key;
    EXPECT_EQ(problem.rule->code, row.code) << row.key;
    EXPECT_EQ(problem.rule->retry_after_s, row.retry_after_s) << row.key;
}

TEST(ErrorTable, HasTheseRowsAndNoOthers) {
    std::set<std::string, std::less<>> known;
    for (const auto* rows : {&reasons, &own, &states, &classes})
        for (const Row& row : *rows)
            EXPECT_TRUE(known.insert(row.key).second) << row.key;
    for (const ErrorRule& rule : error_rules())
        EXPECT_EQ(known.erase(std::string(rule.key)), 1u) << rule.key << ": not here, or there twice";
    EXPECT_TRUE(known.empty()) << *known.begin();
}

TEST(ErrorTable, DecidesByTheReasonWhateverTheState) {
    for (const Row& row : reasons)
        for (const char* state : {"XX000", "40001", "22023"}) {
            const Problem problem = problem_from(ServerError{state, row.key, "said", "more"});
            expect_row(problem, row);
            EXPECT_EQ(problem.detail, row.status == 500 ? "" : "said: more") << row.key;
        }
}

TEST(ErrorTable, HasTheGatewaysOwn) {
    for (const Row& row : own)
        expect_row(problem(row.key, {}), row);
}

TEST(ErrorTable, DecidesByTheStateThenByItsClass) {
    for (const Row& row : states) {
        const Problem problem = problem_from(ServerError{row.key, "", "secret", "secret"});
        expect_row(problem, row);
        EXPECT_TRUE(problem.detail.empty()) << row.key;
    }
    for (const Row& row : classes)
        for (const char* rest : {"000", "P02", "999"}) {
            const Problem problem = problem_from(ServerError{row.key + rest, "", "secret", "secret"});
            expect_row(problem, row);
            EXPECT_TRUE(problem.detail.empty()) << row.key << rest;
        }
    // Neighbours of rows, states that PostgreSQL has beside them, and what is no state at all.
    for (const char* state :
         {"40002", "40003", "42601", "42501", "42P01", "55006", "57000", "57P04", "25P02", "23505", "0A000",
          "P0001", "XX000", "XX001", "22", "08", "", "220000", "NOT_BOUND"}) {
        const Problem problem = problem_from(ServerError{state, "", "secret", "secret"});
        expect_row(problem, {state, 500, "INTERNAL", 0});
        EXPECT_TRUE(problem.detail.empty()) << state;
    }
}

} // namespace
} // namespace soup::gateway
