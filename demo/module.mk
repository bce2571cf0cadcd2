# The demo: what `make up` starts, and the program that judges its answer.

DEMO := $(BUILD)/soup_demo
DEMO_CORE := $(patsubst %.cpp,$(BUILD)/%.o,$(wildcard extension/core/*/*.cpp))

$(BUILD)/demo/%.o: demo/%.cpp
	@mkdir -p $(@D)
	$(CXX) $(ALL_CXXFLAGS) $(CORE_CPPFLAGS) -c $< -o $@
$(DEMO): $(patsubst %.cpp,$(BUILD)/%.o,$(wildcard demo/*.cpp)) $(DEMO_CORE)
	$(CXX) $(ALL_CXXFLAGS) $^ -lsodium -lzstd -llz4 -lsimdjson -o $@

demo: $(DEMO)
up:
	@demo/up
down:
	@demo/down
.PHONY: demo
