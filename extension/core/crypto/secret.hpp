// A fixed number of secret bytes that are wiped when they go out of scope.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace soup::crypto {

void wipe(std::span<std::uint8_t> bytes) noexcept; ///< Not optimised away.

template<std::size_t N>
class Secret {
public:
    Secret() = default;
    explicit Secret(std::span<const std::uint8_t, N> from) {
        for (std::size_t i = 0; i < N; ++i)
            bytes_[i] = from[i];
    }
    Secret(const Secret&) = default;
    Secret& operator=(const Secret&) = default;
    ~Secret() { wipe(bytes_); }

    static constexpr std::size_t size() noexcept { return N; }
    const std::uint8_t* data() const noexcept { return bytes_.data(); }
    std::uint8_t* data() noexcept { return bytes_.data(); }
    std::span<const std::uint8_t, N> view() const noexcept { return bytes_; }

private:
    std::array<std::uint8_t, N> bytes_{};
};

} // namespace soup::crypto
