# SPDX-License-Identifier: Apache-2.0
"""The project's sources, and how a rule reports what it finds in them."""

import pathlib
import re
import sys

ROOMS = ("plugin", "policy", "certs", "cli")

_LEXEME = re.compile(
    r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
_found = 0


def files(rooms, *suffixes):
    """The files under the rooms that end so, in order."""
    return [p for room in rooms for p in sorted(pathlib.Path(room).rglob("*"))
            if p.suffix in suffixes and p.is_file()]


def code(path, strings=False):
    """The lines of a C file with comments blanked, and strings unless wanted.
    Line numbers and columns stay."""
    def blank(match):
        lexeme = match.group()
        if strings and lexeme[0] in "\"'":
            return lexeme
        return re.sub(r"[^\n]", " ", lexeme)
    return _LEXEME.sub(blank, path.read_text()).split("\n")


def report(path, line, text):
    """One finding, as a compiler would say it."""
    global _found
    _found += 1
    print(f"{path}:{line}: {text}")


def finish():
    sys.exit(1 if _found else 0)
