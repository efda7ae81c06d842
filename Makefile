# kennel - see `make help`. Non-recursive; every folder is found by wildcard.
SHELL      := /bin/bash
.DEFAULT_GOAL := all

MODE    ?= release
BUILD   ?= build/$(MODE)
CC      ?= gcc
PREFIX  ?= /usr/local
DESTDIR ?=
VERSION := 0.1.0

PKGS       := glib-2.0 yaml-0.1 sqlite3
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
OPT_fuzz    := -O1 -g -fsanitize=fuzzer-no-link,address,undefined
OPT         ?= $(OPT_$(MODE))

CFLAGS  += -std=c17 -D_GNU_SOURCE $(WARN) $(WERROR) $(OPT) -ffp-contract=off -fno-common \
  -I. -I$(BUILD) $(PKG_CFLAGS) -DKENNEL_VERSION='"$(VERSION)"' -MMD -MP
LDFLAGS += $(OPT)

# Overridable, so that a part can be built alone: make SIM=... MODELS= TOOLS= UNIT=... unit
SIM    ?= $(wildcard sim/*.c)
MODELS ?= $(wildcard models/*.c models/*/*.c)
TOOLS  ?= $(filter-out tools/main.c,$(wildcard tools/*.c))
UNIT   ?= $(wildcard tests/unit/*.c)
BENCH  ?= $(wildcard tests/bench/*.c)

objs = $(patsubst %.c,$(BUILD)/%.o,$(1))
LIB_OBJS := $(call objs,$(SIM) $(MODELS))

all: $(BUILD)/kennel ## Build the program at build/release/kennel (needs no root)

$(BUILD)/kennel: $(LIB_OBJS) $(call objs,$(TOOLS) tools/main.c)
	$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(BUILD)/unit: $(LIB_OBJS) $(call objs,$(TOOLS) $(UNIT))
	$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) -lcunit

$(BUILD)/bench-%: $(LIB_OBJS) $(call objs,$(TOOLS)) $(BUILD)/tests/bench/%.o
	$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

# SQL is compiled in: models/views.sql becomes the string views_sql in models/views_sql.h.
SQL_HEADERS := $(patsubst %.sql,$(BUILD)/%_sql.h,$(wildcard sim/*.sql models/*.sql models/*/*.sql))

$(BUILD)/%_sql.h: %.sql
	@mkdir -p $(@D)
	@{ echo '#pragma GCC diagnostic ignored "-Woverlength-strings"'; \
	  echo 'static const char $(notdir $*)_sql[] ='; \
	  sed 's/[\\"]/\\&/g; s/.*/    "&\\n"/' $<; echo '    ;'; } > $@.tmp && mv $@.tmp $@

$(BUILD)/%.o: %.c | $(SQL_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -c -o $@ $<

unit: $(BUILD)/unit ## Build and run the unit tests
	$(BUILD)/unit

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
.PHONY: all unit
.SECONDARY:
