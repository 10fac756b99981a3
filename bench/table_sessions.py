# SPDX-License-Identifier: Apache-2.0
"""What live sessions cost: memory, the time in which a disabled device is off,
and how long a client waits for an answer while a change concerns them.
The last is the broker's longest tick and whatever else kept it: the same on
stock Mosquitto, which has nothing to do with it, is beside it."""

import contextlib
import itertools
import os
import resource
import socket
import ssl
import subprocess
import time

import broker
import lab
import load
import pki
import report

# Live sessions, and how many each certificate has.
SESSIONS = int(os.environ.get("BENCH_SESSIONS") or
               (1_000 if lab.QUICK else 10_000))
MODULES = 10
# Live sessions beside a device that is disabled, and how many devices are.
NEIGHBOURS = 1_000
KICKS = 10 if lab.QUICK else 100
KICK_MS = 250
TICK_MS = 2
# How long answers are waited for while a change is felt.
FELT_S = 0.7
# Descriptors besides those of the sessions.
SPARE = 500


def raise_limit():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    want = SESSIONS + SPARE
    if hard != resource.RLIM_INFINITY:
        want = min(want, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, want), hard))


def modules(sensors, n):
    """Client ids for n sessions, evenly over the certificates."""
    return [pki.Sensor(f"{sensor.client_id}/{i}", sensor.chain, sensor.key)
            for i in range(n // len(sensors)) for sensor in sensors]


class Client:
    """A live session that can be asked, and that feels its end."""

    def __init__(self, each, sensor):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.load_cert_chain(sensor.chain, sensor.key)
        plain = socket.create_connection(("127.0.0.1", each.port))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.settimeout(lab.PATIENCE_S)
        self.socket = context.wrap_socket(plain)
        client_id = sensor.client_id.encode()
        body = b"\x00\x04MQTT\x04\x02\x00\x00" + \
            len(client_id).to_bytes(2, "big") + client_id
        self.ask(bytes([0x10, len(body)]) + body, 4)

    def ask(self, packet, length):
        self.socket.sendall(packet)
        answer = self.socket.recv(length)
        if not answer:
            raise RuntimeError("the broker closed a client of the bench")
        return answer

    def longest_answer_ms(self, change):
        """Of those while a change is made and felt."""
        longest, end = 0, None
        with change() as process:
            while end is None or time.monotonic() < end:
                began = time.monotonic()
                self.ask(b"\xc0\x00", 2)
                longest = max(longest, time.monotonic() - began)
                if end is None and process.poll() is not None:
                    end = time.monotonic() + FELT_S
        if process.returncode != 0:
            raise RuntimeError("trustctl put, want status 0, got "
                               f"{process.returncode}")
        return longest * 1e3

    def wait_closed(self):
        """When it was."""
        with contextlib.suppress(OSError):
            while self.socket.recv(100):
                pass
        return time.monotonic()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.socket.close()


def measure_kicks(table, each, path, victims):
    """From the end of `trustctl device disable` to the end of the session."""
    samples = []
    for victim in victims:
        with Client(each, victim) as client:
            lab.trustctl("device", "disable", "-r", path, victim.client_id)
            disabled = time.monotonic()
            samples.append((client.wait_closed() - disabled) * 1e3)
    samples.sort()
    table.add("kick", "ms", samples)
    table.add("kick.p99", "ms", [samples[len(samples) * 99 // 100]])


def changes(path, site, stranger):
    """{what: a change of the registry}; each time another one."""
    number = itertools.count()
    group = next(line for line in site.records.splitlines()
                 if '"kind":"group"' in line)

    def put(line):
        file = lab.WORK / "line.jsonl"
        file.write_text(line + "\n", "utf-8")
        return lab.pinned([lab.TRUSTCTL, "put", "-r", path, file],
                          lab.LOAD_CORES, stdout=subprocess.DEVNULL)

    return {
        "one": lambda: put(stranger.by_chain(
            f',"comment":"{next(number)}"')),
        "role": lambda: put(
            '{"kind":"role","id":"default","rules":[{"effect":"allow",'
            '"actions":["publish"],"topics":["devices/{device}/'
            f'{next(number)}/#"]}}]}}'),
        "group": lambda: put(
            group.replace("{", f'{{"comment":"{next(number)}",', 1)),
    }


def measure_memory(table, peers, sensors):
    """Of brokers that hold all sessions; {name: the load that does}."""
    loads = {}
    for name, each in peers.items():
        empty = each.memory_mb()
        loads[name] = load.Load("hold", each, sensors)
        table.add(f"memory.{name}", "KB",
                  [(each.memory_mb() - empty) * 1024 / len(sensors)])
    table.difference("memory.ours", "memory.stock")
    return loads


def run():
    table = report.Table(
        "sessions", f"{SESSIONS:,} live sessions, {MODULES} by each "
        f"certificate; a device disabled beside {NEIGHBOURS:,}")
    raise_limit()
    site = pki.Pki("sessions", "p256", "p256")
    sensors = site.sensors("sensor", SESSIONS // MODULES)
    victims = site.sensors("victim", KICKS)
    stranger, watcher = site.sensors("other", 2)
    records = site.records + "".join(
        sensor.by_chain(',"client_id":"prefix"') for sensor in sensors) + \
        "".join(each.by_chain() for each in [*victims, stranger, watcher])
    path = pki.registry("sessions", records)
    # Changed in the same way, and nobody's.
    twin = pki.registry("twin", records)
    peers = {"stock": broker.stock("sessions.stock", site),
             "ours": broker.ours("sessions.ours", site, path)}
    with contextlib.ExitStack() as stack:
        for each in peers.values():
            stack.enter_context(each)
        for each in measure_memory(
                table, peers, modules(sensors, SESSIONS)).values():
            stack.enter_context(each)
        clients = {name: stack.enter_context(Client(each, watcher))
                   for name, each in peers.items()}
        measures = {
            f"answer.{peer}.{what}":
            lambda client=clients[peer], change=change:
            client.longest_answer_ms(change)
            for peer, changed in (("stock", twin), ("ours", path))
            for what, change in changes(changed, site, stranger).items()}
        table.add_all("ms", lab.alternate(measures, lab.FEW))
    for what in changes(path, site, stranger):
        table.difference(f"answer.ours.{what}", f"answer.stock.{what}",
                         at_most=TICK_MS)
    with peers["ours"], load.Load("hold", peers["ours"],
                                  modules(sensors, NEIGHBOURS)):
        measure_kicks(table, peers["ours"], path, victims)
    return table
