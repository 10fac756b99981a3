#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every rule that a script can check, each a program in tests/lint/. A broken
# rule prints "file:line: what, want X". BUILD names where things are built.
set -u
cd "$(dirname "$0")/.." || exit 2
export BUILD="${BUILD:-build}" CC="${CC:-gcc}" PYTHONDONTWRITEBYTECODE=1

broken=""
for rule in tests/lint/*; do
	[ -x "$rule" ] || continue
	"$rule" || broken="$broken ${rule##*/}"
done
if [ -n "$broken" ]; then
	echo "lint: broken:$broken"
	exit 1
fi
echo "lint: clean"
