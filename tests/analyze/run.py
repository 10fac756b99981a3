#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What gcc's analyzer, clang-tidy and cppcheck find in the sources, without
what is answered in answered.txt: run.py [TOOL...]. BUILD names where things
are built, JOBS how many run at a time."""

import collections
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("BUILD", "build"))
JOBS = int(os.environ.get("JOBS") or 2)
ROOMS = ("policy", "plugin", "certs", "cli")
HASH = "tests/analyze/hash.h"
FLAGS = ("-std=c17", "-D_GNU_SOURCE", "-include", HASH, "-Ipolicy")
FINDING = re.compile(r"^(?:\./|/\S*?/)??(\w+/\w+\.[ch]):(\d+):(?:\d+:)? "
                     r"(?:warning|error): (.*) \[(?:CWE-\d+\] \[)?"
                     r"-?W?([\w.,-]+)\]$", re.M)

# How each tool is asked about a file, or about all at once.
COMMANDS = {
    "gcc": lambda file: (
        "gcc", *FLAGS, "-O0", "-fanalyzer", "-fdiagnostics-plain-output",
        "-c", "-o", "/dev/null", file),
    "clang-tidy": lambda file: (
        "clang-tidy", "--quiet", file, "--", *FLAGS),
    "cppcheck": lambda _: (
        "cppcheck", "--quiet", f"-j{JOBS}", "--std=c11",
        "--enable=warning,performance,portability", "-D_GNU_SOURCE",
        "-Ipolicy", "--library=gnu", "--library=openssl", "--library=posix",
        f"--include={HASH}", "--include=/usr/include/uthash.h",
        "--include=/usr/include/utlist.h", "--include=/usr/include/jansson.h",
        f"--cppcheck-build-dir={BUILD}/cppcheck",
        "--template={file}:{line}: warning: {message} [{id}]", *ROOMS),
}


def sources():
    return [str(path) for room in ROOMS
            for path in sorted(pathlib.Path(room).glob("*.c"))]


def ask(tool, file):
    """Set of (file, line, check, what)."""
    done = subprocess.run(
        COMMANDS[tool](file), stdin=subprocess.DEVNULL, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=dict(os.environ, LC_ALL="C"))
    found = {(match[1], int(match[2]), match[4], match[3])
             for match in FINDING.finditer(done.stdout)}
    if done.returncode != 0 and not found:
        sys.exit(f"analyze: {tool} {file}: {done.stdout.strip()}")
    return found


def find(tools):
    """{(tool, check, file): [(line, what)]}."""
    (BUILD / "cppcheck").mkdir(parents=True, exist_ok=True)
    work = [(tool, file) for tool in tools
            for file in (sources() if tool != "cppcheck" else ["all"])]
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        asked = pool.map(lambda one: (one[0], ask(*one)), work)
        findings = {(tool, *one) for tool, found in asked for one in found}
    by_place = collections.defaultdict(list)
    for tool, file, line, check, what in sorted(findings):
        by_place[tool, check, file].append((line, what))
    return by_place


def answers():
    """{(tool, check, file): how many}."""
    answered = {}
    for n, line in enumerate((HERE / "answered.txt").read_text().split("\n"),
                             1):
        if not line.strip() or line.startswith("#"):
            continue
        words = line.split(None, 4)
        if len(words) != 5 or words[0] not in COMMANDS:
            sys.exit(f"tests/analyze/answered.txt:{n}: want TOOL CHECK FILE "
                     "COUNT WHY")
        answered[tuple(words[:3])] = int(words[3])
    return answered


def main():
    tools = sys.argv[1:] or list(COMMANDS)
    found, answered = find(tools), answers()
    failed = False
    for place, findings in sorted(found.items()):
        if len(findings) > answered.get(place, 0):
            failed = True
            for line, what in findings:
                print(f"{place[2]}:{line}: {what} ({place[0]} {place[1]})")
    for place, count in sorted(answered.items()):
        if place[0] in tools and len(found.get(place, ())) < count:
            failed = True
            print(f"tests/analyze/answered.txt: {' '.join(place)}: want it "
                  f"{len(found.get(place, ()))} times, got {count}")
    sys.exit(1 if failed else 0)


main()
