# The thin gateway: one binary. core/ brings JSON and the columns body; everything else is Debian's.
GATEWAY_SOURCES := $(filter-out thin_gateway/main.cpp,$(wildcard thin_gateway/*.cpp))
GATEWAY_OBJECTS := $(GATEWAY_SOURCES:%.cpp=$(BUILD)/%.o)
GATEWAY_CORE_SOURCES := $(wildcard extension/core/json/*.cpp extension/core/frame/*.cpp extension/core/crypto/*.cpp)
GATEWAY_CORE := $(GATEWAY_CORE_SOURCES:%.cpp=$(BUILD)/%.o)
GATEWAY_LIBS := -lpq -lspdlog -lfmt -lyaml-cpp -lsimdjson -lsodium -lzstd -llz4 -pthread

GATEWAY := $(BUILD)/bin/soup_gateway
all: $(GATEWAY)

# GCC 12 takes the frame allocator of Asio's coroutines for a mismatched pair of new and delete: it sees only one
# of the two inlined.
$(GATEWAY_OBJECTS) $(BUILD)/thin_gateway/main.o: OBJ_CXXFLAGS += -Wno-mismatched-new-delete \
    -DSPDLOG_SHARED_LIB -DSPDLOG_COMPILED_LIB -DSPDLOG_FMT_EXTERNAL

$(GATEWAY): $(BUILD)/thin_gateway/main.o $(GATEWAY_OBJECTS) $(GATEWAY_CORE)
	@mkdir -p $(@D)
	$(CXX) $(SANITIZE) $(LDFLAGS) $^ -L$(shell $(PG_CONFIG) --libdir) $(GATEWAY_LIBS) -o $@
