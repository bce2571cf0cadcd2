// An object that counts how many of its kind are alive: destructors that did not run, or ran twice, show.
#pragma once

struct Witness {
    static inline int alive = 0;
    static inline int destroyed = 0;
    Witness() { ++alive; }
    Witness(const Witness&) { ++alive; }
    ~Witness() {
        --alive;
        ++destroyed;
    }
};
