// One scenario that goes through everything the boundary offers, with a fault armed at the n-th step, and the
// measurements that tell whether a fault left something behind.
#include "boundary/array.hpp"
#include "boundary/boundary.hpp"
#include "boundary/memory.hpp"
#include "boundary/spi.hpp"
#include "boundary/subtransaction.hpp"
#include "tests/boundary/module/witness.hpp"

#include <malloc.h>

namespace pg = soup::pg;

namespace {

void check(bool is_true, const char* what) {
    if (!is_true) throw std::logic_error(what);
}

void arrays() {
    const std::vector<float> numbers{1.5F, -2.5F, 0.0F};
    pg::Array reals(pg::make_array<float>(numbers, pg::float4_elements), pg::float4_elements);
    check(std::ranges::equal(reals.values<float>(), numbers), "real[]");

    const std::array<Datum, 3> words{pg::make_text("one"), Datum{0}, pg::make_text("")};
    const std::array<bool, 3> is_null{false, true, false};
    pg::Array texts(pg::make_array(words, is_null, pg::text_elements), pg::text_elements);
    auto views = texts.texts();
    check(views.size() == 3 && views[0] == "one" && !views[1] && views[2] == "", "text[]");

    pg::Array none(pg::make_array<float>({}, pg::float4_elements), pg::float4_elements);
    check(none.size() == 0 && none.values<float>().empty(), "empty array");
}

void values() {
    const pg::Uuid uuid{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    check(pg::to_uuid(pg::make_uuid(uuid)) == uuid, "uuid");
    check(pg::to_unix_us(0) == 946684800'000'000, "epoch");
    check(pg::from_unix_us(pg::to_unix_us(123456789)) == 123456789, "time");
    const std::array<std::byte, 3> raw{std::byte{0}, std::byte{1}, std::byte{255}};
    check(std::ranges::equal(pg::Varlena(pg::make_bytea(raw)).bytes(), raw), "bytea");
    pg::make_jsonb(R"({"a": [1, 2]})");
}

void memory() {
    pg::OwnedContext context("boundary test");
    Witness* kept = pg::make_in_context<Witness>(context.get());
    check(kept != nullptr && Witness::alive == 2, "object in a context");
    const int before = Witness::destroyed;
    context.reset();
    check(Witness::destroyed == before + 1, "destructor at reset");
    context.reset();
    check(Witness::destroyed == before + 1, "destructor once");

    pg::ContextVector<Witness> many{pg::ContextAllocator<Witness>(context.get())};
    for (int i = 0; i < 20; ++i)
        many.emplace_back();
}

void queries() {
    static constinit pg::Plan insert{"INSERT INTO soup_test_rows VALUES ($1, $2) RETURNING id",
                                     {INT4OID, TEXTOID}};
    static constinit pg::Plan count{"SELECT count(*), max(word) FROM soup_test_rows WHERE id >= $1",
                                    {INT4OID}};
    pg::Spi spi;
    Witness witness;
    check(spi.run(insert, {Int32GetDatum(1), pg::make_text("eins")})[0].int4(1) == 1, "insert");
    auto refusal = pg::try_in_subtransaction([&] {
        spi.run(insert, {Int32GetDatum(2), std::nullopt});
        throw soup::not_found("no such row");
    });
    check(refusal && refusal->reason == "NOT_FOUND", "refusal");
    refusal = pg::try_in_subtransaction([&] { spi.run(insert, {Int32GetDatum(1), std::nullopt}); });
    check(refusal && refusal->sqlstate == ERRCODE_UNIQUE_VIOLATION, "duplicate");
    pg::Rows rows = spi.run(count, {Int32GetDatum(0)});
    check(rows.size() == 1 && rows[0].int8(1) == 1 && rows[0].text(2) == "eins", "count");
}

} // namespace

/// soup_test_scenario()
SOUP_FUNCTION(soup_test_scenario) {
    Witness witness;
    values();
    arrays();
    memory();
    queries();
    PG_RETURN_VOID();
}

/// soup_test_arm(nth_call bigint, nth_allocation bigint): 0 disarms.
SOUP_FUNCTION(soup_test_arm) {
    auto& counters = pg::faults::counters;
    counters.until_call_fails = PG_GETARG_INT64(0);
    counters.until_allocation_fails = PG_GETARG_INT64(1);
    PG_RETURN_VOID();
}

/// soup_test_allocate(bytes bigint): a container asks its context for that much.
SOUP_FUNCTION(soup_test_allocate) {
    pg::ContextVector<char> piece;
    piece.reserve(static_cast<std::size_t>(PG_GETARG_INT64(0)));
    PG_RETURN_INT64(static_cast<std::int64_t>(piece.capacity()));
}

/// soup_test_malloc_bytes(): what malloc has handed out, memory contexts included.
SOUP_FUNCTION(soup_test_malloc_bytes) {
    const struct mallinfo2 info = mallinfo2();
    PG_RETURN_INT64(static_cast<std::int64_t>(info.uordblks + info.hblkhd));
}
