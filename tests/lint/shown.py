#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A document that names a test, `FILE::TEST` with FILE under tests/, names one
that runs: a function of a Python or C test, a case of a table, or one of
tests/faults' scenarios as test_every_call_fails[SCENARIO]."""

import functools
import pathlib
import re

import source

REFERENCE = re.compile(r"`(tests/[^`:]*)::([^`]*)`|(\btests/[\w/.]+::)")
# How a file says that there is such a test.
DEFINED = {
    ".py": r"^def (test_\w+)\(",
    ".c": r"\b(?:cmocka_unit_test\w*|TEST\w*)\(\s*(\w+)",
    ".ini": r"^\[case (.*)\]$",
}
FAULTS = pathlib.Path("tests/faults")
SCENARIO = r'^    \{"(\w+)", \w+,'
# Here each claim names its tests: a row of a table without one is none.
CLAIMS = {"docs/SECURITY-MODEL.md": "shown by", "docs/RELIABILITY.md": "test"}


@functools.cache
def tests_of(path):
    pattern = DEFINED.get(path.suffix)
    if pattern is None or not path.exists():
        return None
    if path.parent == FAULTS:
        return {f"test_every_call_fails[{name}]" for each in FAULTS.glob("*.c")
                for name in re.findall(SCENARIO, each.read_text(), re.M)}
    return set(re.findall(pattern, path.read_text(), re.M))


def check_references(path, n, line):
    for match in REFERENCE.finditer(line):
        if match[3]:
            source.report(path, n, f"{match[3]}: want it in code font")
            continue
        known = tests_of(pathlib.Path(match[1]))
        if known is None:
            source.report(path, n, f"{match[1]}: want a file of tests")
        elif match[2] not in known:
            source.report(path, n, f"{match[1]}::{match[2]}: want a test "
                          "that there is")


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def check_claims(path, lines):
    """In a table with that column, every row has a reference in it."""
    column = None
    for n, line in enumerate(lines, 1):
        if not line.startswith("|"):
            column = None
        elif column is None:
            heads = [head.lower() for head in cells(line)]
            wanted = CLAIMS[str(path)]
            column = heads.index(wanted) if wanted in heads else -1
        elif column >= 0 and not set(line) <= set("|-: "):
            row = cells(line)
            if column >= len(row) or not REFERENCE.search(row[column]):
                source.report(path, n, "a claim without a test, want "
                              "`FILE::TEST`")


def main():
    for path in [pathlib.Path(name) for name in (
            "README.md", "CONTRIBUTING.md", "SECURITY.md")] + source.files(
                ("docs",), ".md"):
        lines = path.read_text().split("\n")
        for n, line in enumerate(lines, 1):
            check_references(path, n, line)
        if str(path) in CLAIMS:
            check_claims(path, lines)
    source.finish()


main()
