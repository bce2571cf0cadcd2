// One way to keep points in PostgreSQL: a table, an index, and how it is asked for boxes, radii and
// neighbours. All peers are asked over libpq in the same way: a prepared statement, planned once, its region
// as one text parameter.
#pragma once

#include <libpq-fe.h>

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace soup::bench {

struct Box {
    std::vector<float> lower, upper;
};
struct Ball {
    std::vector<float> centre;
    double radius;
};

/// SQL of a peer. In every statement $1 is the region's text.
struct PeerSql {
    std::string name, table;
    std::vector<std::string> extensions;
    std::string column;               ///< Declaration of the point's column.
    std::string from_text;            ///< Expression that makes a point of the text column `coordinates`.
    std::string index;                ///< CREATE INDEX … ON <table> …
    std::string box, radius, nearest; ///< Conditions, and an ORDER BY expression.
    std::function<std::string(std::span<const float>)> point_text;
    std::function<std::string(const Box&)> box_text;
    std::function<std::string(const Ball&)> ball_text;
};

/// Every peer that this server has and that takes points of so many dimensions; vtree comes first.
std::vector<PeerSql> peers_for(unsigned dimensions);

class Session {
public:
    /// To the database that PGHOST, PGPORT and PGDATABASE name.
    Session();
    void run(const std::string& sql);
    std::string value(const std::string& sql);
    bool has_extension(const std::string& name);
    /// Runs a prepared statement for every text parameter, sent together, so that the time is the server's
    /// and not that of waking one another. Answers: the first column of the first row, or the number of rows
    /// if `count_rows`.
    std::vector<long> execute(const std::string& name, std::span<const std::string> parameters,
                              bool count_rows);
    /// COPY … FROM STDIN in text form.
    void copy(const std::string& sql, const std::function<bool(std::string& line)>& next_line);

private:
    using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;
    Result check(PGresult* result);
    std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
};

} // namespace soup::bench
