// A catalogue for tests of the request path that need no server: rows in the form that soup_api.catalogue()
// gives.
#pragma once

#include "thin_gateway/catalogue.hpp"

namespace soup::gateway {

inline Catalogue sample_catalogue() {
    const auto row = [](std::string name, std::string args, std::string columns, std::string volatility) {
        Catalogue::Row r;
        r.name = std::move(name);
        r.exposure = "public";
        r.args_json = std::move(args);
        r.columns_json = std::move(columns);
        r.volatility = std::move(volatility);
        return r;
    };
    std::vector<Catalogue::Row> rows;
    rows.push_back(
        row("append",
            R"([{"name":"model","type":"text","optional":false},{"name":"records","type":"bytea[]"},)"
            R"({"name":"idempotency_key","type":"text","optional":true}])",
            R"([{"name":"partition","type":"integer"}])", "volatile"));
    rows.push_back(row("append_many", "[]", R"([{"name":"partition","type":"integer"}])", "volatile"));
    rows.back().exposure = "gateway";
    rows.push_back(row("inspect", "[]", R"([{"name":"inspect","type":"jsonb"}])", "stable"));
    rows.back().exposure = "internal";
    rows.push_back(row("login", R"([{"name":"username","type":"text"},{"name":"passphrase","type":"text"}])",
                       R"([{"name":"token","type":"text"}])", "volatile"));
    rows.push_back(row(
        "nearest",
        R"([{"name":"model","type":"text"},{"name":"query","type":"real[]","optional":true},)"
        R"({"name":"k","type":"integer","optional":true},{"name":"since","type":"timestamp with time zone","optional":true},)"
        R"({"name":"filter","type":"jsonb","optional":true},{"name":"seed","type":"bigint","optional":true},)"
        R"({"name":"radius","type":"double precision","optional":true},{"name":"exact","type":"boolean","optional":true},)"
        R"({"name":"owner","type":"uuid","optional":true},{"name":"code","type":"bytea","optional":true},)"
        R"({"name":"names","type":"text[]","optional":true},{"name":"page_size","type":"integer","optional":true}])",
        R"([{"name":"key","type":"text"},{"name":"distance","type":"double precision"},{"name":"next_page","type":"text"}])",
        "stable"));
    rows.back().returns_set = rows.back().is_paged = true;
    rows.push_back(row("promote", R"([{"name":"model","type":"text"},{"name":"label","type":"text"}])",
                       R"([{"name":"label","type":"text"}])", "volatile"));
    rows.push_back(row("strange", R"([{"name":"x","type":"polygon"}])",
                       R"([{"name":"strange","type":"text"}])", "stable"));
    return Catalogue(rows);
}

} // namespace soup::gateway
