// soup_gateway: reads its settings, then serves until SIGTERM.
#include "thin_gateway/config.hpp"
#include "thin_gateway/errors.hpp"
#include "thin_gateway/log.hpp"
#include "thin_gateway/server.hpp"

#include <cstdio>
#include <exception>
#include <malloc.h>
#include <sodium.h>
#include <sys/prctl.h>
#include <sys/resource.h>

namespace {

/// glibc gives freed memory back to the kernel from 128 KiB on, to fetch and clear it anew for the next big
/// body: page faults were much of what the gateway spent on it. Up to 32 MiB are kept instead.
void keep_freed_memory() {
    mallopt(M_MMAP_THRESHOLD, 4 << 20);
    mallopt(M_TRIM_THRESHOLD, 32 << 20);
}

} // namespace

int main(int argc, char** argv) {
    using namespace soup::gateway;
    keep_freed_memory();
    Config config;
    int exit_status = 0;
    if (!read_config(argc, argv, config, exit_status)) return exit_status;
    if (config.print_errors) {
        std::fputs(errors_page().c_str(), stdout);
        return 0;
    }
    // Tokens and passphrases pass through this memory: no core dump, no reading by other processes of the
    // user.
    const rlimit no_core{0, 0};
    if (sodium_init() < 0 || setrlimit(RLIMIT_CORE, &no_core) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0) {
        std::fputs("soup_gateway: could not protect the process memory\n", stderr);
        return 1;
    }
    try {
        log::open(config);
        Server(config).run();
        log::close();
        return 0;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "soup_gateway: %s\n", e.what());
        return 1;
    }
}
