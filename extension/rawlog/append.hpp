// Appending to the raw log: many appends of many producers in one transaction, each answered or refused on
// its own.
#pragma once

#include "access/identity.hpp"
#include "core/error.hpp"
#include "rawlog/request.hpp"

#include <string>
#include <vector>

namespace soup::rawlog {

/// What one append is answered with: addresses, or why it was refused.
struct Outcome {
    std::int32_t partition = 0;
    std::int64_t first_offset = 0;
    std::int32_t count = 0;
    std::string label; ///< Empty: no version is routed to.
    std::optional<Error> refusal;
};

/// An append whose identity has been verified, or the reason why it was not.
struct Element {
    Request request;
    access::Identity identity;
    std::optional<Error> refusal;
};

/// Stores what can be stored. Outcomes are in the order of the elements; a refused element leaves nothing
/// behind. What is not a matter of one element (disk full, cancel, lost lock) is thrown and undone by the
/// transaction's abort. Durable once the transaction has committed, also where synchronous_commit is off.
std::vector<Outcome> append(std::span<const Element> elements);

} // namespace soup::rawlog
