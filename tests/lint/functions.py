#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Functions fit on a screen, and their names say who may call them."""

import re

import source

LINES_MAX = 70
NAME = re.compile(r"(\w+)\(")
# Entry points whose names others have chosen.
GIVEN = re.compile(r"main$|mosquitto_plugin_|LLVMFuzzer")


def functions(lines):
    """(name, first line, last line, static) of each definition: by the format
    of this project its name and both its braces begin a line."""
    for start, text in enumerate(lines):
        if text != "{":
            continue
        head = start - 1
        while head > 0 and lines[head].strip() and not NAME.match(lines[head]):
            head -= 1
        match = NAME.match(lines[head])
        if match:
            end = lines.index("}", start)
            static = "static" in lines[head - 1].split()
            yield match[1], head + 1, end + 1, static


def main():
    for path in source.files(source.ROOMS, ".c"):
        for name, first, last, static in functions(source.code(path)):
            if last - first + 1 > LINES_MAX:
                source.report(path, first, f"{name}() has "
                              f"{last - first + 1} lines, want at most "
                              f"{LINES_MAX}")
            if static and name.startswith("trust_"):
                source.report(path, first, f"{name}() is static, want no "
                              "prefix")
            if not (static or name.startswith("trust_") or GIVEN.match(name)):
                source.report(path, first, f"{name}() is exported, want "
                              "static or the prefix trust_")
    source.finish()


main()
