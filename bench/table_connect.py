# SPDX-License-Identifier: Apache-2.0
"""What a connect costs the broker. Sensors send their leaf, the edge CA and
the intermediate; the anchor is the root. A group of figures is `kind.peer`,
and all its peers meet the same sensors. `control` is the floor once more: how
far it is off is how far the rest may be."""

import contextlib

import broker
import lab
import load
import pki
import report

# Connects of a batch where sensors are known: each comes once. And how many
# there are to meet for the first time.
CONNECTS = 25
SENSORS = 25 if lab.QUICK else 50
# What a fresh broker sets up once is paid by a sensor that does not count.
WARM_UP = 20

# kind: (the CAs' keys, keys of server and sensors, budget against stock)
KINDS = {
    "p256": ("p256", "p256", 0.86),
    "p384": ("p384", "p256", 0.43),
    "rsa2048": ("rsa2048", "rsa2048", 0.98),
}
TO_FLOOR = 1.05
FIRST_TO_STOCK = 1.05


def measure_kept(table, group, brokers, sensors, mode="connect"):
    """The brokers run through all rounds, so the sensors are known to them."""
    with contextlib.ExitStack() as stack:
        measures = {}
        for peer, each in brokers.items():
            stack.enter_context(each)
            measures[f"{group}.{peer}"] = stack.enter_context(
                load.Load(mode, each, sensors[:CONNECTS], CONNECTS)).cpu_ms
        table.add_all("ms", lab.alternate(measures, lab.MANY))


def meet(each, sensors, stranger):
    """A fresh broker meets sensors, each for the first time, after one more of
    their kind."""
    with each:
        with load.Load("connect", each, [stranger], WARM_UP) as warm_up:
            warm_up.batch()
        with load.Load("connect", each, sensors, len(sensors)) as first:
            return first.cpu_ms()


def measure_first(table, group, brokers, sensors):
    stranger, *sensors = sensors
    table.add_all("ms", lab.alternate({
        f"{group}.{peer}": lambda each=each: meet(each, sensors, stranger)
        for peer, each in brokers.items()}, lab.FEW))


def make_brokers(group, site, records):
    return {
        "stock": broker.stock(f"{group}.stock", site),
        "floor": broker.floor(f"{group}.floor", site),
        "ours": broker.ours(f"{group}.ours", site,
                            pki.registry(group, records)),
    }


def without(brokers, peer):
    return {name: each for name, each in brokers.items() if name != peer}


def run_kind(table, kind):
    ca_key, end_key, to_stock = KINDS[kind]
    site = pki.Pki(kind, ca_key, end_key)
    sensors = site.sensors(kind, SENSORS)
    brokers = make_brokers(kind, site, site.records + "".join(
        sensor.by_chain() for sensor in sensors))
    control = broker.floor(f"{kind}.control", site)
    measure_kept(table, kind, {**brokers, "control": control}, sensors)
    table.ratio(f"{kind}.control", f"{kind}.floor")
    table.ratio(f"{kind}.floor", f"{kind}.stock")
    table.ratio(f"{kind}.ours", f"{kind}.floor", at_most=TO_FLOOR)
    table.ratio(f"{kind}.ours", f"{kind}.stock", at_most=to_stock)
    first = f"{kind}-first"
    measure_first(table, first, without(brokers, "floor"), sensors)
    table.ratio(f"{first}.ours", f"{first}.stock", at_most=FIRST_TO_STOCK)
    return site, sensors, brokers


def run_resumed(table, sensors, brokers):
    measure_kept(table, "resumed", brokers, sensors, "resume")
    table.ratio("resumed.ours", "resumed.floor")
    table.ratio("resumed.ours", "resumed.stock")


def run_tls_1_2(table, sensors, brokers):
    measure_kept(table, "tls1.2", brokers, sensors, "connect-1.2")
    table.ratio("tls1.2.ours", "tls1.2.floor", at_most=TO_FLOOR)
    table.ratio("tls1.2.ours", "tls1.2.stock", at_most=KINDS["p256"][2])
    measure_kept(table, "tls1.2-resumed", brokers, sensors, "resume-1.2")
    table.ratio("tls1.2-resumed.ours", "tls1.2-resumed.floor")
    table.ratio("tls1.2-resumed.ours", "tls1.2-resumed.stock")


def run_thumbprint(table, site, sensors):
    """The sensors of before, with their chains, known by thumbprint."""
    brokers = make_brokers("thumbprint", site, "".join(
        sensor.by_thumbprint() for sensor in sensors))
    measure_kept(table, "thumbprint", brokers, sensors)
    table.ratio("thumbprint.ours", "thumbprint.floor", at_most=TO_FLOOR)
    table.ratio("thumbprint.ours", "thumbprint.stock",
                at_most=KINDS["p256"][2])
    measure_first(table, "thumbprint-first", without(brokers, "stock"),
                  sensors)
    table.ratio("thumbprint-first.ours", "thumbprint-first.floor",
                at_most=TO_FLOOR)


def run_self_signed(table, site):
    """Stock Mosquitto lets no such sensor in."""
    sensors = site.sensors("self-signed", SENSORS, self_signed=True)
    brokers = without(make_brokers("self-signed", site, "".join(
        sensor.by_thumbprint() for sensor in sensors)), "stock")
    measure_kept(table, "self-signed", brokers, sensors)
    table.ratio("self-signed.ours", "self-signed.floor", at_most=TO_FLOOR)
    measure_first(table, "self-signed-first", brokers, sensors)
    table.ratio("self-signed-first.ours", "self-signed-first.floor",
                at_most=TO_FLOOR)


def run():
    table = report.Table(
        "connect", "the broker's CPU time for one connect (TLS with a client "
        "certificate, 1.3 where nothing else is said, CONNECT, DISCONNECT)")
    site, sensors, brokers = run_kind(table, "p256")
    run_resumed(table, sensors, brokers)
    run_tls_1_2(table, sensors, brokers)
    run_thumbprint(table, site, sensors)
    run_self_signed(table, site)
    run_kind(table, "p384")
    run_kind(table, "rsa2048")
    return table
