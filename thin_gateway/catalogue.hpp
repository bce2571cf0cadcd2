// What PostgreSQL serves: the functions of soup_api, as soup_api.catalogue() describes them.
//
// A Catalogue never changes after it was read; a reload publishes another one, and requests under way keep
// theirs. The gateway builds its routes, its argument checks and its OpenAPI document from nothing else.
#pragma once

#include "thin_gateway/types.hpp"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace soup::gateway {

struct Argument {
    std::string name;
    Type type;
    std::string type_name;
    bool is_optional = false;
};

struct Column {
    std::string name;
    Type type;
    std::string type_name;
    std::string json_key; ///< "name": as it stands in an object
};

enum class Exposure : unsigned char { public_, internal, gateway };

struct Function {
    std::string name;
    Exposure exposure = Exposure::gateway;
    std::vector<Argument> args; ///< without the token
    std::vector<Column> columns;
    bool takes_token = true;
    bool returns_set = false;
    bool is_paged = false;     ///< its last column is next_page
    bool is_read_only = false; ///< STABLE or IMMUTABLE: also served by GET, may be tried again
    std::string comment;
    std::uint64_t id = 0; ///< never reused in this process: prepared statements are named by it

    const Argument* find_argument(std::string_view arg_name, std::size_t* index = nullptr) const;
};

class Catalogue {
public:
    /// One row of soup_api.catalogue() as text.
    struct Row {
        std::string name, exposure, args_json, columns_json, volatility, comment;
        bool returns_set = false, is_paged = false;
    };

    /// Functions that cannot be served (an unknown type) are left out and named in `skipped`.
    explicit Catalogue(const std::vector<Row>& rows);

    const Function* find(std::string_view name) const;
    const std::map<std::string, Function, std::less<>>& functions() const { return functions_; }
    const std::vector<std::string>& skipped() const { return skipped_; }

    /// The OpenAPI document, with or without internal functions; made once.
    const std::string& openapi(bool with_internal) const {
        return with_internal ? openapi_all_ : openapi_public_;
    }

private:
    std::map<std::string, Function, std::less<>> functions_;
    std::vector<std::string> skipped_;
    std::string openapi_public_, openapi_all_;
};

using CataloguePtr = std::shared_ptr<const Catalogue>;

} // namespace soup::gateway
