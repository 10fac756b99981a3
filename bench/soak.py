#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make soak: a gateway under everything at once, for long. Sensors publish,
come and go; its registry changes, devices are disabled and come back, a CRL
grows; half of the time strangers flood it. Prints a table of figures with
their bounds, and writes BUILD/soak.json.

MINUTES=30          for so long
SOAK_SENSORS=N      live sensors (10,000), ten for each certificate
SOAK_RATE=N         messages a second of all of them (500)
SOAK_JUDGE=0        bounds that a busy machine can break fail nothing
"""

import contextlib
import itertools
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import threading
import time

import crl
import lab
import pki
import turns
import upstream
from fleet import Fleet, Member, context_of
from ping import Ping, percentile

MINUTES = float(os.environ.get("MINUTES") or 30)
SENSORS = int(os.environ.get("SOAK_SENSORS") or 10_000)
RATE = int(os.environ.get("SOAK_RATE") or 500)
JUDGE = os.environ.get("SOAK_JUDGE", "") != "0"
MODULES = 10
VICTIMS = max(2, SENSORS // MODULES // 50)
CONNECTS = min(10, max(1, SENSORS // 100))  # in a second
FLOOD = 200  # unknown certificates in a second
PROBE_MS = 10
# Mosquitto reads one packet of a client in a turn: a client that sends more
# than there are turns waits for itself.
PING_US = 50_000
SYNC_S = 1
# Each kind of slice gets some, and figures of a slice's edges do not count.
SLICE_S = min(60, MINUTES * 60 / 4)
EDGE_S = SLICE_S / 20
STALL_MS = 10
TIMES_QUIET = 2
# A leak of 1 KB for each refusal would be 180 MB in half of 30 minutes.
MEMORY_FLAT, MEMORY_WILD = 1.02, 2
SPARE = 2000  # descriptors besides those of the sensors

WHEN = "quiet", "flooded"

WATCHER = ('{"kind":"role","id":"watcher","rules":[{"effect":"allow",'
           '"actions":["subscribe"],"topics":["devices/#",'
           '"$SYS/broker/trust/#"]}]}\n')
REFUSED = "$SYS/broker/trust/connections/refused/unknown_certificate"


def raise_limit():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    want = SENSORS + SPARE
    if hard != resource.RLIM_INFINITY and hard < want:
        raise RuntimeError(f"want {want} descriptors, the limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, want), hard))


class Site:
    """Certificates, and the origin's registry."""

    def __init__(self):
        self.pki = pki.Pki("soak", "p256", "p256")
        self.devices = self.pki.sensors("sensor", SENSORS // MODULES)
        self.victims = self.devices[-VICTIMS:]
        self.watcher, self.probe, self.rude, self.spent = self.pki.sensors(
            "other", 4)
        self.stranger = self.pki.sensor("stranger", self_signed=True)
        self.origin = pki.registry("soak.origin", self.pki.records + WATCHER
                                   + "".join(map(self.record, self.devices))
                                   + self.watcher.by_chain(
                                       ',"roles":["watcher"]')
                                   + self.probe.by_chain()
                                   + self.record(self.rude))

    @staticmethod
    def record(sensor, more=""):
        return sensor.by_chain(',"client_id":"prefix"' + more)

    def members(self):
        """The fleet."""
        members = []
        for sensor in self.devices:
            context = context_of(sensor)
            members += [Member(pki.Sensor(
                f"{sensor.client_id}/{number}", sensor.chain, sensor.key),
                context, sensor not in self.victims)
                for number in range(MODULES)]
        return members


class Editor(threading.Thread):
    """Changes the origin's registry steadily: records of some, one victim
    after the other out and in again, a CRL."""

    def __init__(self, site, fleet):
        super().__init__(daemon=True)
        self.site, self.fleet = site, fleet
        self.ended = threading.Event()
        self.changes = self.closed = self.survived = 0
        self.failed = None

    def run(self):
        try:
            for number in itertools.count():
                if self.ended.is_set():
                    return
                self.step(number)
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            self.failed = error

    def put(self, *lines):
        lab.trustctl("put", "-r", self.site.origin, stdin="\n".join(lines))
        self.changes += 1
        self.ended.wait(SYNC_S)

    def step(self, number):
        site = self.site
        self.put(*(site.record(sensor, f',"comment":"change {number}"')
                   for sensor in site.devices[number % 7:-VICTIMS:7][:10]))
        if number % 10 == 0:
            self.put(crl.record("edge", site.pki, "edge-ca",
                                [site.spent.alone().chain]))
        victim = site.victims[number % VICTIMS]
        live = self.fleet.live(victim.client_id)
        self.put(site.record(victim, ',"status":"disabled"'))
        deadline = time.monotonic() + lab.PATIENCE_S
        while self.fleet.live(victim.client_id):
            if time.monotonic() > deadline or self.ended.is_set():
                break
            time.sleep(0.01)
        left = self.fleet.live(victim.client_id)
        self.closed += live - left
        if not self.ended.is_set():
            self.survived += left
        self.put(site.record(victim))
        self.fleet.admit(victim.client_id)

    def end(self):
        self.ended.set()
        self.join()
        if self.failed:
            raise RuntimeError(f"a change of the registry: {self.failed}")


class Memory(threading.Thread):
    """Samples of the broker's resident memory, in MB."""

    def __init__(self, gateway):
        super().__init__(daemon=True)
        self.gateway = gateway
        self.ended = threading.Event()
        self.samples = []

    def run(self):
        with contextlib.suppress(OSError):  # it is gone, as others notice
            while not self.ended.wait(min(1, SLICE_S / 20)):
                self.samples.append(self.gateway.memory_mb())

    def halves(self):
        """The most of the first, and of the second."""
        self.ended.set()
        self.join()
        middle = len(self.samples) // 2
        return max(self.samples[:middle]), max(self.samples[middle:])


class Program:
    """One of the programs beside this, with its answers."""

    def __init__(self, name, *arguments, cores=None):
        command = [sys.executable, "-B", pathlib.Path(
            __file__).with_name(name), *arguments]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE,
                 "text": True}
        # Who measures comes before who makes the load.
        self.process = lab.pinned(command, cores, **pipes) if cores else \
            subprocess.Popen(list(map(str, command)),
                             start_new_session=True, **pipes)

    def ask(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def line(self):
        return self.process.stdout.readline().split()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class Probe(Program):
    """See probe.py."""

    def __init__(self, port, sensor):
        self.topic = f"devices/{sensor.client_id}"
        super().__init__("probe.py", port, sensor.client_id, sensor.chain,
                         sensor.key, PROBE_MS, cores=lab.CORES)
        if self.line() != ["ready"]:
            raise RuntimeError("probe, want ready, got nothing")

    def take(self):
        """As those of Ping."""
        self.ask()
        answers = []
        while line := self.line():
            answers.append((int(line[0]) / 1e6, int(line[1]) / 1e3))
        return answers

    def end(self):
        """How many messages it has published."""
        self.process.stdin.close()
        return int(self.line()[0])


class Rows:
    """The table. What is `always` so fails on any machine."""

    def __init__(self):
        self.rows = []

    def add(self, name, unit, seen, bound=None, holds=True, always=False):
        self.rows.append({
            "figure": name, "unit": unit, "seen": seen, "bound": bound,
            "holds": bool(holds), "judged": bound is not None and (
                always or JUDGE)})

    def none(self, name, unit, seen):
        self.add(name, unit, seen, "none", seen == 0, True)

    def turns(self, when, turned):
        """By the CPU time of the broker's thread."""
        if not turned:  # its own loop is not what turns.c knows
            return
        self.add(f"turns {when}, p99", "ms", turns.percentile(turned, 99))
        self.add(f"turns {when}, the longest", "ms", max(turned))
        stalls = turns.longer_than(turned, STALL_MS)
        self.add(f"turns {when}, over {STALL_MS} ms", "turns", stalls,
                 "none", stalls == 0)

    def times(self, name, bound, quiet, flooded):
        """The p99 of both, the second with its bound."""
        if not JUDGE and not (quiet and flooded):
            return  # a machine that stood still
        for when, values in zip(WHEN, (quiet, flooded)):
            for percent in (50, 99):
                self.add(f"{name} {when}, p{percent}", "ms",
                         round(percentile(values, percent), 2))
        ratio = percentile(flooded, 99) / percentile(quiet, 99)
        self.add(f"{name}, p99 flooded / quiet", "x", round(ratio, 2),
                 f"at most {bound}", ratio <= bound)

    def text(self):
        width = max(len(row["figure"]) for row in self.rows)
        lines = [f"  {'figure':{width}}  {'bound':18} seen"]
        for row in self.rows:
            verdict = ""
            if row["bound"] is not None and not row["holds"]:
                verdict = "  OVER" if row["judged"] else "  over, not judged"
            lines.append(f"  {row['figure']:{width}}  "
                         f"{row['bound'] or '':18} {row['seen']:g} "
                         f"{row['unit']}{verdict}".rstrip())
        return "\n".join(lines)

    def broken(self):
        return [row["figure"] for row in self.rows
                if row["judged"] and not row["holds"]]


class Felt:
    """What live clients waited for and how long the broker's turns took, in
    quiet slices and under the flood."""

    def __init__(self, counting, *clients):
        self.counting, self.clients = counting, clients
        self.refused = 0  # unknown certificates, in all slices
        self.clear()

    def clear(self):
        self.waited = [([], []) for _ in self.clients]
        self.turned = {}, {}
        self.seconds = [0, 0]
        self.counting.take()
        for client in self.clients:
            client.take()

    def take(self, began, ended, flooded):
        turns.add(self.turned[flooded], self.counting.take())
        self.seconds[flooded] += ended - began
        for client, waited in zip(self.clients, self.waited):
            waited[flooded].extend(
                ms for when, ms in client.take()
                if began + EDGE_S <= when <= ended - EDGE_S)


def flood(fleet, strangers, until):
    """What the strangers have counted so far."""
    strangers.ask()
    fleet.run(until)
    strangers.ask()
    line = []
    thread = threading.Thread(target=lambda: line.extend(strangers.line()))
    thread.start()
    while thread.is_alive():
        fleet.run(time.monotonic() + 0.05)
    return [int(word) for word in line]


def warm_up(fleet, felt, strangers):
    """Until the caches hold what they will; what the strangers have
    counted."""
    fleet.run(time.monotonic() + SLICE_S / 2)
    before = flood(fleet, strangers, time.monotonic() + SLICE_S / 2)
    felt.clear()
    return before


def soak(fleet, felt, strangers, editor):
    """Slices in turn, and some more where the machine is too slow for one of
    everything; what the strangers have counted."""
    end = time.monotonic() + MINUTES * 60
    counted = [0, 0, 0, 0]
    for number in itertools.count():
        began = time.monotonic()
        enough = editor.closed and counted[0] and counted[1]
        if began >= end - SLICE_S / 2 and (
                enough or began >= end + lab.PATIENCE_S):
            return counted
        flooded = number % 2 == 1
        lab.show(f"{(end - began) / 60:.1f} minutes to go, "
                 f"{'flooded' if flooded else 'quiet'}")
        if flooded:
            counted = flood(fleet, strangers, began + SLICE_S)
        else:
            fleet.run(began + SLICE_S)
        felt.take(began, time.monotonic(), flooded)


def tell(rows, fleet, editor, memory, felt, counted, published):
    refused, large, let_in, unanswered = counted
    first, second = memory
    rows.add("messages of sensors that stayed good", "messages", sum(
        member.published for member in fleet.members if member.good)
        + published)
    rows.none("lost at QoS 1", "messages", fleet.lost + fleet.missing)
    rows.none("twice without a broken connection", "messages",
              fleet.repeated)
    rows.none("good sensors disconnected", "sensors", fleet.dropped)
    rows.add("good sensors come again", "times", fleet.reconnects)
    rows.add("changes of the registry", "changes", editor.changes)
    rows.add("sessions closed with their device", "sessions", editor.closed,
             "some", editor.closed > 0, True)
    rows.none("sessions that outlived their device", "sessions",
              editor.survived)
    rows.add("unknown certificates refused", "connections", refused, "some",
             refused > 0, True)
    rate = felt.refused / felt.seconds[1] if felt.seconds[1] else 0
    rows.add("unknown certificates refused a second", "connections",
             round(rate), f"at least {0.95 * FLOOD:g}", rate >= 0.95 * FLOOD)
    rows.none("refusals that the broker counted otherwise", "connections",
              abs(fleet.counters.get(REFUSED, 0) - refused))
    rows.none("unknown certificates let in", "connections", let_in)
    rows.none("strangers never answered", "connections", unanswered)
    rows.add("large packets refused", "packets", large, "some", large > 0,
             True)
    rows.add("memory, most in the first half", "MB", round(first, 1))
    rows.add("memory, most in the second half", "MB", round(second, 1))
    rows.add("memory, second half / first", "x", round(second / first, 3),
             f"at most {MEMORY_FLAT}", second <= MEMORY_FLAT * first)
    rows.add("memory, second half / first, any machine", "x",
             round(second / first, 3), f"at most {MEMORY_WILD}",
             second <= MEMORY_WILD * first,
             always="TRUST_BROKER_PRELOAD" not in os.environ)
    for when, turned in zip(WHEN, felt.turned):
        rows.turns(when, turned)
    for name, waited in zip(("PINGRESP", "PUBACK"), felt.waited):
        rows.times(name, TIMES_QUIET, *waited)


def measure(site, gateway, counting, rows):
    with contextlib.ExitStack() as stack:
        fleet = Fleet(gateway.port, site.watcher, site.members(),
                      [f"devices/{site.probe.client_id}"], RATE, CONNECTS)
        stack.callback(fleet.close)
        fleet.come_all()
        ping = stack.enter_context(Ping(gateway.ping_port, PING_US))
        probe = stack.enter_context(Probe(gateway.port, site.probe))
        strangers = stack.enter_context(Program(
            "strangers.py", gateway.port, FLOOD, site.stranger.chain,
            site.stranger.key, site.rude.client_id, site.rude.chain,
            site.rude.key))
        editor = Editor(site, fleet)
        editor.start()
        felt = Felt(counting, ping, probe)
        before = warm_up(fleet, felt, strangers)
        memory = Memory(gateway)
        memory.start()
        counted = soak(fleet, felt, strangers, editor)
        felt.refused = counted[0] - before[0]
        halves = memory.halves()
        editor.end()
        published = probe.end()
        fleet.settle(lambda: fleet.seen[probe.topic] == published
                     and fleet.counters.get(REFUSED) == counted[0])
        fleet.missing += published - fleet.seen[probe.topic]
        tell(rows, fleet, editor, halves, felt, counted, published)


def tell_log(gateway):
    """Its end, without who has just been left alone."""
    lines = [line for line in (gateway.folder / "log").read_text()
             .splitlines() if not re.search("unexpected eof|closed its", line)]
    print(*lines[-30:], sep="\n", file=sys.stderr)


def main():
    raise_limit()
    shutil.rmtree(lab.WORK, ignore_errors=True)
    lab.WORK.mkdir(parents=True)
    print(f"{SENSORS} sensors, {RATE} messages a second, {MINUTES:g} "
          f"minutes, {len(lab.CORES)} cores, load "
          f"{os.getloadavg()[0]:.1f}", flush=True)
    site, rows = Site(), Rows()
    with upstream.Upstream("soak", site.pki, site.origin) as above:
        gateway = upstream.Gateway(
            "soak.gateway", above, lab.WORK / "soak.replica.db",
            "max_packet_size 1000000", "max_queued_messages 0",
            "max_inflight_messages 0", "sys_interval 1")
        counting = turns.Turns(gateway.folder)
        gateway.environment = dict(counting.environment)
        # A sanitizer comes before everything else.
        if first := os.environ.get("TRUST_BROKER_PRELOAD"):
            gateway.environment["LD_PRELOAD"] = (
                f"{first} {gateway.environment['LD_PRELOAD']}")
        with gateway:
            gateway.log.wait(r"registry is at serial \d+ now, ", 0)
            try:
                measure(site, gateway, counting, rows)
            except Exception:
                tell_log(gateway)
                raise
        if gateway.process.returncode != 0:
            raise RuntimeError("the broker, want exit status 0, got "
                               f"{gateway.process.returncode}")
    lab.show("")
    print(rows.text())
    if JUDGE:
        (lab.BUILD / "soak.json").write_text(json.dumps(
            {"minutes": MINUTES, "sensors": SENSORS, "rate": RATE,
             "rows": rows.rows}, indent="\t") + "\n", "utf-8")
    if rows.broken():
        sys.exit("soak: over the bound: " + "; ".join(rows.broken()))
    print("every bound is kept" if JUDGE else
          "every bound is kept that any machine can keep")


lab.carry_out("soak", main)
