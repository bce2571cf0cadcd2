// In turns, so that the disk's moods meet both tables alike; and the median, since a thousand rows take a few
// milliseconds and a stall a hundred.
#include "tests/bench/points/inserts.hpp"

#include <algorithm>
#include <chrono>

namespace soup::bench {
namespace {

/// Rows a second: the median over what it is called for.
class Rate {
public:
    void time(Session& session, const std::string& sql) {
        const auto begin = std::chrono::steady_clock::now();
        session.run(sql);
        seconds_.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    }
    double of(std::size_t rows) {
        const auto middle = seconds_.begin() + static_cast<std::ptrdiff_t>(seconds_.size() / 2);
        std::ranges::nth_element(seconds_, middle);
        return static_cast<double>(rows) / *middle;
    }

private:
    std::vector<double> seconds_;
};

} // namespace

InsertRates insert_rates(Session& session, const PeerSql& peer, std::size_t rows,
                         const std::function<std::string(std::size_t row)>& coordinates) {
    constexpr std::size_t singles = 2000, batches_most = 100;
    const std::size_t batch_rows = std::min<std::size_t>(1000, rows),
                      batches = std::min(batches_most, rows / batch_rows);
    session.run("CREATE TABLE bare (LIKE " + peer.table + ")");
    // The rows are there as the type stores them: neither reading nor parsing them is measured.
    session.run("CREATE TABLE ready AS SELECT id, " + peer.from_text + " AS p FROM source WHERE id < " +
                std::to_string(batches * batch_rows));
    session.run("CREATE INDEX ON ready (id)");
    session.run("VACUUM ANALYZE ready");
    Rate single[2], batch[2];
    const std::string tables[2] = {"bare", peer.table};
    for (std::size_t i = 0; i < singles; ++i)
        for (int t = 0; t < 2; ++t)
            single[t].time(session, "INSERT INTO " + tables[t] + " SELECT id, " + peer.from_text +
                                        " FROM (VALUES (-1, '" + coordinates(i * 7919 % rows) +
                                        "')) v (id, coordinates)");
    for (std::size_t b = 0; b < batches; ++b)
        for (int t = 0; t < 2; ++t)
            batch[t].time(session, "INSERT INTO " + tables[t] + " SELECT -1, p FROM ready WHERE id BETWEEN " +
                                       std::to_string(b * batch_rows) + " AND " +
                                       std::to_string((b + 1) * batch_rows - 1));
    session.run("DROP TABLE bare, ready");
    return {single[1].of(1), single[0].of(1), batch[1].of(batch_rows), batch[0].of(batch_rows)};
}

} // namespace soup::bench
