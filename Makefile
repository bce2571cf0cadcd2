# MachineSoup's front door. Each room brings its own module.mk; this file holds what they share:
# the version, the compilers' flags, one rule per kind of object, and the targets that a user calls.
#
#   make            build everything into $(BUILD)        make up / down   a private demo, started and stopped
#   make install    into the server that PG_CONFIG names  make uninstall   takes that back
#   make check      every test, from clean                make bench       the figures, as ratios
#   make lint       format, static checks, house rules    make package     a release archive
#   make clean      leaves nothing

VERSION   := 0.1
BUILD     ?= build
PG_CONFIG ?= pg_config
CXX       ?= g++
SOUP_HOME ?= $(CURDIR)/.soup
export SOUP_HOME PG_CONFIG BUILD
# Clusters that tests make are UTF-8 ones, where the caller has no locale, too. PostgreSQL's test library looks at LANG alone.
export LANG := C.UTF-8
export LC_ALL := C.UTF-8

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
# -g1 has the lines for a backtrace; the variables and types of -g cost a fifth of the compile time.
CXXFLAGS ?= -O2 -g1
ALL_CXXFLAGS = -std=c++20 $(CXXFLAGS) $(WARNINGS) -fPIC -pthread -fvisibility=hidden \
               -fvisibility-inlines-hidden -fno-gnu-unique -fno-math-errno -ffp-contract=off \
               -DSOUP_VERSION='"$(VERSION)"' -Iextension -I. $(DEPENDS) $(SANITIZE)
# Benches name the build folder by its absolute path, others from here: an object depends on its headers either way.
DEPENDS = -MMD -MP -MT $(abspath $@) -MT $(patsubst $(CURDIR)/%,%,$(abspath $@))

# A room's files are compiled as one unit, a generated file that includes them in name order: most of a file's time
# goes into headers that its whole room shares (1.0 s of 1.3 s before the server's), so a clean build takes 100 s of
# one core instead of 330. UNITY=no compiles file by file, which is quicker while working on one of them.
#
# $(call objects,FOLDER,ROOM …) names the objects; a room is a folder, a name with files of its own in FILES_name,
# or a single file that has to stay alone.
UNITY ?= yes
room_files = $(or $(FILES_$(1)),$(sort $(wildcard $(1)/*.cpp)),$(filter %.cpp,$(1)))
ifeq ($(UNITY),no)
objects = $(patsubst %.cpp,$(1)/%.o,$(foreach room,$(2),$(call room_files,$(room))))
else
objects = $(foreach room,$(2),$(if $(call room_files,$(room)),$(1)/$(room:.cpp=).o))
endif

# core/: what everything may link. The processors bring Eigen; the rooms that the platform alone needs share simdjson's
# header and make one unit, 12 s instead of 20. The kernels are a file for each instruction set and stay alone. The
# tree and its geometries belong to soupvec.
TREE_ROOMS := extension/core/tree extension/core/vann extension/core/vtree
FILES_extension/core/formats := $(filter-out extension/core/simd/% extension/core/processors/% $(TREE_ROOMS:=/%),\
                                  $(sort $(wildcard extension/core/*/*.cpp)))
CORE_OBJS  := $(call objects,$(BUILD),extension/core/processors extension/core/formats)
TREE_OBJS  := $(call objects,$(BUILD),$(TREE_ROOMS))
SIMD_OBJS  := $(call objects,$(BUILD),$(sort $(wildcard extension/core/simd/*.cpp)))

all:

include $(wildcard */module.mk)

# Room by room: core/ and thin_gateway/ are compiled without a path to the server's headers.
$(BUILD)/extension/core/%.o: ROOM_CPPFLAGS = $(CORE_CPPFLAGS)
$(BUILD)/thin_gateway/%.o:   ROOM_CPPFLAGS = -isystem $(PQ_INCLUDE)
$(BUILD)/tests/%.o:          ROOM_CPPFLAGS = $(CORE_CPPFLAGS) -isystem $(PQ_INCLUDE)
$(BUILD)/server/%.o:         ROOM_CPPFLAGS = $(CORE_CPPFLAGS) -isystem $(PG_INCLUDE) -isystem $(PQ_INCLUDE)

define compile
	@mkdir -p $(@D)
	$(CXX) $(ALL_CXXFLAGS) $(ROOM_CPPFLAGS) $(OBJ_CXXFLAGS) -c $< -o $@
endef
$(BUILD)/%.o: %.cpp
	$(compile)
$(BUILD)/server/%.o: %.cpp
	$(compile)
# GCC takes what a unit includes for headers, and warns that their unnamed namespaces differ from file to file.
$(BUILD)/%.o: $(BUILD)/units/%.cpp
	$(compile) -Wno-subobject-linkage
$(BUILD)/server/%.o: $(BUILD)/units/%.cpp
	$(compile) -Wno-subobject-linkage
$(BUILD)/units/%.cpp: FORCE
	@mkdir -p $(@D)
	@printf '#include "%s"\n' $(call room_files,$*) > $@.new; \
	 if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi
.PRECIOUS: $(BUILD)/units/%.cpp
FORCE:

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

.PHONY: all install uninstall up down check bench lint format package clean help
help:
	@sed -n '4,10s/^# *//p' Makefile

# With this, what a demo had installed is there for others too, and does not go with it (demo/home.sh).
install:
	@rm -f $(DESTDIR)$(PG_SHAREDIR)/extension/machinesoup.demo
# Only what this version's install puts there: other versions' code may still be in use.
uninstall:
	rm -f $(addprefix $(DESTDIR)$(PG_LIBDIR)/,$(notdir $(LIBRARIES))) \
	  $(addprefix $(DESTDIR)$(PG_SHAREDIR)/extension/,soupvec.control machinesoup.control machinesoup.demo \
	    $(notdir $(SQL_SCRIPTS) $(wildcard sql/upgrade/*--*.sql))) $(DESTDIR)$(PG_BINDIR)/$(notdir $(GATEWAY))

clean:
	@demo/down --remove
	rm -rf $(BUILD) regress_output tmp_check
