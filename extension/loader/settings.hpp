// The settings of machinesoup. Only the loader defines them; the library reads them through the loader's
// struct. Append-only.
#pragma once

namespace soup::loader {

struct Settings {
    char* database;          ///< soup.database: where the extension lives; fixed at server start.
    int max_processors;      ///< soup.max_processors: dynamic workers at a time.
    int processor_linger_ms; ///< soup.processor_linger_ms: how long an idle worker stays.
    int poll_ms;             ///< soup.poll_ms: the safety net beneath the wake-ups.
    int argon_slots;         ///< soup.argon_slots: password hashes at a time, 64 MiB each.

    int idempotency_window_s; ///< soup.idempotency_window_s: how long a repeated append is recognised at
                              ///< least.
    // soup.token_life_<kind>_s: how long a token of that kind of principal lives.
    int token_life_producer_s;
    int token_life_consumer_s;
    int token_life_data_scientist_s;
    int token_life_org_admin_s;
    int token_life_operator_s;
};

extern Settings settings;

/// Defines the settings and reserves the prefix, so that no `soup.anything` can be set by hand.
void define_settings();

} // namespace soup::loader
