# The tests, a target per kind; `make check` runs them all. Server tests use the libraries that `make install` put
# into the server of PG_CONFIG, and clusters of their own in temporary folders.

TAP_PERL := $(shell $(PG_CONFIG) --pkglibdir)/pgxs/src/test/perl
PROVE    ?= prove

# --- unit: GoogleTest over core/, no server -----------------------------------------------------------------------
FILES_tests/unit/processors := $(sort $(wildcard tests/unit/processors_*.cpp))
FILES_tests/unit/vann       := $(sort $(wildcard tests/unit/vann_*.cpp))
FILES_tests/unit/tree       := $(sort $(wildcard tests/unit/tree_*.cpp tests/unit/vtree_*.cpp tests/lib/*.cpp))
FILES_tests/unit/formats    := $(filter-out $(FILES_tests/unit/processors) $(FILES_tests/unit/vann) $(FILES_tests/unit/tree),\
                                 $(sort $(wildcard tests/unit/*.cpp)))
UNIT_OBJS := $(call objects,$(BUILD),tests/unit/processors tests/unit/vann tests/unit/tree tests/unit/formats)
UNIT      := $(BUILD)/tests/unit/run
$(UNIT): $(UNIT_OBJS) $(CORE_OBJS) $(TREE_OBJS) $(SIMD_OBJS)
	$(CXX) $(ALL_CXXFLAGS) $^ -lgtest_main -lgmock -lgtest -lsodium -lzstd -llz4 -lsimdjson -o $@

.PHONY: check-unit check-fuzz check-boundary check-regress check-isolation check-tap check-gateway check-exports check-style
check-unit: $(UNIT)
	$(UNIT) --gtest_brief=1

# The same under the address and undefined-behaviour sanitizers: a share of the tests for each processor. The gateway
# is compiled with them too, for those of its tests that are about lifetimes (tests/gateway/008_hang_ups.t).
SANITIZED := $(BUILD)/sanitized
.PHONY: check-sanitized sanitized
sanitized:
	+$(MAKE) BUILD=$(SANITIZED) CXXFLAGS='-O1 -g1' SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=undefined' \
	  $(SANITIZED)/tests/unit/run $(SANITIZED)/soup_gateway
check-sanitized: sanitized
	@export GTEST_TOTAL_SHARDS=$$(nproc); pids=; for share in $$(seq 0 $$((GTEST_TOTAL_SHARDS - 1))); do \
	  GTEST_SHARD_INDEX=$$share $(SANITIZED)/tests/unit/run --gtest_brief=1 & pids="$$pids $$!"; done; \
	for pid in $$pids; do wait $$pid || exit 1; done

# --- fuzz: clang's libFuzzer with address and undefined-behaviour sanitizers over core/ ----------------------------
FUZZ_SECONDS ?= 10
FUZZ_CXX     ?= clang++-14
FUZZERS      := $(patsubst tests/fuzz/%.cpp,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.cpp))
FUZZ_FLAGS   := -std=c++20 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -Iextension -I. \
                -DSOUP_VERSION='"$(VERSION)"' $(CORE_CPPFLAGS)
FUZZ_CORE    := $(wildcard extension/core/frame/*.cpp extension/core/crypto/*.cpp extension/core/json/*.cpp \
                extension/core/manifest/*.cpp)
FUZZ_OBJS    := $(patsubst %.cpp,$(BUILD)/fuzz/objects/%.o,$(FUZZ_CORE))
$(BUILD)/fuzz/objects/%.o: %.cpp
	@mkdir -p $(@D)
	$(FUZZ_CXX) $(subst -fsanitize=fuzzer,-fsanitize=fuzzer-no-link,$(FUZZ_FLAGS)) -MMD -MP -c $< -o $@
# The tree's fuzzers link the kernels as they are: one instance for each instruction set needs flags of its own.
$(BUILD)/fuzz/fuzz_vann_page: $(patsubst %.cpp,$(BUILD)/fuzz/objects/%.o,$(wildcard extension/core/tree/*.cpp \
                extension/core/vann/*.cpp) tests/lib/memory_store.cpp) $(SIMD_OBJS)
$(BUILD)/fuzz/fuzz_vtree_page: $(patsubst %.cpp,$(BUILD)/fuzz/objects/%.o,$(wildcard extension/core/tree/*.cpp \
                extension/core/vtree/*.cpp) tests/lib/memory_store.cpp) $(SIMD_OBJS)
$(BUILD)/fuzz/fuzz_region_text: $(BUILD)/fuzz/objects/extension/core/vtree/region_text.o
$(BUILD)/fuzz/fuzz_page_delta: $(BUILD)/fuzz/objects/extension/core/tree/page_delta.o
$(BUILD)/fuzz/fuzz_%: tests/fuzz/fuzz_%.cpp $(FUZZ_OBJS)
	@mkdir -p $(@D)
	$(FUZZ_CXX) $(FUZZ_FLAGS) $^ -lsodium -lzstd -llz4 -lsimdjson -o $@
.SECONDARY: $(FUZZ_OBJS)
check-fuzz: $(FUZZERS)
	@for f in $(FUZZERS); do name=$${f##*/fuzz_}; scratch=$(BUILD)/fuzz/corpus-$$name; mkdir -p $$scratch tests/fuzz/corpus/$$name; \
	  echo "fuzz $$name, $(FUZZ_SECONDS) s"; \
	  $$f -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=2048 -print_final_stats=0 -verbosity=0 \
	      -artifact_prefix=$(BUILD)/fuzz/ $$scratch tests/fuzz/corpus/$$name || exit 1; done

# What fuzzers found while they ran lies in $(BUILD); this keeps the fewest files whose code paths are those of all.
.PHONY: fuzz-merge
fuzz-merge: $(FUZZERS) $(BUILD)/fuzz/fuzz_request
	@for f in $^; do name=$${f##*/fuzz_}; corpus=tests/fuzz/corpus/$$name; found=$(BUILD)/fuzz/corpus-$$name; \
	  [ $$name != request ] || corpus=tests/gateway/corpus/request; mkdir -p $$corpus $$found; \
	  $$f -set_cover_merge=1 -use_counters=0 -rss_limit_mb=2048 -artifact_prefix=$(BUILD)/fuzz/ $$corpus $$found \
	      >$(BUILD)/fuzz/merge-$$name.log 2>&1 || { cat $(BUILD)/fuzz/merge-$$name.log; exit 1; }; \
	  echo "$$name: $$(ls $$corpus | wc -l) files"; done

# --- the server's own kinds ------------------------------------------------------------------------------------------
check-tap: all
	tests/as_postgres env PG_CONFIG=$(PG_CONFIG) PATH="$(PG_BINDIR):$$PATH" PG_REGRESS=$(TAP_PERL)/../regress/pg_regress \
	  $(PROVE) -I $(TAP_PERL) -I tests/lib $(PROVE_FLAGS) $(sort $(wildcard tests/tap/*.pl))

# The page tree's torture for as long as somebody likes to wait; check-tap has a round of each kind. Both methods at once.
TORTURE_SECONDS ?= 1800
.PHONY: torture
torture: all
	tests/as_postgres env PG_CONFIG=$(PG_CONFIG) PATH="$(PG_BINDIR):$$PATH" PG_REGRESS=$(TAP_PERL)/../regress/pg_regress \
	  TORTURE_SECONDS=$(TORTURE_SECONDS) $(PROVE) -j2 --timer -I $(TAP_PERL) -I tests/lib $(PROVE_FLAGS) tests/tap/5?0_*_torture.pl

check-gateway: all sanitized
	tests/as_postgres env PG_CONFIG=$(PG_CONFIG) PATH="$(PG_BINDIR):$$PATH" PG_REGRESS=$(TAP_PERL)/../regress/pg_regress \
	  $(PROVE) -I $(TAP_PERL) -I tests/lib $(PROVE_FLAGS) $(sort $(wildcard tests/gateway/*.t tests/gateway/*.pl))

# --- upgrade: the next version is this one's code under another version number, installed beside it ------------------
NEXT_VERSION := $(VERSION).1
NEXT         := $(BUILD)/upgrade
NEXT_LIBS    := $(addprefix $(NEXT)/lib/,soupvec.so soupvec-$(NEXT_VERSION).so machinesoup.so machinesoup-$(NEXT_VERSION).so)
NEXT_SQL     := $(foreach name,soupvec machinesoup,$(addprefix $(NEXT)/sql/$(name)--,$(NEXT_VERSION).sql $(VERSION)--$(NEXT_VERSION).sql))
$(NEXT)/library_version.o: extension/library_version.cpp
	@mkdir -p $(@D)
	$(CXX) $(subst "$(VERSION)","$(NEXT_VERSION)",$(ALL_CXXFLAGS)) -c $< -o $@
$(NEXT)/lib/soupvec.so: $(SOUPVEC_LOADER)
$(NEXT)/lib/soupvec-$(NEXT_VERSION).so: $(SOUPVEC_OBJS)
$(NEXT)/lib/machinesoup.so: $(PLATFORM_LOADER)
$(NEXT)/lib/machinesoup-$(NEXT_VERSION).so: $(PLATFORM_OBJS)
$(NEXT)/lib/machinesoup-$(NEXT_VERSION).so: LIBRARY_LIBS = $(PLATFORM_LIBS)
$(NEXT_LIBS): $(NEXT)/library_version.o $(EXPORTS)
	$(link_library)
$(NEXT)/sql/%--$(NEXT_VERSION).sql: $(BUILD)/sql/%--$(VERSION).sql
	@mkdir -p $(@D)
	cp $< $@
$(NEXT)/sql/%--$(VERSION)--$(NEXT_VERSION).sql: $(BUILD)/sql/%--$(VERSION).sql tests/upgrade/update_script
	@mkdir -p $(@D)
	tests/upgrade/update_script $< > $@
.PHONY: check-upgrade
check-programs: $(NEXT_LIBS) $(NEXT_SQL)
check-upgrade: all $(NEXT_LIBS) $(NEXT_SQL)
	tests/as_postgres env PG_CONFIG=$(PG_CONFIG) VERSION=$(VERSION) NEXT_VERSION=$(NEXT_VERSION) tests/upgrade/run

# Clients made for pgvector. Their packages stay out of the tree; -j1, because npm writes one folder.
$(BUILD)/clients/node_modules: tests/clients/package.json tests/clients/package-lock.json
	@mkdir -p $(@D)
	cp $^ $(@D)/
	cd $(@D) && npm ci --no-audit --no-fund --loglevel=error
	@touch $@
.PHONY: check-clients
check-clients: all $(BUILD)/clients/node_modules
	tests/as_postgres env PG_CONFIG=$(PG_CONFIG) PATH="$(PG_BINDIR):$$PATH" PG_REGRESS=$(TAP_PERL)/../regress/pg_regress \
	  $(PROVE) -I $(TAP_PERL) -I tests/lib $(PROVE_FLAGS) tests/clients/clients.t

check-style:
	tests/style/check

# Everything is compiled first, with as many jobs as were asked for; the tests then run one kind after another, because
# each has servers of its own.
.PHONY: check-programs
check-programs: all $(UNIT) $(FUZZERS) sanitized
check: install check-programs
	$(MAKE) -j1 check-style check-exports check-unit check-sanitized check-fuzz check-demo check-boundary check-regress check-isolation check-tap check-gateway \
	  check-upgrade check-clients
	@echo "check: all tests passed"

# --- static checks ----------------------------------------------------------------------------------------------------
TIDY ?= clang-tidy-19
.PHONY: format
format:
	git ls-files '*.cpp' '*.hpp' '*.inl' | xargs clang-format-14 -i

# Rooms are looked at as they are compiled, as units, so that the headers that a room shares are parsed once: four
# minutes instead of forty on 2 cores. Programs of one file each are looked at file by file. `make lint -k` shows all.
# Not clang-tidy 14, Debian 12's first: it cannot read the coroutines and ranges of GCC 12's library.
LINT_ROOMS = extension/library_version.cpp extension/boundary extension/loader extension/loader/soupvec_loader.cpp extension/vector \
    extension/planner extension/tree extension/vann extension/vtree extension/access extension/rawlog extension/serving bgworkers extension/core/processors \
    extension/core/formats $(TREE_ROOMS) $(wildcard extension/core/simd/*.cpp) thin_gateway/plain thin_gateway/looped \
    thin_gateway/config.cpp thin_gateway/main.cpp $(addprefix tests/unit/,processors vann tree formats) demo \
    $(wildcard $(addprefix tests/,fuzz/*.cpp gateway/*.cpp boundary/*/*.cpp bench/*.cpp bench/*/*.cpp))
# What cannot be read without packages that are not asked for: a room's module.mk adds to it.
LINT_SKIPPED =
LINT = $(foreach room,$(filter-out $(LINT_SKIPPED),$(LINT_ROOMS)),$(if $(call room_files,$(room)),$(BUILD)/lint/$(room:.cpp=).tidy))

$(addprefix $(BUILD)/lint/,extension/% bgworkers.tidy tests/boundary/%): LINT_CPPFLAGS = -isystem $(PG_INCLUDE)
$(BUILD)/lint/extension/core/%: LINT_CPPFLAGS =
$(BUILD)/lint/tests/boundary/module/%: OBJ_CXXFLAGS += -DSOUP_FAULTS
# Boost 1.74 does not know that Clang has the coroutines of C++20 since its release 16.
$(BUILD)/lint/thin_gateway/% $(BUILD)/lint/tests/gateway/%: LINT_CPPFLAGS = -DBOOST_ASIO_HAS_CO_AWAIT -DBOOST_ASIO_HAS_STD_COROUTINE \
    -DSPDLOG_SHARED_LIB -DSPDLOG_COMPILED_LIB -DSPDLOG_FMT_EXTERNAL
# A unit includes source files, which bugprone-suspicious-include is there to report.
define tidy
	@echo "tidy $*"
	@$(TIDY) --quiet --config-file=.clang-tidy --checks=-bugprone-suspicious-include $< -- -std=c++20 -Iextension -I. \
	  $(CORE_CPPFLAGS) $(LINT_CPPFLAGS) -isystem $(PQ_INCLUDE) $(OBJ_CXXFLAGS) -DSOUP_VERSION='"$(VERSION)"'
endef
$(BUILD)/lint/%.tidy: %.cpp FORCE
	$(tidy)
$(BUILD)/lint/%.tidy: $(BUILD)/units/%.cpp FORCE
	$(tidy)
lint: check-style
	@for file in $(filter-out $(foreach room,$(LINT_ROOMS),$(call room_files,$(room))),$(shell git ls-files '*.cpp')); do \
	  echo "$$file: in none of LINT_ROOMS" >&2; exit 1; done
	@$(foreach file,$(LINT_SKIPPED),echo "lint: $(file) is left out, as packages that it needs are missing";)
	@$(MAKE) -j$$(nproc) --output-sync=target --no-print-directory $(LINT)

package: $(BUILD)/machinesoup-$(VERSION).tar.gz
$(BUILD)/machinesoup-$(VERSION).tar.gz:
	@mkdir -p $(@D)
	git archive --prefix=machinesoup-$(VERSION)/ --output=$@ HEAD

# --- bench ------------------------------------------------------------------------------------------------------------
# Everything that has a figure, one after another; raw numbers go to $(BUILD)/bench/*.json. FULL=1 measures longer.
include $(wildcard tests/bench/*/module.mk)
.PHONY: figures
bench: all install $(RAWLOG_BENCH)/append $(PROCESSING_BENCH)/processing $(SOUPVEC_BENCH)/kernels $(PROCESSOR_BENCH)/speed \
       $(GATEWAY_BENCH)/batch $(BUILD)/bench/append_latency
	BUILD=$(BUILD) PG_CONFIG=$(PG_CONFIG) tests/bench/run
# The page and its picture from the last `make bench`; README's table from all pages' raw numbers.
figures:
	tests/bench/figures.pl $(BUILD)/bench docs
	tests/bench/headlines.pl README.md docs
