# SPDX-License-Identifier: Apache-2.0
"""What live sessions cost: memory; how long the broker's thread is held while
a change concerns all of them; how soon they end, for each cause.

How long the thread is held is the CPU time of a turn of the broker's main
loop (turns.c), in which a tick is, and whatever else there was to do: the
longest turns of an idle broker and of stock Mosquitto are beside it. Ends are
felt by the clients, and count from when the cause was there: trustctl has
ended, the command has been sent, the second has come."""

import contextlib
import datetime
import itertools
import json
import os
import resource
import ssl
import subprocess
import time

import broker
import crl
import lab
import load
import mqtt
import pki
import report
import turns
from crowd import Client, Crowd
from ping import percentile

# Live sessions, and how many each certificate has.
SESSIONS = int(os.environ.get("BENCH_SESSIONS") or
               (500 if lab.QUICK else 10_000))
SMALL = min(1_000, SESSIONS // 2)
MODULES = 10
# Live sessions of which one has to end, or all.
NEIGHBOURS = 100 if lab.QUICK else 1_000
KICKS = 5 if lab.QUICK else 100
END_MS = 250
TURN_MS = 2
# As many entries as a record holds with serial numbers of 20 octets, nearly.
LONG_CRL = 4_000
# How long turns are counted after a change, or without one.
FELT_S = 0.25 if lab.QUICK else 1.5
# Until sessions end by the clock: time to connect them.
SOON_S = 3 + NEIGHBOURS // 40
# Descriptors besides those of the sessions.
SPARE = 500

OPERATOR = ('{"kind":"role","id":"operator","rules":[{"effect":"allow",'
            '"actions":["publish","subscribe"],"topics":["$CONTROL/trust/v1",'
            '"$CONTROL/trust/v1/response"]}]}\n')


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


def put(path, *lines):
    lab.trustctl("put", "-r", path, stdin="\n".join(lines) + "\n")


def disabled(line):
    return line.replace("{", '{"status":"disabled",', 1).strip()


class Site:
    """A PKI, and the registry that lets its sensors in."""

    def __init__(self):
        self.pki = pki.Pki("sessions", "p256", "p256")
        n = max(SESSIONS, NEIGHBOURS) // MODULES
        self.sensors = self.pki.sensors("sensor", n)
        self.neighbours = modules(
            self.sensors[:NEIGHBOURS // MODULES], NEIGHBOURS)
        self.victims = self.pki.sensors("victim", KICKS)
        self.stranger, self.watcher, self.boss = self.pki.sensors("other", 3)
        self.anchor, self.group = (
            next(line for line in self.pki.records.splitlines()
                 if f'"kind":"{kind}"' in line)
            for kind in ("anchor", "group"))
        self.devices = [sensor.by_chain(',"client_id":"prefix"')
                        for sensor in self.sensors]
        self.records = self.pki.records + OPERATOR + "".join(
            self.devices + [each.by_chain() for each in (
                *self.victims, self.stranger, self.watcher)] +
            [self.boss.by_chain(',"roles":["operator"]')])

    def role(self, topic):
        """The role of all, with a topic more than it had."""
        return ('{"kind":"role","id":"default","rules":[{"effect":"allow",'
                '"actions":["publish","subscribe"],"topics":'
                f'["devices/{{device}}/#","{topic}"]}}]}}')


# ---- Memory ----

def memory(each):
    return {"rss": each.memory_kb(), "heap": each.memory_kb("RssAnon")}


def measure_memory(table, peers, sensors):
    """Of brokers that hold some sessions, and then all; the loads that hold
    them."""
    loads = []
    for name, each in peers.items():
        empty = memory(each)
        for first, last in ((0, SMALL), (SMALL, len(sensors))):
            loads.append(load.Load(
                f"hold-{last}", each, sensors[first:last], mode="hold"))
            for what, now in memory(each).items():
                table.add(f"memory.{what}.{last}.{name}", "KB",
                          [(now - empty[what]) / last])
    for what, n in itertools.product(("heap", "rss"), (SMALL, len(sensors))):
        table.ratio(f"memory.{what}.{n}.ours", f"memory.{what}.{n}.stock")
    return loads


# ---- Turns ----

def changes(site, path):
    """{what: a change of the registry that concerns all, or the stranger, and
    takes away nothing}; each time another one."""
    number = itertools.count()

    def comment(line):
        return line.replace("{", f'{{"comment":"{next(number)}",', 1).strip()

    return {
        "idle": lambda: None,
        "one": lambda: put(path, comment(site.stranger.by_chain())),
        "devices": lambda: put(path, *map(comment, site.devices)),
        "role": lambda: put(path, site.role(f"open/{next(number)}")),
        "group": lambda: put(path, comment(site.group)),
        "crl": lambda: put(path, crl.record(
            "edge", site.pki, "edge-ca",
            [site.victims[next(number) % KICKS].chain])),
        "long crl": lambda: put(path, crl.record(
            "edge", site.pki, "edge-ca",
            [site.victims[next(number) % KICKS].chain], LONG_CRL)),
    }


def felt(counted, change):
    """The turns from a change on."""
    counted.take()
    change()
    time.sleep(FELT_S)
    return counted.take()


def measure_turns(table, site, counted, paths):
    """Of a stock broker, too, which a registry is nothing to."""
    found = {}
    for each in counted.values():
        each.learn()

    def measure(name, change):
        more = felt(counted[name.partition(".")[0]], change)
        turns.add(found.setdefault(name, {}), more)
        return max(more)

    measures = {
        f"{peer}.{what}": lambda name=f"{peer}.{what}", change=change:
        measure(name, change)
        for peer, path in paths.items()
        for what, change in changes(site, path).items()
        if peer == "ours" or what in ("idle", "role")}
    for name, longest in lab.alternate(measures, lab.FEW).items():
        bound = {"at_most": TURN_MS} if name.startswith("ours") else {}
        table.add(f"turn.{name}", "ms", longest, **bound)
    tell_turns(table, "ours", found)
    for peer, each in counted.items():
        if each.kept_alive:
            table.add(f"turn.{peer}.keep alive", "ms", [max(each.kept_alive)])


def tell_turns(table, peer, found):
    every = {}
    for name, more in found.items():
        if name.startswith(peer):
            turns.add(every, more)
    for percent in (50, 99, 99.9):
        table.add(f"turn.{peer}.p{percent:g}", "ms",
                  [turns.percentile(every, percent)])
    table.add(f"turn.{peer}.longest", "ms", [max(every)], at_most=TURN_MS)
    table.add(f"turn.{peer}.over {TURN_MS} ms", "", [
        turns.longer_than(every, TURN_MS)], at_most=0)
    table.add(f"turn.{peer}.all", "", [sum(every.values())])


# ---- Ends ----

def add_ends(table, name, samples):
    table.add(name, "ms", samples)
    table.add(f"{name}.p99", "ms", [percentile(samples, 99)],
              at_most=END_MS)


def order(boss, *commands):
    """Without waiting for what comes of it."""
    boss.socket.sendall(mqtt.publish("$CONTROL/trust/v1", json.dumps(
        {"commands": list(commands)}).encode()))


def causes_of_one(site, path, boss):
    """{cause: how one victim is made to go}"""
    def revoke(victim):
        record = crl.record("edge", site.pki, "edge-ca", [victim.chain])
        return lambda: put(path, record)

    return {
        "disable": lambda victim: lambda: lab.trustctl(
            "device", "disable", "-r", path, victim.client_id),
        "block": lambda victim: lambda: order(
            boss, {"command": "block", "device": victim.client_id}),
        "kick": lambda victim: lambda: order(
            boss, {"command": "kick", "device": victim.client_id}),
        "crl": revoke,
    }


def undo_one(site, path, boss, cause, victim):
    if cause == "block":
        order(boss, {"command": "unblock", "device": victim.client_id})
    elif cause == "disable":
        put(path, victim.by_chain())


def at(cause):
    """The moment when it was there."""
    def act():
        cause()
        return time.monotonic()
    return act


def measure_one(table, site, path, each):
    """One of many, again and again."""
    with Client(each, site.boss) as boss, \
            Client(each, site.watcher) as watcher, \
            load.Load("hold", each, site.neighbours):
        for name, cause in causes_of_one(site, path, boss).items():
            samples = []
            for victim in site.victims:
                act = cause(victim)
                with Crowd(each, [victim]) as crowd:
                    samples += crowd.ends(at(act))
                undo_one(site, path, boss, name, victim)
            add_ends(table, f"end.one.{name}", samples)
            lab.show(f"{name}: one by one")
        lab.trustctl("remove", "-r", path, "crl", "edge")
        add_ends(table, "felt.role", [
            until_felt(site, path, watcher, f"new/{i}")
            for i in range(KICKS)])


def until_felt(site, path, watcher, topic):
    """Milliseconds until a change that takes nothing away has reached the
    session that came before all others. It is by turns the last and the first
    that is looked at."""
    put(path, site.role(topic))
    since = time.monotonic()
    while not watcher.may_subscribe(topic):
        pass
    return (time.monotonic() - since) * 1e3


def until_all_felt(site, path, watcher, topic):
    """The same where nobody waits for the change before any more."""
    time.sleep(2 * FELT_S)
    return until_felt(site, path, watcher, topic)


def causes_of_all(site, path, boss):
    """{cause: (how all are made to go, and how that is undone)}"""
    devices = site.devices[:NEIGHBOURS // MODULES]
    revoked = crl.record("line", site.pki, "intermediate",
                         [site.pki.folder / "edge-ca.pem"])
    return {
        "disable": (lambda: put(path, *map(disabled, devices)),
                    lambda: put(path, *devices)),
        "group": (lambda: put(path, disabled(site.group)),
                  lambda: put(path, site.group)),
        "crl": (lambda: put(path, revoked),
                lambda: lab.trustctl("remove", "-r", path, "crl", "line")),
        "anchor": (lambda: put(path, disabled(site.anchor)),
                   lambda: put(path, site.anchor)),
        "kick": (lambda: order(boss(), *(
            {"command": "kick", "device": sensor.client_id}
            for sensor in site.sensors[:NEIGHBOURS // MODULES])),
            lambda: None),
    }


def measure_all(table, site, path, each):
    """All at once."""
    with contextlib.ExitStack() as stack:
        def boss():
            """Whom most causes close, too."""
            return bosses[0]

        for name, (act, undo) in causes_of_all(site, path, boss).items():
            lab.show(f"{name}: all at once")
            bosses = [stack.enter_context(Client(each, site.boss))]
            with Crowd(each, site.neighbours) as crowd:
                before = each.cpu_ns()
                add_ends(table, f"end.all.{name}", crowd.ends(at(act)))
                table.add(f"cpu.{name}", "us", [
                    (each.cpu_ns() - before) / 1e3 / NEIGHBOURS])
            undo()


def when(second):
    """A cause: that the time has come."""
    def act():
        time.sleep(second - time.time())
        return time.monotonic() - (time.time() - second)
    return act


def measure_expiry(table, site, path, each):
    """All certificates end with the same second."""
    lab.show("expiry: all at once")
    sensors = []
    end = int(time.time()) + SOON_S + NEIGHBOURS // MODULES // 10
    for i in range(NEIGHBOURS // MODULES):
        name = f"brief-{i:03}"
        lab.trustctl("pki", "device", site.pki.folder, name, "--at",
                     end - 86400, "--days", 1)
        file = site.pki.folder / "devices" / name
        sensors.append(pki.Sensor(name, file.with_name(f"{name}-chain.pem"),
                                  file.with_name(f"{name}.key")))
    put(path, *(sensor.by_chain(',"client_id":"prefix"').strip()
                for sensor in sensors))
    shown = subprocess.run(
        ["openssl", "x509", "-noout", "-enddate", "-in", sensors[0].chain],
        check=True, text=True, capture_output=True).stdout.strip()
    end = ssl.cert_time_to_seconds(shown.partition("=")[2]) + 1
    with Crowd(each, modules(sensors, NEIGHBOURS)) as crowd:
        add_ends(table, "end.all.expiry", crowd.ends(when(end)))


def measure_stale(table, site, path):
    """A replica that nothing comes to, under deny_all."""
    lab.show("stale: all at once")
    out, replica = lab.WORK / "signed", lab.WORK / "replica.db"
    key = site.pki.folder / "registry-signer"
    lab.trustctl("sign", "-r", path, "--scope", "gw1", "--signer",
                 f"{key}.pem", "--key", f"{key}.key", out)
    anchor = site.pki.folder / "registry-root.pem"
    lab.trustctl("apply", "-r", replica, "--anchor", anchor, "--gateway",
                 "gw1", out)
    shown = json.loads(
        lab.trustctl("inspect", "--json", out / "notification.der"))
    made = datetime.datetime.fromisoformat(
        shown["notification"]["this_update"].replace("Z", "+00:00"))
    each = broker.ours(
        "sessions.stale", site.pki, replica,
        f"plugin_opt_registry_anchor {anchor}",
        f"plugin_opt_max_offline {SOON_S}s", "plugin_opt_on_stale deny_all")
    with each, Crowd(each, site.neighbours) as crowd:
        add_ends(table, "end.all.stale", crowd.ends(
            when(made.timestamp() + SOON_S + 1)))


# ----

def hold_all(table, site):
    """What it takes to hold all of them, and to change something."""
    # Changed in the same way, and nobody's.
    paths = {"ours": pki.registry("sessions", site.records),
             "stock": pki.registry("twin", site.records)}
    peers = {"stock": broker.stock("sessions.stock", site.pki),
             "ours": broker.ours("sessions.ours", site.pki, paths["ours"])}
    counted = {name: turns.Turns(each.folder) for name, each in peers.items()}
    with contextlib.ExitStack() as stack:
        for name, each in peers.items():
            each.environment = counted[name].environment
            stack.enter_context(each)
        watcher = stack.enter_context(Client(peers["ours"], site.watcher))
        for each in measure_memory(
                table, peers, modules(site.sensors, SESSIONS)):
            stack.enter_context(each)
        measure_turns(table, site, counted, paths)
        table.add("felt.role by all", "ms", [
            until_all_felt(site, paths["ours"], watcher, f"new/{i}")
            for i in range(2 * lab.FEW)])
        ending = felt(counted["ours"], lambda: put(
            paths["ours"], disabled(site.anchor)))
        table.add("turn.ours.all end", "ms", [max(ending)], at_most=TURN_MS)


def run():
    table = report.Table(
        "sessions", f"{SESSIONS:,} live sessions, {MODULES} by each "
        f"certificate; ends beside, or of, {NEIGHBOURS:,}")
    raise_limit()
    site = Site()
    hold_all(table, site)
    path = pki.registry("ends", site.records)
    each = broker.ours("sessions.ends", site.pki, path)
    with each:
        measure_one(table, site, path, each)
        measure_all(table, site, path, each)
        measure_expiry(table, site, path, each)
    measure_stale(table, site, path)
    return table
