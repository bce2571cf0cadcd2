# The gateway's figures. append_latency's rule stands in thin_gateway/module.mk; what it shares with the others here.
GATEWAY_BENCH := $(BUILD)/tests/bench/gateway
$(BUILD)/bench/append_latency: $(BUILD)/tests/bench/connection.o $(BUILD)/tests/bench/http_client.o
$(GATEWAY_BENCH)/batch: $(GATEWAY_BENCH)/batch.o $(addprefix $(BUILD)/tests/bench/,connection.o http_client.o records.o)
	$(CXX) $(ALL_CXXFLAGS) $^ -L$(shell $(PG_CONFIG) --libdir) -lpq -o $@
bench-gateway: $(GATEWAY_BENCH)/batch
