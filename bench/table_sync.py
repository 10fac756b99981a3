# SPDX-License-Identifier: Apache-2.0
"""What it costs a gateway to follow its upstream: the first whole registry,
one change, and what a live client notices of them. Everything is real: an
upstream broker, `trustctl publish --follow`, a bridge with TLS both ways, a
gateway with a replica. None of them keeps to a core of its own.

`stock` is a Mosquitto with the same listeners and nothing to do, pinged in
the same seconds: what it is late, the machine is late. `relay` is a stock one
whose bridge gets the same parts: what it is late, a bridge is late."""

import contextlib
import random
import shutil
import socket
import sqlite3
import ssl
import threading
import time

import lab
import load
import pki
import report
import upstream
from ping import Ping, percentile

SIZES = (1_000, 10_000) if lab.QUICK else (1_000, 100_000, 1_000_000)
# Sensors of a registry that are connected while it changes, and those of them
# that are disabled, one after the other.
SESSIONS, CHANGES = (100, 5) if lab.QUICK else (1000, 20)
QUIET_S = 0.5 if lab.QUICK else 2
# What registry, publication, replica and staging take together at the most.
DISK_BYTES_EACH = 2000

FIRST_S = 30
PING_P99_MS = 5
MEMORY_MB = 40
READY_S = 0.5
OFF_MS = 250
APPLY_MS = 10


def rounds(size):
    """First registries that are fetched, each by an empty gateway."""
    if lab.QUICK:
        return 2
    return 5 if size < 1_000_000 else 1


def check_disk(size):
    need = size * DISK_BYTES_EACH
    free = shutil.disk_usage(lab.WORK).free
    if free < need:
        raise RuntimeError(
            f"sync: {size} devices, want {need / 1e6:.0f} MB free in "
            f"{lab.WORK}, got {free / 1e6:.0f}")


def make_origin(folder, size, known):
    """A registry of so many devices, those that come among them."""
    path = folder / "origin.db"
    lines = folder / "devices.jsonl"
    pki.write_devices(lines, size - SESSIONS, known)
    lab.trustctl("init", "-r", path)
    lab.trustctl("put", "-r", path, lines)
    lines.unlink()
    return path


# ---- The first registry ----

class DiskWatch:
    """The most that files take, looked at ten times a second."""

    def __init__(self, measure):
        self.measure = measure
        self.most = 0
        self.end = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        while not self.end.wait(0.1):
            self.most = max(self.most, self.measure())

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *unused):
        self.end.set()
        self.thread.join()


def add_pings(figures, peer, answers, since, until=float("inf")):
    waited = [ms for sent, ms in answers if since <= sent <= until]
    for name, percent in ("p50", 50), ("p99", 99), ("max", 100):
        figures[f"ping-{name}.{peer}"] = percentile(waited, percent)


def arrive(above, gateway, ping, peers, began):
    """It arrives, and live clients of the gateway and of others ping."""
    figures = {}
    applied = gateway.wait_serial(1, began)
    figures["first"] = applied - began
    figures["fetched"] = above.last_part(began, applied) - began
    add_pings(figures, "arriving", ping.take(), began, applied)
    for name, each in peers.items():
        add_pings(figures, name, each.take(), began, applied)
    figures["cpu.broker"], figures["cpu.sync"] = gateway.cpu_s()
    figures["memory-most.ours"] = gateway.memory_mb("VmHWM")
    return figures


def fetch(above, gateway, peers):
    """What it takes an empty gateway to hold the registry, and what it is
    like when it holds it. `peers` are pings of others at the same time."""
    gateway.empty()
    for each in peers.values():
        each.take()
    began = time.monotonic()
    with gateway, Ping(gateway.ping_port) as ping, \
            DiskWatch(gateway.disk_mb) as disk:
        figures = arrive(above, gateway, ping, peers, began)
        gateway.wait_settled(began)
        time.sleep(QUIET_S)
        add_pings(figures, "quiet", ping.take(), time.monotonic() - QUIET_S)
        figures["memory.ours"] = gateway.memory_mb()
    figures["disk-most"] = disk.most
    figures["disk"] = gateway.disk_mb()
    return figures


UNITS = {"first": "s", "fetched": "s", "cpu": "s", "ping": "ms",
         "memory": "MB", "disk": "MB"}
BUDGETS = {"first": FIRST_S, "ping-p99.arriving": PING_P99_MS}


def add_samples(table, prefix, samples, budgets):
    for name in samples[0]:
        unit = UNITS[name.partition(".")[0].partition("-")[0]]
        table.add(f"{prefix}.{name}", unit,
                  [figures[name] for figures in samples],
                  **({"at_most": budgets[name]} if name in budgets else {}))


def measure_first(table, size, above, gateway):
    stock = upstream.stock(f"{size}.stock", above.pki)
    samples = []
    with stock, Ping(stock.ping_port) as ping:
        for number in range(rounds(size)):
            lab.show(f"{size} devices, round {number + 1} of {rounds(size)}")
            figures = fetch(above, gateway, {"stock": ping})
            figures["memory.stock"] = stock.memory_mb()
            samples.append(figures)
    lab.show("")
    add_samples(table, size, samples, BUDGETS)
    table.difference(f"{size}.ping-p99.arriving", f"{size}.ping-p99.stock")
    for name in "memory", "memory-most":
        table.difference(f"{size}.{name}.ours", f"{size}.memory.stock",
                         at_most=MEMORY_MB)


def measure_relay(table, size, above, gateway):
    """Once more, beside a stock broker whose bridge gets the same parts at
    the same time: what its client waits is the bridge's doing. A round of its
    own, because the upstream sends everything twice in it."""
    relay = upstream.relay(f"{size}.relay", above)
    with relay, Ping(relay.ping_port) as ping:
        figures = fetch(above, gateway, {"relay": ping})
    add_samples(table, f"{size}.bridged", [
        {name: value for name, value in figures.items()
         if name.endswith((".arriving", ".relay"))}], {})
    table.ratio(f"{size}.bridged.ping-p99.arriving",
                f"{size}.bridged.ping-p99.relay")


# ---- One change ----

class Victim:
    """A sensor's session, and when it was ended."""

    # MQTT 3.1.1 sections 3.1 and 3.2: a clean session without keep alive.
    ACCEPTED = bytes((0x20, 2, 0, 0))

    def __init__(self, sensor, port):
        self.id = sensor.client_id
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.load_cert_chain(sensor.chain, sensor.key)
        self.socket = context.wrap_socket(
            socket.create_connection(("127.0.0.1", port), lab.PATIENCE_S))
        name = self.id.encode()
        body = (b"\0\4MQTT\4\2\0\0" + len(name).to_bytes(2, "big") + name)
        self.socket.sendall(bytes((0x10, len(body))) + body)
        if self.socket.recv(4) != self.ACCEPTED:
            raise RuntimeError(f"{self.id}, want it let in")

    def wait_end(self):
        """When the broker has closed."""
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            while self.socket.recv(64):
                pass
        self.socket.close()
        return time.monotonic()


class CommitWatch:
    """When others changed a registry, as a reader of it sees it."""

    def __init__(self, path):
        self.path = path
        self.seen = []
        self.end = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        with contextlib.closing(sqlite3.connect(
                f"file:{self.path}?mode=ro", uri=True)) as registry:
            version = None
            while not self.end.wait(0.001):
                before = version
                version, = registry.execute("PRAGMA data_version").fetchone()
                if version != before:
                    self.seen.append(time.monotonic())

    def last_before(self, until):
        return max(when for when in self.seen if when <= until)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *unused):
        self.end.set()
        self.thread.join()


def disable(above, gateway, commits, victim, serial):
    began = time.monotonic()
    lab.trustctl("device", "disable", "-r", above.registry, victim.id)
    done = time.monotonic()
    off = victim.wait_end()
    applied = gateway.wait_serial(serial, began)
    published = above.sent("notification", began)
    fetched = above.sent("content", began)
    time.sleep(random.uniform(0.1, 0.3))  # in no step with the others' ticks
    return {"change-published": published - done,
            "change-fetched": fetched - done,
            "change-applied": applied - done,
            "change-off": off - done,
            "off-since-arrival": off - published,
            # Both are seen a millisecond late, and not always in order.
            "applying": max(0, commits.last_before(applied) - fetched)}


def measure_change(table, size, above, gateway, sensors):
    """Some of the live sessions lose their device, one by one."""
    figures = {}
    began = time.monotonic()
    with gateway, Ping(gateway.ping_port) as ping, load.Load(
            "hold", gateway, sensors[CHANGES:]), \
            CommitWatch(gateway.replica) as commits:
        gateway.wait_settled(began)
        victims = [Victim(each, gateway.port) for each in sensors[:CHANGES]]
        ping.take()
        began, spent = time.monotonic(), gateway.cpu_s()
        samples = [disable(above, gateway, commits, victim, serial)
                   for serial, victim in enumerate(victims, 2)]
        add_pings(figures, "changing", ping.take(), began)
        for name, before, after in zip(("broker", "sync"), spent,
                                       gateway.cpu_s(), strict=True):
            figures[f"change-cpu.{name}"] = (after - before) * 1e3 / CHANGES
    budgets = {"off-since-arrival": OFF_MS, "applying": APPLY_MS}
    for name in samples[0]:
        budget = {"at_most": budgets[name]} if name in budgets else {}
        table.add(f"{size}.{name}", "ms",
                  [sample[name] * 1e3 for sample in samples], **budget)
    for name, value in figures.items():
        table.add(f"{size}.{name}", "ms", [value])


# ---- Starting with it ----

def start(each, sensor):
    """Seconds until the first CONNACK."""
    began = time.monotonic()
    with each:
        with load.Load("connect", each, [sensor]) as first:
            first.batch()
        return time.monotonic() - began


def measure_start(table, size, above, gateway, sensor):
    stock = upstream.stock(f"{size}.start", above.pki)
    table.add_all("s", lab.alternate({
        f"{size}.ready.{name}": lambda each=each: start(each, sensor)
        for name, each in {"stock": stock, "ours": gateway}.items()},
        lab.FEW))
    table.difference(f"{size}.ready.ours", f"{size}.ready.stock",
                     at_most=READY_S)


# ---- The whole of it ----

def run_size(table, size, site, sensors, known):
    folder = lab.WORK / "sync"
    folder.mkdir()
    origin = make_origin(folder, size, known)
    with upstream.Upstream(f"sync.{size}", site, origin) as above:
        began = time.monotonic()
        table.add(f"{size}.published", "s",
                  [above.origin.wait_serial(1) - began])
        gateway = upstream.Gateway(f"sync.{size}.gateway", above,
                                   folder / "replica.db")
        measure_first(table, size, above, gateway)
        measure_relay(table, size, above, gateway)
        measure_start(table, size, above, gateway, sensors[-1])
        measure_change(table, size, above, gateway, sensors)
    shutil.rmtree(folder)


def run():
    table = report.Table(
        "sync", f"a gateway follows its upstream; {SESSIONS:,} of the devices "
        "are connected while it changes")
    check_disk(max(SIZES))
    site = pki.Pki("sync", "p256", "p256")
    sensors = site.sensors("sensor", SESSIONS)
    known = "".join(each.by_thumbprint() for each in sensors)
    for size in SIZES:
        run_size(table, size, site, sensors, known)
    return table
