# The built-in processors' figures: how good (evaluate, on a folder of public data) and how fast (speed).
PROCESSOR_BENCH      := $(BUILD)/tests/bench/processors
PROCESSOR_BENCH_OBJS := $(addprefix $(PROCESSOR_BENCH)/,runner.o recordings.o) $(CORE_OBJS)
$(PROCESSOR_BENCH)/evaluate $(PROCESSOR_BENCH)/speed: $(PROCESSOR_BENCH)/%: $(PROCESSOR_BENCH)/%.o $(PROCESSOR_BENCH_OBJS)
	$(CXX) $(ALL_CXXFLAGS) $^ -lsodium -lzstd -llz4 -lsimdjson -o $@

.PHONY: bench-processors evaluate-processors
bench-processors: $(PROCESSOR_BENCH)/speed
	$<
# DATA=folder with nab/, skab/, cmapss-fd001/, fashion-mnist/
evaluate-processors: $(PROCESSOR_BENCH)/evaluate
	$< $(DATA)
