# The demo: what `make up` starts, and the program that judges its answer.

DEMO := $(BUILD)/soup_demo

$(DEMO): $(call objects,$(BUILD),demo) $(CORE_OBJS)
	$(CXX) $(ALL_CXXFLAGS) $^ -lsodium -lzstd -llz4 -lsimdjson -o $@

demo: $(DEMO)
up:
	@demo/up
down:
	@demo/down
.PHONY: demo check-demo
check-programs: demo
check-demo: all demo
	$(PROVE) $(PROVE_FLAGS) tests/demo/up_and_down.t
