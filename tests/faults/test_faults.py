# SPDX-License-Identifier: Apache-2.0
"""Every allocation, SQLite call and OpenSSL call of policy/ fails: faults.c
says how. `make faults` fails every single one."""

import os
import pathlib
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("TRUST_BUILD", HERE.parent.parent / "build"))
PROGRAM = BUILD / "tests/faults/faults"
# All of them take their time, and so do sanitizers.
PATIENCE = 1200 if os.environ.get("TRUST_FAULTS") is None else 6 * 3600

# faults.c's, which test_scenarios_are_these sees to.
SCENARIOS = """
    gate_opens decides_by_pins decides_by_chain decides_by_crls
    decides_by_group follows follows_crls follows_groups recalls
    compiles_topics explains_topics explains opens_psk decides_upstream
    takes_the_bundle blocks pins enrolls finishes_enrollment lists_devices
    reads changes creates notes_signers applies judges publishes signs
    validates checks_anchors reads_certificates reads_crls seals""".split()


def run(*arguments):
    return subprocess.run(
        [PROGRAM, *arguments], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="backslashreplace", timeout=PATIENCE)


def test_scenarios_are_these():
    assert run().stdout.split() == SCENARIOS


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_call_fails(scenario):
    result = run(scenario)
    assert result.returncode == 0, result.stdout
