# The thin gateway: one binary. core/ brings JSON and the columns body; everything else is Debian's.
#
# Three units when compiled as rooms: what needs no event loop, what does, and the settings.
FILES_thin_gateway/plain := $(addprefix thin_gateway/,append_request.cpp arguments.cpp body_pace.cpp body_room.cpp caller.cpp catalogue.cpp \
    errors.cpp json_out.cpp log.cpp metrics.cpp openapi.cpp plan.cpp rate_limit.cpp request_parser.cpp response.cpp types.cpp url.cpp)
FILES_thin_gateway/looped := $(filter-out $(FILES_thin_gateway/plain) %/config.cpp %/main.cpp,$(sort $(wildcard thin_gateway/*.cpp)))
GATEWAY_OBJECTS := $(call objects,$(BUILD),thin_gateway/plain thin_gateway/looped thin_gateway/config.cpp)
GATEWAY_MAIN := $(BUILD)/thin_gateway/main.o
GATEWAY_LIBS := -lpq -lspdlog -lfmt -lyaml-cpp -lsimdjson -lsodium -lzstd -llz4 -pthread

GATEWAY := $(BUILD)/soup_gateway
all: $(GATEWAY)

# GCC 12 takes the frame allocator of Asio's coroutines for a mismatched pair of new and delete: it sees only one
# of the two inlined.
$(GATEWAY_OBJECTS) $(GATEWAY_MAIN): OBJ_CXXFLAGS += -Wno-mismatched-new-delete \
    -DSPDLOG_SHARED_LIB -DSPDLOG_COMPILED_LIB -DSPDLOG_FMT_EXTERNAL
# Settings are read once: optimising CLI11's templates would take longer than the rest of the gateway.
$(BUILD)/thin_gateway/config.o: OBJ_CXXFLAGS += -O0

$(GATEWAY): $(GATEWAY_MAIN) $(GATEWAY_OBJECTS) $(CORE_OBJS)
	@mkdir -p $(@D)
	$(CXX) $(SANITIZE) $(LDFLAGS) $^ -L$(shell $(PG_CONFIG) --libdir) $(GATEWAY_LIBS) -o $@

.PHONY: install-gateway
install: install-gateway
install-gateway: $(GATEWAY)
	install -d $(DESTDIR)$(PG_BINDIR)
	install -m 755 $< $(DESTDIR)$(PG_BINDIR)/soup_gateway.new
	@mv -f $(DESTDIR)$(PG_BINDIR)/soup_gateway.new $(DESTDIR)$(PG_BINDIR)/soup_gateway

# --- its own tests: the request path without sockets, and its fuzzer; tests/gateway/*.t run the binary ------------
GATEWAY_UNIT := $(BUILD)/tests/gateway/unit
GATEWAY_UNIT_OBJECTS := $(patsubst %.cpp,$(BUILD)/%.o,$(wildcard tests/gateway/unit_*.cpp))
$(GATEWAY_UNIT_OBJECTS): OBJ_CXXFLAGS += -Wno-mismatched-new-delete
$(GATEWAY_UNIT): $(GATEWAY_UNIT_OBJECTS) $(GATEWAY_OBJECTS) $(CORE_OBJS)
	$(CXX) $(SANITIZE) $(LDFLAGS) $^ -L$(shell $(PG_CONFIG) --libdir) -lgtest_main -lgtest $(GATEWAY_LIBS) -o $@

.PHONY: check-gateway-unit check-gateway-fuzz
check-programs: $(GATEWAY_UNIT) $(BUILD)/fuzz/fuzz_request
check-unit: check-gateway-unit
check-gateway-unit: $(GATEWAY_UNIT)
	$(GATEWAY_UNIT) --gtest_brief=1

GATEWAY_FUZZ_SOURCES := tests/gateway/fuzz_request.cpp $(addprefix thin_gateway/,append_request.cpp arguments.cpp \
    catalogue.cpp errors.cpp openapi.cpp plan.cpp request_parser.cpp types.cpp url.cpp)
GATEWAY_FUZZ_SOURCES += $(wildcard extension/core/json/*.cpp extension/core/frame/*.cpp extension/core/crypto/*.cpp)
GATEWAY_FUZZ_OBJECTS := $(GATEWAY_FUZZ_SOURCES:%.cpp=$(BUILD)/fuzz/objects/%.o)
$(BUILD)/fuzz/fuzz_request: $(GATEWAY_FUZZ_OBJECTS)
	$(FUZZ_CXX) $(FUZZ_FLAGS) $^ -lsodium -lzstd -llz4 -lsimdjson -o $@
check-fuzz: check-gateway-fuzz
check-gateway-fuzz: $(BUILD)/fuzz/fuzz_request
	@mkdir -p $(BUILD)/fuzz/corpus-request
	$(BUILD)/fuzz/fuzz_request -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=2048 -verbosity=0 \
	    -artifact_prefix=$(BUILD)/fuzz/ $(BUILD)/fuzz/corpus-request tests/gateway/corpus/request

# --- bench client: tests/bench/gateway/run ------------------------------------------------------------------------
$(BUILD)/bench/append_latency: $(BUILD)/tests/bench/gateway/append_latency.o
	@mkdir -p $(@D)
	$(CXX) $(LDFLAGS) $^ -L$(shell $(PG_CONFIG) --libdir) -lpq -o $@
.PHONY: bench-gateway
bench-gateway: all $(BUILD)/bench/append_latency
	BUILD=$(BUILD) PG_CONFIG=$(PG_CONFIG) tests/bench/gateway/run
