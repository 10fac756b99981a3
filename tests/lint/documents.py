#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What users type or read stands in the documents, and the reverse: reason
codes, plugin options, topics, commands, events, counters, subcommands and
their options, fields of records, reported where they are missing."""

import pathlib
import re

import source

DECISIONS = pathlib.Path("docs/DECISIONS.md")
OPERATIONS = pathlib.Path("docs/OPERATIONS.md")
PROTOCOL = pathlib.Path("docs/PROTOCOL.md")
PLUGIN = pathlib.Path("docs/mosquitto_trust.8")
REGISTRY = pathlib.Path("docs/trust-registry.5")
TRUSTCTL = pathlib.Path("docs/trustctl.1")

# Topics of ours, with a variable part as {x} in documents and %s in code.
TOPIC = r"(?:trust/v1|\$CONTROL/trust/v1|\$SYS/broker/trust)/[\w/{}%#+-]*\w\}?"

# Commands for programs alone: what trustctl would print is trustctl check's.
NOT_TRUSTCTLS = {"explain"}

# The section of REGISTRY in which a table of fields stands.
SECTIONS = {
    "common_fields": "EVERY RECORD",
    "trust_record_device_fields": "device",
    "anchor_fields": "anchor",
    "trust_record_group_fields": "group",
    "crl_fields": "crl",
    "trust_record_role_fields": "role",
    "token_fields": "token",
    "gateway_fields": "gateway",
    "thumbprint_fields": "AUTH",
    "key_fields": "AUTH",
    "ca_fields": "AUTH",
    "psk_fields": "AUTH",
    "rule_fields": "RULES",
}


# ---- Looking ----

def lines_of(path):
    return path.read_text().split("\n") if path.exists() else []


def find(paths, pattern):
    """{what the pattern's group matches: (path, line of the first)}."""
    found = {}
    for path in paths:
        for n, line in enumerate(lines_of(path), 1):
            for match in re.finditer(pattern, line):
                found.setdefault(match[1], (path, n))
    return found


def in_table(path, name, pattern):
    """As find, in the table `name[] = {` of a C file alone."""
    found = {}
    inside = False
    for n, line in enumerate(lines_of(path), 1):
        inside = (inside or f" {name}[] = {{" in line
                  or f" {name}[TRUST_" in line)
        match = re.search(pattern, line) if inside else None
        if match:
            found[match[1]] = (path, n)
        inside = inside and not line.lstrip().startswith("};")
    return found


def in_section(path, section, macro):
    """The names behind `.It macro` in a section of a manual page, those of
    its subsections apart: {name: (path, line)}."""
    found = {}
    inside = False
    for n, line in enumerate(lines_of(path), 1):
        if line.startswith((".Sh ", ".Ss ")):
            inside = line[4:] == section
        elif inside and line.startswith(f".It {macro} "):
            for item in line[4:].split(" , "):
                name = item.removeprefix(f"{macro} ").split()[0]
                found.setdefault(name, (path, n))
    return found


def plain(topics):
    return {re.sub(r"%s|\{\w+\}", "{}", name): place
            for name, place in topics.items()}


# ---- Comparing ----

def compare(code, documents, what, where):
    """Both know the same names; else a finding where the name stands."""
    if not code or not documents:
        source.report(where, 1, f"want each {what} in it, got none "
                      f"{'there' if code else 'from the code'}")
        return
    for name in sorted(code.keys() - documents.keys()):
        source.report(*code[name], f"{what} {name}: want it in {where}")
    for name in sorted(documents.keys() - code.keys()):
        source.report(*documents[name], f"{what} {name}: want one that the "
                      "code knows")


def known(code, documents, what):
    """What documents mention, there is."""
    for name in sorted(documents.keys() - code.keys()):
        source.report(*documents[name], f"{what} {name}: want one that the "
                      "code knows")


def check_reasons():
    compare(in_table(pathlib.Path("policy/reason.c"), "reasons",
                     r'\] = \{"(\w+)"'),
            find([DECISIONS], r"^\| (?:\d \| )?`(\w+)` \|"),
            "reason code", DECISIONS)
    of_sync = in_table(pathlib.Path("policy/sync_reason.c"), "reasons",
                       r'(?<!ACCEPTED)\] = \{"(\w+)"')
    compare(of_sync, find([PROTOCOL], r"^\| (?:\d|C) \| `(\w+)` \|"),
            "reason of sync", PROTOCOL)
    compare(of_sync, find([OPERATIONS], r"`(\w+)`(?=[^|]*\|[^|]*\|$)"),
            "reason of sync", OPERATIONS)


def check_plugin(documents):
    options = in_table(pathlib.Path("plugin/options.c"), "table",
                       r'^    \{"(\w+)"')
    compare(options, in_section(PLUGIN, "OPTIONS", "Cm"), "option", PLUGIN)
    known(options, find(documents, r"\bplugin_opt_(\w+)"), "option")
    compare(plain(find(source.files(("policy", "plugin"), ".c"),
                       f'"({TOPIC})"')),
            # A bridge's line has two prefixes of topics, and no topic.
            plain(find([PLUGIN], f"^(?!topic ).*?({TOPIC})")), "topic",
            PLUGIN)
    compare(in_table(pathlib.Path("plugin/event.c"), "kinds",
                     r'\] = \{"(\w+)"'),
            in_section(PLUGIN, "EVENTS", "Cm"), "event", PLUGIN)
    counters = pathlib.Path("plugin/counters.c")
    compare({**in_table(counters, "table", r'^    \{"([\w/]+)"'),
             **find([counters], r'^#define REFUSED "([\w/]+)"')},
            in_section(PLUGIN, "COUNTERS", "Pa"), "counter", PLUGIN)


def check_commands():
    """Those on $CONTROL, and those that trustctl sends there."""
    commands = in_table(pathlib.Path("plugin/command.c"), "commands",
                        r'^    \{"(\w+)"')
    compare(commands, in_section(PLUGIN, "COMMANDS", "Cm"), "command", PLUGIN)
    compare({name: place for name, place in commands.items()
             if name not in NOT_TRUSTCTLS},
            {**find(source.files(("cli",), ".c"), r'"command", "(\w+)"'),
             **find([pathlib.Path("cli/act.c")],
                    r'\bact = \{\.command = "(\w+)"')},
            "command", pathlib.Path("cli"))


def check_trustctl(documents):
    commands = in_table(pathlib.Path("cli/main.c"), "commands",
                         r'^    \{"([\w-]+)"')
    compare(commands, find([TRUSTCTL], r"^\.(?:It )?Nm Cm ([\w-]+)"),
            "command", TRUSTCTL)
    for parent in ("anchor", "device", "edge-ca", "est", "gateway", "pki",
                   "token"):
        file = parent.replace("-", "_")
        compare(in_table(pathlib.Path(f"cli/{file}.c"), "commands",
                         r'^\s+\{"(\w+)"'),
                find([TRUSTCTL], rf"^\.(?:It )?Nm Cm {parent} (\w+)"),
                f"command {parent}", TRUSTCTL)
    known({**commands, "help": None},
          find(documents, r"(?:`|\$ |^    |Ql )trustctl ([a-z][\w-]*)"),
          "command")
    compare({**find(source.files(("cli",), ".c", ".h"),
                    r'\.name = "([a-z-]+)"'),
             **find([pathlib.Path("cli/main.c")], r'"--(version)"')},
            find([TRUSTCTL], r"(?:\bFl |, )-([a-z-]+)"), "option of trustctl",
            TRUSTCTL)


def check_records():
    parsers = [path for path in source.files(("policy",), ".c")
               if path.name.startswith("record")]
    tables = find(parsers, r"\bconst struct trust_field (\w+)\[\] = \{")
    fields = {section: {} for section in SECTIONS.values()}
    for table, (path, n) in tables.items():
        if table not in SECTIONS:
            source.report(path, n, f"fields {table}: want a section of "
                          f"{REGISTRY} for them in tests/lint/documents.py")
            continue
        fields[SECTIONS[table]].update(
            in_table(path, table, r'^    \{"(\w+)"'))
    for section, code in fields.items():
        compare(code, in_section(REGISTRY, section, "Cm"),
                f'field (section "{section}")', REGISTRY)
    compare(in_table(pathlib.Path("policy/record.c"), "kind_names",
                     r'\] = "(\w+)"'),
            find([REGISTRY], r"^\.Ss ([a-z]+)$"), "kind", REGISTRY)
    compare(find(parsers, r'\{"(\w+)", TRUST_AUTH_'),
            in_section(REGISTRY, "AUTH", "Li"), "type", REGISTRY)


def main():
    documents = [pathlib.Path("README.md"),
                 *source.files(("docs",), ".md", ".1", ".5", ".8")]
    check_reasons()
    check_plugin(documents)
    check_commands()
    check_trustctl(documents)
    check_records()
    source.finish()


main()
