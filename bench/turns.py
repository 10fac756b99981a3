# SPDX-License-Identifier: Apache-2.0
"""How long the turns of a broker's main loop take: see turns.c."""

import mmap
import struct
import time

import lab

LIBRARY = lab.BUILD / "bench" / "turns.so"
COUNTERS = 2001
STEP_MS = 0.05
PERIOD_S = 5
# Long enough for three turns of each kind.
LEARN_S = 3 * PERIOD_S + 1


def subtract(now, before):
    """How many turns took so long: {milliseconds at the most: n}"""
    return {round((i + 1) * STEP_MS, 2): n - was for i, (n, was)
            in enumerate(zip(now, before)) if n != was}


class Turns:
    """The turns of one broker since the last time. `environment` is what it
    is to be started with."""

    def __init__(self, folder):
        path = folder / "turns"
        with open(path, "wb+") as file:
            file.truncate(8 * COUNTERS * (PERIOD_S + 1))
            self.map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.environment = {"LD_PRELOAD": str(LIBRARY),
                            "BENCH_TURNS": str(path)}
        self.before = self.read()
        # The part with the broker's own look at keep alive; its turns.
        self.keep_alive = None
        self.kept_alive = {}

    def read(self):
        """Of each part."""
        numbers = struct.unpack(f"={COUNTERS * (PERIOD_S + 1)}Q", self.map)
        return [numbers[i:i + COUNTERS]
                for i in range(0, len(numbers), COUNTERS)]

    def take_parts(self):
        now = self.read()
        taken = [subtract(*pair) for pair in zip(now, self.before)]
        self.before = now
        return taken

    def learn(self):
        """Find out in which second of five an idle broker looks at keep
        alive: all first turns of that second take longer."""
        self.take_parts()
        time.sleep(LEARN_S)
        firsts = self.take_parts()[:PERIOD_S]
        self.keep_alive = max(range(PERIOD_S), key=lambda i: min(firsts[i]))

    def take(self):
        """The turns of late, without those with a look at keep alive, which
        are kept apart."""
        taken = {}
        for i, part in enumerate(self.take_parts()):
            add(self.kept_alive if i == self.keep_alive else taken, part)
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
