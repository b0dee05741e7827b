# Fuzzing: libFuzzer targets, test/fuzz/fuzz_NAME.c each (docs/testing.md).
#
#   make fuzz         runs each for SECONDS (60), one on each core
#   make fuzz-keep    reduces what they reached to few inputs, into test/fuzz/corpus
#   make fuzz-lines   the lines of each folder that the kept inputs reach
#   make check-fuzz   replays the kept inputs, and what was found once; part of make test
#
# TARGETS='term dets' are only these.  COMPARE=1, with make fuzz, traces comparisons: that finds
# values that are neither in an input nor among the words, in twice the time for each input.
SECONDS ?= 60
TARGETS ?= $(patsubst test/fuzz/fuzz_%.c,%,$(wildcard test/fuzz/fuzz_*.c)) node_small
FUZZERS := $(TARGETS:%=$(BUILD)/fuzz/%)

# What several targets share.
FUZZ_SHARED := $(patsubst test/%.c,$(BUILD)/test/%.o, \
                          $(filter-out test/fuzz/fuzz_%,$(wildcard test/fuzz/*.c)))

$(BUILD)/fuzz/%: $(BUILD)/test/fuzz/fuzz_%.o $(FUZZ_SHARED) $(FAKES) $(SIM_ARCHIVES)
	@echo "  link  $@"
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)

# Inputs that are choices, and what they choose from.
fuzz_sources = $(foreach f,$(1),$(wildcard test/fuzz/$(f)/*.c))
fuzz_objects = $(patsubst test/%.c,$(BUILD)/test/%.o,$(call fuzz_sources,$(1)))

$(BUILD)/fuzz/join: $(BUILD)/test/fuzz/fuzz_join.o $(call fuzz_objects,drawn join) $(SIM_ARCHIVES)
	@echo "  link  $@"
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)

# `node_small` is `node` with very low limits, as `storm_small` is.
NODE_OBJECTS := $(BUILD)/test/fuzz/fuzz_node.o $(call fuzz_objects,drawn node) $(FAKES)

$(BUILD)/fuzz/node: $(NODE_OBJECTS) $(SIM_ARCHIVES)
$(BUILD)/fuzz/node_small: $(NODE_OBJECTS) $(SMALL) $(SIM_ARCHIVES)
$(BUILD)/fuzz/node $(BUILD)/fuzz/node_small:
	@echo "  link  $@"
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)

fuzzers: $(FUZZERS)

FUZZ_FLAVOUR := $(if $(COMPARE),fuzz_compare,fuzz)

fuzz:
	$(Q)tools/setup test
	$(Q)$(MAKE) --no-print-directory FLAVOUR=$(FUZZ_FLAVOUR) -j$(CORES) fuzzers
	$(Q)test/fuzz/run build/$(FUZZ_FLAVOUR)/fuzz $(SECONDS) $(TARGETS)

fuzz-keep:
	$(Q)$(MAKE) --no-print-directory FLAVOUR=fuzz -j$(CORES) fuzzers
	$(Q)test/fuzz/keep $(TARGETS)

fuzz-lines:
	$(Q)$(MAKE) --no-print-directory FLAVOUR=lines -j$(CORES) fuzzers
	$(Q)test/fuzz/lines $(TARGETS)

# With the archives of check-units, which know nothing of coverage: the engine replays without it.
check-fuzz:
	@echo "== the inputs of the fuzzers"
	$(Q)$(MAKE) --no-print-directory FLAVOUR=asan -k -j$(CORES) -Otarget fuzzers || true
	$(Q)test/summary fuzz test/fuzz/replay $(TARGETS)

.PHONY: fuzzers fuzz fuzz-keep fuzz-lines check-fuzz
