# The processors' figures on a cluster of their own: sustained rate, delay from append to point, cost of idle versions.
PROCESSING_BENCH := $(BUILD)/tests/bench/processing
$(PROCESSING_BENCH)/processing: $(PROCESSING_BENCH)/processing.o $(PROCESSING_BENCH)/cluster.o $(BUILD)/tests/bench/rawlog/connection.o
	$(CXX) $(ALL_CXXFLAGS) $^ -L$(shell $(PG_CONFIG) --libdir) -lpq -o $@

# VALUES: how many sensor values the sustained rate is taken from; VERSIONS: how many idle ones.
.PHONY: bench-processing
bench-processing: $(PROCESSING_BENCH)/processing
	tests/bench/rawlog/run $< "$(or $(VALUES),1000000) $(or $(VERSIONS),1000)"
