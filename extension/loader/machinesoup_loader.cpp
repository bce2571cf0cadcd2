// machinesoup.so: preloaded by the server, it defines once what cannot be defined twice, and introduces the
// versioned library to it.
#include "loader/machinesoup_loader.hpp"
#include "loader/held_version.hpp"
#include "loader/hooks.hpp"
#include "loader/logins.hpp"
#include "loader/workers.hpp"
#include "library_version.hpp"

namespace soup::loader {
namespace {

const PlatformLibrary* library = nullptr;

void register_library(const PlatformLibrary* arriving) {
    require_same_version("machinesoup", library != nullptr ? library->version : nullptr, arriving->version);
    library = arriving;
    set_guards(arriving);
}

PlatformLoader loader{sizeof(PlatformLoader), library_version,  nullptr,         &settings, named_lock,
                      statement_depth,        register_library, sizeof(Settings)};

} // namespace

const PlatformLibrary* registered_library() {
    return library;
}

void publish(SharedHeader* header) {
    loader.shared = header;
}

} // namespace soup::loader

SOUP_MODULE_INIT() {
    using namespace soup::loader;
    if (!process_shared_preload_libraries_in_progress)
        throw soup::Error("55000", "", "machinesoup must be loaded at server start", {},
                          "Add machinesoup to shared_preload_libraries and restart the server.");
    soup::pg::call([] {
        define_settings();
        install_shared_memory();
        install_hooks();
        install_login_guard();
        register_launcher();
        *find_rendezvous_variable(platform_rendezvous) = &loader;
    });
}
