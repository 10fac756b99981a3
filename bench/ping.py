# SPDX-License-Identifier: Apache-2.0
"""A live client that asks how long a broker keeps it waiting: see ping.c."""

import contextlib
import math
import subprocess

import lab

PROGRAM = lab.BUILD / "bench" / "ping"
INTERVAL_US = 5000


def percentile(values, percent):
    """The smallest that so many of them do not exceed."""
    if not values:
        raise RuntimeError("ping, want answers, got none")
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]


class Ping:
    """Answers since the last time, as milliseconds that each was waited
    for."""

    def __init__(self, port, interval_us=INTERVAL_US):
        self.process = lab.pinned(
            [PROGRAM, port, interval_us], lab.CORES, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError(f"ping at port {port}, want ready, got nothing")

    def take(self):
        """[(when it was sent, on the monotonic clock; milliseconds)]"""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        answers = []
        while line := self.process.stdout.readline().split():
            answers.append((int(line[0]) / 1e6, int(line[1]) / 1e3))
        return answers

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(lab.PATIENCE_S)
