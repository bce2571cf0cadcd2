// Rows a second into a peer's table with its index and into one without.
#pragma once

#include "tests/bench/points/peer.hpp"

namespace soup::bench {

struct InsertRates {
    double single, single_bare; ///< One a commit.
    double batch, batch_bare;   ///< A thousand a statement.
};

/// Points are taken from the first `rows` of the table `source`, whose texts `coordinates` gives, too.
InsertRates insert_rates(Session& session, const PeerSql& peer, std::size_t rows,
                         const std::function<std::string(std::size_t row)>& coordinates);

} // namespace soup::bench
