// A vector whose resize() leaves new elements as they are, for lists that are written to right after.
#pragma once

#include <memory>
#include <vector>

namespace soup::vann {

template<class T>
struct UnfilledAllocator : std::allocator<T> {
    template<class Other>
    struct rebind {
        using other = UnfilledAllocator<Other>;
    };
    template<class Element, class... Arguments>
    void construct(Element* at, Arguments&&... arguments) {
        if constexpr (sizeof...(Arguments) == 0)
            ::new (static_cast<void*>(at)) Element;
        else
            ::new (static_cast<void*>(at)) Element(std::forward<Arguments>(arguments)...);
    }
};

template<class T>
using Unfilled = std::vector<T, UnfilledAllocator<T>>;

} // namespace soup::vann
