# SPDX-License-Identifier: Apache-2.0
"""What a large registry costs: to make, to change, to ask, and to a broker
that starts with it. The file is in the page cache, as after `trustctl put`."""

import itertools
import os
import subprocess
import time

import broker
import lab
import load
import pki
import report

DEVICES = int(os.environ.get("BENCH_DEVICES") or
              (100_000 if lab.QUICK else 1_000_000))
# Sensors that a gateway meets, of all that it knows.
SENSORS = 50 if lab.QUICK else 200
WARM_UP = 20
FIRST_TO_STOCK = 1.05
READY_S = 0.5
MEMORY_MB = 40


def spend(*arguments):
    """(wall seconds, CPU seconds, most memory in MB) of a run of trustctl."""
    began = time.monotonic()
    with subprocess.Popen([lab.TRUSTCTL, *map(str, arguments)],
                          stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"trustctl {arguments[0]}, want status 0, got "
                           f"{process.returncode}")
    return (time.monotonic() - began, usage.ru_utime + usage.ru_stime,
            usage.ru_maxrss / 1024)


def measure_put(table, path, known):
    lines = lab.WORK / "devices.jsonl"
    pki.write_devices(lines, DEVICES, known)
    lab.trustctl("init", "-r", path)
    wall, cpu, memory = spend("put", "-r", path, lines)
    lines.unlink()
    table.add("put.wall", "s", [wall])
    table.add("put.cpu", "s", [cpu])
    table.add("put.memory", "MB", [memory])
    table.add("file", "MB", [path.stat().st_size / 1e6])


def measure_trustctl(table, registries, sensor):
    """One look-up and one change, in processes of their own."""
    line = lab.WORK / "line.jsonl"
    changes = itertools.count()

    def check(path):
        return spend("check", "-r", path, sensor.chain)[1] * 1e3

    def put(path):
        change = f',"comment":"{next(changes)}"'
        line.write_text(sensor.by_chain(change), "utf-8")
        return spend("put", "-r", path, line)[1] * 1e3

    for command in check, put:
        table.add_all("ms", lab.alternate({
            f"{command.__name__}-one.{size}":
            lambda path=path, command=command: command(path)
            for size, path in registries.items()}, lab.FEW))


def live(each, sensors):
    """A broker's life: {what: seconds until the first CONNACK, CPU ms for the
    first meeting with a sensor, MB with all of them connected}."""
    stranger, *sensors = sensors
    began = time.monotonic()
    with each:
        with load.Load("connect", each, [stranger]) as first:
            first.batch()
        ready = time.monotonic() - began
        with load.Load("connect", each, [stranger], WARM_UP) as warm_up:
            warm_up.batch()
        with load.Load("connect", each, sensors, len(sensors)) as crowd:
            met = crowd.cpu_ms()
        with load.Load("hold", each, sensors):
            memory = each.memory_mb()
    return {"ready": ready, "first": met, "memory": memory}


def measure_brokers(table, brokers, sensors):
    lives = lab.alternate({peer: lambda each=each: live(each, sensors)
                           for peer, each in brokers.items()}, lab.FEW)
    for what, unit in ("ready", "s"), ("first", "ms"), ("memory", "MB"):
        table.add_all(unit, {
            f"{what}.{peer}": [life[what] for life in rounds]
            for peer, rounds in lives.items()})


def run():
    table = report.Table(
        "registry", f"{DEVICES:,} devices, of which {SENSORS} come")
    site = pki.Pki("registry", "p256", "p256")
    sensors = site.sensors("sensor", SENSORS)
    known = site.records + "".join(sensor.by_chain() for sensor in sensors)
    small = pki.registry("small", known)
    large = lab.WORK / "large.db"
    measure_put(table, large, known)
    measure_trustctl(table, {"small": small, "large": large}, sensors[0])
    table.ratio("check-one.large", "check-one.small")
    table.ratio("put-one.large", "put-one.small")
    measure_brokers(table, {
        "stock": broker.stock("registry.stock", site),
        "ours": broker.ours("registry.ours", site, large)}, sensors)
    table.difference("ready.ours", "ready.stock", at_most=READY_S)
    table.ratio("first.ours", "first.stock", at_most=FIRST_TO_STOCK)
    table.difference("memory.ours", "memory.stock", at_most=MEMORY_MB)
    return table
