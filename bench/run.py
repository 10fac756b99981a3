#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make bench: prints the measured tables and writes BUILD/bench.json. A budget
that is exceeded is told and fails nothing.

BENCH_QUICK=1       fewer rounds and devices, for a first look
BENCH_DEVICES=N     devices of the large registry (1,000,000)
BENCH_SESSIONS=N    live sessions (10,000)
BENCH_TABLES="…"    only these tables
"""

import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import time

import broker
import lab
from tables import TABLES


def first_line(*command):
    result = subprocess.run(command, text=True, check=False,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return result.stdout.split("\n")[0]


def machine():
    system = pathlib.Path("/etc/os-release").read_text("utf-8")
    cpu = re.search(r"^model name\s*:\s*(.*)$",
                    pathlib.Path("/proc/cpuinfo").read_text("utf-8"), re.M)
    return {
        "cores": len(lab.CORES),
        "cpu": cpu[1] if cpu else platform.machine(),
        "system": re.search(r'^PRETTY_NAME="?([^"\n]*)', system, re.M)[1],
        "mosquitto": first_line(broker.MOSQUITTO, "-h").split()[-1],
        "openssl": first_line("openssl", "version").split()[1],
        "mosquitto-trust": first_line(lab.TRUSTCTL, "--version").split()[-1],
        "load": round(os.getloadavg()[0], 1),
    }


def choose():
    asked = os.environ.get("BENCH_TABLES", "").split() or list(TABLES)
    for name in asked:
        if name not in TABLES:
            sys.exit(f"bench: BENCH_TABLES, want some of {' '.join(TABLES)}, "
                     f"got {name}")
    return [TABLES[name] for name in asked]


def tell_end(tables, seconds):
    over = [f"  {table.name}.{name}" for table in tables
            for name in table.over_budget()]
    print(f"{seconds:.0f} s; every figure is in {lab.BUILD.name}/bench.json")
    if over:
        print("over budget:", *over, sep="\n")
    else:
        print("every budget is kept")


def main():
    began = time.monotonic()
    chosen = choose()
    shutil.rmtree(lab.WORK, ignore_errors=True)
    lab.WORK.mkdir(parents=True)
    about = machine()
    print(", ".join(f"{name} {value}" for name, value in about.items()))
    print("n rounds; a comparison is made round by round, its median is "
          "judged\n", flush=True)
    tables = []
    for module in chosen:
        table = module.run()
        print(table.text(), flush=True)
        tables.append(table)
    figures = {}
    for table in tables:
        figures.update(table.json())
    (lab.BUILD / "bench.json").write_text(json.dumps(
        {"machine": about, "quick": lab.QUICK, "figures": figures},
        indent="\t") + "\n", "utf-8")
    tell_end(tables, time.monotonic() - began)


lab.carry_out("bench", main)
