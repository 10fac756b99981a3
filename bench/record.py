#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make figures: what the last `make bench` measured, into the documents: every
row into docs/PERFORMANCE.md, the five that a user cares about into README.md.
A short run, or one of some tables, is not worth keeping and is refused; those
of docs/SCALING.md are kept there and may be missing."""

import json
import os
import pathlib
import re
import sys
import time

import report
from tables import TABLES

RESULT = pathlib.Path(os.environ.get("BUILD", "build"), "bench.json")
KEPT = [name for name in TABLES if name not in ("origin", "scale", "cluster")]
BEGIN = "<!-- the last run: make bench, then make figures -->"
END = "<!-- end of the last run -->"


def stop(text):
    sys.exit(f"figures: {text}")


def read():
    try:
        result = json.loads(RESULT.read_text("utf-8"))
    except (OSError, ValueError) as error:
        stop(f"{RESULT}: want what make bench writes: {error}")
    missing = [name for name in KEPT if not any(
        row.startswith(f"{name}.") for row in result["figures"])]
    if result["quick"] or missing:
        stop(f"{RESULT}: want a whole run, got "
             + (f"one without {', '.join(missing)}" if missing
                else "one with BENCH_QUICK=1"))
    return result


# ---- Every row ----

def cell(value):
    return report.number(value).strip()


def judged(row):
    if "verdict" not in row:
        return ""
    budget = report.Budget(**row["budget"])
    return f"**over**: {budget}" if row["verdict"] == "over" else str(budget)


def table(name, figures):
    yield from ("", f"### {name}", "",
                "| | n | min | median | max | | budget |",
                "|---|---|---|---|---|---|---|")
    for key, row in figures.items():
        if key.startswith(f"{name}."):
            cells = (key.removeprefix(f"{name}."), str(row["n"]),
                     cell(row["min"]), cell(row["median"]), cell(row["max"]),
                     row["unit"], judged(row))
            yield f"| {' | '.join(cells)} |".replace("  ", " ")


def every_row(result):
    day = time.strftime("%-d %B %Y", time.gmtime(RESULT.stat().st_mtime))
    about = ", ".join(f"{name} {value}"
                      for name, value in result["machine"].items())
    yield f"{day}: {about}."
    for name in KEPT:
        yield from table(name, result["figures"])


# ---- Five of them ----

def five(result):
    def of(name):
        return result["figures"][name]["median"]

    rate = "messages.rate of cpu.{0}.1000 / cpu.stock"
    yield "| | this plugin | instead |"
    yield "|---|---|---|"
    yield ("| broker's CPU for a sensor that comes back, P-256 (P-384 CAs) "
           f"| {of('connect.p256.ours'):.2f} ms ({of('connect.p384.ours'):.2f})"
           f" | `cafile`: {of('connect.p256.stock'):.2f} ms "
           f"({of('connect.p384.stock'):.2f}) |")
    yield ("| messages for the same CPU, a device with 1,000 rules "
           f"| {of(rate.format('ours')):.2f} of no ACL at all "
           f"| dynamic-security: {of(rate.format('dynsec')):.2f} |")
    yield ("| ready after its start with 1,000,000 devices "
           f"| {of('registry.ready.ours') * 1e3:.0f} ms "
           f"| no plugin, no devices: {of('registry.ready.stock') * 1e3:.0f}"
           " ms |")
    yield ("| memory with 1,000,000 devices "
           f"| {of('registry.memory.ours'):.0f} MB "
           f"| no plugin, no devices: {of('registry.memory.stock'):.0f} MB |")
    yield ("| a device disabled upstream is off, after the notification came "
           f"| {of('sync.1000000.off-since-arrival'):.0f} ms "
           "| `crlfile`: when it comes back |")


# ---- Into the documents ----

def put(path, lines):
    path = pathlib.Path(path)
    text = path.read_text("utf-8")
    new, found = re.subn(
        f"{re.escape(BEGIN)}.*?{re.escape(END)}",
        lambda _: "\n".join((BEGIN, *lines, END)), text, flags=re.S)
    if found != 1:
        stop(f"{path}: want one {BEGIN}")
    path.write_text(new, "utf-8")


def main():
    result = read()
    put("docs/PERFORMANCE.md", every_row(result))
    put("README.md", five(result))


main()
