# SPDX-License-Identifier: Apache-2.0
"""How long the turns of a broker's main loop take: see turns.c."""

import mmap
import struct

import lab

LIBRARY = lab.BUILD / "bench" / "turns.so"
COUNTERS = 2001
STEP_MS = 0.05


class Turns:
    """The turns of one broker since the last time. `environment` is what it
    is to be started with."""

    def __init__(self, folder):
        path = folder / "turns"
        with open(path, "wb+") as file:
            file.truncate(8 * COUNTERS)
            self.map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.environment = {"LD_PRELOAD": str(LIBRARY),
                            "BENCH_TURNS": str(path)}
        self.before = self.read()

    def read(self):
        return struct.unpack(f"={COUNTERS}Q", self.map)

    def take(self):
        """How many turns took so long: {milliseconds at the most: n}"""
        now = self.read()
        taken = {round((i + 1) * STEP_MS, 2): n - before for i, (n, before)
                 in enumerate(zip(now, self.before)) if n != before}
        self.before = now
        return taken


def add(turns, more):
    for took, n in more.items():
        turns[took] = turns.get(took, 0) + n


def percentile(turns, percent):
    """The smallest that so many of them do not exceed."""
    left = sum(turns.values()) * percent / 100
    for took in sorted(turns):
        left -= turns[took]
        if left <= 0:
            return took
    return max(turns)


def longer_than(turns, milliseconds):
    return sum(n for took, n in turns.items() if took > milliseconds)
