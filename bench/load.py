# SPDX-License-Identifier: Apache-2.0
"""The load generator at work on a broker: see load.c."""

import subprocess
import time

import lab

PROGRAM = lab.BUILD / "bench" / "load"


class Load:
    """`mode`, else its name, is one of load.c's, `count` what a batch
    has."""

    def __init__(self, name, broker, sensors, count=1, topic=None,
                 mode=None):
        path = broker.folder / f"{name}.sensors"
        path.write_text("".join(f"{s.client_id}\t{s.chain}\t{s.key}\n"
                                for s in sensors), "utf-8")
        self.broker = broker
        self.count = count
        self.process = lab.pinned(
            [PROGRAM, mode or name, broker.port, path, count,
             *([topic] if topic else [])],
            lab.LOAD_CORES, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True)
        self.expect("ready")

    def expect(self, word):
        if self.process.stdout.readline().strip() != word:
            raise RuntimeError(f"load on broker {self.broker.name}, want "
                               f"{word}, got nothing")

    def begin(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def finish(self):
        self.expect("done")

    def batch(self):
        self.begin()
        self.finish()

    def cpu_us(self):
        """The broker's CPU time for each connect or message of a batch."""
        before = self.broker.cpu_ns()
        self.batch()
        return (self.broker.cpu_ns() - before) / 1e3 / self.count

    def cpu_us_and_rate(self):
        """The same, and connects or messages in a millisecond."""
        began = time.monotonic()
        cpu = self.cpu_us()
        return cpu, self.count / (time.monotonic() - began) / 1e3

    def cpu_ms(self):
        return self.cpu_us() / 1e3

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(lab.PATIENCE_S)
