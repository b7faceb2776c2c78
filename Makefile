# One Makefile for both programs, their tests and their checks.  `make help` lists the targets.
#
#   make                    both programs, release: build/bin/runtime, build/bin/imagetool
#   make MODE=debug         another build in its own directory: release debug sanitize coverage fuzz
#   make CXX=clang++-14     another compiler, likewise in its own directory
#   make V=1                shows the commands
#
# Sources are found by looking; a new file needs no line here.  spec/ becomes libspec.a, which both
# programs and all tests link; runtime/ and imagetool/ become archives of everything but their main.cc.

MAKEFLAGS += --no-builtin-rules --no-builtin-variables
.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := all
SHELL := /bin/sh

VERSION := 0.1.0
MODE ?= release
PREFIX ?= /usr/local
DESTDIR ?=
ifeq ($(origin CXX),default)
CXX := g++
endif
CXX ?= g++
AR ?= ar
CLANGXX ?= clang++-14

Q := $(if $(filter-out 0,$(V)),,@)
say = $(if $(filter-out 0,$(V)),,@printf '  %-6s %s\n' $(1) '$(2)')

# ---- where things go -----------------------------------------------------------------------------

is_clang := $(findstring clang,$(notdir $(firstword $(CXX))))
VARIANT := $(MODE)$(if $(is_clang),-clang)
B := build/$(VARIANT)
# The release build of the default compiler is the one that people run: it goes to build/bin, build/share.
OUT := $(if $(filter release,$(VARIANT)),build,$(B))
BIN := $(OUT)/bin
FAULTY := $(B)/faulty/runtime
HELLO_IMAGE := $(OUT)/share/hello-world

# ---- flags ---------------------------------------------------------------------------------------

warnings := -Wall -Wextra -Wno-missing-field-initializers -Wshadow -Wconversion -Wpedantic -Werror
# g++ 12 sees overlapping copies in harmless `"x" + string` (GCC bug 105651), and values unset in an optional or a
# variant that is empty (80635).  clang and clang-tidy look after unset variables.
warnings += $(if $(is_clang),,-Wno-restrict -Wno-maybe-uninitialized)
hardening := -fstack-protector-strong -fstack-clash-protection -D_FORTIFY_SOURCE=2
# Line numbers are all that a release needs for a backtrace; everything else makes objects ten times as large.
mode_release := -O2 -g1 $(hardening)
mode_debug := -O0 -g -D_GLIBCXX_ASSERTIONS
# The optimizer warns of its own making under sanitizers and gcov, so there warnings stay warnings.
mode_sanitize := -O1 -g1 -D_GLIBCXX_ASSERTIONS -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all -Wno-error
mode_coverage := -O0 -g1 --coverage -DPROJECT_COVERAGE=1 -Wno-error
mode_fuzz := -O1 -g1 -D_GLIBCXX_ASSERTIONS -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -Wno-error
mode_flags := $(mode_$(MODE))
$(if $(mode_flags),,$(error MODE=$(MODE): there are release, debug, sanitize, coverage and fuzz))

common := -std=c++20 -fPIE -ffunction-sections -fdata-sections -I. -I$(B)/gen $(warnings) $(mode_flags)
product_flags := $(common) -fno-exceptions -fno-rtti $(CXXFLAGS)
# Criterion's macros catch exceptions.  Without RTTI, as in the product, so that tests may derive from its classes.
test_flags := $(common) -fexceptions -fno-rtti -Wno-conversion -Wno-error=unused-result $(CXXFLAGS)
link_flags := $(filter -O% -g% -fsanitize% -fno-sanitize% --coverage,$(mode_flags)) \
              -Wl,-z,relro,-z,now,-z,noexecstack $(LDFLAGS)

# A sanitizer's runtime library and gcov's data need a dynamic program; everywhere else `runtime` is static.
# The linker warns where a static program would need NSS or dlopen: such a call must not get in.
comma := ,
static := $(if $(filter release debug,$(MODE)),yes)
runtime_link := $(if $(static),-static-pie -Wl$(comma)--fatal-warnings,-pie) -Wl,--gc-sections
# It starts before the C library does (runtime/stages/sealed_entry.cc), where we know how to write that.
machine := $(firstword $(subst -, ,$(shell $(CXX) -dumpmachine 2>/dev/null)))
runtime_link += $(if $(filter x86_64 aarch64,$(machine)),-Wl$(comma)-e$(comma)runtime_entry)
runtime_libs := -lseccomp -lcap $(if $(static),-lyajl_s,-lyajl)
# Of libraries that a host may not have it needs libsystemd alone.
systemd_libs := -lsystemd $(if $(static),-lyajl_s -static-libstdc++ -static-libgcc,-lyajl)
# Half of the time that it takes to start went into relocating libstdc++.
imagetool_link := -pie -Wl,--gc-sections $(if $(static),-static-libstdc++ -static-libgcc)
# libcurl is loaded when it is needed: imagetool/registry/curl.h.
imagetool_libs := -lcrypto -lzstd -lisal -lyajl -pthread
runtime_test_libs := -lseccomp -lcap -lyajl
imagetool_test_libs := $(imagetool_libs) -lcurl -lz
spec_test_libs := -lyajl
hello_maker_libs := -lcrypto -lz

# ---- sources -------------------------------------------------------------------------------------

find_cc = $(sort $(shell find $(1) -name '*.cc' 2>/dev/null))
objects = $(patsubst %.cc,$(B)/obj/%.o,$(1))

spec_src := $(call find_cc,spec)
# The program that talks to systemd is one of its own, and is carried in the runtime's binary.
systemd_src := runtime/systemd/main.cc runtime/systemd/manager.cc
# How a static program starts is no matter of a library: it is linked like main.o.
runtime_start := $(if $(static),$(B)/obj/runtime/stages/c_library.o)
runtime_src := $(filter-out $(systemd_src),$(call find_cc,runtime))
imagetool_src := $(call find_cc,imagetool)
hello_maker_src := $(call find_cc,contrib/hello-world)
test_support_src := $(call find_cc,tests/unit/support)
spec_test_src := $(sort $(wildcard tests/unit/spec/test_*.cc))
runtime_test_src := $(sort $(wildcard tests/unit/runtime/test_*.cc))
imagetool_test_src := $(sort $(wildcard tests/unit/imagetool/test_*.cc))
# A fuzz target is tests/fuzz/PART/NAME.cc; it is linked with the archives of its part.
fuzz_src := $(sort $(foreach u,spec runtime imagetool,$(wildcard tests/fuzz/$(u)/*.cc)))
fuzz_replay_src := tests/fuzz/support/replay.cc

PROGRAMS := $(foreach p,runtime imagetool,$(if $(wildcard $(p)/main.cc),$(p)))
UNITS := $(foreach u,spec runtime imagetool,$(if $($(u)_test_src),unit-$(u)))

bare_obj := $(B)/obj/runtime/stages/sealed_entry.o
product_obj := $(filter-out $(bare_obj),$(call objects,$(spec_src) $(runtime_src) $(systemd_src) $(imagetool_src) $(hello_maker_src)))
test_obj := $(call objects,$(test_support_src) $(spec_test_src) $(runtime_test_src) $(imagetool_test_src) $(fuzz_src) $(fuzz_replay_src) \
                      tests/sanitize/jailed.cc)

# ---- main targets --------------------------------------------------------------------------------

.PHONY: all programs unit hello check check-unit sanitize compare lint clang bench bench-images coverage \
        install uninstall clean format help FORCE

all: packages programs $(if $(hello_maker_src),$(HELLO_IMAGE)/index.json) ## both programs and the hello-world image (the default)

.PHONY: packages
packages:
	@contrib/install-packages --check build || echo "packages that this needs are missing; install them with: contrib/install-packages build"

programs: $(addprefix $(BIN)/,$(PROGRAMS))

.PHONY: faulty
faulty: $(FAULTY)

unit: $(addprefix $(B)/,$(UNITS))

hello: ## the main job on a fresh machine: install what is missing, build, pull, bundle, run hello-world
	@BIN=$(BIN) IMAGE=$(HELLO_IMAGE) contrib/hello

# Where nobody said -j, what a newcomer types uses all processors.
jobs = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc 2>/dev/null || echo 2))
build = $(MAKE) --no-print-directory $(jobs)

# `make check` goes on without the optional tools: the suites say what they skip and why.
run_suites = BIN=$(abspath $(BIN)) BUILD=$(abspath $(B)) FAULTY=$(abspath $(FAULTY)) \
             $(if $(findings_obj),FINDINGS=$(FINDINGS)) tests/run-all
get_ready = contrib/install-packages build unit test || contrib/install-packages --check build unit

check: ## all that this machine can run; installs what is missing
	@$(get_ready)
	@+$(build) all unit replays faulty $(sanitize_programs)
	@$(run_suites) $(SUITES)

check-unit: ## the unit tests alone: no network, no root
	@contrib/install-packages build unit
	@+$(build) unit
	@$(run_suites) unit

# One target for each suite that there is: check-cli, check-container, check-image, check-readme...
suites := $(filter-out bench,$(patsubst tests/%/run,%,$(wildcard tests/*/run)))
.PHONY: $(suites:%=check-%)
$(suites:%=check-%): check-%: ## one suite: tests/NAME/run
	@$(get_ready)
	@case $* in engines|vm) contrib/install-packages $* || true;; esac
	@+$(build) all $(if $(filter fuzz,$*),replays) $(if $(filter container sanitize vm,$*),faulty $(sanitize_programs))
	@$(if $(filter vm,$*),SUITE_TIMEOUT=$(or $(SUITE_TIMEOUT),21600)) $(run_suites) $*

compare: ## the container suites with ours, crun and runc (CRUN=path, RUNC=path: other ones), and who passes what
	@$(get_ready)
	@+$(build) all
	@RUNTIME=$(abspath $(BIN))/runtime tests/container/compare

# All suites but those that measure nothing of ours by it: the engines' own programs, and foreign suites with their own
# limits of time, for which ours run the same code.  A suite takes ten times as long: SUITE_TIMEOUT is in seconds, and holds
# for tests/container's parts as well.
sanitize: ## the unit tests and our suites under ASan and UBSan; what they find in any process is a failure
	@SUITE_TIMEOUT=10800 $(MAKE) --no-print-directory MODE=sanitize \
	    SUITES='$(or $(SUITES),unit $(filter-out unit engines conformance vm,$(suites)))' check

lint: ## clang-format, clang-tidy, include direction, sizes, shellcheck
	@contrib/install-packages build unit lint
	@$(MAKE) --no-print-directory $(B)/gen/version.h
	@contrib/lint

clang: ## the same build with clang, in a directory of its own
	@contrib/install-packages build unit lint
	@+$(build) CXX=$(CLANGXX) all unit

bench: ## against crun (CRUN=path: another one), runc, podman and the least that is possible
	@$(get_ready)
	@contrib/install-packages bench || true
	@+$(build) all
	@+$(build) $(bench_programs)
	@BIN=$(abspath $(BIN)) BUILD=$(abspath $(B)) tests/bench/run
	@BIN=$(abspath $(BIN)) BUILD=$(abspath $(B)) tests/bench/images

bench-images: ## its half about images alone, also with docker and containerd
	@$(get_ready)
	@contrib/install-packages bench engines || true
	@+$(build) programs $(B)/bench-parts
	@BIN=$(abspath $(BIN)) BUILD=$(abspath $(B)) tests/bench/images

coverage: ## which lines the tests reach: build/coverage/report.txt
	@contrib/install-packages build unit test coverage
	@+$(build) MODE=coverage all unit
	@find build/coverage -name '*.gcda' -delete
	@-$(MAKE) --no-print-directory MODE=coverage check
	@gcovr --root . --object-directory build/coverage --filter '(spec|runtime|imagetool)/' \
	    --output build/coverage/report.txt && tail -n 3 build/coverage/report.txt

format: ## clang-format everything in place
	@contrib/install-packages lint
	@find spec runtime imagetool tests contrib -name '*.cc' -o -name '*.h' 2>/dev/null | xargs clang-format-14 -i

clean: ## removes build/
	$(Q)rm -rf build

help: ## this list
	@sed -n 's/^\([a-z][a-z-]*\|.*check-%\):.*## \(.*\)/\1|\2/p' Makefile | sed 's/^.*check-%|/check-NAME|/' | \
	    while IFS='|' read -r name what; do printf '  make %-12s %s\n' "$$name" "$$what"; done
	@printf '\nSuites for check-NAME: unit %s\n' '$(suites)'
	@printf 'Settings: MODE=release|debug|sanitize|coverage CXX=%s V=1 PREFIX=%s DESTDIR=\n' '$(CXX)' '$(PREFIX)'

# ---- rules ---------------------------------------------------------------------------------------

# A list that is rewritten only when it changes: what depends on it follows the flags, and the files found.
define write_if_changed
$(Q)mkdir -p $(@D)
$(Q)printf '%s\n' $(1) >$@.$$$$; if cmp -s $@.$$$$ $@; then rm -f $@.$$$$; else mv -f $@.$$$$ $@; fi
endef

commit := $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)

$(B)/gen/version.h: FORCE
	$(call write_if_changed,'#pragma once' '#define PROJECT_VERSION "$(VERSION)"' '#define PROJECT_COMMIT "$(commit)"')

$(B)/gen/product.flags: FORCE
	$(call write_if_changed,'$(CXX) $(product_flags)')
$(B)/gen/test.flags: FORCE
	$(call write_if_changed,'$(CXX) $(test_flags)')
$(B)/gen/link.flags: FORCE
	$(call write_if_changed,'$(CXX) $(link_flags) $(runtime_link) $(runtime_libs) $(systemd_libs) $(imagetool_link) $(imagetool_libs)')
$(B)/gen/%.list: FORCE
	$(call write_if_changed,'$($*_src)')

$(product_obj): $(B)/obj/%.o: %.cc $(B)/gen/product.flags | $(B)/gen/version.h
	$(call say,CXX,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(product_flags) -MMD -MP -c -o $@ $<

$(test_obj): $(B)/obj/%.o: %.cc $(B)/gen/test.flags | $(B)/gen/version.h
	$(call say,CXX,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(test_flags) -MMD -MP -c -o $@ $<

# Nothing is relocated, no library initialized when this runs, so it may need nothing but the C library's entry.
$(bare_obj): runtime/stages/sealed_entry.cc $(B)/gen/product.flags | $(B)/gen/version.h
	$(call say,CXX,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(filter-out -fsanitize% --coverage,$(product_flags)) -O2 -ffreestanding -fno-stack-protector \
	    -MMD -MP -MF $(@:.o=.d) -MT $@ -c -o $@.new $<
	$(Q)! nm -u $@.new | grep -v ' _start$$' || { echo '$<: may need nothing but _start' >&2; exit 1; }
	$(Q)mv -f $@.new $@

-include $(patsubst %.o,%.d,$(product_obj) $(bare_obj) $(test_obj))

$(B)/runtime-systemd: $(call objects,$(systemd_src)) $(B)/obj/runtime/systemd/request.o $(B)/libspec.a $(B)/gen/link.flags
	$(call say,LINK,$@)
	$(Q)$(CXX) $(link_flags) -pie -Wl,--gc-sections -o $@ $(filter %.o %.a,$^) $(systemd_libs)
	$(Q)$(if $(filter release,$(MODE)),strip $@)

$(B)/obj/runtime/systemd/program.o: private product_flags += -DSYSTEMD_PROGRAM='"$(B)/runtime-systemd"'
$(B)/obj/runtime/systemd/program.o: $(B)/runtime-systemd

$(B)/obj/runtime/stages/c_library.o: private product_flags += -fno-stack-protector

# Made anew each time, or the archive would keep the objects of deleted files.
define archive
$(B)/lib$(1).a: $(call objects,$(filter-out $(1)/main.cc runtime/stages/c_library.cc,$($(1)_src))) $(B)/gen/$(1).list
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@.new && $(AR) rcsD $$@.new $$(filter %.o,$$^) && mv -f $$@.new $$@
endef
$(foreach a,spec runtime imagetool,$(eval $(call archive,$(a))))

# What `runtime` executes every day stands together, as contrib/hot/sections lists it: the linker's own script with the list
# put in front.  Names that are gone match nothing, and a linker that has no such script links as it always does.
runtime_options := $(if $(static),$(B)/gen/runtime.relocations) $(if $(filter release,$(MODE)),$(B)/gen/runtime.order)
$(B)/gen/runtime.order: contrib/hot/sections contrib/hot/order $(B)/gen/link.flags
	$(Q)$(CXX) $(link_flags) $(runtime_link) -Wl,--verbose 2>/dev/null | contrib/hot/order contrib/hot/sections $(B)/gen/runtime.ld >$@

# Relative relocations as bitmaps, 2 KB instead of 100, if the linker writes and the C library reads them: a program tells.
$(B)/gen/runtime.relocations: $(B)/gen/link.flags
	$(Q)echo 'int here, *volatile there = &here; int main() { return there != &here; }' >$@.cc
	$(Q)$(CXX) -fPIE $(link_flags) -static-pie -Wl,--fatal-warnings,-z,pack-relative-relocs -o $@.test $@.cc 2>/dev/null && \
	    $@.test && echo -Wl,-z,pack-relative-relocs >$@ || echo >$@
	$(Q)rm -f $@.cc $@.test

# `runtime` seals a copy of itself before it makes a container, so what people run carries no debug information;
# gdb finds that in build/release/full/.  It is copied, because what strip has just written is one large piece in the page
# cache, and Linux 6.18 maps such a piece as a whole: a process then seems to use a megabyte more than it does.
define program
$(B)/full/$(1): $(B)/obj/$(1)/main.o $($(1)_start) $(B)/lib$(1).a $(B)/libspec.a $(B)/gen/link.flags $($(1)_options)
	$$(call say,LINK,$(BIN)/$(1))
	$$(Q)mkdir -p $$(@D)
	$$(Q)$(CXX) $(link_flags) $($(1)_link) $(if $($(1)_options),$$$$(cat $($(1)_options)) -Wl$(comma)-Map$(comma)$$@.map) -o $$@ \
	    $$(filter %.o %.a,$$^) $($(1)_libs)

$(BIN)/$(1): $(B)/full/$(1)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$(if $(filter release,$(MODE)),strip -o $$@.one $$< && cp $$@.one $$@.new && rm $$@.one && mv -f $$@.new $$@,ln -f $$< $$@)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))

# The runtime that suite_killed kills at every step (spec/base/fault.h).  Only what calls the kernel differs, and takes the
# place of what the archive has; nothing that people run has it.
fault_obj := $(patsubst %.cc,$(B)/faulty/%.o,spec/base/fault.cc $(wildcard spec/base/sys*.cc))

$(fault_obj): $(B)/faulty/%.o: %.cc $(B)/gen/product.flags | $(B)/gen/version.h
	$(call say,CXX,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(product_flags) -DPROJECT_FAULT_POINTS=1 -MMD -MP -c -o $@ $<

-include $(fault_obj:.o=.d)

$(FAULTY): $(fault_obj) $(B)/obj/runtime/main.o $(runtime_start) $(B)/libruntime.a $(B)/libspec.a $(B)/gen/link.flags
	$(call say,LINK,$@)
	$(Q)$(CXX) $(link_flags) $(runtime_link) -o $@ $(filter %.o %.a,$^) $(runtime_libs)

define unit_program
$(B)/unit-$(1): $(call objects,$($(1)_test_src) $(test_support_src)) $(filter-out $(B)/libspec.a,$(B)/lib$(1).a) \
                $(B)/libspec.a $(B)/gen/link.flags $(B)/gen/$(1)_test.list
	$$(call say,LINK,$$@)
	$$(Q)$(CXX) $(link_flags) -pie -o $$@ $$(filter %.o %.a,$$^) -lcriterion $($(1)_test_libs)
endef
$(foreach u,$(UNITS:unit-%=%),$(eval $(call unit_program,$(u))))

# ---- what the benchmark measures with ------------------------------------------------------------

bench_programs := $(B)/bench-measure $(B)/bench-parts $(if $(filter x86_64 aarch64,$(machine)),$(B)/bench-floor $(B)/bench-floor-c)

$(B)/bench-measure: tests/bench/measure.cc
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) -std=c++20 -O2 $(warnings) -static -o $@ $<

$(B)/bench-floor: tests/bench/floor.cc runtime/stages/raw_calls.h
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) -std=c++20 -O2 -I. $(warnings) -ffreestanding -fno-stack-protector -fno-exceptions -fno-rtti -fno-pie \
	    -static -nostdlib -Wl$(comma)-e$(comma)runtime_entry -o $@ $<

$(B)/bench-floor-c: tests/bench/floor.cc runtime/stages/raw_calls.h
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) -std=c++20 -O2 -I. $(warnings) -DC_LIBRARY -static -o $@ $<

$(B)/bench-parts: tests/bench/parts.cc $(B)/libimagetool.a $(B)/libspec.a
	$(call say,LINK,$@)
	$(Q)$(CXX) -std=c++20 -O2 -I. $(warnings) -fno-exceptions -fno-rtti -o $@ $(filter %.cc %.a,$^) $(imagetool_libs)

# ---- which functions are hot ---------------------------------------------------------------------

.PHONY: hot
hot: ## records anew which functions the everyday commands execute: contrib/hot/sections; as root
	@+$(build) programs $(B)/hot-trace
	@BUILD=$(B) RUNTIME=$(BIN)/runtime LIST=contrib/hot/sections contrib/hot/record

$(B)/hot-trace: contrib/hot/trace.cc
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) -std=c++20 -O2 $(warnings) -o $@ $<

# ---- the hello-world image -----------------------------------------------------------------------

$(B)/hello-world-maker: $(call objects,$(hello_maker_src)) $(B)/libspec.a $(B)/gen/link.flags
	$(call say,LINK,$@)
	$(Q)$(CXX) $(link_flags) -pie -Wl,--gc-sections -o $@ $(filter %.o %.a,$^) $(hello_maker_libs)

# Made aside and renamed, so that nobody finds half an image.
$(HELLO_IMAGE)/index.json: $(B)/hello-world-maker
	$(call say,IMAGE,$(HELLO_IMAGE))
	$(Q)rm -rf $(HELLO_IMAGE).new && mkdir -p $(HELLO_IMAGE).new
	$(Q)$(B)/hello-world-maker $(HELLO_IMAGE).new
	$(Q)rm -rf $(HELLO_IMAGE) && mv $(HELLO_IMAGE).new $(HELLO_IMAGE)

# ---- fuzz targets --------------------------------------------------------------------------------

# Each twice: with libFuzzer, and with a main() that runs the files of its corpus, in any mode, by any compiler.
.PHONY: fuzz fuzzers replays
T ?= $(or $(SECONDS),60)
FUZZ :=
fuzz_names := $(notdir $(basename $(fuzz_src)))

fuzz: ## libFuzzer on every parser of foreign bytes, T=60 seconds each; FUZZ="tar pax" for some of them
	@contrib/install-packages build lint
	@+$(build) MODE=fuzz CXX=$(CLANGXX) fuzzers
	@SECONDS_EACH=$(T) BUILD=$(abspath build/fuzz-clang) tests/fuzz/fuzz $(or $(FUZZ),$(fuzz_names))

fuzzers: $(fuzz_names:%=$(B)/fuzz-%)
replays: $(fuzz_names:%=$(B)/replay-%)

define fuzz_program
$(B)/fuzz-$(notdir $(2)): $(B)/obj/tests/fuzz/$(2).o $(filter-out $(B)/libspec.a,$(B)/lib$(1).a) $(B)/libspec.a $(B)/gen/link.flags
	$$(call say,LINK,$$@)
	$$(Q)$(CXX) $(link_flags) -fsanitize=fuzzer -pie -o $$@ $$(filter %.o %.a,$$^) $($(1)_test_libs)

$(B)/replay-$(notdir $(2)): $(B)/obj/tests/fuzz/$(2).o $(call objects,$(fuzz_replay_src)) \
                            $(filter-out $(B)/libspec.a,$(B)/lib$(1).a) $(B)/libspec.a $(B)/gen/link.flags
	$$(call say,LINK,$$@)
	$$(Q)$(CXX) $(link_flags) -pie -o $$@ $$(filter %.o %.a,$$^) $($(1)_test_libs)
endef
$(foreach f,$(fuzz_src:tests/fuzz/%.cc=%),$(eval $(call fuzz_program,$(patsubst %/,%,$(dir $(f))),$(f))))

# ---- what the sanitizers find --------------------------------------------------------------------

# Linked with everything in MODE=sanitize, and compiled without them: they call it.  jailed is what tests/sanitize tries it
# with, beside the runtime with fault points.
FINDINGS := $(abspath $(B)/findings)
findings_obj := $(if $(filter sanitize,$(MODE)),$(B)/obj/tests/sanitize/findings.o)
sanitize_programs := $(if $(findings_obj),$(B)/sanitize-jailed)
jailed_obj := $(B)/obj/tests/sanitize/jailed.o

$(addprefix $(B)/full/,$(PROGRAMS)) $(FAULTY) $(UNITS:%=$(B)/%) $(fuzz_names:%=$(B)/replay-%) $(sanitize_programs): $(findings_obj)

$(B)/obj/tests/sanitize/findings.o: tests/sanitize/findings.cc $(B)/gen/test.flags
	$(call say,CXX,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(filter-out -fsanitize% -fno-sanitize%,$(test_flags)) -DPROJECT_FINDINGS='"$(FINDINGS)"' -MMD -MP -c -o $@ $<

-include $(findings_obj:.o=.d)

$(B)/sanitize-jailed: $(jailed_obj) $(B)/libimagetool.a $(B)/libspec.a $(B)/gen/link.flags
	$(call say,LINK,$@)
	$(Q)$(CXX) $(link_flags) -pie -o $@ $(filter %.o %.a,$^) $(imagetool_libs)

# ---- install -------------------------------------------------------------------------------------

# Man pages and completions come from the programs' own command tables.
share := $(DESTDIR)$(PREFIX)/share
bash_dir := $(share)/bash-completion/completions
zsh_dir := $(share)/zsh/site-functions
fish_dir := $(share)/fish/vendor_completions.d

install: all ## programs, man pages and completions, to $(DESTDIR)$(PREFIX)
	$(Q)install -d $(DESTDIR)$(PREFIX)/bin $(share)/man/man1 $(bash_dir) $(zsh_dir) $(fish_dir)
	$(Q)set -e; for p in $(PROGRAMS); do \
	    install -m 0755 $(BIN)/$$p $(DESTDIR)$(PREFIX)/bin/$$p; \
	    $(BIN)/$$p man >$(share)/man/man1/$$p.1; \
	    for c in $$($(BIN)/$$p __complete "" | sed -n 's/^\([a-z][a-z-]*\)\t.*/\1/p'); do \
	        case $$c in help|completion) continue;; esac; \
	        $(BIN)/$$p man $$c >$(share)/man/man1/$$p-$$c.1; \
	    done; \
	    $(BIN)/$$p completion bash >$(bash_dir)/$$p; \
	    $(BIN)/$$p completion zsh >$(zsh_dir)/_$$p; \
	    $(BIN)/$$p completion fish >$(fish_dir)/$$p.fish; \
	done

uninstall: ## takes away what install put there
	$(Q)for p in $(PROGRAMS); do \
	    rm -f $(DESTDIR)$(PREFIX)/bin/$$p $(share)/man/man1/$$p.1 $(share)/man/man1/$$p-*.1 \
	        $(bash_dir)/$$p $(zsh_dir)/_$$p $(fish_dir)/$$p.fish; \
	done
