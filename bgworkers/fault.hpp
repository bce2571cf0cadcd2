// Why an attempt failed, and whose fault it was.
//
// Only what is the batch's own fault may set it aside: a full disk, a cancelled query or a deadlock says
// nothing about the records, and what cannot be read is damage of the log, which must stay in sight until
// somebody has repaired it. Those are tried again, with growing pauses.
#pragma once

#include <cstdint>
#include <string>

namespace soup::workers {

/// Where in a slice the error arose.
enum class Phase : std::uint8_t { reading, processing, writing };

struct Fault {
    std::string sqlstate;
    std::string message;
};

/// The exception being handled, as a Fault. Call it in a handler only.
Fault current_fault();

bool is_batch_at_fault(const Fault& fault, Phase phase) noexcept;

/// Others had the rows or the table: the next attempt meets the same batches under other circumstances.
bool is_conflict_with_others(const Fault& fault) noexcept;

/// Whether it tells against the version: the batch's own fault, or damaged data. Enough of these suspend it.
bool is_counted(const Fault& fault, Phase phase) noexcept;

} // namespace soup::workers
