// Passphrases: Argon2id (64 MiB, 2 passes), with the same cost whether or not the user exists.
//
// Bytes are hashed unmodified: no normalisation, no truncation, so that two different passphrases never
// count as equal. One hash or check takes 64 MiB; whoever calls limits how many run at a time.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace soup::crypto {

inline constexpr std::size_t passphrase_bytes_max = 1024;

/// Throws BAD_INPUT when the passphrase is empty, longer than 1,024 bytes, not UTF-8, or contains NUL.
void check_passphrase(std::string_view passphrase);

/// Checks, then hashes with a fresh salt; the text carries its own cost and salt ("$argon2id$…").
std::string hash_passphrase(std::string_view passphrase);

/// False for a wrong passphrase, at the same cost also for one that could never have been set.
/// Throws 53200 when memory is missing and XX001 when the stored text is not a hash.
bool verify_passphrase(const std::string& hash, std::string_view passphrase);

/// For unknown users and users without passphrase: costs what verify_passphrase costs; always false.
bool verify_unknown(std::string_view passphrase);

/// What verify_unknown checks against: the hash of a random passphrase that was thrown away. Its parameters
/// must be those of hash_passphrase, which a unit test compares.
std::string_view unknown_users_hash() noexcept;

} // namespace soup::crypto
