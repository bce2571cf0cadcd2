// Command line (CLI11) and YAML file: one table of names serves both, the command line wins.
#include "thin_gateway/config.hpp"

#include <CLI/CLI.hpp>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <thread>

namespace soup::gateway {
namespace {

Address parse_address(const std::string& text) {
    const auto colon = text.rfind(':');
    Address address;
    unsigned port = 65536;
    if (colon != std::string::npos) {
        const char* const end = text.data() + text.size();
        const auto [rest, error] = std::from_chars(text.data() + colon + 1, end, port);
        if (error != std::errc{} || rest != end) port = 65536;
    }
    if (port > 65535) throw CLI::ValidationError(text, "an address is HOST:PORT");
    address.port = static_cast<std::uint16_t>(port);
    address.host = text.substr(0, colon);
    if (address.host.size() > 2 && address.host.front() == '[' && address.host.back() == ']')
        address.host = address.host.substr(1, address.host.size() - 2);
    return address;
}

/// The YAML file is flat: the long option names without dashes in front, e.g. `write-connections: 2`.
class YamlFile : public CLI::Config {
public:
    std::string to_config(const CLI::App*, bool, bool, std::string) const override { return {}; }
    std::vector<CLI::ConfigItem> from_config(std::istream& input) const override {
        std::vector<CLI::ConfigItem> items;
        YAML::Node root;
        try {
            root = YAML::Load(input);
        } catch (const YAML::Exception& e) {
            throw CLI::FileError("the configuration is not YAML: " + std::string(e.what()));
        }
        if (root.IsNull()) return items;
        if (!root.IsMap()) throw CLI::FileError("the configuration must be a map of option names");
        for (const auto& entry : root) {
            if (!entry.second.IsScalar())
                throw CLI::FileError("the value of " + entry.first.as<std::string>() + " must be a scalar");
            CLI::ConfigItem item;
            item.name = entry.first.as<std::string>();
            item.inputs = {entry.second.as<std::string>()};
            items.push_back(std::move(item));
        }
        return items;
    }
};

void add_milliseconds(CLI::App& app, const std::string& name, milliseconds& value, const std::string& help) {
    app.add_option_function<std::int64_t>(
           name, [&value](const std::int64_t& ms) { value = milliseconds(ms); }, help)
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{86'400'000}))
        ->default_str(std::to_string(value.count()));
}

void add_limits(CLI::App& app, Config& config) {
    auto& limits = config.limits;
    const auto bytes = CLI::Range(std::size_t{1024}, std::size_t{1} << 34);
    app.add_option("--header-bytes", limits.header_bytes_max, "largest request header")->check(bytes);
    app.add_option("--target-bytes", limits.target_bytes_max, "longest URL")->check(bytes);
    app.add_option("--call-bytes", limits.call_bytes_max, "largest JSON body of any call but append")
        ->check(bytes);
    app.add_option("--json-bytes", limits.json_bytes_max, "largest JSON body of an append")->check(bytes);
    app.add_option("--ndjson-bytes", limits.ndjson_bytes_max, "largest NDJSON body of an append")
        ->check(bytes);
    app.add_option("--binary-bytes", limits.binary_bytes_max, "largest binary body of an append")
        ->check(bytes);
    app.add_option("--records", limits.records_max, "most records in one append")
        ->check(CLI::Range(std::size_t{1}, std::size_t{100'000}));
    app.add_option("--bodies-bytes", limits.bodies_bytes_max, "bytes of bodies held by one thread at a time")
        ->check(bytes);
    app.add_option("--connections", config.connections_max, "most client connections of one thread")
        ->check(CLI::Range(1, 1'000'000));
    app.add_option("--connections-per-source", config.connections_per_source_max,
                   "most client connections from one address, per thread")
        ->check(CLI::Range(1, 1'000'000));
    app.add_option("--rate", config.rate_per_s, "requests a second for each principal; 0: no limit")
        ->check(CLI::NonNegativeNumber);
    app.add_option("--rate-burst", config.rate_burst, "requests at once for each principal")
        ->check(CLI::NonNegativeNumber);

    auto& deadlines = config.deadlines;
    add_milliseconds(app, "--idle-ms", deadlines.idle, "idle time between two requests");
    add_milliseconds(app, "--header-ms", deadlines.header, "time for a request's header");
    add_milliseconds(app, "--body-ms", deadlines.body, "how far a body may fall behind 64 KiB/s");
    add_milliseconds(app, "--write-ms", deadlines.write, "time without progress of a slow reader");
    add_milliseconds(app, "--request-ms", deadlines.request, "time for one call of PostgreSQL");
    add_milliseconds(app, "--stream-ms", deadlines.stream, "time for one streamed result");
    add_milliseconds(app, "--pool-ms", deadlines.pool, "time to wait for a database connection");
    add_milliseconds(app, "--drain-ms", deadlines.drain, "from SIGTERM to the hard end");
}

void add_database(CLI::App& app, Config& config) {
    auto& pool = config.pool;
    const auto connections = CLI::Range(1u, 256u);
    app.add_option("--conninfo", config.conninfo, "libpq connection string (role soup_gateway)");
    app.add_option("--pool", pool.read, "connections for reading, per thread")->check(connections);
    app.add_option("--write-connections", pool.write, "connections for other calls, per thread")
        ->check(connections);
    app.add_option("--login-connections", pool.login, "connections for login, per thread")
        ->check(connections);
    app.add_option("--append-connections", pool.append, "append calls under way at a time, per thread")
        ->check(connections);
    app.add_option("--streams", pool.stream, "streamed results at a time, per thread")->check(connections);
    app.add_option("--pipeline-depth", pool.depth, "calls under way on one connection")
        ->check(CLI::Range(1u, 1024u));
    app.add_option("--join-elements", config.join_elements_max, "most appends joined into one call")
        ->check(CLI::Range(1, 1000));
    app.add_option("--join-bytes", config.join_bytes_max, "most record bytes joined into one call")
        ->check(CLI::Range(std::size_t{1024}, std::size_t{256} << 20));
}

} // namespace

bool read_config(int argc, char** argv, Config& config, int& exit_status) {
    CLI::App app{"MachineSoup's thin gateway: HTTP in front of PostgreSQL", "soup_gateway"};
    app.set_version_flag("--version", SOUP_VERSION);
    app.option_defaults()->always_capture_default();
    app.config_formatter(std::make_shared<YamlFile>());
    app.set_config("--config", "", "YAML file with the same names as these options");
    app.allow_config_extras(CLI::config_extras_mode::error);

    std::string listen = "127.0.0.1:8080", internal;
    app.add_option("--listen", listen, "public address; port 0 takes any free port");
    app.add_option("--internal-listen", internal,
                   "address for internal functions; without it the public listener serves them");
    app.add_flag(
        "--plain-beyond-loopback", config.plain_beyond_loopback,
        "serve plain HTTP also where other machines reach it; a proxy that speaks TLS belongs in front");
    app.add_option("--port-file", config.port_file, "file that receives the ports, one a line");
    // One thread a core: but PostgreSQL lives on the same cores, and one thread joins more appends.
    app.add_option("--threads", config.threads, "worker threads, each with its own connections")
        ->check(CLI::Range(1u, 256u));
    add_database(app, config);
    add_limits(app, config);
    app.add_option("--log,--log-file", config.log_file, "log file; standard error without");
    app.add_option("--log-level", config.log_level)
        ->check(CLI::IsMember({"debug", "info", "warn", "error", "off"}));
    app.add_option("--log-requests", config.log_requests, "one line for each request");
    app.add_flag("--print-errors", config.print_errors, "print the error table as Markdown and end");

    try {
        app.parse(argc, argv);
        config.listen = parse_address(listen);
        config.has_internal = !internal.empty();
        if (config.has_internal) config.internal_listen = parse_address(internal);
    } catch (const CLI::ParseError& e) {
        exit_status = app.exit(e);
        return false;
    }
    if (config.rate_burst < 1) config.rate_burst = std::max(1.0, config.rate_per_s);
    return true;
}

} // namespace soup::gateway
