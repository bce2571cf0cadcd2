// See log.hpp. Lines are formatted here, by hand, because one is written for each request; spdlog buffers,
// writes and flushes them.
#include "thin_gateway/log.hpp"

#include "core/json/writer.hpp"

#include <array>
#include <charconv>
#include <ctime>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace soup::gateway::log {
namespace {

bool logs_requests = true;

/// {"time":"2024-01-02T03:04:05.678901Z","level":"…" — the second's text is kept, it serves many lines.
void begin_line(std::string& out, std::string_view level) {
    using namespace std::chrono;
    thread_local std::time_t known_s = -1;
    thread_local std::array<char, 32> text;
    thread_local std::size_t text_size = 0;
    const auto now_us = duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
    const std::time_t now_s = now_us / 1'000'000;
    if (now_s != known_s) {
        std::tm parts{};
        gmtime_r(&now_s, &parts);
        text_size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S.", &parts);
        known_s = now_s;
    }
    std::array<char, 6> digits;
    for (auto [i, rest] = std::pair{digits.size(), now_us % 1'000'000}; i-- > 0; rest /= 10)
        digits[i] = static_cast<char>('0' + rest % 10);
    out.assign("{\"time\":\"").append(text.data(), text_size).append(digits.data(), digits.size());
    out.append("Z\",\"level\":\"").append(level).append("\"");
}

/// Names of ours need no escape.
void add_name(std::string& out, std::string_view key, std::string_view name) {
    out.append(",\"").append(key).append("\":\"").append(name).append("\"");
}

void add_text(std::string& out, std::string_view key, std::string_view text) {
    out.append(",\"").append(key).append("\":");
    json::append_string(out, text);
}

template<class... Number>
void add_number(std::string& out, std::string_view key, Number... how) {
    std::array<char, 32> digits;
    out.append(",\"").append(key).append("\":");
    const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), how...);
    if (error == std::errc{})
        out.append(digits.data(), end);
    else
        out += "null";
}

void write(spdlog::level::level_enum level, std::string_view name, std::string_view event,
           std::string_view detail, std::string_view request_id) {
    std::string out;
    begin_line(out, name);
    add_text(out, "event", event);
    if (!detail.empty()) add_text(out, "detail", detail);
    if (!request_id.empty()) add_name(out, "request_id", request_id);
    out += '}';
    spdlog::default_logger_raw()->log(level, spdlog::string_view_t(out));
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
    logger->set_pattern("%v");
    logger->flush_on(spdlog::level::warn);
    spdlog::set_default_logger(std::move(logger));
    spdlog::flush_every(std::chrono::seconds(1));
    logs_requests = config.log_requests;
}

void close() {
    spdlog::shutdown();
}

void request(const RequestLine& line) {
    auto* const logger = spdlog::default_logger_raw();
    if (!logs_requests || !logger->should_log(spdlog::level::info)) return;
    thread_local std::string out;
    begin_line(out, "info");
    add_name(out, "event", "request");
    add_name(out, "request_id", line.request_id);
    add_name(out, "route", line.route);
    add_text(out, "method", line.method.substr(0, 16)); // the client's own word
    add_number(out, "status", line.status);
    add_name(out, "code", line.code);
    add_number(out, "ms", line.ms, std::chars_format::fixed, 3);
    add_number(out, "bytes_in", line.bytes_in);
    add_number(out, "bytes_out", line.bytes_out);
    add_name(out, "source", line.source);
    out += '}';
    logger->log(spdlog::level::info, spdlog::string_view_t(out));
}

void event(std::string_view event, std::string_view detail) {
    write(spdlog::level::info, "info", event, detail, {});
}

void warning(std::string_view event, std::string_view detail, std::string_view request_id) {
    write(spdlog::level::warn, "warning", event, detail, request_id);
}

} // namespace soup::gateway::log
