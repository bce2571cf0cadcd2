// See log.hpp.
#include "thin_gateway/log.hpp"

#include "core/json/writer.hpp"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace soup::gateway::log {
namespace {

bool logs_requests = true;

/// What stands between the braces, after time and level that the pattern writes.
std::string members(std::string_view event, std::string_view detail, std::string_view request_id) {
    std::string out;
    out += "\"event\":";
    json::append_string(out, event);
    if (!detail.empty()) {
        out += ",\"detail\":";
        json::append_string(out, detail);
    }
    if (!request_id.empty()) {
        out += ",\"request_id\":";
        json::append_string(out, request_id);
    }
    return out;
}

} // namespace

void open(const Config& config) {
    std::shared_ptr<spdlog::sinks::sink> sink;
    if (config.log_file.empty())
        sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    else
        sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(config.log_file);
    auto logger = std::make_shared<spdlog::logger>("soup_gateway", std::move(sink));
    logger->set_level(spdlog::level::from_str(config.log_level));
    logger->set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%fZ","level":"%l",%v})",
                        spdlog::pattern_time_type::utc);
    logger->flush_on(spdlog::level::warn);
    spdlog::set_default_logger(std::move(logger));
    spdlog::flush_every(std::chrono::seconds(1));
    logs_requests = config.log_requests;
}

void close() {
    spdlog::shutdown();
}

void request(const RequestLine& line) {
    if (!logs_requests) return;
    auto* const logger = spdlog::default_logger_raw();
    if (!logger->should_log(spdlog::level::info)) return;
    // Route and code are names of ours, the method is cut and escaped: it is the client's.
    std::string method;
    json::append_string(method, line.method.substr(0, 16));
    logger->info(R"("event":"request","request_id":"{}","route":"{}","method":{},"status":{},"code":"{}",)"
                 R"("ms":{:.3f},"bytes_in":{},"bytes_out":{},"source":"{}")",
                 line.request_id, line.route, method, line.status, line.code, line.ms, line.bytes_in,
                 line.bytes_out, line.source);
}

void event(std::string_view event, std::string_view detail) {
    spdlog::default_logger_raw()->log(spdlog::level::info, members(event, detail, {}));
}

void warning(std::string_view event, std::string_view detail, std::string_view request_id) {
    spdlog::default_logger_raw()->log(spdlog::level::warn, members(event, detail, request_id));
}

} // namespace soup::gateway::log
