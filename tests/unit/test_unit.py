# SPDX-License-Identifier: Apache-2.0
"""Each C program of this folder, as one test."""

import os
import pathlib
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("TRUST_BUILD", HERE.parent.parent / "build"))
PROGRAMS = sorted(path.stem for path in HERE.glob("test_*.c"))
PATIENCE = 300


@pytest.mark.parametrize("name", PROGRAMS)
def test_unit(name):
    result = subprocess.run(
        [BUILD / "tests/unit" / name], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="backslashreplace", timeout=PATIENCE)
    assert result.returncode == 0, result.stdout
