# Bulkhead.  `make` builds into build/bin; `make check` runs every test.
# Variables: B (build tree), CC, CFLAGS, SAN (e.g. address,undefined), WERROR=1,
# COVERAGE=1, DESTDIR, PREFIX, PROGRAM_PREFIX, FUZZ_SECONDS.

B	?= build
CC	?= cc
PREFIX	?= /usr/local
BINDIR	?= $(PREFIX)/bin
MANDIR	?= $(PREFIX)/share/man
CFLAGS	?= -O2 -g

# cmd/TOOL.c has its main(); cmd/TOOL_PART.c is linked into that tool alone.
TOOLS	:= $(patsubst cmd/%.c,%,$(filter-out $(wildcard cmd/*_*.c),$(wildcard cmd/*.c)))
LIB_SRC	:= $(wildcard lib/*/*.c)
UNIT_SRC := $(wildcard tests/unit/*.c)
FUZZERS	:= $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_SECONDS ?= 20
PROBES	:= $(patsubst tests/servers/%.c,$(B)/%,$(wildcard tests/servers/*.c))
MAN	:= $(wildcard man/*.[1-9])

# MariaDB's Connector/C or Oracle's libmysqlclient: MYSQL_PKG=mysqlclient chooses.
MYSQL_PKG ?= $(firstword $(foreach p,libmariadb mysqlclient,$(shell pkg-config --exists $p && echo $p)))
PKGS	:= libpq $(MYSQL_PKG) libarchive libzstd libsodium
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
CHECK_LIBS = $(shell pkg-config --libs check)

WARN	:= -Wall -Wextra -Wshadow -Wconversion -Wformat=2 -Wvla -Wmissing-prototypes \
	-Wstrict-prototypes -Wcast-qual -Wundef
HARDEN	:= -fstack-protector-strong -fPIE
ifeq ($(SAN),)
HARDEN	+= -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
else
HARDEN	+= -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all
endif
ifdef WERROR
WARN	+= -Werror
endif
ifdef COVERAGE
HARDEN	+= --coverage
endif

VERSION	:= $(shell cat VERSION)
BH_CFLAGS = -std=c11 -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -Ilib $(PKG_CFLAGS) $(WARN) \
	$(HARDEN) -pthread -MMD -MP $(CFLAGS)
BH_LIBS	= $(HARDEN) -pie -Wl,-z,relro,-z,now -pthread $(LDFLAGS) $(PKG_LIBS)

LIB	:= $(B)/libbulkhead.a
BINS	:= $(addprefix $(B)/bin/,$(TOOLS))

all: $(LIB) $(BINS)

unit: $(B)/unit
	$(B)/unit

$(LIB): $(LIB_SRC:%.c=$(B)/obj/%.o)
	@rm -f $@
	$(AR) rcs $@ $^

.SECONDARY .SECONDEXPANSION:
$(B)/bin/%: $(B)/obj/cmd/%.o \
    $$(addprefix $(B)/obj/,$$(addsuffix .o,$$(basename $$(wildcard cmd/$$*_*.c)))) $(LIB)
	@mkdir -p $(@D)
	$(CC) -o $@ $^ $(BH_LIBS)

$(B)/unit: $(UNIT_SRC:%.c=$(B)/obj/%.o) $(LIB)
	$(CC) -o $@ $^ $(BH_LIBS) $(CHECK_LIBS)

$(PROBES): $(B)/%: $(B)/obj/tests/servers/%.o $(LIB)
	$(CC) -o $@ $^ $(BH_LIBS)

$(B)/fuzz/%: $(B)/obj/tests/fuzz/%.o $(B)/obj/tests/unit/sealed_forge.o \
    $(B)/obj/tests/unit/wal_make.o $(LIB)
	@mkdir -p $(@D)
	$(CC) -o $@ $^ $(BH_LIBS) -fsanitize=fuzzer

$(B)/obj/%.o: %.c VERSION
	@mkdir -p $(@D)
	$(CC) $(BH_CFLAGS) -c -o $@ $<

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)

# The fault layer for the tests: preloaded, so never built with a sanitizer.
FAULT	:= $(B)/faultfs.so $(B)/faultmem.so $(B)/discard
FAULT_CFLAGS = -std=c11 -D_GNU_SOURCE $(WARN) -O2 -g

$(B)/%.so: tests/fault/%.c $(wildcard tests/fault/*.h)
	@mkdir -p $(@D)
	$(CC) $(FAULT_CFLAGS) -fPIC -shared -pthread -o $@ $(filter %.c,$^)

$(B)/faultfs.so: tests/fault/durable.c tests/fault/count.c
$(B)/faultmem.so: tests/fault/count.c

$(B)/discard: tests/fault/discard.c
	@mkdir -p $(@D)
	$(CC) $(FAULT_CFLAGS) -o $@ $<

# check-* build beside B.  TESTS="tests/tools/00-lab.t" runs only these.
tests: all $(PROBES) $(FAULT) $(if $(UNIT_SRC),$(B)/unit)

check:
	@scripts/setup
	@$(MAKE) -s tests
	@B='$(abspath $(B))' tests/run $(TESTS)

check-asan:
	@$(MAKE) B='$(B)-asan' SAN=address,undefined tests
	@B='$(abspath $(B)-asan)' tests/run --small $(TESTS)

check-tsan:
	@$(MAKE) B='$(B)-tsan' SAN=thread '$(B)-tsan/unit'
	@B='$(abspath $(B)-tsan)' tests/run --unit

check-clang:
	@$(MAKE) B='$(B)-clang' CC=clang WERROR=1 tests

check-matrix: tests
	@B='$(abspath $(B))' tests/run --matrix $(TESTS)

# Each target for FUZZ_SECONDS, from what earlier runs found; a crash stops it all.
fuzz:
	@$(MAKE) B='$(B)-fuzz' CC=clang SAN=fuzzer-no-link,address,undefined \
	    $(FUZZERS:%='$(B)-fuzz/fuzz/%')
	@set -e; for f in $(FUZZERS); do echo "$$f: $(FUZZ_SECONDS) s"; \
	    mkdir -p '$(B)-fuzz/corpus'/$$f; \
	    '$(B)-fuzz/fuzz'/$$f -max_total_time=$(FUZZ_SECONDS) -timeout=10 -verbosity=0 \
	    -print_final_stats=1 -artifact_prefix='$(B)-fuzz'/$$f- '$(B)-fuzz/corpus'/$$f; done

demo:
	@scripts/setup
	@$(MAKE) -s all
	@B='$(abspath $(B))' scripts/demo

bench:
	@scripts/setup --bench
	@$(MAKE) -s tests
	@B='$(abspath $(B))' scripts/bench

install: all
	install -d '$(DESTDIR)$(BINDIR)' $(foreach s,1 5 7,'$(DESTDIR)$(MANDIR)/man$s')
	$(foreach t,$(TOOLS),install -m 755 $(B)/bin/$t '$(DESTDIR)$(BINDIR)/$(PROGRAM_PREFIX)$t' &&) :
	$(foreach t,$(TOOLS),install -m 644 man/$t.1 '$(DESTDIR)$(MANDIR)/man1/$(PROGRAM_PREFIX)$t.1' &&) :
	$(foreach m,$(filter-out %.1,$(MAN)),install -m 644 $m '$(DESTDIR)$(MANDIR)'/man$(lastword $(subst ., ,$m))/ &&) :

clean:
	rm -rf $(B) $(B)-asan $(B)-tsan $(B)-clang $(B)-fuzz

.PHONY: all unit tests check check-asan check-tsan check-clang check-matrix fuzz demo bench \
	install clean
