# vann's figures: tests/bench/vann measures on a server, beside pgvector.
VECTORS_BENCH := $(BUILD)/tests/bench/vectors
VECTORS_DATA  := $(VECTORS_BENCH)/dataset.o $(VECTORS_BENCH)/truth.o
$(VECTORS_BENCH)/against_pgvector: $(addprefix $(VECTORS_BENCH)/,against_pgvector.o peer.o curve.o) $(VECTORS_DATA) $(SIMD_OBJS)
	$(CXX) $(ALL_CXXFLAGS) $^ -L$(shell $(PG_CONFIG) --libdir) -lpq -lz -o $@
