# The raw log's figures against COPY and against a plain INSERT, on a cluster of their own.
RAWLOG_BENCH := $(BUILD)/tests/bench/rawlog
$(RAWLOG_BENCH)/append: $(RAWLOG_BENCH)/append.o $(BUILD)/tests/bench/connection.o $(BUILD)/tests/bench/records.o
	$(CXX) $(ALL_CXXFLAGS) $^ -L$(shell $(PG_CONFIG) --libdir) -lpq -o $@

# RECORDS=file whose lines are packed into records of 200 bytes instead of the demo's recording.
.PHONY: bench-rawlog
bench-rawlog: $(RAWLOG_BENCH)/append
	tests/bench/rawlog/run $< $(RECORDS)
