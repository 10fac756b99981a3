#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What documents mention in passing, there is: words of the code, topics,
counters, commands, options of trustctl, other documents. Tables and lists are
compared by documents.py, in both directions."""

import pathlib
import re

import source

# Words in code font that are of others: Mosquitto's settings, RabbitMQ's.
FOREIGN = set("""
    acl_file allow_anonymous bridge_cafile bridge_capath bridge_insecure
    bridge_protocol_version
    check_retain_source password_file per_listener_settings pid_file
    require_certificate
    set_tcp_nodelay use_identity_as_username use_subject_as_username
    protocol_header_corrupt ssl_cert_login_from""".split())
WORD = r"[a-z]+(?:_[a-z0-9]+)+"
TOPIC = re.compile(r"(?<![\w/.-])(?:(?:\$CONTROL/)?trust/v1|"
                   r"\$SYS/broker/trust)(?:/[\w{}#+-]*)*")
# Documents have an example or a name where code has %s, and an Edge CA's role
# wildcards.
VARIABLE = re.compile(r"%s|\{\w+\}|\bSCOPE\b|\bgw1\b|"
                      r"(?<=enroll/)\+(?:/\+)?")
# At the upstream's broker a scope stands between.
OF_SYNC = ("notification", "content", "request", "report")


def strings_of_the_code():
    return set(re.findall(r'"([^"\n]*)"', "\n".join(
        path.read_text()
        for path in source.files(("policy", "plugin", "cli"), ".c", ".h"))))


def counters():
    text = pathlib.Path("plugin/counters.c").read_text()
    return set(re.findall(r'^(?:#define \w+|    \{)\s*"([\w/]+)"', text, re.M))


def topics(strings):
    return ({VARIABLE.sub("{}", text) for text in strings
             if TOPIC.fullmatch(text.replace("%s", "x"))}
            | {f"trust/v1/{{}}/{name}" for name in OF_SYNC}
            | {f"$SYS/broker/trust/{name}" for name in counters()})


def is_among(name, names):
    """One of them, or what they begin with up to a slash."""
    name = name.rstrip("#")
    return name in names or (name.endswith("/") and any(
        known.startswith(name) for known in names))


def code_of(path, line):
    """What stands in code font in a line."""
    if path.suffix == ".md":
        return re.findall(r"`([^`]+)`", line)
    match = re.match(r"\.(?:It )?(?:Li|Cm) (.*)", line)
    return match[1].split() if match else []


class Mentions:
    def __init__(self):
        self.strings = strings_of_the_code()
        self.words = FOREIGN | self.strings
        self.topics = topics(self.strings)
        self.counters = counters()
        self.roots = {name.split("/")[0] for name in self.counters}
        self.options = {"version"} | set(re.findall(
            r'\.name = "([a-z-]+)"', "\n".join(
                path.read_text()
                for path in source.files(("cli",), ".c", ".h"))))
        self.commands = set(re.findall(
            r'^    \{"(\w+)",', pathlib.Path("plugin/command.c").read_text(),
            re.M))

    def findings(self, path, line):
        """(what, name) of each that there is not."""
        for code in code_of(path, line):
            if re.fullmatch(WORD, code) and not (
                    code in self.words
                    or code.removeprefix("plugin_opt_") in self.words):
                yield "word", code
            if (re.fullmatch(r"[a-z]+/[a-z_/]*", code)
                    and code.split("/")[0] in self.roots
                    and not is_among(code, self.counters)):
                yield "counter", code
            match = re.match(r"--([a-z-]+)", code)
            if match and match[1] not in self.options:
                yield "option of trustctl", code
        for topic in TOPIC.findall(line):
            if not is_among(VARIABLE.sub("{}", topic), self.topics):
                yield "topic", topic
        for command in re.findall(r'"command":"(\w*)"', line):
            if command not in self.commands:
                yield "command", command
        for call in re.findall(r"(?:^|[` ])trustctl ([^`|]*)", line):
            for option in re.findall(r"(?<![\w-])--([a-z-]+)", call):
                if option not in self.options:
                    yield "option of trustctl", f"--{option}"
        if path.suffix == ".md":
            for link in re.findall(r"\]\((?!\w+:)([^)#]+)", line):
                if not (path.parent / link).exists():
                    yield "document", link


def main():
    mentions = Mentions()
    for path in [pathlib.Path("README.md"), pathlib.Path("CONTRIBUTING.md"),
                 *source.files(("docs",), ".md", ".1", ".5", ".8")]:
        for n, line in enumerate(path.read_text().split("\n"), 1):
            for what, name in mentions.findings(path, line):
                source.report(path, n, f"{what} {name}: want one that there "
                              "is, or FOREIGN in tests/lint/mentions.py")
    source.finish()


main()
