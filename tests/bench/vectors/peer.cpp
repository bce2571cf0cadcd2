// Errors end the bench: a figure of a failed statement is none.
#include "tests/bench/vectors/peer.hpp"

#include <chrono>
#include <cstring>
#include <endian.h>
#include <stdexcept>

namespace soup::bench {
namespace {

template<class T>
void append_network(std::string& to, T value) {
    std::uint32_t raw = 0;
    if constexpr (sizeof(T) == 2) {
        const std::uint16_t half = htobe16(static_cast<std::uint16_t>(value));
        to.append(reinterpret_cast<const char*>(&half), sizeof half);
        return;
    } else {
        std::memcpy(&raw, &value, sizeof raw);
        raw = htobe32(raw);
        to.append(reinterpret_cast<const char*>(&raw), sizeof raw);
    }
}

/// The type's binary form: dimension, nought, elements.
std::string vector_bytes(std::span<const float> vector) {
    std::string bytes;
    bytes.reserve(4 + 4 * vector.size());
    append_network(bytes, static_cast<std::int16_t>(vector.size()));
    append_network(bytes, std::int16_t{0});
    for (const float element : vector)
        append_network(bytes, element);
    return bytes;
}

std::string int_bytes(std::uint32_t value) {
    std::string bytes;
    append_network(bytes, value);
    return bytes;
}

void append_field(std::string& row, const std::string& bytes) {
    append_network(row, static_cast<std::int32_t>(bytes.size()));
    row += bytes;
}

constexpr std::int32_t tags = 100;

/// A statement that is measured; `vector` and `number` say where it has them from.
std::string text_of(std::string_view name, const std::string& vector, const std::string& number) {
    if (name == "nothing") return "SELECT 1 AS id";
    if (name == "by_btree")
        return "SELECT id FROM item WHERE hashint4(id) >= " + number + " ORDER BY hashint4(id) LIMIT 10";
    const std::string filter = name == "nearest_with_tag" ? "WHERE tag = " + number : "";
    return "SELECT id FROM item " + filter + " ORDER BY embedding <-> " + vector + " LIMIT 10";
}

} // namespace

PeerKind vann_peer() {
    PeerKind kind{"vann",
                  "vann",
                  "soupvec",
                  "USING vann (embedding vector_l2_ops)",
                  "USING vann (embedding vector_l2_ops, tag)",
                  {},
                  {}};
    for (const char* recall :
         {"0.50", "0.70", "0.80", "0.85", "0.90", "0.93", "0.95", "0.97", "0.98", "0.99", "0.995", "0.999"})
        kind.settings.push_back({"vann.recall", recall});
    return kind;
}

PeerKind pgvector_peer() {
    PeerKind kind{"pgvector HNSW",
                  "pgvector",
                  "vector",
                  "USING hnsw (embedding vector_l2_ops) WITH (m = 16, ef_construction = 200)",
                  "",
                  {},
                  {"SET hnsw.iterative_scan = relaxed_order", "SET hnsw.max_scan_tuples = 1000000"}};
    // The scan goes on where fewer than ten are found: below 10 with less breadth from step to step.
    for (const char* ef : {"1", "2", "4", "6", "8", "10", "16", "24", "40", "60", "80", "120", "160", "240",
                           "320", "480", "800"})
        kind.settings.push_back({"hnsw.ef_search", ef});
    return kind;
}

Peer::Peer(PeerKind kind)
    : kind_(std::move(kind)), connection_(PQconnectdb(("dbname=" + kind_.database).c_str()), PQfinish) {
    if (PQstatus(connection_.get()) != CONNECTION_OK)
        throw std::runtime_error(PQerrorMessage(connection_.get()));
    run("SET client_min_messages = warning");
    run("CREATE EXTENSION IF NOT EXISTS " + kind_.extension);
    for (const auto& statement : kind_.session)
        run(statement);
}

Peer::Result Peer::check(PGresult* result) {
    Result owned(result, PQclear);
    const ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_COPY_IN)
        throw std::runtime_error(kind_.name + ": " + PQerrorMessage(connection_.get()));
    return owned;
}

void Peer::run(const std::string& sql) {
    check(PQexec(connection_.get(), sql.c_str()));
}

std::string Peer::value(const std::string& sql) {
    const Result result = check(PQexec(connection_.get(), sql.c_str()));
    return PQgetvalue(result.get(), 0, 0);
}

void Peer::load(const Vectors& base, std::size_t rows) {
    run("DROP TABLE IF EXISTS item, bare");
    run("CREATE TABLE item (id int4, tag int4, embedding vector(" + std::to_string(base.dimensions) + "))");
    run("CREATE TABLE bare (LIKE item)");
    check(PQexec(connection_.get(), "COPY item FROM STDIN (FORMAT binary)"));
    std::string piece("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
    for (std::size_t i = 0; i < rows; ++i) {
        append_network(piece, std::int16_t{3});
        append_field(piece, int_bytes(static_cast<std::uint32_t>(i)));
        append_field(piece, int_bytes(static_cast<std::uint32_t>(i % tags)));
        append_field(piece, vector_bytes({base.row(i), base.dimensions}));
        if (piece.size() > 1 << 20 || i + 1 == rows) {
            if (i + 1 == rows) append_network(piece, std::int16_t{-1});
            if (PQputCopyData(connection_.get(), piece.data(), static_cast<int>(piece.size())) != 1)
                throw std::runtime_error(PQerrorMessage(connection_.get()));
            piece.clear();
        }
    }
    PQputCopyEnd(connection_.get(), nullptr);
    while (PGresult* result = PQgetResult(connection_.get()))
        check(result);
    run("VACUUM (FREEZE, ANALYZE) item");
    run("CHECKPOINT"); // Writing the table is not a part of the build.
}

double Peer::build(bool with_tag) {
    run("DROP INDEX IF EXISTS item_embedding");
    const auto begin = std::chrono::steady_clock::now();
    run("CREATE INDEX item_embedding ON item " +
        (with_tag ? kind_.filtered_index_clause : kind_.index_clause));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    run("CHECKPOINT");
    return took.count();
}

void Peer::set(const Setting& setting) {
    run("SET " + setting.name + " = " + setting.value);
}

void Peer::prepare() {
    // Planned once, and by the index: what is measured is the index, not the planner.
    run("SET plan_cache_mode = force_generic_plan");
    run("SET enable_seqscan = off");
    run("DEALLOCATE ALL");
    for (const std::string name : {"nearest", "nearest_with_tag"})
        run("PREPARE " + name + " (vector, int4) AS " + text_of(name, "$1", "$2"));
    run("PREPARE insert_one (int4, int4, vector) AS INSERT INTO item VALUES ($1, $2, $3)");
    run("PREPARE insert_bare (int4, int4, vector) AS INSERT INTO bare VALUES ($1, $2, $3)");
    const std::string example = value("SELECT embedding FROM item LIMIT 1");
    const std::string plan = value("EXPLAIN (FORMAT JSON) EXECUTE nearest ('" + example + "', 0)");
    if (plan.find("item_embedding") == std::string::npos)
        throw std::runtime_error(kind_.name + " does not use its index: " + plan);
}

Peer::Result Peer::execute(const char* name, std::span<const std::string> parameters) {
    const char* values[3];
    int lengths[3], formats[3];
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        values[i] = parameters[i].data();
        lengths[i] = static_cast<int>(parameters[i].size());
        formats[i] = 1;
    }
    return check(PQexecPrepared(connection_.get(), name, static_cast<int>(parameters.size()), values, lengths,
                                formats, 1));
}

void Peer::read_ids(const PGresult* result, std::vector<std::uint32_t>& ids) {
    ids.clear();
    for (int i = 0; i < PQntuples(result); ++i) {
        std::uint32_t raw;
        std::memcpy(&raw, PQgetvalue(result, i, 0), sizeof raw);
        ids.push_back(be32toh(raw));
    }
}

void Peer::ask(const char* name, std::span<const float> query, std::int32_t number,
               std::vector<std::uint32_t>& ids) {
    const std::string parameters[] = {vector_bytes(query), int_bytes(static_cast<std::uint32_t>(number))};
    read_ids(execute(name, parameters).get(), ids);
}

std::vector<std::vector<std::uint32_t>> Peer::ask_all(const char* name, const Vectors& queries,
                                                      std::span<const std::int32_t> numbers) {
    PGconn* connection = connection_.get();
    std::vector<std::vector<std::uint32_t>> all(queries.rows);
    PQenterPipelineMode(connection);
    for (std::size_t i = 0; i < queries.rows; ++i) {
        const std::string bytes = vector_bytes({queries.row(i), queries.dimensions});
        const std::string number = int_bytes(static_cast<std::uint32_t>(numbers[i]));
        const char* values[] = {bytes.data(), number.data()};
        const int lengths[] = {static_cast<int>(bytes.size()), static_cast<int>(number.size())};
        const int formats[] = {1, 1};
        if (PQsendQueryPrepared(connection, name, 2, values, lengths, formats, 1) != 1)
            throw std::runtime_error(PQerrorMessage(connection));
    }
    PQpipelineSync(connection);
    for (auto& ids : all) {
        read_ids(check(PQgetResult(connection)).get(), ids);
        PQgetResult(connection); // The end of this statement's results.
    }
    PQclear(PQgetResult(connection)); // The synchronisation.
    PQexitPipelineMode(connection);
    return all;
}

void Peer::prepare_floor() {
    run("CREATE INDEX item_place ON item (hashint4(id))");
    for (const std::string name : {"nothing", "by_btree"})
        run("PREPARE " + name + " (vector, int4) AS " + text_of(name, "$1", "$2"));
}

void Peer::drop_floor() {
    run("DROP INDEX item_place");
    run("DEALLOCATE nothing");
    run("DEALLOCATE by_btree");
}

void Peer::load_questions(const Vectors& queries, std::size_t count) {
    run("DROP TABLE IF EXISTS question");
    run("CREATE TABLE question (number int4 PRIMARY KEY, tag int4, embedding vector)");
    run("PREPARE insert_question (int4, int4, vector) AS INSERT INTO question VALUES ($1, $2, $3)");
    run("BEGIN");
    for (std::size_t i = 0; i < count; ++i)
        insert("insert_question", static_cast<std::uint32_t>(i), {queries.row(i), queries.dimensions});
    run("COMMIT");
    run("ANALYZE question");
}

double Peer::ask_joined(std::string_view name, std::size_t swept_bytes, std::size_t first, std::size_t last) {
    run("SET enable_memoize = off");
    // Each of the joined needs what is before it, and OFFSET 0 keeps it a query of its own.
    return std::stod(value(
        "SELECT sum(extract(epoch FROM ended.at - begun.at)) FROM question q "
        "CROSS JOIN LATERAL (SELECT octet_length(repeat(repeat('x', 1024), " +
        std::to_string(swept_bytes / 1024) +
        " + q.number % 2)) AS bytes OFFSET 0) swept "
        "CROSS JOIN LATERAL (SELECT clock_timestamp() AS at WHERE swept.bytes > 0 OFFSET 0) begun "
        "CROSS JOIN LATERAL (SELECT sum(id) AS ids FROM (" +
        text_of(name, "q.embedding", "hashint4(q.number)") +
        ") answer WHERE begun.at IS NOT NULL OFFSET 0) answered "
        "CROSS JOIN LATERAL (SELECT clock_timestamp() AS at WHERE answered.ids IS NOT NULL OFFSET 0) ended "
        "WHERE q.number >= " +
        std::to_string(first) + " AND q.number < " + std::to_string(last)));
}

void Peer::insert(const char* name, std::uint32_t id, std::span<const float> vector) {
    const std::string parameters[] = {int_bytes(id), int_bytes(id % tags), vector_bytes(vector)};
    execute(name, parameters);
}

double Peer::wal_bytes() {
    return std::stod(value("SELECT pg_current_wal_insert_lsn() - '0/0'"));
}

double Peer::index_bytes() {
    return std::stod(value("SELECT pg_relation_size('item_embedding')"));
}

} // namespace soup::bench
