// The launcher's daily duties: idempotency keys out of their window, old failures, the log's leaves for the
// coming month.
//
// Each duty is done piece by piece, each piece in a transaction of its own that is bounded in what it holds:
// one transaction for the leaves of thousands of orgs would fill the server's lock table. Duties do not wait
// for each other: one that fails is logged, comes again after a pause, and stops no other.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace soup::workers {

class Maintenance {
public:
    Maintenance();
    /// Does one piece of each duty that is due, under the launcher's scope. True if some duty has more to do
    /// at once; in between the launcher starts processors.
    bool run();

private:
    using Clock = std::chrono::steady_clock;
    struct Duty {
        const char* name;       ///< As the log tells of its failure.
        std::string statement;  ///< Does a piece and returns, as bigint, of how many rows or leaves.
        std::int64_t piece_max; ///< As many: there may be more.
        Clock::time_point due = Clock::now();
    };
    static std::int64_t do_piece(const Duty& duty);

    std::vector<Duty> duties_;
};

} // namespace soup::workers
