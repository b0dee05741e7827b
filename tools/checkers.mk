# What runs the suites in other ways: with calls that fail, and by checkers of memory and threads.
#
#   make nth        every call that may fail, one at a time and from the n-th on (POINTS of them)
#   make valgrind   the unit suites, and suites with real nodes, by valgrind's memcheck
#   make tsan       the threads, by clang's thread sanitizer
#   make cover      which lines and branches the suites run, into build/cover/html

# --- failing calls ----------------------------------------------------------------------

NTH_FLAGS := -std=c11 -D_GNU_SOURCE -O1 -g $(WARNINGS)

build/nth/fail.so: test/nth/fail.c
	$(Q)mkdir -p $(@D) && $(CC) $(NTH_FLAGS) -fPIC -shared -o $@ $< -ldl

build/nth/host: test/nth/host.c include/coppice.h $(LIB)/libcoppice.a
	$(Q)mkdir -p $(@D) && $(CC) $(NTH_FLAGS) -Iinclude -o $@ $< $(LIB)/libcoppice.a $(LIBS) -lm

nth: build/nth/fail.so build/nth/host $(BUILD)/coppice
	$(Q)test/nth/run

# A sample, and one in which leaks and undefined behaviour would be seen.
check-nth: build/nth/fail.so build/nth/host $(BUILD)/coppice
	@echo "== calls that fail"
	$(Q)$(MAKE) --no-print-directory FLAVOUR=asan -j$(CORES) -Otarget build/asan/coppice
	$(Q)POINTS=$(or $(POINTS),10) test/summary nth test/nth/run
	$(Q)POINTS=$(or $(POINTS),10) PROGRAM=build/asan/coppice KINDS=system \
	    test/summary nth-asan test/nth/run node tls metrics commands

# --- memory and threads -------------------------------------------------------------------

# A child that writes a snapshot ends without freeing what it has.
MEMCHECK := valgrind -q --error-exitcode=99 --child-silent-after-fork=yes
MEMCHECK_SUITES := calls closures metrics pg reload storage storage_dets subscribe sys tls \
                   tls_refusal

valgrind: $(UNIT) priv/coppice
	$(Q)WRAP='$(MEMCHECK) --leak-check=full --suppressions=test/unit/valgrind.supp' \
	    test/unit/run $(UNIT)
	$(Q)COPPICE_WRAP='$(MEMCHECK)' test/interop/run $(MEMCHECK_SUITES)

TSAN_SUITES := calls storage subscribe tls metrics running
TSAN_HOST := $(wildcard test/library/*.c)

build/tsan/host: $(TSAN_HOST) build/tsan/library/libcoppice.a
	$(Q)$(CC_tsan) -D_GNU_SOURCE -g $(FLAGS_tsan) -DVERSION='"$(RELEASE)"' -Iinclude -o $@ \
	    $^ $(LIBS) -lm

tsan:
	$(Q)$(MAKE) --no-print-directory FLAVOUR=tsan -j$(CORES) build/tsan/coppice build/tsan/host
	$(Q)test/tsan/run $(TSAN_SUITES)

# --- coverage -----------------------------------------------------------------------------

cover:
	$(Q)tools/setup cover
	$(Q)$(MAKE) --no-print-directory FLAVOUR=cover -j$(CORES) -Otarget programs build/cover/coppice lib
	$(Q)$(MAKE) --no-print-directory build/nth/fail.so build/nth/host
	$(Q)test/cover/run

.PHONY: nth check-nth valgrind tsan cover
