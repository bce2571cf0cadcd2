// Little-endian writing and reading of a processor's saved state and artefact.
//
// Both formats are short lists of numbers, so one writer and one reader serve both. The reader checks every
// length before it allocates and throws XX001 (data corrupted) for anything it cannot have been given by the
// writer.
#pragma once

#include "core/error.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

static_assert(std::endian::native == std::endian::little, "a big-endian build needs byte swaps here");

namespace soup::processors {

inline Error damaged(std::string_view what) {
    return {"XX001", "", std::string(what) + " is damaged or belongs to another manifest"};
}

class ByteWriter {
public:
    template<typename T>
    void number(T value) {
        static_assert(std::is_arithmetic_v<T>);
        raw(&value, sizeof value);
    }
    template<typename T>
    void numbers(std::span<const T> values) {
        number(static_cast<std::uint64_t>(values.size()));
        raw(values.data(), values.size_bytes());
    }
    void text(std::string_view value) { numbers(std::span<const char>(value)); }
    std::vector<std::byte> take() && { return std::move(bytes_); }

private:
    void raw(const void* data, std::size_t size) {
        const auto* first = static_cast<const std::byte*>(data);
        bytes_.insert(bytes_.end(), first, first + size);
    }
    std::vector<std::byte> bytes_;
};

class ByteReader {
public:
    /// `what` names the thing in errors ("saved state", "artefact").
    ByteReader(std::span<const std::byte> bytes, std::string_view what) : rest_(bytes), what_(what) {}

    template<typename T>
    T number() {
        static_assert(std::is_arithmetic_v<T>);
        T value;
        raw(&value, sizeof value);
        return value;
    }
    template<typename T>
    std::vector<T> numbers() {
        const auto count = number<std::uint64_t>();
        if (count > rest_.size() / sizeof(T)) throw damaged(what_);
        std::vector<T> values(count);
        raw(values.data(), count * sizeof(T));
        return values;
    }
    /// As numbers(), of exactly `count` finite ones.
    template<typename T>
    std::vector<T> finite_numbers(std::size_t count) {
        auto values = numbers<T>();
        if (values.size() != count) throw damaged(what_);
        for (const T value : values)
            if (!(value - value == T{})) throw damaged(what_);
        return values;
    }
    std::string text() {
        const auto letters = numbers<char>();
        return {letters.begin(), letters.end()};
    }
    /// Refuses unless the next number is `expected`.
    template<typename T>
    void expect(T expected) {
        if (number<T>() != expected) throw damaged(what_);
    }
    void expect_end() const {
        if (!rest_.empty()) throw damaged(what_);
    }
    Error bad() const { return damaged(what_); }

private:
    void raw(void* to, std::size_t size) {
        if (size > rest_.size()) throw damaged(what_);
        if (size != 0) std::memcpy(to, rest_.data(), size);
        rest_ = rest_.subspan(size);
    }
    std::span<const std::byte> rest_;
    std::string_view what_;
};

} // namespace soup::processors
