// One of the two that are compared, in a database of its own on the same server: soupvec's vann or pgvector's
// HNSW. Both are asked by the same statements over libpq, binary both ways, planned once.
#pragma once

#include "tests/bench/vectors/dataset.hpp"

#include <libpq-fe.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace soup::bench {

/// What a query costs more or finds more with.
struct Setting {
    std::string name;  ///< As the setting is called: vann.probes, vann.recall, hnsw.ef_search.
    std::string value; //
};

struct PeerKind {
    std::string name, database, extension, index_clause, filtered_index_clause;
    std::vector<Setting> settings;    ///< From cheap to dear.
    std::vector<std::string> session; ///< Statements for every session.
};
PeerKind vann_peer();
PeerKind pgvector_peer();

class Peer {
public:
    /// PGHOST and PGPORT name the server; the database exists.
    explicit Peer(PeerKind kind);

    const PeerKind& kind() const noexcept { return kind_; }
    void run(const std::string& sql);
    std::string value(const std::string& sql);

    /// Table item (id, tag, embedding) with these rows; tag is the id modulo 100.
    void load(const Vectors& base, std::size_t rows);
    /// Seconds; the index is named item_embedding.
    double build(bool with_tag);
    void set(const Setting& setting);
    /// Prepares the statements; the planner is asked whether the index is used, and death follows if not.
    void prepare();

    /// A statement that prepare() prepared: `nearest` (to the vector), `nearest_with_tag` (of the rows with
    /// tag `number`), and between prepare_floor() and drop_floor() `nothing` (one constant) and `by_btree`
    /// (ten rows from ten pages of the table, from place `number` on). Gives the ids of the rows.
    void ask(const char* name, std::span<const float> query, std::int32_t number,
             std::vector<std::uint32_t>& ids);
    /// All queries, sent together, so that the time is the server's and not that of waking one another.
    /// `numbers` gives each its number.
    std::vector<std::vector<std::uint32_t>> ask_all(const char* name, const Vectors& queries,
                                                    std::span<const std::int32_t> numbers);
    /// What the same server needs for the same parameters and as many rows by any index.
    void prepare_floor();
    void drop_floor();
    /// The first so many queries as rows of a table, for ask_joined().
    void load_questions(const Vectors& queries, std::size_t count);
    /// A statement asked by each of the rows first … last - 1 of that table, which one statement joins with
    /// it: seconds, in which the server's caches' contents are replaced before each row, beyond that.
    double ask_joined(std::string_view name, std::size_t swept_bytes, std::size_t first, std::size_t last);
    /// One row, one statement: `insert_one` into the indexed table, `insert_bare` into one like it without
    /// indexes.
    void insert(const char* name, std::uint32_t id, std::span<const float> vector);
    /// Bytes of write-ahead log so far.
    double wal_bytes();
    double index_bytes();

private:
    using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;
    Result check(PGresult* result);
    Result execute(const char* name, std::span<const std::string> parameters);
    static void read_ids(const PGresult* result, std::vector<std::uint32_t>& ids);

    PeerKind kind_;
    std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
};

} // namespace soup::bench
