# SPDX-License-Identifier: Apache-2.0
"""Each C program of this folder, as one test."""

import os
import pathlib
import re
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("TRUST_BUILD", HERE.parent.parent / "build"))
PROGRAMS = sorted(path.stem for path in HERE.glob("test_*.c"))
THREADED = ("test_mailbox", "test_sync_thread")
PATIENCE = 300


def run(*command):
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="backslashreplace",
        timeout=PATIENCE,
        env=dict(os.environ, TSAN_OPTIONS="halt_on_error=1:exitcode=99"))


@pytest.mark.parametrize("name", PROGRAMS)
def test_unit(name):
    result = run(BUILD / "tests/unit" / name)
    assert result.returncode == 0, result.stdout


def is_unable(result):
    """ThreadSanitizer did not come as far as our code."""
    return re.search(r"FATAL: ThreadSanitizer|^setarch: ", result.stdout,
                     re.MULTILINE)


@pytest.mark.parametrize("name", THREADED)
def test_under_thread_sanitizer(name):
    """On some kernels it wants addresses that are not random, and containers
    may not ask for them."""
    program = BUILD / "tsan/tests/unit" / name
    if not program.exists():
        pytest.skip("ThreadSanitizer is not there")
    result = run(program)
    if is_unable(result):
        result = run("setarch", "-R", program)
    if is_unable(result):
        pytest.skip(f"ThreadSanitizer cannot run here: {result.stdout}")
    assert result.returncode == 0, result.stdout
