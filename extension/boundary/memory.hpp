// C++ objects in the server's memory contexts: an allocator for containers, objects that a context destroys
// when it is reset, and scopes. Nothing here raises: running out of memory is std::bad_alloc.
//
// A FATAL does not unwind, so no destructor here may be the only thing that frees shared state: that is the
// work of exit callbacks.
#pragma once

#include "boundary/boundary.hpp"

namespace soup::pg {

/// Bytes from a context, or std::bad_alloc. The size is checked here, because an over-large request raises
/// even with NO_OOM.
inline void* allocate_bytes(MemoryContext context, std::size_t bytes) {
    if (!AllocHugeSizeIsValid(bytes) || faults::allocation_fails()) throw std::bad_alloc();
    int flags = MCXT_ALLOC_NO_OOM | (AllocSizeIsValid(bytes) ? 0 : MCXT_ALLOC_HUGE);
    void* piece = MemoryContextAllocExtended(context, bytes, flags);
    if (piece == nullptr) throw std::bad_alloc();
    return piece;
}

/// A standard allocator over a memory context (the current one by default).
template<class T>
class ContextAllocator {
public:
    using value_type = T;
    static_assert(alignof(T) <= MAXIMUM_ALIGNOF, "a memory context aligns to MAXIMUM_ALIGNOF only");

    ContextAllocator() noexcept : context_(CurrentMemoryContext) {}
    explicit ContextAllocator(MemoryContext context) noexcept : context_(context) {}
    template<class U>
    ContextAllocator(const ContextAllocator<U>& other) noexcept : context_(other.context()) {}

    T* allocate(std::size_t count) {
        if (count > MaxAllocHugeSize / sizeof(T)) throw std::bad_alloc();
        return static_cast<T*>(allocate_bytes(context_, count * sizeof(T)));
    }
    void deallocate(T* piece, std::size_t) noexcept { pfree(piece); }

    MemoryContext context() const noexcept { return context_; }
    template<class U>
    bool operator==(const ContextAllocator<U>& other) const noexcept {
        return context_ == other.context();
    }

private:
    MemoryContext context_;
};

template<class T>
using ContextVector = std::vector<T, ContextAllocator<T>>;

/// Builds a T that lives as long as the context: its destructor runs exactly once, when the context is reset
/// or deleted. The destructor must not raise.
template<class T, class... Arguments>
T* make_in_context(MemoryContext context, Arguments&&... arguments) {
    struct Holder {
        MemoryContextCallback callback;
        T object;
    };
    static_assert(alignof(Holder) <= MAXIMUM_ALIGNOF && std::is_nothrow_destructible_v<T>);
    auto* holder = static_cast<Holder*>(allocate_bytes(context, sizeof(Holder)));
    try {
        new (&holder->object) T(std::forward<Arguments>(arguments)...);
    } catch (...) {
        pfree(holder);
        throw;
    }
    holder->callback = {};
    holder->callback.func = [](void* object) { static_cast<T*>(object)->~T(); };
    holder->callback.arg = &holder->object;
    MemoryContextRegisterResetCallback(context, &holder->callback);
    return &holder->object;
}

/// Makes a context the current one for a scope.
class ContextScope {
public:
    explicit ContextScope(MemoryContext context) noexcept : previous_(MemoryContextSwitchTo(context)) {}
    ~ContextScope() { MemoryContextSwitchTo(previous_); }
    ContextScope(const ContextScope&) = delete;
    ContextScope& operator=(const ContextScope&) = delete;

private:
    MemoryContext previous_;
};

/// A context of one's own, child of the current one unless said otherwise; deleted at the end of the scope.
/// The name must be a literal: the server keeps the pointer.
class OwnedContext {
public:
    explicit OwnedContext(const char* name, MemoryContext parent = CurrentMemoryContext)
        : context_(call([&] {
              return AllocSetContextCreateInternal(parent, name, ALLOCSET_DEFAULT_MINSIZE,
                                                   ALLOCSET_DEFAULT_INITSIZE, ALLOCSET_DEFAULT_MAXSIZE);
          })) {}
    ~OwnedContext() { MemoryContextDelete(context_); }
    OwnedContext(const OwnedContext&) = delete;
    OwnedContext& operator=(const OwnedContext&) = delete;

    MemoryContext get() const noexcept { return context_; }
    void reset() noexcept { MemoryContextReset(context_); }

private:
    MemoryContext context_;
};

} // namespace soup::pg
