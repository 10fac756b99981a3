#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs every fuzzer of a build directory for some seconds: run.sh BUILD SECONDS.
# What was found worth keeping stays in BUILD/corpus/NAME.
set -eu

build=$1
seconds=$2
for fuzzer in "$build"/tests/fuzz/fuzz_*; do
	[ -x "$fuzzer" ] || continue
	name=${fuzzer##*/fuzz_}
	corpus=$build/corpus/$name
	mkdir -p "$corpus"
	echo "fuzz_$name: $seconds s, corpus in $corpus"
	seeds=tests/fuzz/seeds/$name
	[ -d "$seeds" ] || seeds=
	# shellcheck disable=SC2086 # no seeds, no argument
	"$fuzzer" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 \
	    -print_final_stats=1 -verbosity=0 -artifact_prefix="$corpus-" \
	    "$corpus" $seeds
done
