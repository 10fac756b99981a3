#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs every fuzzer of a build directory: run.sh BUILD SECONDS [RUNS], until the
# first of both is over; 0 is no bound. What was found worth keeping stays in
# BUILD/corpus/NAME. Leaks are looked for at the end of each: OpenSSL's caches
# make libFuzzer look after every run, which then takes thirty times as long.
set -eu

build=$1
seconds=$2
runs=${3:-0}
for fuzzer in "$build"/tests/fuzz/fuzz_*; do
	[ -x "$fuzzer" ] || continue
	name=${fuzzer##*/fuzz_}
	corpus=$build/corpus/$name
	mkdir -p "$corpus"
	echo "fuzz_$name: at most $seconds s and $runs runs (0: any number)," \
	    "corpus in $corpus"
	seeds=tests/fuzz/seeds/$name
	[ -d "$seeds" ] || seeds=
	# shellcheck disable=SC2086 # no seeds, no argument
	"$fuzzer" -max_total_time="$seconds" -runs="$((runs > 0 ? runs : -1))" -timeout=10 \
	    -dict=tests/fuzz/words.dict -rss_limit_mb=1024 -detect_leaks=0 \
	    -print_final_stats=1 -verbosity=0 -artifact_prefix="$corpus-" \
	    "$corpus" $seeds
done
