# The raw log's figures against COPY and against a plain INSERT, on a cluster of their own.
RAWLOG_BENCH := $(BUILD)/tests/bench/rawlog
$(RAWLOG_BENCH)/append: $(RAWLOG_BENCH)/append.o $(RAWLOG_BENCH)/connection.o
	$(CXX) $(ALL_CXXFLAGS) $^ -L$(shell $(PG_CONFIG) --libdir) -lpq -o $@

# RECORDS=file whose lines are packed into records of 200 bytes, e.g. a recording; SECONDS for each figure.
.PHONY: bench-rawlog
bench-rawlog: $(RAWLOG_BENCH)/append
	tests/bench/rawlog/run $< $(RECORDS)
