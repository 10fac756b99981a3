#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the tests ran, counted by a build in OBJECTS: a page for each file in
# PAGES, and a table of lines and branches, worst lines first. Fails where
# policy/ has fewer lines than it should.
set -eu
cd "$(dirname "$0")/.."
objects=$1
pages=$2
want=95 # per cent of the lines of policy/

mkdir -p "$pages"
gcovr --root . --filter '(policy|plugin|certs|cli)/' \
    --html-details "$pages/index.html" --csv "$pages/coverage.csv" "$objects"

tail -n +2 "$pages/coverage.csv" | sort -t, -k4,4g -k1,1 |
    awk -F, -v want="$want" -v pages="$pages" '
function rate(part, whole) { return whole ? 100 * part / whole : 100 }
function row(name, l) {
	printf "%-32s %6d %6d %6.1f%% %8d %6d %6.1f%%\n", name,
	    lines[l], ran[l], rate(ran[l], lines[l]),
	    branches[l], taken[l], rate(taken[l], branches[l])
}
function add(l) {
	lines[l] += $2; ran[l] += $3
	branches[l] += $5; taken[l] += $6
}
BEGIN {
	printf "%-32s %6s %6s %7s %8s %6s %7s\n", "file", "lines", "ran", "",
	    "branches", "taken", ""
}
{
	room = $1
	sub(/\/.*/, "", room)
	add($1); add(room); add("all")
	row($1, $1)
}
END {
	print ""
	split("policy plugin certs cli all", rooms, " ")
	for (i = 1; i in rooms; i++)
		row(rooms[i], rooms[i])
	print pages "/index.html"
	if (rate(ran["policy"], lines["policy"]) < want) {
		printf "coverage: policy/, want %d %% of its lines\n", want
		exit 1
	}
}'
