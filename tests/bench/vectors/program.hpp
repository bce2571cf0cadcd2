// How the programs of this folder end when something is wrong.
#pragma once

#include "core/error.hpp"

#include <cstdio>

namespace soup::bench {

/// Runs it; what it throws is said under the program's name.
inline int run_program(const char* name, int (*run)(int, char**), int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const Error& error) {
        std::fprintf(stderr, "%s: %s %s\n", name, error.what(), error.detail().c_str());
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s: %s\n", name, error.what());
    }
    return 1;
}

} // namespace soup::bench
