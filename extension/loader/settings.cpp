// Definitions of machinesoup's settings, made once while the server preloads the loader.
#include "loader/settings.hpp"
#include "loader/shared_memory.hpp"

#include <thread>

extern "C" {
#include "utils/guc.h"
}

namespace soup::loader {

Settings settings{};

void define_settings() {
    const unsigned cores = std::thread::hardware_concurrency();
    const int processors = static_cast<int>(std::clamp(cores, 1U, static_cast<unsigned>(worker_slot_count)));

    auto integer = [](const char* name, const char* text, int* place, int standard, int least, int most,
                      int unit) {
        DefineCustomIntVariable(name, text, nullptr, place, standard, least, most, PGC_SIGHUP, unit, nullptr,
                                nullptr, nullptr);
    };
    DefineCustomStringVariable("soup.database", "Names the database in which machinesoup's workers run.",
                               nullptr, &settings.database, "soup", PGC_POSTMASTER, 0, nullptr, nullptr,
                               nullptr);
    integer("soup.max_processors", "Sets how many processors run at a time.", &settings.max_processors,
            processors, 0, worker_slot_count, 0);
    integer("soup.processor_linger_ms", "Sets how long an idle processor stays.",
            &settings.processor_linger_ms, 5000, 0, 3600 * 1000, GUC_UNIT_MS);
    integer("soup.poll_ms", "Sets the longest wait between two looks for work.", &settings.poll_ms, 5000, 10,
            3600 * 1000, GUC_UNIT_MS);
    integer("soup.argon_slots", "Sets how many passphrases are hashed at a time.", &settings.argon_slots, 2,
            1, argon_slot_count, 0);
    constexpr int minute_s = 60, hour_s = 60 * minute_s, day_s = 24 * hour_s;
    integer("soup.idempotency_window_s", "Sets how long a repeated append is recognised by its key at least.",
            &settings.idempotency_window_s, day_s, minute_s, 30 * day_s, GUC_UNIT_S);
    // The most bounds how long a signing key that was replaced has to verify.
    auto life = [&](const char* name, const char* text, int* place, int standard) {
        integer(name, text, place, standard, minute_s, 7 * day_s, GUC_UNIT_S);
    };
    life("soup.token_life_producer_s", "Sets how long a producer's token lives.",
         &settings.token_life_producer_s, 12 * hour_s);
    life("soup.token_life_consumer_s", "Sets how long a consumer's token lives.",
         &settings.token_life_consumer_s, 8 * hour_s);
    life("soup.token_life_data_scientist_s", "Sets how long a data scientist's token lives.",
         &settings.token_life_data_scientist_s, 8 * hour_s);
    life("soup.token_life_org_admin_s", "Sets how long an org admin's token lives.",
         &settings.token_life_org_admin_s, 8 * hour_s);
    life("soup.token_life_operator_s", "Sets how long an operator's token lives.",
         &settings.token_life_operator_s, 8 * hour_s);
    MarkGUCPrefixReserved("soup");
}

} // namespace soup::loader
