// See login_cache.hpp.
#include "thin_gateway/login_cache.hpp"

#include "thin_gateway/types.hpp"
#include "thin_gateway/wire.hpp"

#include <simdjson.h>
#include <sodium.h>

namespace soup::gateway {
namespace {

constexpr std::size_t entries_max = 10'000;
constexpr auto expiry_margin = std::chrono::seconds(30);
/// A string that is wiped when it goes.
struct Secret {
    std::string text;
    ~Secret() { sodium_memzero(text.data(), text.size()); }
};

bool decode(std::string_view credential, Secret& user, Secret& passphrase) {
    Secret plain{std::string(credential.size() / 4 * 3 + 3, '\0')};
    std::size_t size = 0;
    if (sodium_base642bin(reinterpret_cast<unsigned char*>(plain.text.data()), plain.text.size(),
                          credential.data(), credential.size(), nullptr, &size, nullptr,
                          sodium_base64_VARIANT_ORIGINAL) != 0)
        return false;
    const auto text = std::string_view(plain.text).substr(0, size);
    const auto colon = text.find(':');
    if (colon == std::string_view::npos || text.find('\0') != std::string_view::npos ||
        !simdjson::validate_utf8(text.data(), text.size()))
        return false;
    user.text = text.substr(0, colon);
    passphrase.text = text.substr(colon + 1);
    return true;
}

} // namespace

LoginCache::LoginCache(Pool& pool, const Callers& callers)
    : pool_(pool), callers_(callers),
      statement_(std::make_shared<const Statement>(
          "SELECT token, expires_at FROM soup_api.login(username => $1, passphrase => $2)",
          std::vector<Oid>{oid::text, oid::text})) {
    randombytes_buf(key_.data(), key_.size());
}

LoginCache::Digest LoginCache::digest_of(std::string_view credential) const {
    Digest digest;
    crypto_generichash(digest.data(), digest.size(),
                       reinterpret_cast<const unsigned char*>(credential.data()), credential.size(),
                       key_.data(), key_.size());
    return digest;
}

const std::string* LoginCache::find(const Digest& digest) {
    const auto it = by_digest_.find(digest);
    if (it == by_digest_.end()) return nullptr;
    if (it->second->until <= std::chrono::system_clock::now()) {
        entries_.erase(it->second);
        by_digest_.erase(it);
        return nullptr;
    }
    entries_.splice(entries_.begin(), entries_, it->second);
    return &it->second->token;
}

bool LoginCache::must_log_in(std::string_view credential) {
    const Digest digest = digest_of(credential);
    return !find(digest) && !under_way_.contains(digest);
}

std::string LoginCache::user_of(std::string_view credential) {
    Secret user, passphrase;
    return decode(credential, user, passphrase) ? user.text : std::string();
}

void LoginCache::forget(std::string_view credential) {
    const auto it = by_digest_.find(digest_of(credential));
    if (it == by_digest_.end()) return;
    entries_.erase(it->second);
    by_digest_.erase(it);
}

Awaitable<LoginCache::Result> LoginCache::token_for(std::string_view credential, std::string_view source) {
    const Digest digest = digest_of(credential);
    if (const std::string* token = find(digest)) co_return Result{*token, std::nullopt};
    if (const auto it = under_way_.find(digest); it != under_way_.end()) {
        const std::shared_ptr<Login> login = it->second;
        Signal& signal = login->waiting.emplace_back();
        if (!signal.is_set()) co_await signal.wait();
        co_return login->result;
    }
    const auto login = std::make_shared<Login>();
    under_way_.emplace(digest, login);
    login->result = co_await log_in(credential, digest, source);
    under_way_.erase(digest);
    for (Signal& signal : login->waiting)
        signal.notify();
    co_return login->result;
}

Awaitable<LoginCache::Result> LoginCache::log_in(std::string_view credential, Digest digest,
                                                 std::string_view source) {
    Secret user, passphrase;
    if (!decode(credential, user, passphrase)) co_return Result{{}, problem("LOGIN_FAILED", {})};
    PgCall call(statement_);
    call.caller = callers_.of_login(user.text, source);
    call.add(user.text, true);
    call.add(passphrase.text, true);
    co_await pool_.run(call);
    if (call.outcome == PgCall::Outcome::refused && call.error)
        co_return Result{{}, problem_from(*call.error)};
    if (call.outcome != PgCall::Outcome::done || PQntuples(call.result.get()) != 1)
        co_return Result{{}, problem("BUSY", {})};
    const PGresult* const row = call.result.get();
    std::string token(PQgetvalue(row, 0, 0), static_cast<std::size_t>(PQgetlength(row, 0, 0)));
    wire::Reader expires({PQgetvalue(row, 0, 1), static_cast<std::size_t>(PQgetlength(row, 0, 1))});
    keep(digest, token, expires.integer<std::int64_t>());
    co_return Result{std::move(token), std::nullopt};
}

void LoginCache::keep(const Digest& digest, std::string token, std::int64_t expires_pg_us) {
    const std::chrono::system_clock::time_point expires{
        std::chrono::microseconds(expires_pg_us + wire::epoch_2000_us)};
    entries_.push_front({digest, std::move(token), expires - expiry_margin});
    by_digest_.insert_or_assign(digest, entries_.begin());
    if (entries_.size() > entries_max) {
        by_digest_.erase(entries_.back().digest);
        entries_.pop_back();
    }
}

} // namespace soup::gateway
