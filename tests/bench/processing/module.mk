# The processors' figures on a cluster of their own: sustained rate, delay from append to point, cost of idle versions.
PROCESSING_BENCH := $(BUILD)/tests/bench/processing
$(PROCESSING_BENCH)/processing: $(addprefix $(PROCESSING_BENCH)/,processing.o cluster.o) \
    $(addprefix $(BUILD)/tests/bench/,connection.o http_client.o)
	$(CXX) $(ALL_CXXFLAGS) $^ -L$(shell $(PG_CONFIG) --libdir) -lpq -o $@

# SECONDS_EACH, VALUES, VERSIONS: see the script.
.PHONY: bench-processing
bench-processing: $(PROCESSING_BENCH)/processing $(BUILD)/soup_gateway
	tests/bench/processing/run $<
