# libcoppice: include/coppice.h as a static and a shared library.
#
#   make lib            builds both below build/FLAVOUR/library
#   make install-lib    installs them and the header:
#
#     PREFIX       where they are used from (default /usr/local)
#     LIBDIR       the libraries, with pkgconfig/ (default PREFIX/lib)
#     INCLUDEDIR   the header (default PREFIX/include)
#     DESTDIR      a folder to install below, as for a package
PREFIX     ?= /usr/local
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
INSTALL    ?= install

RELEASE := $(shell sed -n 's/.*COPPICE_RELEASE "\(.*\)"/\1/p' c_src/node/functions.h)
# Another number where a program that was linked with the last one would break.
SONAME := libcoppice.so.0

LIB     := $(BUILD)/library
LIB_OBJ := $(patsubst c_src/%.c,$(BUILD)/%.o,$(wildcard c_src/lib/*.c))
LIB_PC   = sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' \
               -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' -e 's|@VERSION@|$(RELEASE)|' \
               tools/libcoppice.pc.in

lib: $(LIB)/libcoppice.a $(LIB)/$(SONAME)

# One object with everything in it, of whose names only those of coppice.h are left.  What it needs
# of `ei` is in it; the other libraries are shared ones.
$(LIB)/coppice.o: $(LIB_OBJ) $(ARCHIVES)
	@echo "  ld    $@"
	$(Q)mkdir -p $(@D) && ld -r -o $@.new $^ -L$(ERL_ROOT)/usr/lib -lei && \
	    objcopy --wildcard --keep-global-symbol='coppice_*' $@.new $@ && rm $@.new

$(LIB)/libcoppice.a: $(LIB)/coppice.o
	$(Q)rm -f $@ && ar rcs $@ $^

# -z nodelete: its threads outlive dlclose().
$(LIB)/$(SONAME): $(LIB)/coppice.o tools/libcoppice.map
	@echo "  link  $@"
	$(Q)$(CC) $(ALL_CFLAGS) -shared $(READ_ONLY) -o $@ $(LIB)/coppice.o -Wl,-soname,$(SONAME) \
	    -Wl,--version-script=tools/libcoppice.map -Wl,-z,defs -Wl,-z,nodelete $(LIBS)

install-lib: lib
	$(INSTALL) -d $(DESTDIR)$(INCLUDEDIR) $(DESTDIR)$(LIBDIR)/pkgconfig
	$(INSTALL) -m 644 include/coppice.h $(DESTDIR)$(INCLUDEDIR)/
	$(INSTALL) -m 644 $(LIB)/libcoppice.a $(DESTDIR)$(LIBDIR)/
	$(INSTALL) -m 644 $(LIB)/$(SONAME) $(DESTDIR)$(LIBDIR)/libcoppice.so.$(RELEASE)
	ln -sf libcoppice.so.$(RELEASE) $(DESTDIR)$(LIBDIR)/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/libcoppice.so
	$(LIB_PC) >$(DESTDIR)$(LIBDIR)/pkgconfig/libcoppice.pc

uninstall-lib:
	rm -f $(DESTDIR)$(INCLUDEDIR)/coppice.h $(DESTDIR)$(LIBDIR)/libcoppice.a \
	    $(DESTDIR)$(LIBDIR)/libcoppice.so* $(DESTDIR)$(LIBDIR)/pkgconfig/libcoppice.pc

.PHONY: lib install-lib uninstall-lib
