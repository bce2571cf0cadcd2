# MachineSoup's front door. Each room brings its own module.mk; this file holds what they share:
# the version, the compilers' flags, one rule per kind of object, and the targets that a user calls.
#
#   make            build everything into $(BUILD)        make up / down   a private demo, started and stopped
#   make install    into the server that PG_CONFIG names  make check       every test, from clean
#   make bench      the figures, as ratios                make lint        format, static checks, house rules
#   make package    a release archive                     make clean       leaves nothing

VERSION   := 0.1
BUILD     ?= build
PG_CONFIG ?= pg_config
CXX       ?= g++
SOUP_HOME ?= $(CURDIR)/.soup
export SOUP_HOME PG_CONFIG BUILD

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

PG_INCLUDE  := $(shell $(PG_CONFIG) --includedir-server 2>/dev/null)
PG_LIBDIR   := $(shell $(PG_CONFIG) --pkglibdir 2>/dev/null)
PG_SHAREDIR := $(shell $(PG_CONFIG) --sharedir 2>/dev/null)
PG_BINDIR   := $(shell $(PG_CONFIG) --bindir 2>/dev/null)
PQ_INCLUDE  := $(shell $(PG_CONFIG) --includedir 2>/dev/null)

# The distribution's baseline instruction set everywhere; only extension/core/simd/ compiles wider code.
WARNINGS := -Wall -Wextra -Werror
CXXFLAGS ?= -O2 -g
ALL_CXXFLAGS = -std=c++20 $(CXXFLAGS) $(WARNINGS) -fPIC -pthread -fvisibility=hidden \
               -fvisibility-inlines-hidden -fno-gnu-unique -fno-math-errno -ffp-contract=off \
               -DSOUP_VERSION='"$(VERSION)"' -Iextension -I. -MMD -MP $(SANITIZE)

all:

include $(wildcard */module.mk)

# Room by room: core/ and thin_gateway/ are compiled without a path to the server's headers.
$(BUILD)/extension/core/%.o: extension/core/%.cpp
	@mkdir -p $(@D)
	$(CXX) $(ALL_CXXFLAGS) $(CORE_CPPFLAGS) $(OBJ_CXXFLAGS) -c $< -o $@
$(BUILD)/thin_gateway/%.o: thin_gateway/%.cpp
	@mkdir -p $(@D)
	$(CXX) $(ALL_CXXFLAGS) -isystem $(PQ_INCLUDE) $(OBJ_CXXFLAGS) -c $< -o $@
$(BUILD)/tests/%.o: tests/%.cpp
	@mkdir -p $(@D)
	$(CXX) $(ALL_CXXFLAGS) $(CORE_CPPFLAGS) -isystem $(PQ_INCLUDE) $(OBJ_CXXFLAGS) -c $< -o $@
$(BUILD)/server/%.o: %.cpp
	@mkdir -p $(@D)
	$(CXX) $(ALL_CXXFLAGS) $(CORE_CPPFLAGS) -isystem $(PG_INCLUDE) -isystem $(PQ_INCLUDE) $(OBJ_CXXFLAGS) -c $< -o $@

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

.PHONY: all install up down check bench lint format package clean help
help:
	@sed -n '4,9s/^# *//p' Makefile

clean:
	@demo/down --remove
	rm -rf $(BUILD)
