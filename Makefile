# Coppice: build, test, demo.
#
#   make              builds priv/coppice
#   make demo         installs what is missing, builds, runs a C and an Elixir replica
#   make test         installs what is missing, builds, runs the suites
#   make test-hostile the worst input within the limits, calls that fail, attacks over sockets
#   make test-matrix  the suites with real nodes, on OTP 27 and OTP 29, and in mixed clusters
#   make test-peers   beside nodes in C and Java, RabbitMQ and ejabberd
#   make test-package installs, upgrades and removes the Debian package in a machine of its own
#   make test-page    the status page in Chromium, with axe
#   make test-disks   a stored replica on ext4, xfs, btrfs and others, full, read-only and failing
#   make bench        benchmarks, compared with a BEAM and with the limits
#   make bench-report their tables and plots into docs/performance.md
#   make lib          libcoppice, for C programs; make install-lib installs it
#   make install      installs the program, its manual and a unit for systemd (DESTDIR, PREFIX)
#   make uninstall    removes these again
#   make deb          the Debian package
#   make clean        removes what was built
#   make help         prints this
#
# For as long as one likes:
#
#   make soak         a million storms in the simulator, or SEEDS from FIRST on
#   make partitions   random cuts and kills of nodes in network namespaces, for MINUTES
#   make soak-node    an hour of load, kills and cuts, or MINUTES, after which memory must be flat
#   make fuzz         fuzzers of what comes from outside, for SECONDS each (tools/fuzz.mk)
#   make nth          every call that can fail, one after the other, or POINTS of them
#   make attack       attacks on a coppice, beside an honest peer, for MS each
#   make worst        time and memory of the worst input within the limits
#   make budget       instructions of the hot paths, of which each has a budget
#   make valgrind     unit suites and real nodes by valgrind's memcheck
#   make tsan         real nodes and a host of the library by the thread sanitizer
#   make cover        the lines and branches that the suites run
#
# Variables: FLAVOUR (gcc, asan or tsan, with sanitizers of clang, or cover), CC, CFLAGS (added to
# the project's own), ERL_ROOT (where Erlang is installed), V=1 (show commands).

ERL_ROOT ?= $(firstword $(wildcard /usr/lib/erlang /usr/local/lib/erlang /opt/erlang))
FLAVOUR  ?= gcc
BUILD    := build/$(FLAVOUR)

CC_gcc   := gcc
CC_asan  := clang
CC_fuzz  := clang
CC_fuzz_compare := clang
CC_lines := clang
CC_tsan  := clang
CC_cover := gcc
CC       := $(CC_$(FLAVOUR))
FLAGS_gcc   = -O2 $(HARDENING)
FLAGS_asan  := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer \
               -DLIMIT_FREED_BYTES=16777216
FLAGS_fuzz  := -O2 $(FLAGS_asan:-O1=) -fsanitize-coverage=inline-8bit-counters,pc-table
# Each comparison is told to the engine as well.
FLAGS_fuzz_compare := -O2 $(FLAGS_asan:-O1=) -fsanitize=fuzzer-no-link
FLAGS_lines := -O1 -fprofile-instr-generate -fcoverage-mapping
FLAGS_tsan  := -O1 -fsanitize=thread
FLAGS_cover := -O0 --coverage -fprofile-update=atomic
# Of the files of c_src alone.
SOURCE_FLAGS_cover := -include test/cover/exit.h

WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wvla -Werror=format-security -Werror

# Whether the compiler has a flag: some are for some processors only.
has = $(shell printf 'int x;\n' | $(CC) -Werror $(1) -c -x c -o /dev/null - 2>/dev/null && echo $(1))

# Those that Debian builds with.  The sanitizers look for the same mistakes, and do without.  A
# package's own choice of _FORTIFY_SOURCE, in CFLAGS, comes before ours.
ifeq ($(FLAVOUR),gcc)
HARDENING := -fstack-protector-strong $(call has,-fstack-clash-protection) $(call has,-fcf-protection) \
             $(if $(findstring _FORTIFY_SOURCE,$(CFLAGS)),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif
# Tables of addresses are filled before the program begins, and can then only be read.
READ_ONLY := -Wl,-z,relro,-z,now
# One build serves the program and the library (tools/library.mk), of which nothing but coppice.h
# is visible; what is hidden costs nothing by being position-independent.
ALL_CFLAGS := -std=c11 -D_GNU_SOURCE -D_REENTRANT -pthread -g -fPIC -fvisibility=hidden $(WARNINGS) $(FLAGS_$(FLAVOUR)) \
              -isystem $(ERL_ROOT)/usr/include $(CFLAGS)
LIBS := -L$(ERL_ROOT)/usr/lib -lei -luv -lssl -lcrypto -lz -ldl -pthread

Q := $(if $(V),,@)
CORES := $(shell nproc)

# Objects depend on this file, which changes when the compiler or its flags do.
FLAGS := $(BUILD)/flags
ifneq ($(file <$(FLAGS)),$(CC) $(ALL_CFLAGS))
$(shell mkdir -p $(BUILD))
$(file >$(FLAGS),$(CC) $(ALL_CFLAGS))
endif

# From left to right, as data flows; a folder links with those after it.
LAYERS := net node cluster replica pg store otp dist crdt dets causal term
ARCHIVES := $(LAYERS:%=$(BUILD)/lib%.a) $(BUILD)/libbase.a

all: priv/coppice

# Of the flavour that was built last.  A program that runs cannot be written to, but replaced.
priv/coppice: $(BUILD)/coppice always
	$(Q)cmp -s $< $@ || { mkdir -p priv && cp $< $@.new && mv $@.new $@; }

CLI := $(patsubst c_src/%.c,$(BUILD)/%.o,$(wildcard c_src/cli/*.c))

$(BUILD)/coppice: $(CLI) $(ARCHIVES)
	@echo "  link  $@"
	$(Q)$(CC) $(ALL_CFLAGS) -pie $(READ_ONLY) -o $@ $^ $(LIBS)

define archive
$(BUILD)/lib$(1).a: $$(patsubst c_src/%.c,$(BUILD)/%.o,$$(wildcard c_src/$(1)/*.c c_src/$(1)/*/*.c))
	$$(Q)mkdir -p $$(@D) && rm -f $$@ && ar rcs $$@ $$^
endef
$(foreach layer,$(LAYERS),$(eval $(call archive,$(layer))))

$(BUILD)/libbase.a: $(BUILD)/err.o $(BUILD)/mem.o $(BUILD)/sorted.o
	$(Q)rm -f $@ && ar rcs $@ $^

$(BUILD)/%.o: c_src/%.c $(FLAGS)
	@echo "  cc    $<"
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) $(SOURCE_FLAGS_$(FLAVOUR)) -MMD -MP -c -o $@ $<

# --- unit suites: test/unit/FOLDER/test_NAME.c, one program each ------------

UNIT_SOURCES := $(wildcard test/unit/*/test_*.c)
UNIT := $(UNIT_SOURCES:test/unit/%.c=$(BUILD)/unit/%)

# A suite links with its own folder and those after it, as the code there does.
after = $(if $(filter $(1),$(firstword $(2))),$(2),$(call after,$(1),$(wordlist 2,$(words $(2)),$(2))))

$(BUILD)/test/%.o: test/%.c $(FLAGS)
	@echo "  cc    $<"
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -Ic_src -Itest -MMD -MP -c -o $@ $<

# Fakes used by the suites and the simulator.
FAKES := $(patsubst test/%.c,$(BUILD)/test/%.o,$(wildcard test/fake/*.c))

define unit_folder
$(BUILD)/unit/$(1)/%: $(BUILD)/test/unit/$(1)/%.o $(BUILD)/test/unit/suite.o $$(FAKES) \
        $(foreach l,$(call after,$(1),$(LAYERS)),$(BUILD)/lib$(l).a) $(BUILD)/libbase.a
	$$(Q)mkdir -p $$(@D) && $$(CC) $$(ALL_CFLAGS) -o $$@ $$^ -lcunit $$(LIBS)
endef
$(foreach layer,$(LAYERS),$(eval $(call unit_folder,$(layer))))

unit: $(UNIT)
	$(Q)test/unit/run $(UNIT)

# --- simulation: whole nodes on a virtual clock -----------------------------

# `storm_small` is `storm` with very low limits.
SIM := $(filter-out %/scenarios.o %/storm.o,$(patsubst test/%.c,$(BUILD)/test/%.o,$(wildcard test/sim/*.c))) \
       $(FAKES)
SIM_ARCHIVES := $(filter-out $(BUILD)/libnet.a,$(ARCHIVES))

$(BUILD)/scenarios $(BUILD)/storm: $(BUILD)/%: $(BUILD)/test/sim/%.o $(SIM) $(SIM_ARCHIVES)
	@echo "  link  $@"
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $^ $(LIBS)

SMALL := $(patsubst c_src/%.c,$(BUILD)/small/%.o,$(wildcard c_src/node/*.c c_src/cluster/*.c c_src/replica/*.c c_src/pg/*.c c_src/dist/*.c))

$(BUILD)/small/%.o: c_src/%.c $(FLAGS)
	@echo "  cc    $< (small)"
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -Ic_src -include test/sim/small.h -MMD -MP -c -o $@ $<

$(BUILD)/storm_small: $(BUILD)/test/sim/storm.o $(SIM) $(SMALL) $(SIM_ARCHIVES)
	@echo "  link  $@"
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $^ $(LIBS)

SEEDS_gcc   := 900
SEEDS_asan  := 90

sim: $(BUILD)/scenarios $(BUILD)/storm $(BUILD)/storm_small
	$(Q)SEEDS=$(or $(SEEDS),$(SEEDS_$(FLAVOUR))) test/sim/run $^

# A million storms, or SEEDS from FIRST on, in a faster build of their own.
soak:
	$(Q)$(MAKE) --no-print-directory BUILD=build/soak CFLAGS='-flto=auto $(CFLAGS)' \
	    build/soak/storm build/soak/storm_small
	$(Q)test/sim/soak build/soak/storm build/soak/storm_small

# --- budgets: instructions of the hot paths -----------------------------------

$(BUILD)/budget: $(BUILD)/test/budget/budget.o $(SIM_ARCHIVES)
	@echo "  link  $@"
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $^ $(LIBS)

budget: $(BUILD)/budget
	$(Q)test/budget/run $<

# --- attacks on a coppice, over real sockets -----------------------------------

$(BUILD)/attack: $(patsubst test/%.c,$(BUILD)/test/%.o,$(wildcard test/attack/*.c)) \
        $(BUILD)/libdist.a $(BUILD)/libterm.a $(BUILD)/libbase.a
	@echo "  link  $@"
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $^ $(LIBS)

# Each lasts MS milliseconds.
attack: priv/coppice $(BUILD)/attack
	$(Q)test/attack/run $(BUILD)/attack

# --- the worst within the limits ---------------------------------------------

WORST := $(patsubst test/%.c,$(BUILD)/test/%.o,$(wildcard test/worst/*.c))

$(BUILD)/worst: $(WORST) $(SIM_ARCHIVES)
	@echo "  link  $@"
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $^ $(LIBS)

worst: $(BUILD)/worst
	$(Q)test/worst/run $<

# All of these.
programs: $(UNIT) $(BUILD)/scenarios $(BUILD)/storm $(BUILD)/storm_small

include tools/library.mk
include tools/fuzz.mk
include tools/checkers.mk

# --- everything --------------------------------------------------------------

# Public targets run tools/setup first, and then make again, since the variables
# of this file depend on what is installed.
demo:
	$(Q)tools/setup demo
	$(Q)$(MAKE) --no-print-directory priv/coppice
	$(Q)tools/demo

test:
	$(Q)tools/setup test
	$(Q)rm -rf build/summary
	$(Q)$(MAKE) --no-print-directory -k -j$(CORES) -Otarget priv/coppice || true
	$(Q)$(MAKE) --no-print-directory -k check; status=$$?; \
	    echo "== summary"; test/summary; exit $$status

# A sample of the calls that fail, and each attack for 0.3 seconds.
test-hostile:
	$(Q)tools/setup test
	$(Q)rm -rf build/summary
	$(Q)$(MAKE) --no-print-directory -k -j$(CORES) -Otarget priv/coppice || true
	$(Q)$(MAKE) --no-print-directory -k check-worst check-nth check-attack; status=$$?; \
	    echo "== summary"; test/summary; exit $$status

test-matrix:
	$(Q)tools/setup matrix
	$(Q)$(MAKE) --no-print-directory priv/coppice
	$(Q)tools/matrix

# Without Java, its peer is skipped.
test-peers:
	$(Q)tools/setup demo
	$(Q)tools/setup peers || true
	$(Q)$(MAKE) --no-print-directory priv/coppice
	$(Q)test/peers/run

deb:
	$(Q)tools/package

# What it needs and cannot have is skipped.
test-package:
	$(Q)tools/setup package || true
	$(Q)$(MAKE) --no-print-directory priv/coppice
	$(Q)test/package/run

# What cannot be had is skipped.
test-disks:
	$(Q)tools/setup build
	$(Q)tools/setup disks || true
	$(Q)$(MAKE) --no-print-directory priv/coppice
	$(Q)test/disks/run

# What cannot be had is skipped.
test-page:
	$(Q)tools/setup build
	$(Q)tools/setup page || true
	$(Q)$(MAKE) --no-print-directory priv/coppice
	$(Q)test/page/run

# --- benchmarks: side by side with a BEAM, a node on `ei` and the limits ----------

BENCH := $(addprefix build/bench/,load echo ei_node sync copy types trace)

bench:
	$(Q)tools/setup bench
	$(Q)$(MAKE) --no-print-directory priv/coppice $(BENCH)
	$(Q)bench/run

# Tables and plots of the last run, into docs/performance.md.
bench-report:
	$(Q)bench/report

$(BUILD)/bench/%.o: bench/%.c $(FLAGS)
	@echo "  cc    $<"
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -Ic_src -Itest -MMD -MP -c -o $@ $<

build/bench/echo build/bench/ei_node build/bench/sync build/bench/copy: build/bench/%: $(BUILD)/bench/%.o
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -o $@ $^ $(LIBS)

build/bench/load: $(patsubst bench/%.c,$(BUILD)/bench/%.o,$(wildcard bench/load/*.c)) \
        $(BUILD)/libdist.a $(BUILD)/libterm.a $(BUILD)/libbase.a
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -o $@ $^ $(LIBS)

build/bench/trace: $(BUILD)/test/fake/paper.o
build/bench/types build/bench/trace: build/bench/%: $(BUILD)/bench/%.o $(BUILD)/libcrdt.a $(BUILD)/libcausal.a $(BUILD)/libterm.a $(BUILD)/libbase.a
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -o $@ $^ $(LIBS)

CHECK_UNIT := check-unit-gcc check-unit-asan

check: check-units check-budget check-suites check-partitions

# Two at a time, and what they print one after the other.
check-units:
	$(Q)$(MAKE) --no-print-directory -k -j2 -Otarget $(CHECK_UNIT)

# Real nodes wait most of the time.  The code that several suites share is compiled before.
check-suites: priv/coppice lib
	$(Q). test/interop/compile.sh && compile "$$support" test/interop/support
	$(Q)$(MAKE) --no-print-directory -k -j2 -Otarget check-interop check-others

check-others:
	$(Q)$(MAKE) --no-print-directory -k -j1 check-tidy check-fuzz check-library check-install check-app check-docs

# What is built is built on all cores.
$(CHECK_UNIT): check-unit-%:
	@echo "== unit and simulation suites, $*"
	$(Q)$(MAKE) --no-print-directory FLAVOUR=$* -k -j$(CORES) -Otarget programs || true
	$(Q)test/summary unit-$* $(MAKE) --no-print-directory FLAVOUR=$* -k unit sim

check-budget:
	@echo "== budgets"
	$(Q)test/summary budget $(MAKE) --no-print-directory budget

check-worst:
	@echo "== the worst within the limits"
	$(Q)test/summary worst $(MAKE) --no-print-directory worst

# Calls are read from the objects of the program and the library.
check-tidy: priv/coppice lib
	@echo "== the source code"
	$(Q)CC=$(CC) CFLAGS='$(ALL_CFLAGS)' test/summary tidy test/tidy/run
	$(Q)test/summary tidy-planted test/tidy/planted

check-library: lib
	@echo "== the library"
	$(Q)test/summary library test/library/run

check-install: priv/coppice
	@echo "== what is installed"
	$(Q)test/summary install test/install/run

check-app: priv/coppice
	@echo "== the Erlang application"
	$(Q)test/summary app test/erlang/run

check-docs: priv/coppice
	@echo "== the commands in the documentation"
	$(Q)test/summary docs test/docs/run

check-interop: priv/coppice
	@echo "== real nodes"
	$(Q)test/summary interop test/interop/run

check-partitions: priv/coppice
	@echo "== partitions"
	$(Q)test/summary partitions test/partitions/run scenario

# Each attack for a short time.
check-attack: priv/coppice $(BUILD)/attack
	@echo "== attacks"
	$(Q)MS=$(or $(MS),300) test/summary attack test/attack/run $(BUILD)/attack

# Chaos for one minute, or MINUTES.
partitions:
	$(Q)tools/setup test
	$(Q)$(MAKE) --no-print-directory priv/coppice
	$(Q)test/partitions/run chaos

# Memory under load for an hour, or MINUTES.
soak-node:
	$(Q)tools/setup test
	$(Q)$(MAKE) --no-print-directory priv/coppice
	$(Q)test/soak/run

include tools/install.mk

clean:
	$(Q)rm -rf build priv/coppice

# The comment at the top of this file.
help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' Makefile

.PHONY: all always unit sim budget worst programs soak demo bench bench-report test test-hostile test-matrix test-peers deb test-package test-page test-disks \
        check check-units $(CHECK_UNIT) check-budget check-worst check-suites check-others check-tidy check-library check-install \
        check-app check-docs check-interop check-partitions check-attack partitions soak-node attack clean help
.SECONDARY:
-include $(shell find build -type f -name '*.d' 2>/dev/null)
