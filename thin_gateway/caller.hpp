// Who is asking, as far as turns and shares need to know it: an org and one of its principals.
//
// A token names both, but only the server can check the signature, and a share by an unchecked name would let
// anybody use up what belongs to another. So the gateway takes the server's word, as principal_limit does:
// once the server has done something for a token, its requests are its org's and its principal's (of who
// belongs to no org: only the principal's). Until then they are those of the address that they come from, and
// within it of the principal that the token claims. So made-up tokens, however many, have the one share of
// their source; and behind a proxy, where all have one source, a new token still has a turn of its own there.
// Logins are their source's, and within it those of the user that they name.
//
// Names are kept as hashes under keys of this process: nobody outside can choose names that collide.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>

namespace soup::gateway {

/// Groups have equal shares, and so have the members of a group. None at all is the gateway itself.
struct Caller {
    std::uint64_t group = 0, member = 0;

    bool operator==(const Caller&) const = default;
    bool is_gateway() const { return group == 0; }
};

class Callers {
public:
    Callers();

    /// Whose token it is by the server's word.
    std::optional<Caller> find(std::string_view token) const;
    /// Who it counts for until then.
    Caller unproven(std::string_view token, std::string_view source) const;
    Caller of_login(std::string_view user, std::string_view source) const;
    /// The server has taken this token, or has just given it out.
    void learn(std::string_view token);

private:
    enum class Name : unsigned char { token, org, principal, source, user };
    std::uint64_t hash(Name kind, std::string_view name) const;

    std::array<std::array<unsigned char, 16>, 5> keys_; ///< one for each kind of name
    std::unordered_map<std::uint64_t, Caller> known_;   ///< by the hash of a token
};

} // namespace soup::gateway
