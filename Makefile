# kennel - see `make help`. Non-recursive; every folder is found by wildcard.
SHELL      := /bin/bash
.DEFAULT_GOAL := all

MODE    ?= release
BUILD   ?= build/$(MODE)
ifeq ($(origin CC),default)
CC      := gcc
endif
PREFIX  ?= /usr/local
DESTDIR ?=
VERSION := 0.1.0
JOBS    ?= $(shell nproc 2>/dev/null || echo 1)
V       ?=
say     := $(if $(V),@:,@echo)
quiet   := $(if $(V),,@)

PKGS       := glib-2.0 gio-2.0 yaml-0.1 sqlite3
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null | sed 's/-I/-isystem /g')
PKG_LIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lm -pthread

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
  -Wold-style-definition -Wwrite-strings -Wpointer-arith -Wcast-qual -Wformat=2 -Wundef -Wvla \
  -Wswitch-enum -Wconversion -Wsign-conversion -Wdouble-promotion -Wnull-dereference \
  -Wimplicit-fallthrough -Wredundant-decls
IS_CLANG := $(shell $(CC) --version 2>/dev/null | grep -c clang)
ifeq ($(IS_CLANG),0)
WARN += -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wcast-align=strict -Wjump-misses-init
endif
WERROR ?=

OPT_release := -O2 -g
OPT_debug   := -O0 -g
OPT_asan    := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
OPT_fuzz    := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
OPT         ?= $(OPT_$(MODE))

CFLAGS  += -std=c17 -D_GNU_SOURCE $(WARN) $(WERROR) $(OPT) -ffp-contract=off -fno-common \
  -ffile-prefix-map=$(CURDIR)=. -I. -I$(BUILD) $(PKG_CFLAGS) -DKENNEL_VERSION='"$(VERSION)"' -MMD -MP
LDFLAGS += $(OPT)

# Overridable, so that a part can be built alone: make SIM=... MODELS= TOOLS= UNIT=... unit
SIM    ?= $(wildcard sim/*.c)
MODELS ?= $(wildcard models/*.c models/*/*.c)
TOOLS  ?= $(filter-out tools/main.c,$(wildcard tools/*.c))
UNIT   ?= $(wildcard tests/unit/*.c)
BENCH  ?= $(wildcard tests/bench/*.c)
FUZZ   ?= $(wildcard tests/fuzz/fuzz_*.c)

objs = $(patsubst %.c,$(BUILD)/%.o,$(1))
LIB_OBJS := $(call objs,$(SIM) $(MODELS))

all: $(BUILD)/kennel ## Build the program at build/release/kennel (needs no root)

$(BUILD)/kennel: $(LIB_OBJS) $(call objs,$(TOOLS) tools/main.c)
	$(say) "  link  $@"
	$(quiet)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(BUILD)/unit: $(LIB_OBJS) $(call objs,$(TOOLS) $(UNIT))
	$(say) "  link  $@"
	$(quiet)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) -lcunit

$(BUILD)/bench-%: $(LIB_OBJS) $(call objs,$(TOOLS)) $(BUILD)/tests/bench/%.o
	$(say) "  link  $@"
	$(quiet)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(BUILD)/l2: $(LIB_OBJS) $(call objs,$(TOOLS) $(wildcard tests/conformance/l2/*.c))
	$(say) "  link  $@"
	$(quiet)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(BUILD)/fidelity: $(LIB_OBJS) $(call objs,$(TOOLS) tests/conformance/fidelity/fidelity.c)
	$(say) "  link  $@"
	$(quiet)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(BUILD)/fuzz_%: $(LIB_OBJS) $(call objs,$(TOOLS)) $(BUILD)/tests/fuzz/fuzz_%.o
	$(say) "  link  $@"
	$(quiet)$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(PKG_LIBS)

# SQL is compiled in: models/views.sql becomes the string views_sql in models/views_sql.h.
SQL_HEADERS := $(patsubst %.sql,$(BUILD)/%_sql.h,$(wildcard sim/*.sql models/*.sql models/*/*.sql))

$(BUILD)/%_sql.h: %.sql
	@mkdir -p $(@D)
	@{ echo '#pragma GCC diagnostic ignored "-Woverlength-strings"'; \
	  echo 'static const char $(notdir $*)_sql[] ='; \
	  sed 's/[\\"]/\\&/g; s/.*/    "&\\n"/' $<; echo '    ;'; } > $@.tmp && mv $@.tmp $@

sql-headers: $(SQL_HEADERS)

# Objects are made again when the flags change; the folder of the tree is no flag.
$(BUILD)/.flags: export FLAGS = $(CC) $(filter-out -ffile-prefix-map=%,$(CFLAGS))
$(BUILD)/.flags: FORCE
	@mkdir -p $(@D)
	@[ "$$FLAGS" = "$$(cat $@ 2>/dev/null)" ] || printf '%s\n' "$$FLAGS" > $@

$(BUILD)/.prefix: FORCE
	@mkdir -p $(@D)
	@[ '$(PREFIX)' = "$$(cat $@ 2>/dev/null)" ] || echo '$(PREFIX)' > $@

$(BUILD)/tools/cli.o: $(BUILD)/.prefix
EXTRA_tools/cli = -DKENNEL_DATA_DEFAULT='"$(PREFIX)/share/kennel"'
# A test that has failed leaves by longjmp(), which gcc does not see.
extra = $(EXTRA_$*) $(if $(filter tests/%,$*),-Wno-null-dereference)

$(BUILD)/%.o: %.c $(BUILD)/.flags | $(SQL_HEADERS)
	@mkdir -p $(@D)
	$(say) "  $(notdir $(CC))  $<"
	$(quiet)$(CC) $(CFLAGS) $(extra) -c -o $@ $<

# --- for users ---

demo: ## Set up, build, run the main experiment, draw its pictures
	@tools/setup build
	@$(MAKE) --no-print-directory -j$(JOBS) $(BUILD)/kennel
	@echo
	@$(BUILD)/kennel run scenarios/pets-and-cattle.yaml -o results/pets-and-cattle
	@$(BUILD)/kennel plot results/pets-and-cattle/timeline.sqlite
	@echo
	@echo "timeline  results/pets-and-cattle/timeline.sqlite"
	@echo "pictures  results/pets-and-cattle/*.svg and *.png"

SHARE := $(DESTDIR)$(PREFIX)/share/kennel
DATA   = $(wildcard tools/checks/*.sql tools/plots/* tools/report/*) \
  $(shell find scenarios -type f | LC_ALL=C sort)

install: $(BUILD)/kennel ## Install to $(DESTDIR)$(PREFIX): bin/kennel and share/kennel
	install -D -m 755 $(BUILD)/kennel $(DESTDIR)$(PREFIX)/bin/kennel
	@for file in $(DATA); do install -D -m 644 "$$file" "$(SHARE)/$$file" || exit 1; done
	@mkdir -p $(SHARE)/schema
	$(BUILD)/kennel schema > $(SHARE)/schema/scenario.schema.json
	@echo "installed $(words $(DATA)) data files and the schema in $(SHARE)"

uninstall: ## Remove what `make install` put there
	rm -f $(DESTDIR)$(PREFIX)/bin/kennel
	rm -rf $(SHARE)

clean: ## Remove everything that was built
	rm -rf build

help: ## Show this
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22
	@echo "Variables: CC PREFIX DESTDIR MODE=release|debug|asan|fuzz BUILD WERROR=-Werror JOBS V=1"

# --- for those who change it ---

unit: $(BUILD)/unit ## Build and run the unit tests
	$(BUILD)/unit

golden: $(BUILD)/kennel ## Write the expected texts of tests/golden and tests/reconcile anew; review the diff
	KENNEL=$(BUILD)/kennel tests/golden.sh --rewrite
	KENNEL=$(BUILD)/kennel tests/reconcile.sh --rewrite

fidelity: $(BUILD)/kennel $(BUILD)/l2 $(BUILD)/fidelity ## Write results/studies/fidelity: agreement with recorded decisions
	KENNEL=$(BUILD)/kennel tests/fidelity.sh

lint: ## Format, static analysis and house rules, as in `make check`
	@tools/setup check
	@tests/tidy.sh

lint-full: ## The same with the slow analysers too
	@tools/setup check
	@tests/tidy.sh --full

format: ## Lay out all C files as .clang-format says
	@git ls-files --cached --others --exclude-standard '*.c' '*.h' | xargs clang-format -i

bench: $(patsubst tests/bench/%.c,$(BUILD)/bench-%,$(BENCH)) ## Build and run all benchmarks
	@status=0; for program in $^; do echo "== $${program##*/bench-}"; $$program || status=1; done; \
	  exit $$status

FUZZ_SECONDS ?= 20
fuzz: ## Build the fuzzers with clang and run each for FUZZ_SECONDS
	@tools/setup check
	@$(MAKE) --no-print-directory MODE=fuzz CC=clang BUILD=build/fuzz -j$(JOBS) fuzz-run

fuzz-run: $(patsubst tests/fuzz/%.c,$(BUILD)/%,$(FUZZ))
	@status=0; for program in $^; do name=$${program##*/}; \
	  mkdir -p $(BUILD)/corpus/$$name; seeds=tests/fuzz/corpus/$${name#fuzz_}; \
	  echo "== $$name"; $$program -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 \
	  -verbosity=0 -artifact_prefix=$(BUILD)/ $(BUILD)/corpus/$$name \
	  $$([ -d "$$seeds" ] && echo "$$seeds") || status=1; done; exit $$status

readme: $(BUILD)/kennel ## Write the tables of the READMEs as the program prints them
	KENNEL=$(BUILD)/kennel tests/readme.sh --write

STUDY := results/studies/pets-and-cattle
results: $(BUILD)/kennel ## Rebuild the reference results in results/studies
	@mkdir -p $(STUDY) $(BUILD)/study
	$(BUILD)/kennel run -q scenarios/pets-and-cattle.yaml -o $(BUILD)/study
	COLUMNS=200 $(BUILD)/kennel check -v $(BUILD)/study/timeline.sqlite > $(STUDY)/verdicts.txt || true
	$(BUILD)/kennel plot -f svg -o $(STUDY) $(BUILD)/study/timeline.sqlite

# --- make check: parts that run side by side; tests/part.sh keeps a log and a count of each ---

CHECK := build/check
part   = +@CHECK=$(CHECK) tests/part.sh $(patsubst part-%,%,$@)
build  = $(MAKE) --no-print-directory WERROR=-Werror

check: ## Set up, build with gcc and clang, run all tests and lint; ends with the counts
	@tools/setup check
	@rm -f $(CHECK)/*.log $(CHECK)/*.result; mkdir -p $(CHECK); date +%s > $(CHECK)/started
	@$(MAKE) --no-print-directory -k -j$(JOBS) $(CHECK_PARTS)
	@CHECK=$(CHECK) tests/summary.sh

# The longest come first.
CHECK_PARTS := part-build-asan part-build-gcc part-lint part-unit-asan part-build-clang \
  part-build-gcc-O0 part-unit-gcc part-determinism part-bad-input part-golden part-reconcile part-extend \
  part-install part-conformance part-readme

part-build-gcc:
	$(part) $(build) BUILD=$(CHECK)-gcc CC=gcc $(CHECK)-gcc/kennel $(CHECK)-gcc/unit \
	  $(CHECK)-gcc/l2
part-build-asan:
	$(part) $(build) BUILD=$(CHECK)-asan CC=clang MODE=asan $(CHECK)-asan/kennel $(CHECK)-asan/unit
part-build-clang:
	$(part) $(build) BUILD=$(CHECK)-clang CC=clang $(CHECK)-clang/kennel
part-build-gcc-O0:
	$(part) $(build) BUILD=$(CHECK)-gcc-O0 CC=gcc MODE=debug $(CHECK)-gcc-O0/kennel
part-lint:
	$(part) tests/tidy.sh
part-unit-gcc: part-build-gcc
	$(part) $(CHECK)-gcc/unit
part-unit-asan: part-build-asan
	$(part) $(CHECK)-asan/unit
part-determinism: part-build-gcc part-build-asan part-build-clang part-build-gcc-O0
	$(part) tests/determinism.sh
part-bad-input: part-build-asan
	$(part) env KENNEL=$(CHECK)-asan/kennel tests/bad-input.sh
part-golden: part-build-gcc
	$(part) env KENNEL=$(CHECK)-gcc/kennel tests/golden.sh
part-reconcile: part-build-gcc
	$(part) env KENNEL=$(CHECK)-gcc/kennel tests/reconcile.sh
part-conformance: part-build-gcc
	$(part) env KENNEL=$(CHECK)-gcc/kennel tests/conformance.sh
part-readme: part-build-gcc
	$(part) env KENNEL=$(CHECK)-gcc/kennel tests/readme.sh
part-extend: part-build-gcc
	$(part) tests/extend.sh
part-install: part-build-gcc
	$(part) tests/install.sh

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
.PHONY: readme results all sql-headers demo install uninstall clean help unit golden fidelity lint lint-full format bench fuzz \
  fuzz-run check FORCE $(CHECK_PARTS)
.SECONDARY:
