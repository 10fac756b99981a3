# SPDX-License-Identifier: Apache-2.0
"""A power cut: so many sensors come back at once, in so many processes, each of
which brings one of its own after the other. `cut` is of the sensors alone;
`cut-all` of the gateway as well, which has met nobody then. What counts is the
time until all are back, and the broker's CPU time for each."""

import contextlib
import time

import broker
import lab
import load
import pki
import report

SENSORS = 200 if lab.QUICK else 1_000
PROCESSES = 20


def shares(each, sensors):
    """The processes, with an even share of the sensors each."""
    return [load.Load(f"storm-{i}", each, sensors[i::PROCESSES], mode="storm")
            for i in range(PROCESSES)]


def run_all(loads):
    for one in loads:
        one.begin()
    for one in loads:
        one.finish()


def storm(each, loads):
    """Seconds until all are back, and the broker's milliseconds for one. They
    are cut off again afterwards."""
    before, began = each.cpu_ns(), time.monotonic()
    run_all(loads)
    took = time.monotonic() - began
    cpu = each.cpu_ns() - before
    run_all(loads)
    return took, cpu / 1e6 / SENSORS


def storm_of_strangers(each, sensors):
    with contextlib.ExitStack() as stack:
        stack.enter_context(each)
        return storm(each, [stack.enter_context(one)
                            for one in shares(each, sensors)])


def add(table, group, samples):
    for peer, values in samples.items():
        times, cpu = zip(*values, strict=True)
        table.add(f"{group}.{peer}", "s", times)
        table.add(f"{group}.{peer}.rate", "1/s",
                  [SENSORS / took for took in times])
        table.add(f"{group}.{peer}.cpu", "ms", cpu)
    for peer in ("stock", "floor"):
        table.ratio(f"{group}.ours", f"{group}.{peer}")
        table.ratio(f"{group}.ours.cpu", f"{group}.{peer}.cpu")


def run():
    table = report.Table(
        "storm", f"{SENSORS:,} sensors come back at once, in {PROCESSES} "
        "processes")
    site = pki.Pki("storm", "p256", "p256")
    sensors = site.sensors("storm", SENSORS)
    records = site.records + "".join(each.by_chain() for each in sensors)
    brokers = {
        "stock": broker.stock("storm.stock", site),
        "floor": broker.floor("storm.floor", site),
        "ours": broker.ours("storm.ours", site,
                            pki.registry("storm", records)),
    }
    add(table, "cut-all", lab.alternate({
        name: lambda each=each: storm_of_strangers(each, sensors)
        for name, each in brokers.items()}, lab.FEW))
    with contextlib.ExitStack() as stack:
        measures = {}
        for name, each in brokers.items():
            stack.enter_context(each)
            loads = [stack.enter_context(one)
                     for one in shares(each, sensors)]
            measures[name] = \
                lambda each=each, loads=loads: storm(each, loads)
        add(table, "cut", lab.alternate(measures, lab.FEW))
    return table
