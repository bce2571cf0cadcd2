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
};

extern Settings settings;

/// Defines the settings and reserves the prefix, so that no `soup.anything` can be set by hand.
void define_settings();

} // namespace soup::loader
