# SPDX-License-Identifier: Apache-2.0
"""What the certificates of a newcomer cost in the library, up to the verdict
on its chain: the facts of the leaf and the path. `plain` are honest sensors,
the others the worst sets that are known: see paths.c."""

import subprocess

import lab
import report

PROGRAM = lab.BUILD / "bench" / "paths"
ROUNDS = 5 if lab.QUICK else 25
WORST_US = 20_000


def run():
    table = report.Table(
        "paths", "the CPU time for the chain of one newcomer, as large and as "
        "branched as a client can send it")
    process = lab.pinned([PROGRAM, ROUNDS], lab.BROKER_CORES,
                         stdout=subprocess.PIPE, text=True)
    samples = {}
    for line in process.stdout:
        name, us, *_ = line.split()
        samples.setdefault(name, []).append(float(us))
    if process.wait() != 0:
        raise RuntimeError("paths, want exit status 0")
    for name, values in samples.items():
        budget = {} if name.startswith("plain") else {"at_most": WORST_US}
        table.add(name, "us", values, **budget)
    return table
