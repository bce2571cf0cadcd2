// The peers' SQL is the best that their own documentation knows for each question.
#include "tests/bench/points/peer.hpp"

#include <charconv>
#include <stdexcept>

namespace soup::bench {
namespace {

std::string number(double value) {
    char text[32];
    return {text, std::to_chars(text, text + sizeof text, value).ptr};
}
std::string joined(std::span<const float> values, const char* separator = ",") {
    std::string text;
    for (const float value : values) {
        if (!text.empty()) text += separator;
        text += number(static_cast<double>(value)); // The peers keep double precision: all get the same.
    }
    return text;
}

PeerSql vtree(unsigned dimensions) {
    const std::string type = "vector(" + std::to_string(dimensions) + ")";
    return {"vtree",
            "with_vtree",
            {"soupvec"},
            "p " + type,
            "('[' || coordinates || ']')::vector",
            "USING vtree (p)",
            "p <@ $1::vbox",
            "p <@ $1::vball",
            "p <-> $1::vector",
            [](auto point) { return "[" + joined(point) + "]"; },
            [](auto& box) { return "[" + joined(box.lower) + "],[" + joined(box.upper) + "]"; },
            [](auto& ball) { return "<[" + joined(ball.centre) + "]," + number(ball.radius) + ">"; }};
}

PeerSql cube() {
    return {"cube GiST",
            "with_cube",
            {"cube"},
            "p cube",
            "('(' || coordinates || ')')::cube",
            "USING gist (p)",
            "p <@ $1::cube",
            // The parameter: centre and radius as an array, in a shape that the index can use.
            "p <@ cube_enlarge(cube(($1::float8[])[2:]), ($1::float8[])[1], 100) AND "
            "cube_distance(p, cube(($1::float8[])[2:])) <= ($1::float8[])[1]",
            "p <-> $1::cube",
            [](auto point) { return "(" + joined(point) + ")"; },
            [](auto& box) { return "(" + joined(box.lower) + "),(" + joined(box.upper) + ")"; },
            [](auto& ball) { return "{" + number(ball.radius) + "," + joined(ball.centre) + "}"; }};
}

PeerSql point(const char* name, const char* method) {
    return {name,
            std::string("with_point_") + method,
            {},
            "p point",
            "('(' || coordinates || ')')::point",
            std::string("USING ") + method + " (p)",
            "p <@ $1::box",
            "p <@ $1::circle",
            "p <-> $1::point",
            [](auto point) { return "(" + joined(point) + ")"; },
            [](auto& box) { return "(" + joined(box.upper) + "),(" + joined(box.lower) + ")"; },
            [](auto& ball) { return "<(" + joined(ball.centre) + ")," + number(ball.radius) + ">"; }};
}

PeerSql postgis(unsigned dimensions) {
    const bool flat = dimensions == 2;
    const std::string z = flat ? "" : "Z";
    const auto point_text = [z](std::span<const float> values) {
        return "POINT" + (z.empty() ? "" : " " + z) + "(" + joined(values, " ") + ")";
    };
    return {
        flat ? "PostGIS" : "PostGIS nd",
        "with_postgis",
        {"postgis"},
        "p geometry(Point" + z + ")",
        "('POINT" + std::string(flat ? "" : " Z") + "(' || replace(coordinates, ',', ' ') || ')')::geometry",
        flat ? "USING gist (p)" : "USING gist (p gist_geometry_ops_nd)",
        flat ? "p && $1::box2d::geometry" : "p &&& $1::box3d::geometry",
        flat ? "ST_DWithin(p, ST_MakePoint(($1::float8[])[2], ($1::float8[])[3]), ($1::float8[])[1])"
             : "ST_3DDWithin(p, ST_MakePoint(($1::float8[])[2], ($1::float8[])[3], ($1::float8[])[4]), "
               "($1::float8[])[1])",
        flat ? "p <-> $1::geometry" : "p <<->> $1::geometry",
        point_text,
        [flat](auto& box) {
            return (flat ? "BOX(" : "BOX3D(") + joined(box.lower, " ") + "," + joined(box.upper, " ") + ")";
        },
        [](auto& ball) { return "{" + number(ball.radius) + "," + joined(ball.centre) + "}"; }};
}

} // namespace

std::vector<PeerSql> peers_for(unsigned dimensions) {
    std::vector<PeerSql> peers{vtree(dimensions)};
    if (dimensions == 2) {
        peers.push_back(point("point GiST", "gist"));
        peers.push_back(point("point SP-GiST", "spgist"));
    } else {
        peers.push_back(cube());
    }
    if (dimensions == 2 || dimensions == 3) peers.push_back(postgis(dimensions));
    return peers;
}

Session::Session() : connection_(PQconnectdb(""), PQfinish) {
    if (PQstatus(connection_.get()) != CONNECTION_OK)
        throw std::runtime_error(PQerrorMessage(connection_.get()));
    run("SET client_min_messages = warning");
}

Session::Result Session::check(PGresult* result) {
    Result owned(result, PQclear);
    const ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_COPY_IN)
        throw std::runtime_error(PQerrorMessage(connection_.get()));
    return owned;
}

void Session::run(const std::string& sql) {
    check(PQexec(connection_.get(), sql.c_str()));
}

std::string Session::value(const std::string& sql) {
    const Result result = check(PQexec(connection_.get(), sql.c_str()));
    std::string all;
    for (int row = 0; row < PQntuples(result.get()); ++row)
        all += std::string(PQgetvalue(result.get(), row, 0)) + "\n";
    if (!all.empty()) all.pop_back();
    return all;
}

bool Session::has_extension(const std::string& name) {
    return value("SELECT count(*) FROM pg_available_extensions WHERE name = '" + name + "'") == "1";
}

std::vector<long> Session::execute(const std::string& name, std::span<const std::string> parameters,
                                   bool count_rows) {
    PGconn* connection = connection_.get();
    PQenterPipelineMode(connection);
    for (const auto& parameter : parameters) {
        const char* values[] = {parameter.c_str()};
        if (PQsendQueryPrepared(connection, name.c_str(), 1, values, nullptr, nullptr, 0) != 1)
            throw std::runtime_error(PQerrorMessage(connection));
    }
    PQpipelineSync(connection);
    std::vector<long> answers;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        const Result result = check(PQgetResult(connection));
        answers.push_back(count_rows ? PQntuples(result.get()) : std::stol(PQgetvalue(result.get(), 0, 0)));
        PQgetResult(connection); // The end of this statement's results.
    }
    PQclear(PQgetResult(connection)); // The synchronisation.
    PQexitPipelineMode(connection);
    return answers;
}

void Session::copy(const std::string& sql, const std::function<bool(std::string& line)>& next_line) {
    check(PQexec(connection_.get(), sql.c_str()));
    std::string line;
    while (next_line(line))
        if (PQputCopyData(connection_.get(), line.data(), static_cast<int>(line.size())) != 1)
            throw std::runtime_error(PQerrorMessage(connection_.get()));
    PQputCopyEnd(connection_.get(), nullptr);
    while (PGresult* result = PQgetResult(connection_.get()))
        check(result);
}

} // namespace soup::bench
