# SPDX-License-Identifier: Apache-2.0
"""The brokers that are compared, and the clock that counts: the CPU time of
the broker's process, because wall time on a shared machine is anybody's."""

import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import lab

MOSQUITTO = "/usr/sbin/mosquitto"
PLUGIN = lab.BUILD / "mosquitto_trust.so"
FLOOR = lab.BUILD / "bench" / "floor.so"

# One configuration for all but the lines that make a peer.
CONFIGURATION = """\
log_dest stderr
log_type error
log_type warning
set_tcp_nodelay true
persistence false
listener {port} 127.0.0.1
certfile {pki.server}
keyfile {pki.server_key}
require_certificate true
{lines}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Broker:
    """A Mosquitto with one TLS listener that requires a certificate."""

    def __init__(self, name, pki, *lines, cores=None):
        self.name = name
        self.cores = cores or lab.BROKER_CORES
        self.command = [MOSQUITTO]
        self.port = free_port()
        self.folder = lab.WORK / "brokers" / name
        self.folder.mkdir(parents=True)
        if os.geteuid() == 0:
            lines = ("user root", *lines)
        (self.folder / "mosquitto.conf").write_text(CONFIGURATION.format(
            port=self.port, pki=pki, lines="\n".join(lines)), "utf-8")
        self.process = None
        self.environment = {}

    def start(self):
        """Returns as soon as the broker listens."""
        with open(self.folder / "log", "ab") as log:
            self.process = lab.pinned(
                [*self.command, "-c", self.folder / "mosquitto.conf"],
                self.cores, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **self.environment})
        deadline = time.monotonic() + lab.PATIENCE_S
        while not self.listens():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                raise RuntimeError(f"broker {self.name} does not start:\n" +
                                   (self.folder / "log").read_text("utf-8"))
            time.sleep(0.001)

    def listens(self, port=None):
        with socket.socket() as probe:
            return probe.connect_ex(
                ("127.0.0.1", port or self.port)) == 0

    def stop(self):
        """Twice: Mosquitto forgets a signal that comes just before its
        loop."""
        for patience in (2, lab.PATIENCE_S):
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(patience)
                return
            except subprocess.TimeoutExpired:
                pass
        self.process.kill()
        self.process.wait()
        raise RuntimeError(f"SIGTERM does not end broker {self.name}")

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *unused):
        self.stop()

    def cpu_ns(self):
        """CPU time so far, user and system, of all threads that live."""
        tasks = pathlib.Path(f"/proc/{self.process.pid}/task")
        return sum(int((task / "schedstat").read_text().split()[0])
                   for task in tasks.iterdir())

    def memory_kb(self, field="VmRSS"):
        return 1024 * self.memory_mb(field)

    def memory_mb(self, field="VmRSS"):
        """Resident memory; with VmHWM the most that there was."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{field}:\s+(\d+) kB", status)[1]) / 1024


def stock(name, pki, *lines):
    """Mosquitto as it comes, trusting the root."""
    return Broker(name, pki, *(lines or ("allow_anonymous true",)),
                  f"cafile {pki.root}")


def floor(name, pki):
    """Mosquitto with a plugin that accepts everybody."""
    return Broker(name, pki, "allow_anonymous true", f"plugin {FLOOR}")


def ours(name, pki, registry, *lines):
    return Broker(name, pki, "allow_anonymous false", f"plugin {PLUGIN}",
                  "plugin_opt_gateway gw1", f"plugin_opt_registry {registry}",
                  *lines)
