// Only what is not a leaf's last block goes four at a time; the last ones, which carry lengths and flags of
// their own, go through compress() one by one.
#include "core/crypto/blake2bp.hpp"

#include "core/little_endian.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace soup::crypto {
namespace {

using States = StripeRunner::States;
using State = std::array<std::uint64_t, 8>;
using Bytes = std::span<const std::byte>;

constexpr std::size_t leaves = 4, block_bytes = 128, inner_bytes = 64;
constexpr std::size_t rounds = 12;

constexpr State initial{0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
                        0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};
/// Which word of the message goes where in a round; rounds 10 and 11 are 0 and 1 again.
constexpr std::uint8_t schedule[10][16] = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
                                           {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
                                           {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
                                           {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
                                           {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
                                           {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
                                           {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
                                           {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
                                           {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
                                           {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0}};
/// Which words of the working vector the eight mixings of a round take.
constexpr std::uint8_t mixings[8][4] = {{0, 4, 8, 12},  {1, 5, 9, 13},  {2, 6, 10, 14}, {3, 7, 11, 15},
                                        {0, 5, 10, 15}, {1, 6, 11, 12}, {2, 7, 8, 13},  {3, 4, 9, 14}};

/// What the parameter block of a node makes of the initial state: 64 bytes of digest, no key, fanout 4, depth
/// 2; depth 0 for leaves and 1 for the root.
State begin_node(std::uint64_t offset, std::uint64_t depth) {
    State state = initial;
    state[0] ^= inner_bytes | leaves << 16 | std::uint64_t{2} << 24;
    state[1] ^= offset;
    state[2] ^= depth | inner_bytes << 8;
    return state;
}

struct Block {
    std::uint64_t bytes_so_far;
    bool is_last = false, is_last_node = false;
};

void compress(State& state, const std::byte* bytes, Block block) {
    std::uint64_t message[16], v[16];
    for (std::size_t i = 0; i < 16; ++i)
        message[i] = load_le<std::uint64_t>(bytes + 8 * i);
    for (std::size_t i = 0; i < 8; ++i) {
        v[i] = state[i];
        v[8 + i] = initial[i];
    }
    v[12] ^= block.bytes_so_far;
    if (block.is_last) v[14] = ~v[14];
    if (block.is_last && block.is_last_node) v[15] = ~v[15];
    for (std::size_t round = 0; round < rounds; ++round)
#pragma GCC unroll 8
        for (std::size_t i = 0; i < 8; ++i) {
            const auto [a, b, c, d] = mixings[i];
            v[a] += v[b] + message[schedule[round % 10][2 * i]];
            v[d] = std::rotr(v[d] ^ v[a], 32);
            v[c] += v[d];
            v[b] = std::rotr(v[b] ^ v[c], 24);
            v[a] += v[b] + message[schedule[round % 10][2 * i + 1]];
            v[d] = std::rotr(v[d] ^ v[a], 16);
            v[c] += v[d];
            v[b] = std::rotr(v[b] ^ v[c], 63);
        }
    for (std::size_t i = 0; i < 8; ++i)
        state[i] ^= v[i] ^ v[8 + i];
}

void run_plain(States& states, const std::byte* bytes, std::size_t stripes) noexcept {
    for (std::size_t leaf = 0; leaf < leaves; ++leaf) {
        State state;
        for (std::size_t i = 0; i < 8; ++i)
            state[i] = states[i][leaf];
        for (std::size_t stripe = 0; stripe < stripes; ++stripe)
            compress(state, bytes + stripe * StripeRunner::stripe_bytes + leaf * block_bytes,
                     {(stripe + 1) * block_bytes});
        for (std::size_t i = 0; i < 8; ++i)
            states[i][leaf] = state[i];
    }
}

#ifdef __x86_64__
/// A lane for each leaf.
using Lanes [[gnu::vector_size(32)]] = std::uint64_t;
using Halves [[gnu::vector_size(32)]] = std::uint32_t;
using Octets [[gnu::vector_size(32)]] = std::uint8_t;

// One function without calls: whatever it called would have to be compiled for AVX2 as well. Rotations by
// whole bytes are shuffles.
[[gnu::target("avx2")]] void run_avx2(States& states, const std::byte* bytes, std::size_t stripes) noexcept {
    Lanes state[8];
    std::memcpy(state, states.data(), sizeof state);
    std::uint64_t bytes_so_far = 0;
    for (; stripes > 0; --stripes, bytes += StripeRunner::stripe_bytes) {
        Lanes message[16], v[16];
#pragma GCC unroll 4
        for (std::size_t i = 0; i < 16; i += 4) {
            Lanes of[leaves]; // four words of each leaf, to be transposed
            for (std::size_t leaf = 0; leaf < leaves; ++leaf)
                std::memcpy(&of[leaf], bytes + leaf * block_bytes + 8 * i, sizeof of[leaf]);
            const Lanes even01 = __builtin_shufflevector(of[0], of[1], 0, 4, 2, 6),
                        odd01 = __builtin_shufflevector(of[0], of[1], 1, 5, 3, 7),
                        even23 = __builtin_shufflevector(of[2], of[3], 0, 4, 2, 6),
                        odd23 = __builtin_shufflevector(of[2], of[3], 1, 5, 3, 7);
            message[i] = __builtin_shufflevector(even01, even23, 0, 1, 4, 5);
            message[i + 1] = __builtin_shufflevector(odd01, odd23, 0, 1, 4, 5);
            message[i + 2] = __builtin_shufflevector(even01, even23, 2, 3, 6, 7);
            message[i + 3] = __builtin_shufflevector(odd01, odd23, 2, 3, 6, 7);
        }
        bytes_so_far += block_bytes;
#pragma GCC unroll 8
        for (std::size_t i = 0; i < 8; ++i) {
            v[i] = state[i];
            v[8 + i] = Lanes{} + initial[i];
        }
        v[12] ^= bytes_so_far;
#pragma GCC unroll 12
        for (std::size_t round = 0; round < rounds; ++round)
#pragma GCC unroll 8
            for (std::size_t i = 0; i < 8; ++i) {
                const auto [a, b, c, d] = mixings[i];
                v[a] += v[b] + message[schedule[round % 10][2 * i]];
                const auto d32 = reinterpret_cast<Halves>(v[d] ^ v[a]);
                v[d] = reinterpret_cast<Lanes>(__builtin_shufflevector(d32, d32, 1, 0, 3, 2, 5, 4, 7, 6));
                v[c] += v[d];
                const auto b8 = reinterpret_cast<Octets>(v[b] ^ v[c]);
                v[b] = reinterpret_cast<Lanes>(
                    __builtin_shufflevector(b8, b8, 3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15, 8, 9, 10, 19,
                                            20, 21, 22, 23, 16, 17, 18, 27, 28, 29, 30, 31, 24, 25, 26));
                v[a] += v[b] + message[schedule[round % 10][2 * i + 1]];
                const auto d8 = reinterpret_cast<Octets>(v[d] ^ v[a]);
                v[d] = reinterpret_cast<Lanes>(
                    __builtin_shufflevector(d8, d8, 2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15, 8, 9, 18,
                                            19, 20, 21, 22, 23, 16, 17, 26, 27, 28, 29, 30, 31, 24, 25));
                v[c] += v[d];
                const Lanes mixed = v[b] ^ v[c];
                v[b] = mixed >> 63 | (mixed + mixed);
            }
#pragma GCC unroll 8
        for (std::size_t i = 0; i < 8; ++i)
            state[i] ^= v[i] ^ v[8 + i];
    }
    std::memcpy(states.data(), state, sizeof state);
}
#endif

constexpr StripeRunner plain{"plain", run_plain};

/// What is left of a leaf when `stripes` of it have run: every fourth block of `bytes`, from the leaf's own
/// on.
State finish_leaf(State state, std::size_t leaf, std::uint64_t bytes_so_far, Bytes bytes) {
    bytes = bytes.subspan(std::min(leaf * block_bytes, bytes.size()));
    while (true) {
        std::array<std::byte, block_bytes> padded{};
        const Bytes block = bytes.first(std::min(block_bytes, bytes.size()));
        std::ranges::copy(block, padded.begin());
        bytes = bytes.subspan(std::min(StripeRunner::stripe_bytes, bytes.size()));
        bytes_so_far += block.size();
        compress(state, padded.data(), {bytes_so_far, bytes.empty(), leaf == leaves - 1});
        if (bytes.empty()) return state;
    }
}

} // namespace

std::span<const StripeRunner> stripe_runners() noexcept {
#ifdef __x86_64__
    static constexpr StripeRunner all[] = {{"avx2", run_avx2}, plain};
    static const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
    return has_avx2 ? std::span(all) : std::span(all).subspan(1);
#else
    return {&plain, 1};
#endif
}

Digest parallel_digest(Bytes bytes, const StripeRunner& runner) noexcept {
    States states;
    for (std::size_t leaf = 0; leaf < leaves; ++leaf) {
        const State begun = begin_node(leaf, 0);
        for (std::size_t i = 0; i < 8; ++i)
            states[i][leaf] = begun[i];
    }
    // As many as leave a byte for the last block of the last leaf.
    const std::size_t before_last = (leaves - 1) * block_bytes + 1,
                      stripes = bytes.size() < before_last
                                    ? 0
                                    : (bytes.size() - before_last) / StripeRunner::stripe_bytes;
    runner.run(states, bytes.data(), stripes);
    const Bytes rest = bytes.subspan(stripes * StripeRunner::stripe_bytes);

    std::array<std::byte, leaves * inner_bytes> digests;
    for (std::size_t leaf = 0; leaf < leaves; ++leaf) {
        State state;
        for (std::size_t i = 0; i < 8; ++i)
            state[i] = states[i][leaf];
        state = finish_leaf(state, leaf, stripes * block_bytes, rest);
        for (std::size_t i = 0; i < 8; ++i)
            store_le(&digests[leaf * inner_bytes + 8 * i], state[i]);
    }
    State root = begin_node(0, 1);
    compress(root, digests.data(), {block_bytes});
    compress(root, digests.data() + block_bytes, {2 * block_bytes, true, true});
    Digest digest;
    for (std::size_t i = 0; i < digest.size() / 8; ++i)
        store_le(&digest[8 * i], root[i]);
    return digest;
}

} // namespace soup::crypto
