#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A test that a document names, as `test_x.py::test_y` or `test_x.c::y`, there
is: who claims something shows where it is tested."""

import pathlib
import re

import source

NAME = re.compile(r"\b(\w+\.(?:py|c))::(\w+)(?:\[(\w+)\])?")


def definitions():
    """{file: names of its functions}; a file's name is given only once."""
    found = {}
    for path in source.files(("tests",), ".py", ".c"):
        pattern = (r"^def (\w+)\(" if path.suffix == ".py"
                   else r"^(\w+)\(")
        found.setdefault(path.name, set()).update(
            re.findall(pattern, path.read_text(), re.M))
    return found


def scenarios():
    """Those of tests/faults, which are parameters of one test."""
    return {name for path in pathlib.Path("tests/faults").glob("*.c")
            for name in re.findall(r'^    \{"(\w+)", \w+,',
                                   path.read_text(), re.M)}


def main():
    known, faults = definitions(), scenarios()
    for path in source.files(("docs",), ".md"):
        for n, line in enumerate(path.read_text().split("\n"), 1):
            for file, name, parameter in NAME.findall(line):
                if name not in known.get(file, ()):
                    source.report(path, n, f"{file}::{name}: want a test that "
                                  "there is")
                elif file == "test_faults.py" and parameter and \
                        parameter not in faults:
                    source.report(path, n, f"{parameter}: want a scenario of "
                                  "tests/faults")
    source.finish()


main()
