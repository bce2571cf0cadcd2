# The four libraries: soupvec.so and machinesoup.so are loaders, soupvec-X.so and machinesoup-X.so hold the code.
# Each is linked from its rooms' objects; a room without sources simply adds none.

# Eigen and xsimd are headers only; -isystem, because their warnings are not ours.
CORE_CPPFLAGS += -isystem /usr/include/eigen3

# The server is compiled with wrapping integers and without strict aliasing, and its headers rely on both.
$(BUILD)/server/%.o: OBJ_CXXFLAGS += -fwrapv -fno-strict-aliasing

# Only these files may contain wider instructions, and they export one function each.
$(addprefix $(BUILD)/,extension/core/simd/kernel_ssse3.o lint/extension/core/simd/kernel_ssse3.tidy): OBJ_CXXFLAGS += -mssse3
$(addprefix $(BUILD)/,extension/core/simd/kernel_avx2.o lint/extension/core/simd/kernel_avx2.tidy): OBJ_CXXFLAGS += -mavx2 -mfma
$(addprefix $(BUILD)/,extension/core/simd/kernel_avx512.o lint/extension/core/simd/kernel_avx512.tidy): OBJ_CXXFLAGS += -mavx512f -mavx512cd -mavx512bw -mavx512dq -mavx512vl

BOUNDARY_OBJS  := $(call objects,$(BUILD)/server,extension/boundary)
VERSION_OBJ    := $(call objects,$(BUILD)/server,extension/library_version.cpp)
SOUPVEC_LOADER := $(call objects,$(BUILD)/server,extension/loader/soupvec_loader.cpp) $(BOUNDARY_OBJS)
SOUPVEC_OBJS   := $(call objects,$(BUILD)/server,extension/vector extension/planner extension/tree extension/vann extension/vtree) \
                  $(TREE_OBJS) $(SIMD_OBJS) $(BOUNDARY_OBJS)
FILES_extension/loader := $(filter-out %/soupvec_loader.cpp,$(wildcard extension/loader/*.cpp))
PLATFORM_LOADER := $(call objects,$(BUILD)/server,extension/loader) $(BOUNDARY_OBJS)
PLATFORM_OBJS  := $(call objects,$(BUILD)/server,bgworkers extension/access extension/rawlog extension/serving) \
                  $(BOUNDARY_OBJS) $(CORE_OBJS)
PLATFORM_LIBS  := -lsodium -lzstd -llz4 -lsimdjson

LIBRARIES := $(addprefix $(BUILD)/lib/,soupvec.so soupvec-$(VERSION).so machinesoup.so machinesoup-$(VERSION).so)
EXPORTS   := extension/loader/exports.map

$(BUILD)/lib/soupvec.so: $(SOUPVEC_LOADER)
$(BUILD)/lib/soupvec-$(VERSION).so: $(SOUPVEC_OBJS)
$(BUILD)/lib/machinesoup.so: $(PLATFORM_LOADER)
$(BUILD)/lib/machinesoup-$(VERSION).so: $(PLATFORM_OBJS)
$(BUILD)/lib/machinesoup-$(VERSION).so: LIBRARY_LIBS = $(PLATFORM_LIBS)
$(LIBRARIES): $(VERSION_OBJ)

# -Bsymbolic: the server loads libraries globally, so without it a call inside one version could reach another's
# function of the same name.
define link_library
	@mkdir -p $(@D)
	$(CXX) -shared $(ALL_CXXFLAGS) $(LDFLAGS) -Wl,-Bsymbolic -Wl,--as-needed \
	  -Wl,--version-script=$(EXPORTS) $(filter %.o,$^) $(LIBRARY_LIBS) -o $@
endef
$(LIBRARIES): $(EXPORTS) extension/module.mk
	$(link_library)

all: $(LIBRARIES)

# Copied beside and renamed: overwriting in place would change the code under sessions that have it mapped.
.PHONY: install-libraries
install: install-libraries
install-libraries: $(LIBRARIES)
	install -d $(DESTDIR)$(PG_LIBDIR) $(DESTDIR)$(PG_SHAREDIR)/extension
	@set -e; for library in $(LIBRARIES); do target=$(DESTDIR)$(PG_LIBDIR)/$${library##*/}; \
	  install -m 755 $$library $$target.new; mv -f $$target.new $$target; echo "installed $$target"; done
	@set -e; for name in soupvec machinesoup; do \
	  target=$(DESTDIR)$(PG_SHAREDIR)/extension/$$name.control; \
	  sed 's/@VERSION@/$(VERSION)/g' control/$$name.control > $$target.new; \
	  chmod 644 $$target.new; mv -f $$target.new $$target; done

# --- tests of this room ---------------------------------------------------------------------------------------------
# A test module with the boundary compiled in with fault injection, and a small library of each extension in two
# versions for the loaders. They are installed into a private copy of the server only.
SERVER_FLAGS = $(CORE_CPPFLAGS) -isystem $(PG_INCLUDE) -isystem $(PQ_INCLUDE) -fwrapv -fno-strict-aliasing
FAULT_OBJS  := $(patsubst %.cpp,$(BUILD)/faults/%.o,$(wildcard extension/boundary/*.cpp tests/boundary/module/*.cpp))
TEST_VECTOR := $(addprefix $(BUILD)/tests/boundary/,soupvec-9.1.so soupvec-9.2.so)
TEST_PLATFORM := $(addprefix $(BUILD)/tests/boundary/,machinesoup-9.1.so machinesoup-9.2.so)
TEST_LIBS   := $(BUILD)/tests/boundary/soup_test.so $(TEST_VECTOR) $(TEST_PLATFORM)

$(BUILD)/faults/%.o: %.cpp
	@mkdir -p $(@D)
	$(CXX) $(ALL_CXXFLAGS) $(SERVER_FLAGS) -DSOUP_FAULTS -c $< -o $@
$(BUILD)/versions/%/vector_library.o: tests/boundary/library/vector_library.cpp
	@mkdir -p $(@D)
	$(CXX) $(subst "$(VERSION)","$*",$(ALL_CXXFLAGS)) $(SERVER_FLAGS) -c $< -o $@
$(BUILD)/versions/%/platform_library.o: tests/boundary/library/platform_library.cpp
	@mkdir -p $(@D)
	$(CXX) $(subst "$(VERSION)","$*",$(ALL_CXXFLAGS)) $(SERVER_FLAGS) -c $< -o $@

$(BUILD)/tests/boundary/soup_test.so: $(FAULT_OBJS)
$(TEST_VECTOR): $(BUILD)/tests/boundary/soupvec-%.so: $(BUILD)/versions/%/vector_library.o $(BOUNDARY_OBJS)
$(TEST_PLATFORM): $(BUILD)/tests/boundary/machinesoup-%.so: $(BUILD)/versions/%/platform_library.o $(BOUNDARY_OBJS)
$(TEST_LIBS): $(EXPORTS)
	@mkdir -p $(@D)
	$(CXX) -shared $(ALL_CXXFLAGS) $(LDFLAGS) -Wl,-Bsymbolic -Wl,--version-script=$(EXPORTS) $(filter %.o,$^) -o $@
.SECONDARY: $(foreach v,9.1 9.2,$(BUILD)/versions/$(v)/vector_library.o $(BUILD)/versions/$(v)/platform_library.o)

.PHONY: check-exports check-boundary
check-programs: $(TEST_LIBS)
check-exports: $(LIBRARIES)
	tests/boundary/exports $(LIBRARIES)
	tests/unit/simd_symbols $(foreach object,$(SIMD_OBJS),$(if $(findstring /kernel_,$(object)),$(object)))

check-boundary: $(BUILD)/lib/soupvec.so $(BUILD)/lib/machinesoup.so $(TEST_LIBS)
	tests/as_postgres tests/boundary/run
