#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every source says its licence, and leaves nothing for later."""

import pathlib
import re

import source

ROOMS = source.ROOMS + ("tests", "docker", "bench", ".ci", "docs")
TOP = ("Makefile", "README.md", "CONTRIBUTING.md", "SECURITY.md",
       "CHANGELOG.md")
LICENSED = (".c", ".h", ".py", ".sh", ".map", ".ini", ".1", ".5", ".8", ".bash")
LICENCE = "SPDX-License-Identifier: Apache-2.0"
LATER = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
RULES = (
    (LATER, "want it done, or an issue"),
    (re.compile(r"[ \t]+$"), "blanks at the end, want none"),
    (re.compile(r"\r$"), "a carriage return, want \\n alone"),
    (re.compile(r"/(?:home|root)/\w"), "a path of one machine, want none"),
    (re.compile(r"^#\s*if\s+0\b"), "code switched off, want it gone"),
)
CPP_COMMENT = re.compile(r'"(?:\\.|[^"\\])*"|/\*.*?\*/|(//)', re.S)


def check_comments(path, text):
    for match in CPP_COMMENT.finditer(text):
        if match[1]:
            source.report(path, text.count("\n", 0, match.start()) + 1,
                          "a // comment, want /* */")


def check(path):
    text = path.read_text()
    lines = text.split("\n")
    if path.suffix in LICENSED or path.name in ("Makefile", "run"):
        if not any(LICENCE in line for line in lines[:3]):
            source.report(path, 1, f"want {LICENCE}")
    for n, line in enumerate(lines, 1):
        for pattern, want in RULES:
            match = pattern.search(line)
            if match:
                source.report(path, n, f"{match[0].strip()!r}: {want}")
    if text and not text.endswith("\n"):
        source.report(path, len(lines), "want a newline at the end")
    if path.suffix in (".c", ".h"):
        check_comments(path, text)


def main():
    kinds = LICENSED + (".md", ".in", ".supp", "")
    for path in source.files(ROOMS, *kinds):
        if "__pycache__" not in path.parts:
            check(path)
    for name in TOP:
        path = pathlib.Path(name)
        if path.exists():
            check(path)
        else:
            source.report(path, 1, "is missing")
    source.finish()


main()
