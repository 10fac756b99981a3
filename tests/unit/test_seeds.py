# SPDX-License-Identifier: Apache-2.0
"""Each fuzz harness over its seeds, and over changes of them that are the same
at every run: what `make fuzz` begins with, for every compiler."""

import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("TRUST_BUILD", ROOT / "build"))
HARNESSES = sorted(path.stem.removeprefix("fuzz_")
                   for path in (ROOT / "tests/fuzz").glob("fuzz_*.c"))
CHANGES = 1000
PATIENCE = 600


@pytest.mark.parametrize("name", HARNESSES)
def test_seeds(name):
    seeds = sorted((ROOT / "tests/fuzz/seeds" / name).iterdir())
    result = subprocess.run(
        [BUILD / "tests/fuzz" / f"replay_{name}", str(CHANGES), *seeds],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="backslashreplace",
        timeout=PATIENCE)
    assert result.returncode == 0, result.stdout
