// The one error type of core/: what went wrong, in the words a caller may see.
//
// core/ knows SQLSTATEs and reason codes as plain text; extension/boundary/ turns an Error into an
// ereport, the gateway turns it into a problem document. Nobody decides on the message's wording.
#pragma once

#include <exception>
#include <string>
#include <utility>

namespace soup {

/// A refusal: five-letter SQLSTATE, stable reason code (may be empty where only the SQLSTATE is
/// published, as for the vector type), one-line message, optional detail and hint as sentences.
class Error : public std::exception {
public:
    Error(const char* sqlstate, const char* reason, std::string message, std::string detail = {},
          std::string hint = {})
        : sqlstate_(sqlstate), reason_(reason), message_(std::move(message)), detail_(std::move(detail)),
          hint_(std::move(hint)) {}

    const char* what() const noexcept override { return message_.c_str(); }
    const char* sqlstate() const noexcept { return sqlstate_; }
    const char* reason() const noexcept { return reason_; }
    const std::string& message() const noexcept { return message_; }
    const std::string& detail() const noexcept { return detail_; }
    const std::string& hint() const noexcept { return hint_; }

private:
    const char* sqlstate_; ///< Static storage.
    const char* reason_;   ///< Static storage.
    std::string message_, detail_, hint_;
};

inline Error bad_input(std::string message, std::string detail = {}) {
    return {"22023", "BAD_INPUT", std::move(message), std::move(detail)};
}
inline Error too_big(std::string message, std::string detail = {}) {
    return {"54000", "TOO_BIG", std::move(message), std::move(detail)};
}
inline Error not_found(std::string message) {
    return {"P0002", "NOT_FOUND", std::move(message)};
}
inline Error scope_refused(std::string message) {
    return {"42501", "SCOPE", std::move(message)};
}
inline Error token_bad() {
    return {"28000", "TOKEN_BAD", "token is not valid"};
}

} // namespace soup
