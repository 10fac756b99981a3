#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What users type or read stands in the documents, and the reverse: reason
codes, plugin options, topics, subcommands, reported where they are missing."""

import pathlib
import re

import source

DECISIONS = pathlib.Path("docs/DECISIONS.md")
PROTOCOL = pathlib.Path("docs/PROTOCOL.md")
MANUAL = pathlib.Path("docs/mosquitto_trust.8")
TRUSTCTL = pathlib.Path("docs/trustctl.1")

# Topics of ours, with a variable part as {x} in documents and %s in code.
TOPIC = r"(?:trust/v1|\$CONTROL/trust/v1|\$SYS/broker/trust)/[\w/{}%#+-]*\w\}?"


def find(paths, pattern):
    """{what the pattern's group matches: (path, line of the first)}."""
    found = {}
    for path in paths:
        if not path.exists():
            continue
        for n, line in enumerate(path.read_text().split("\n"), 1):
            for match in re.finditer(pattern, line):
                found.setdefault(match[1], (path, n))
    return found


def compare(code, documents, what, where):
    """Both know the same names; else a finding where the name stands."""
    if not documents:
        source.report(where, 1, f"want each {what} in it, got none")
        return
    for name in sorted(code.keys() - documents.keys()):
        source.report(*code[name], f"{what} {name}: want it in {where}")
    for name in sorted(documents.keys() - code.keys()):
        source.report(*documents[name], f"{what} {name}: want one that the "
                      "code knows")


def plain(topics):
    return {re.sub(r"%s|\{\w+\}", "{}", name): place
            for name, place in topics.items()}


def in_table(path, name, pattern):
    """As find, in the table `name[] = {` of a C file alone."""
    lines = path.read_text().split("\n") if path.exists() else []
    found = {}
    inside = False
    for n, line in enumerate(lines, 1):
        inside = (inside or f"{name}[] = {{" in line
                  or f"{name}[TRUST_" in line)
        match = re.search(pattern, line) if inside else None
        if match:
            found[match[1]] = (path, n)
        inside = inside and not line.startswith("};")
    return found


def main():
    compare(in_table(pathlib.Path("policy/reason.c"), "reasons",
                     r'\] = \{"(\w+)"'),
            find([DECISIONS], r"^\| (?:\d \| )?`(\w+)` \|"),
            "reason code", DECISIONS)
    compare(in_table(pathlib.Path("policy/sync_reason.c"), "reasons",
                     r'(?<!ACCEPTED)\] = \{"(\w+)"'),
            find([PROTOCOL], r"^\| (?:\d|C) \| `(\w+)` \|"),
            "reason of sync", PROTOCOL)
    compare(in_table(pathlib.Path("plugin/options.c"), "table",
                     r'^    \{"(\w+)"'),
            find([MANUAL], r"^\.It Cm (\w+) (?:Ar|Cm)"),
            "option", MANUAL)
    compare(plain(find(source.files(("policy", "plugin"), ".c"),
                       f'"({TOPIC})"')),
            # A bridge's line has two prefixes of topics, and no topic.
            plain(find([MANUAL], f"^(?!topic ).*?({TOPIC})")), "topic",
            MANUAL)
    compare(in_table(pathlib.Path("cli/main.c"), "commands",
                     r'^    \{"(\w+)"'),
            find([TRUSTCTL], r"^\.(?:It )?Nm Cm (\w+)"), "command", TRUSTCTL)
    source.finish()


main()
