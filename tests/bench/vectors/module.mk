# vann's figures: tests/bench/vann measures on a server, beside pgvector.
VECTORS_BENCH := $(BUILD)/tests/bench/vectors
VECTORS_DATA  := $(addprefix $(VECTORS_BENCH)/,dataset.o source.o truth.o)
$(VECTORS_BENCH)/against_pgvector: $(addprefix $(VECTORS_BENCH)/,against_pgvector.o cold_caches.o peer.o curve.o) $(VECTORS_DATA) $(SIMD_OBJS)
	$(CXX) $(ALL_CXXFLAGS) $^ -L$(shell $(PG_CONFIG) --libdir) -lpq -lz -o $@

# The index alone, on pages in memory; with hnswlib and FAISS beside if libhnswlib-dev and libfaiss-dev are installed.
VECTORS_PEERS := $(and $(wildcard /usr/include/hnswlib/hnswlib.h),$(wildcard /usr/include/faiss/index_factory.h),yes)
$(VECTORS_BENCH)/in_memory: $(VECTORS_BENCH)/in_memory.o $(if $(VECTORS_PEERS),$(VECTORS_BENCH)/memory_peers.o) \
                            $(VECTORS_DATA) $(BUILD)/tests/lib/memory_store.o $(TREE_OBJS) $(SIMD_OBJS)
	$(CXX) $(ALL_CXXFLAGS) $^ -lz $(if $(VECTORS_PEERS),-lfaiss -llapack -lblas -lgomp) -o $@
$(VECTORS_BENCH)/in_memory.o $(BUILD)/lint/tests/bench/vectors/in_memory.tidy: OBJ_CXXFLAGS += $(if $(VECTORS_PEERS),-DSOUP_MEMORY_PEERS)
# What hnswlib's authors ask for; nothing that is installed contains it.
$(VECTORS_BENCH)/memory_peers.o: OBJ_CXXFLAGS += -O3 -march=native
LINT_SKIPPED += $(if $(VECTORS_PEERS),,tests/bench/vectors/memory_peers.cpp)

# Which leaves to read: rules against one another.
$(VECTORS_BENCH)/leaf_rules: $(VECTORS_BENCH)/leaf_rules.o $(VECTORS_DATA) $(BUILD)/tests/lib/memory_store.o $(TREE_OBJS) $(SIMD_OBJS)
	$(CXX) $(ALL_CXXFLAGS) $^ -lz -o $@

# Electrocardiograms as vectors of any dimension: ecg_windows --help.
$(VECTORS_BENCH)/ecg_windows: $(addprefix $(VECTORS_BENCH)/,ecg_windows.o dataset.o source.o)
	$(CXX) $(ALL_CXXFLAGS) $^ -lz -o $@

# The readers of all these files, which take what somebody else has written.
READERS_UNIT := $(BUILD)/tests/bench/unit_readers
$(READERS_UNIT): $(READERS_UNIT).o $(VECTORS_DATA) $(BUILD)/tests/bench/points/questions.o $(SIMD_OBJS)
	$(CXX) $(ALL_CXXFLAGS) $^ -lgtest_main -lgmock -lgtest -lz -o $@
.PHONY: check-readers
check-programs: $(READERS_UNIT)
check-unit: check-readers
check-readers: $(READERS_UNIT)
	$(READERS_UNIT) --gtest_brief=1
