# SPDX-License-Identifier: Apache-2.0
# mosquitto-trust: see README.md. `make help` lists the targets.

BUILD   ?= build
PREFIX  ?= /usr/local
LIBDIR  ?= $(PREFIX)/lib
DOCDIR  ?= $(PREFIX)/share/doc/mosquitto-trust
SECONDS ?= 60
RUNS    ?= 0
CFLAGS  ?= -O2 -g -D_FORTIFY_SOURCE=2
WERROR  ?=
# The Python that Debian's packages are for.
PYTEST  ?= /usr/bin/python3 -m pytest
# Tests that run at the same time; a file's run one after the other. They wait
# more than they work.
JOBS    ?= 4
# What installs missing packages; empty where somebody else sees to that.
DEPS    ?= tests/deps.sh
# V=1 shows whole commands.
SAY      = $(if $(V),,@echo '  $(1) $@' &&)
ifeq ($(origin CC),default)
CC       = gcc
endif

WARN     = -Wall -Wextra -Wshadow -Wconversion -Wmissing-prototypes \
           -Wstrict-prototypes -Wpointer-arith -Wcast-qual -Wwrite-strings \
           -Wundef -Wvla -Wformat=2 -Wnull-dereference -Wno-unused-parameter
HARDEN   = -fPIC -fvisibility=hidden -fstack-protector-strong
ALLFLAGS = -std=c17 -D_GNU_SOURCE $(WARN) $(HARDEN) -Ipolicy $(CPPFLAGS) \
           $(CFLAGS)
LINK     = $(CC) $(CFLAGS) -Wl,-z,relro,-z,now,-z,noexecstack $(LDFLAGS)
LIBS     = -lcrypto -lsqlite3 -ljansson

objects  = $(patsubst %.c,$(BUILD)/%.o,$(wildcard $(1)/*.c))
POLICY  := $(call objects,policy)
PLUGIN  := $(call objects,plugin)
CERTS   := $(call objects,certs)
CLI     := $(call objects,cli)
UNITS   := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/test_*.c))
CASES   := $(BUILD)/tests/cases/decide
FAULTS  := $(BUILD)/tests/faults/faults
FUZZERS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fuzz/fuzz_*.c))
SOAK    := $(addprefix $(BUILD)/bench/,ping turns.so)
REPLAYS := $(FUZZERS:$(BUILD)/tests/fuzz/fuzz_%=$(BUILD)/tests/fuzz/replay_%)

## all        build the plugin and trustctl into build/ (the default)
all: $(BUILD)/mosquitto_trust.so $(BUILD)/trustctl

$(BUILD)/libtrust.a: $(POLICY)
	$(call SAY,AR  ) rm -f $@ && ar rcs $@ $^

$(BUILD)/mosquitto_trust.so: $(PLUGIN) $(BUILD)/libtrust.a plugin/exports.map
	$(call SAY,LINK) $(LINK) -shared -o $@ $(PLUGIN) $(BUILD)/libtrust.a \
	    -Wl,--version-script=plugin/exports.map -lssl $(LIBS)

$(BUILD)/trustctl: $(CLI) $(CERTS) $(BUILD)/libtrust.a
	$(call SAY,LINK) $(LINK) -pie -o $@ $^ $(LIBS) -lssl \
	    -lmosquitto -lcurl

$(UNITS): %: %.o $(CERTS) $(BUILD)/libtrust.a
	$(call SAY,LINK) $(LINK) -o $@ $(filter %.o,$^) $(filter %.a,$^) -lcmocka $(LIBS) -lmosquitto

# Threads are the plugin's, and want nothing of the broker.
$(BUILD)/tests/unit/test_sync_thread: \
    $(addprefix $(BUILD)/plugin/,sync.o sync_log.o mailbox.o thread.o)

$(BUILD)/tests/unit/test_crl_ahead: \
    $(addprefix $(BUILD)/plugin/,crl_ahead.o thread.o)

# The session table wants nothing of the broker either.
$(BUILD)/tests/unit/test_session: \
    $(addprefix $(BUILD)/plugin/,session.o session_end.o session_ground.o)

# Nor does what waits for certificates.
$(BUILD)/tests/unit/test_pending: $(BUILD)/plugin/pending.o

# Of the broker these want its log, and the test is that.
$(BUILD)/tests/unit/test_refusal: $(BUILD)/plugin/refusal.o
$(BUILD)/tests/unit/test_audit: $(BUILD)/plugin/audit.o

# An ACL check asks for nothing: what could be asked for is counted.
COUNTED = malloc calloc realloc reallocarray strdup sqlite3_step \
          sqlite3_file_control
$(BUILD)/tests/unit/test_access: $(patsubst %,$(BUILD)/plugin/%.o,access \
    audit broker_bridge broker_config broker_listener enrollment event intruder \
    pending property provenance refusal session session_end session_ground)
$(BUILD)/tests/unit/test_access: private LIBS += $(COUNTED:%=-Wl,--wrap=%)

# What policy/ calls can fail here: the wrappers are made of what the library
# itself says that it calls.
WRAPPERS = $(BUILD)/tests/faults/wrappers
$(WRAPPERS).inc: tests/faults/wrap.py $(BUILD)/libtrust.a
	@mkdir -p $(@D)
	$(call SAY,WRAP) python3 tests/faults/wrap.py $(BUILD)/libtrust.a \
	    $@ $(WRAPPERS).options
$(WRAPPERS).o: $(WRAPPERS).inc tests/faults/fault.h
	$(call SAY,CC  ) $(CC) $(ALLFLAGS) -Itests/faults -x c -c -o $@ $<
$(FAULTS): $(call objects,tests/faults) $(WRAPPERS).o $(CERTS) \
    $(BUILD)/libtrust.a
	$(call SAY,LINK) $(LINK) -o $@ @$(WRAPPERS).options \
	    $(filter %.o,$^) $(filter %.a,$^) -lcmocka $(LIBS)

$(CASES): %: %.o $(BUILD)/libtrust.a
	$(call SAY,LINK) $(LINK) -o $@ $^ $(LIBS)

$(FUZZERS): %: %.o $(BUILD)/libtrust.a
	$(call SAY,LINK) $(LINK) -fsanitize=fuzzer -o $@ \
	    $(filter-out %.a,$^) $(BUILD)/libtrust.a $(LIBS)

$(REPLAYS): $(BUILD)/tests/fuzz/replay_%: $(BUILD)/tests/fuzz/fuzz_%.o \
    $(BUILD)/tests/fuzz/replay.o $(BUILD)/libtrust.a
	$(call SAY,LINK) $(LINK) -o $@ \
	    $(filter-out %.a,$^) $(BUILD)/libtrust.a $(LIBS)

$(addprefix $(BUILD)/tests/fuzz/,fuzz_est replay_est fuzz_enrolled \
    replay_enrolled): $(CERTS)

# Two are of the plugin; one drives all of it, as a broker does.
$(addprefix $(BUILD)/tests/fuzz/,fuzz_options replay_options): \
    $(BUILD)/plugin/options.o
$(addprefix $(BUILD)/tests/fuzz/,fuzz_command replay_command): \
    $(PLUGIN) $(CERTS) $(BUILD)/tests/fuzz/broker.o
$(addprefix $(BUILD)/tests/fuzz/,fuzz_command replay_command): \
    private LIBS += -lssl -lmosquitto

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call SAY,CC  ) $(CC) $(ALLFLAGS) $(WERROR) -MMD -MP -c -o $@ $<

# cmocka 2 deprecates what cmocka 1 has no other name for.
$(BUILD)/tests/unit/%.o: private ALLFLAGS += -Wno-deprecated-declarations

# Other flags make other objects.
$(BUILD)/flags: always | deps-build
	@mkdir -p $(@D)
	@echo '$(CC) $(ALLFLAGS)' | cmp -s - $@ || \
	    echo '$(CC) $(ALLFLAGS)' >$@

## deps       install the packages that building and testing need (Debian)
deps: deps-test
deps-%:
	@$(if $(DEPS),$(DEPS) $*)

## run        the demonstration, until Ctrl-C; LISTEN=0.0.0.0 opens its gateway
run: deps-run all
	@exec env BUILD='$(BUILD)' LISTEN='$(LISTEN)' docker/demo.sh

## install    install under DESTDIR and PREFIX (/usr/local)
install: all
	install -D -m 0755 $(BUILD)/trustctl \
	    $(DESTDIR)$(PREFIX)/bin/trustctl
	install -D -m 0644 $(BUILD)/mosquitto_trust.so \
	    $(DESTDIR)$(LIBDIR)/mosquitto_trust.so
	install -D -m 0644 docs/trustctl.1 \
	    $(DESTDIR)$(PREFIX)/share/man/man1/trustctl.1
	install -D -m 0644 docs/trust-registry.5 \
	    $(DESTDIR)$(PREFIX)/share/man/man5/trust-registry.5
	install -D -m 0644 docs/mosquitto_trust.8 \
	    $(DESTDIR)$(PREFIX)/share/man/man8/mosquitto_trust.8
	install -d $(DESTDIR)$(DOCDIR)/examples
	install -m 0644 docs/*.md $(DESTDIR)$(DOCDIR)
	install -m 0644 docker/demo-upstream.conf.in docker/demo-upstream.acl \
	    $(DESTDIR)$(DOCDIR)/examples
	sed 's|/usr/lib/mosquitto_trust|$(LIBDIR)/mosquitto_trust|' \
	    docker/gateway.conf >$(DESTDIR)$(DOCDIR)/examples/gateway.conf
	install -D -m 0644 cli/completion.bash \
	    $(DESTDIR)$(PREFIX)/share/bash-completion/completions/trustctl

## test       all set-up, then every test
test: TESTS = tests/unit tests/faults tests/system
## unit       the library's tests alone
unit: TESTS = tests/unit tests/faults
## system     the tests with real brokers and clients alone
system: TESTS = tests/system
test unit system: WERROR = -Werror
test system: wish-ship
test unit: threads
test system: $(SOAK)
test unit system: deps-test all $(UNITS) $(FAULTS) $(CASES) $(REPLAYS)
	TRUST_BUILD='$(abspath $(BUILD))' $(PYTEST) -n $(JOBS) \
	    --dist loadfile -rs $(TESTS) $(PYTEST_ARGS)

## asan       every test again with AddressSanitizer and UBSan
SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover=all
asan: deps-test
	TRUST_BROKER_PRELOAD="$$(gcc -print-file-name=libasan.so)" \
	ASAN_OPTIONS=detect_leaks=1:exitcode=99 \
	LSAN_OPTIONS=suppressions=$(CURDIR)/tests/lsan.supp:print_suppressions=0 \
	$(MAKE) test BUILD='$(BUILD)-asan' CC=gcc \
	    CFLAGS='-O1 -g -fno-omit-frame-pointer $(SANITIZE)'

## coverage   every test again, counted: build/coverage/index.html, and a table
# A broker that a test kills counts nothing. What was counted before is gone:
# programs say aloud that it does not fit them any more.
coverage: deps-coverage
	find '$(BUILD)-coverage' -name '*.gcda' -delete 2>/dev/null || :
	$(MAKE) test BUILD='$(BUILD)-coverage' CC=gcc \
	    CFLAGS='-O0 -g --coverage -fprofile-update=atomic'
	@tests/coverage.sh '$(BUILD)-coverage' '$(BUILD)/coverage'

## tsan       what has threads again with ThreadSanitizer
# The broker has none of it, but what is preloaded there sees every lock and
# what the plugin's own code does between them. Addresses as they come are too
# much for it on some kernels.
LIBTSAN = $(wildcard $(shell gcc -print-file-name=libtsan.so))
TSAN    = BUILD='$(BUILD)/tsan' CC=gcc \
          CFLAGS='-O1 -g -fno-omit-frame-pointer -fsanitize=thread'
THREADS = $(addprefix $(BUILD)/tsan/tests/unit/,test_mailbox test_sync_thread \
          test_crl_ahead)
tsan: export TSAN_OPTIONS = halt_on_error=1:exitcode=99
tsan: deps-test threads $(BUILD)/tests/system/resolver.so
	for program in $(THREADS); do setarch -R $$program || exit; done
	TRUST_BROKER_PRELOAD="$(LIBTSAN) \
	    $(abspath $(BUILD)/tests/system/resolver.so)" \
	setarch -R $(MAKE) system $(TSAN) \
	    PYTEST_ARGS='-k "test_sync.py or test_sync_nested.py"'

threads: | deps-build
	$(if $(LIBTSAN),@$(MAKE) $(THREADS) $(TSAN) WERROR='$(WERROR)')

$(BUILD)/tests/system/resolver.so: tests/system/resolver.c
	@mkdir -p $(@D)
	$(call SAY,LINK) $(CC) $(ALLFLAGS) -fvisibility=default -shared -o $@ $<

## valgrind   brokers under valgrind: a thousand sensors connect, sync goes on
valgrind: deps-valgrind
	TRUST_BROKER_WRAPPER="valgrind --quiet --leak-check=full \
	    --error-exitcode=99 --suppressions=$(CURDIR)/tests/valgrind.supp" \
	$(MAKE) system \
	    PYTEST_ARGS='-k "thousand or needs_nothing or away_for or block_wins"'

## soak       everything at once for MINUTES=30, with figures; sync with crashes
# How much there is of everything is told in bench/soak.py.
MINUTES ?= 30
soak: deps-bench all $(SOAK)
	@BUILD='$(BUILD)' MINUTES='$(MINUTES)' python3 -B bench/soak.py
	TRUST_CRASHES=300 TRUST_SERIALS=500 TRUST_LIVE=10000 $(MAKE) system \
	    PYTEST_ARGS='-k "sync_faults or test_live"'

## faults     every call of policy/ to others fails, each one; make test has fewer
faults:
	TRUST_FAULTS=all $(MAKE) unit PYTEST_ARGS='-k test_faults.py'

## fuzz       fuzz each reader of foreign bytes for SECONDS=60, or RUNS=
fuzz: deps-fuzz
	$(MAKE) fuzzers BUILD='$(BUILD)-fuzz' CC=clang \
	    CFLAGS='-O1 -g -fsanitize=fuzzer-no-link,address,undefined \
	    -fno-sanitize-recover=all'
	tests/fuzz/run.sh '$(BUILD)-fuzz' '$(SECONDS)' '$(RUNS)'
fuzzers: $(FUZZERS)

## bench      the measured tables, and build/bench.json; BENCH_QUICK=1 is short
bench: deps-bench all $(BUILD)/bench/load $(BUILD)/bench/ping \
    $(BUILD)/bench/paths $(BUILD)/bench/floor.so $(BUILD)/bench/turns.so
	@BUILD='$(BUILD)' python3 -B bench/run.py

## figures    what make bench measured, into PERFORMANCE.md and README.md
figures:
	@BUILD='$(BUILD)' python3 -B bench/record.py

$(BUILD)/bench/load: $(BUILD)/bench/load.o $(BUILD)/bench/sensor.o \
    $(BUILD)/libtrust.a
	$(call SAY,LINK) $(LINK) -pie -o $@ $^ -lssl -lcrypto

$(BUILD)/bench/paths: $(BUILD)/bench/paths.o $(BUILD)/libtrust.a
	$(call SAY,LINK) $(LINK) -pie -o $@ $^ -lcrypto

$(BUILD)/bench/ping: $(BUILD)/bench/ping.o
	$(call SAY,LINK) $(LINK) -pie -o $@ $^

$(BUILD)/bench/floor.so: $(BUILD)/bench/floor.o
	$(call SAY,LINK) $(LINK) -shared -o $@ $^ -lssl -lcrypto

$(BUILD)/bench/turns.so: $(BUILD)/bench/turns.o
	$(call SAY,LINK) $(LINK) -shared -o $@ $^ -ldl

# What they need beyond that is not to be had everywhere; they say so then.
wish-ship: deps-test
	@$(if $(DEPS),$(DEPS) ship || :)

## ship       the tests of image and package, none of them skipped (as root)
ship: deps-ship
	TRUST_SHIP=1 $(MAKE) system PYTEST_ARGS='-k "test_image or test_package"'

## image      build the container image IMAGE on the Debian BASE
image:
	@BASE='$(BASE)' IMAGE='$(IMAGE)' docker/image.sh

## deb        build the Debian package, in build/deb/
deb: deps-deb
	@BUILD='$(BUILD)' docker/deb.sh

## matrix     the tests on each Debian, and with other compilers (as root)
matrix: deps-matrix
	tests/matrix.sh

## lint       what a script can check of the house rules
lint: WERROR = -Werror
lint: deps-lint all
	@BUILD='$(BUILD)' CC='$(CC)' FLAGS='$(ALLFLAGS)' tests/lint.sh

## analyze    gcc's analyzer, clang-tidy and cppcheck; lint has the last alone
analyze: deps-analyze
	@BUILD='$(BUILD)' JOBS='$(JOBS)' tests/analyze/run.py

## fmt        format the C sources
fmt: deps-lint
	@tests/lint/format.sh fix

## clean      remove what was built, and run/ of the demonstration
clean:
	rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-coverage $(BUILD)-fuzz run

## help       this list
help:
	@sed -n 's/^## /make /p' Makefile

.PHONY: all always deps run install test unit system asan coverage tsan \
    threads valgrind soak faults fuzz fuzzers bench figures wish-ship ship \
    image deb matrix lint analyze fmt clean help

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
