// Which dilations, channels and features a bank has: a pure function of window, channels and feature count.
#include "core/processors/dilated_kernels.hpp"

#include "core/processors/fixed_sequence.hpp"

#include <algorithm>
#include <numeric>

namespace soup::processors {
namespace {

/// floor(base^(step / steps)) without libm, whose last bit depends on the CPU: the largest d with d^steps <=
/// base^step.
std::size_t geometric_step(std::size_t base, std::size_t step, std::size_t steps) {
    const auto power = [](double value, std::size_t exponent) {
        double result = 1;
        while (exponent-- > 0)
            result *= value;
        return result;
    };
    const double bound = power(static_cast<double>(base), step);
    std::size_t dilation = 1;
    while (power(static_cast<double>(dilation + 1), steps) <= bound)
        dilation++;
    return dilation;
}

/// At least a quarter of the window's places give an output: with fewer a proportion says little.
std::size_t largest_dilation(std::size_t window) {
    const std::size_t reach = kernel_length - 1;
    return std::max<std::size_t>(1, (window - std::max<std::size_t>(1, window / 4)) / reach);
}

/// Dilations spread evenly on a logarithmic scale, as in the paper; repeats are wanted (more biases there).
std::vector<std::size_t> spread_dilations(std::size_t window, std::size_t count) {
    const std::size_t distinct_max = 32;
    const std::size_t largest = largest_dilation(window);
    const std::size_t steps = std::min(count, distinct_max) - 1;
    std::vector<std::size_t> dilations(count);
    for (std::size_t i = 0; i < count; i++)
        dilations[i] =
            steps == 0 ? 1 : geometric_step(largest, std::min(i * steps / (count - 1), steps), steps);
    return dilations;
}

/// Subsets of 1, 2, 4, 8, 1, … channels, larger where they must be for all to be covered, going round a
/// shuffled circle.
void choose_channels(std::vector<BankSlot>& slots, std::size_t channels) {
    FixedSequence sequence(0x736f75702d62616eULL);
    std::vector<std::uint32_t> circle(channels);
    std::iota(circle.begin(), circle.end(), 0U);
    for (std::size_t i = channels; i-- > 1;)
        std::swap(circle[i], circle[sequence.below(i + 1)]);

    const std::size_t needed = (channels + slots.size() - 1) / slots.size();
    std::size_t next = 0;
    for (std::size_t s = 0; s < slots.size(); s++) {
        const std::size_t size = std::min(channels, std::max(needed, std::size_t{1} << (s % 4)));
        for (std::size_t i = 0; i < size; i++, next++) {
            slots[s].channels.push_back(circle[next % channels]);
            slots[s].signs.push_back(sequence.below(2) == 0 ? 1.0F : -1.0F);
        }
    }
}

} // namespace

const std::array<std::array<std::uint8_t, 3>, kernel_count>& kernel_places() {
    static constexpr auto places = [] {
        std::array<std::array<std::uint8_t, 3>, kernel_count> all{};
        std::size_t kernel = 0;
        for (std::uint8_t i = 0; i < kernel_length; i++)
            for (std::uint8_t j = i + 1; j < kernel_length; j++)
                for (std::uint8_t k = j + 1; k < kernel_length; k++)
                    all[kernel++] = {i, j, k};
        return all;
    }();
    return places;
}

std::vector<BankSlot> plan_bank(std::size_t window, std::size_t channels, std::size_t features) {
    std::vector<BankSlot> slots;
    for (const std::size_t dilation : spread_dilations(window, features / kernel_count)) {
        // One channel: the slots of a dilation would compute the same outputs, so they share them.
        if (channels == 1 && !slots.empty() && slots.back().dilation == dilation) {
            slots.back().biases_per_kernel++;
            continue;
        }
        slots.push_back(
            {.dilation = dilation, .biases_per_kernel = 1, .first_feature = 0, .channels = {}, .signs = {}});
    }
    if (channels == 1)
        for (BankSlot& slot : slots)
            slot.channels = {0}, slot.signs = {1.0F};
    else
        choose_channels(slots, channels);

    std::size_t first_feature = 0;
    for (BankSlot& slot : slots) {
        slot.first_feature = first_feature;
        first_feature += slot.features();
    }
    return slots;
}

} // namespace soup::processors
