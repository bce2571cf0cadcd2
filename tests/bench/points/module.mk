# vtree's figures: tests/bench/vtree measures on a server, beside GiST, SP-GiST and PostGIS.
POINTS_BENCH := $(BUILD)/tests/bench/points
$(POINTS_BENCH)/against_gist: $(addprefix $(POINTS_BENCH)/,against_gist.o in_memory.o inserts.o peer.o questions.o) $(addprefix $(BUILD)/tests/bench/vectors/,dataset.o source.o)
	$(CXX) $(ALL_CXXFLAGS) $^ -L$(shell $(PG_CONFIG) --libdir) -lpq -lz -o $@
$(POINTS_BENCH)/clustered: $(POINTS_BENCH)/clustered.o $(addprefix $(BUILD)/tests/bench/vectors/,dataset.o source.o)
	$(CXX) $(ALL_CXXFLAGS) $^ -lz -o $@
# Boost 1.74's MPL counts beyond its enums' values, which Clang takes for an error since its release 16.
$(BUILD)/lint/tests/bench/points/in_memory.tidy: LINT_CPPFLAGS = -Wno-enum-constexpr-conversion
