// The gateway's settings, with their defaults; read from the command line and an optional YAML file.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace soup::gateway {

using std::chrono::milliseconds;

struct Address {
    std::string host = "127.0.0.1";
    std::uint16_t port = 0; ///< 0: any free one
};

/// What one request may cost. Everything is refused as early as its size is known.
struct RequestLimits {
    std::size_t header_bytes_max = 16 << 10;
    std::size_t target_bytes_max = 8 << 10;
    /// A call's JSON: PostgreSQL takes it apart before it looks at the token, into many times its size.
    std::size_t call_bytes_max = std::size_t{1} << 20;
    // The others are of an append.
    std::size_t json_bytes_max = std::size_t{64} << 20;
    std::size_t ndjson_bytes_max = std::size_t{64} << 20;
    std::size_t binary_bytes_max = std::size_t{64} << 20;
    std::size_t records_max = 100'000; ///< In one append; the server takes no more either.
    /// Bodies held by all connections of a worker together, as far as they have come; beyond it they get 503.
    std::size_t bodies_bytes_max = std::size_t{1} << 30;
};

struct Deadlines {
    milliseconds idle{75'000};   ///< between two requests of a connection
    milliseconds header{10'000}; ///< from a request's first byte to the end of its header
    milliseconds body{60'000};   ///< how far a body may fall behind body_bytes_per_s_min
    milliseconds write{30'000};  ///< without any progress of the reader
    milliseconds request{30'000};
    milliseconds stream{3'600'000};
    milliseconds pool{5'000};   ///< waiting for a place in the pool
    milliseconds drain{20'000}; ///< from SIGTERM to the hard end
    std::size_t body_bytes_per_s_min = 64 << 10;
};

struct PoolSizes {
    // A caller alone uses half of them (share.hpp).
    unsigned read = 8;
    unsigned write = 2;
    unsigned login = 1;
    unsigned append = 2;
    unsigned stream = 8;
    unsigned depth = 16; ///< calls under way on one pipelined connection
};

struct Config {
    Address listen;
    bool has_internal = false; ///< without it, internal functions are served on the public listener
    Address internal_listen;
    bool plain_beyond_loopback = false; ///< without it, addresses that other machines reach are refused
    std::string port_file;
    std::string conninfo;
    unsigned threads = 1;
    RequestLimits limits;
    Deadlines deadlines;
    PoolSizes pool;
    std::size_t connections_max = 4096;
    std::size_t connections_per_source_max = 1024;
    double rate_per_s = 0; ///< requests per principal; 0: no limit
    double rate_burst = 0; ///< 0: one second's worth
    std::size_t join_elements_max = 1000;
    std::size_t join_bytes_max = std::size_t{16} << 20;
    std::string log_file; ///< empty: standard error
    std::string log_level = "info";
    bool log_requests = true;
    bool print_errors = false;
};

/// Reads arguments; answers --help, --version and mistakes itself and then returns false with the exit
/// status.
bool read_config(int argc, char** argv, Config& config, int& exit_status);

} // namespace soup::gateway
