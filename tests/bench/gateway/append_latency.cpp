// Latency of one durable record at one connection, two ways in turn, so that both see the same machine:
// the gateway over HTTP, and libpq's INSERT + commit into a plain table.
//
//   append_latency PORT TOKEN CONNINFO ROUNDS    prints JSON: p50 and p99 in microseconds of each way
//
// The plain table bench_record(record_offset bigserial, model text, record text) must exist.
#include <algorithm>
#include <arpa/inet.h>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <libpq-fe.h>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace {

constexpr const char* record = R"({"timestamp":"2014-04-14 18:00:00","value":0.13223,"machine":7})";

class HttpClient {
public:
    explicit HttpClient(int port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const int on = 1;
        setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
            throw std::runtime_error("cannot connect to the gateway");
    }
    ~HttpClient() { ::close(socket_); }
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    void exchange(const std::string& request) {
        if (::send(socket_, request.data(), request.size(), MSG_NOSIGNAL) !=
            static_cast<ssize_t>(request.size()))
            throw std::runtime_error("cannot send");
        std::size_t have = 0, wanted = 0;
        while (wanted == 0 || have < wanted) {
            const ssize_t count = ::recv(socket_, buffer_ + have, sizeof buffer_ - 1 - have, 0);
            if (count <= 0) throw std::runtime_error("the gateway closed the connection");
            have += static_cast<std::size_t>(count);
            buffer_[have] = 0;
            const std::string_view text(buffer_, have);
            const auto end = text.find("\r\n\r\n");
            const auto length = text.find("Content-Length: ");
            if (end != std::string_view::npos)
                wanted = end + 4 + std::strtoul(buffer_ + length + 16, nullptr, 10);
        }
        if (std::string_view(buffer_, 15) != "HTTP/1.1 200 OK") throw std::runtime_error(buffer_);
    }

private:
    int socket_;
    char buffer_[8192];
};

class Database {
public:
    explicit Database(const char* conninfo) : conn_(PQconnectdb(conninfo), PQfinish) {
        if (PQstatus(conn_.get()) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(conn_.get()));
    }
    void prepare(const char* name, const char* sql) { check(PQprepare(conn_.get(), name, sql, 0, nullptr)); }
    void execute(const char* name, std::initializer_list<const char*> values) {
        check(PQexecPrepared(conn_.get(), name, static_cast<int>(values.size()), values.begin(), nullptr,
                             nullptr, 1));
    }

private:
    void check(PGresult* result) {
        const std::unique_ptr<PGresult, decltype(&PQclear)> owner(result, PQclear);
        const auto status = PQresultStatus(result);
        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
            throw std::runtime_error(PQresultErrorMessage(result));
    }
    std::unique_ptr<PGconn, decltype(&PQfinish)> conn_;
};

struct Way {
    const char* name;
    std::vector<double> times_us;

    template<class Call>
    void measure(Call call) {
        const auto since = std::chrono::steady_clock::now();
        call();
        times_us.push_back(
            std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - since).count());
    }
    double percentile(double part) {
        std::sort(times_us.begin(), times_us.end());
        return times_us[static_cast<std::size_t>(part * static_cast<double>(times_us.size() - 1))];
    }
};

} // namespace

int main(int argc, char** argv) {
    if (argc != 5) {
        std::fputs("append_latency PORT TOKEN CONNINFO ROUNDS\n", stderr);
        return 2;
    }
    try {
        HttpClient http(std::atoi(argv[1]));
        const std::string token = argv[2];
        const std::string body = R"({"model":"bench","records":[)" + std::string(record) + "]}";
        const std::string request =
            "POST /v1/append HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token +
            "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
            "\r\n\r\n" + body;
        Database database(argv[3]);
        database.prepare("insert", "INSERT INTO bench_record (model, record) VALUES ($1, $2)");
        Way gateway{"gateway", {}}, insert{"libpq_insert", {}};
        const int rounds = std::atoi(argv[4]), warm_up = rounds / 10;
        for (int i = 0; i < rounds + warm_up; ++i) {
            if (i == warm_up) gateway.times_us.clear(), insert.times_us.clear();
            gateway.measure([&] { http.exchange(request); });
            insert.measure([&] { database.execute("insert", {"bench", record}); });
        }
        std::printf("{");
        for (Way* way : {&gateway, &insert})
            std::printf("\"%s\":{\"p50_us\":%.0f,\"p99_us\":%.0f},", way->name, way->percentile(0.5),
                        way->percentile(0.99));
        std::printf("\"p50_ratio\":%.3f}\n", gateway.percentile(0.5) / insert.percentile(0.5));
        return 0;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "append_latency: %s\n", e.what());
        return 1;
    }
}
