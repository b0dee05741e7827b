# make install, make uninstall: the program, its manual, and what a service of systemd needs.
#
# Included by the Makefile.  PREFIX is where the files are found later, DESTDIR a folder in which a
# package is put together.  Nothing is written to /etc: a configuration is the operator's.

PREFIX      ?= /usr/local
BINDIR      ?= $(PREFIX)/bin
MANDIR      ?= $(PREFIX)/share/man
DOCDIR      ?= $(PREFIX)/share/doc/coppice
UNITDIR     ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
BASHDIR     ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR      ?= $(PREFIX)/share/zsh/site-functions
FISHDIR     ?= $(PREFIX)/share/fish/vendor_completions.d

PAGES_1 := $(wildcard man/*.1)
PAGES_5 := $(wildcard man/*.5)
# With all that they link to, each in its place.
TEXTS   := README.md CHANGELOG.md CONTRIBUTING.md LICENSE \
           $(wildcard docs/*.md docs/performance/*.svg examples/c/*.c \
             $(patsubst %,examples/elixir/%,*.md *.exs lib/*.ex lib/*/*.ex test/*.exs))

# put MODE FOLDER FILE...; nothing without files
put = $(if $(strip $(3)),$(Q)install -d '$(DESTDIR)$(2)' && install -m $(1) $(3) '$(DESTDIR)$(2)')

# complete SHELL FOLDER FILE; nothing where the program prints none
complete = $(Q)! text=$$(priv/coppice completion $(1) 2>/dev/null) || \
    { install -d '$(DESTDIR)$(2)' && printf '%s\n' "$$text" >'$(DESTDIR)$(2)/$(3)' && \
      chmod 644 '$(DESTDIR)$(2)/$(3)'; }

install: priv/coppice
	$(call put,755,$(BINDIR),priv/coppice)
	$(call put,644,$(MANDIR)/man1,$(PAGES_1))
	$(call put,644,$(MANDIR)/man5,$(PAGES_5))
	$(Q)for text in $(TEXTS); do install -D -m 644 $$text '$(DESTDIR)$(DOCDIR)'/$$text || exit; done
	$(call put,644,$(DOCDIR)/examples,systemd/coppice.config)
	$(call put,644,$(SYSUSERSDIR),systemd/coppice.conf)
	$(call complete,bash,$(BASHDIR),coppice)
	$(call complete,zsh,$(ZSHDIR),_coppice)
	$(call complete,fish,$(FISHDIR),coppice.fish)
	$(Q)install -d '$(DESTDIR)$(UNITDIR)'
	$(Q)sed 's|@BINDIR@|$(BINDIR)|' systemd/coppice.service >'$(DESTDIR)$(UNITDIR)/coppice.service'
	$(Q)chmod 644 '$(DESTDIR)$(UNITDIR)/coppice.service'
	@echo "  installed in $(DESTDIR)$(PREFIX); $(DOCDIR)/docs/operating.md says how to run it"

INSTALLED = $(BINDIR)/coppice $(UNITDIR)/coppice.service $(SYSUSERSDIR)/coppice.conf \
            $(BASHDIR)/coppice $(ZSHDIR)/_coppice $(FISHDIR)/coppice.fish \
            $(PAGES_1:man/%=$(MANDIR)/man1/%) $(PAGES_5:man/%=$(MANDIR)/man5/%)

# The folder of its documents is its own; the others are shared, and stay.
uninstall:
	$(Q)rm -f $(patsubst %,'$(DESTDIR)%',$(INSTALLED))
	$(Q)rm -rf '$(DESTDIR)$(DOCDIR)'

.PHONY: install uninstall
