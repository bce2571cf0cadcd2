# soupvec's figures: the kernels against plain loops and the memory's speed, scans against real[] and pgvector.
SOUPVEC_BENCH := $(BUILD)/tests/bench/soupvec
$(SOUPVEC_BENCH)/kernels: $(SOUPVEC_BENCH)/kernels.o $(patsubst %.cpp,$(BUILD)/%.o,$(wildcard extension/core/simd/*.cpp))
	$(CXX) $(ALL_CXXFLAGS) $^ -o $@

# SHAPES="dimensions:rows …", ROUNDS.
.PHONY: bench-soupvec
bench-soupvec: $(SOUPVEC_BENCH)/kernels
	tests/bench/soupvec/run $<
