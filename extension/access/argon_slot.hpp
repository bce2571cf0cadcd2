// The right to hash one passphrase now: 64 MiB and a tenth of a second of a core, so only a few at a time in
// the whole cluster. Held for a scope; a FATAL gives it back by an exit callback, a dead holder's is taken
// over.
#pragma once

namespace soup::access {

class ArgonSlot {
public:
    /// Waits up to two seconds; throws BUSY.
    ArgonSlot();
    ~ArgonSlot();
    ArgonSlot(const ArgonSlot&) = delete;
    ArgonSlot& operator=(const ArgonSlot&) = delete;

private:
    int index_;
};

} // namespace soup::access
