# SPDX-License-Identifier: Apache-2.0
"""An origin with many devices in many scopes: what the first publication of a
scope takes, what is sent for one change, and what is on the disk. Scopes are
published one after the other with `trustctl publish`, to a real broker."""

import contextlib
import os
import sqlite3

import lab
import pki
import report
import scale

DEVICES, SCOPES = (20_000, 20) if lab.QUICK else (1_000_000, 1_000)
# A scope waits a second for the broker; all of 1,000 take half an hour, one
# after the other, as the first publication of each keeps the others from
# writing.
PUBLISHED = min(SCOPES, int(os.environ.get("BENCH_SCOPES", "50")))


def parts(registry):
    """Parts and their octets."""
    with contextlib.closing(sqlite3.connect(
            f"file:{registry}?mode=ro", uri=True)) as reader:
        return reader.execute("SELECT count(*), total(length(part))"
                              " FROM publication_part").fetchone()


def octets_of(above, scope=None):
    """Of notifications that came."""
    return [octets for received, _, where, kind, octets
            in above.take_messages()
            if received and kind == "notification" and
            scope in (None, where)]


def measure_first(table, above, publish, registry):
    scopes = [scale.scope_name(i * SCOPES // PUBLISHED)
              for i in range(PUBLISHED)]
    table.add("first.cpu", "s", [publish(scope) for scope in scopes])
    notifications = octets_of(above)
    table.add("first.notification", "B", notifications)
    table.add("first.signatures", "", [len(notifications)])
    n, octets = parts(registry)
    table.add("first.parts", "", [n])
    table.add("first.content", "B", [octets / PUBLISHED])
    return scopes[0]


def measure_change(table, above, publish, registry, scope):
    """One device of one scope."""
    before = parts(registry)
    lab.trustctl("device", "disable", "-r", registry, "device-0000000")
    table.add("change.cpu", "s", [publish(scope)])
    table.add("change.notification", "B", octets_of(above, scope))
    after = parts(registry)
    table.add("change.parts", "", [after[0] - before[0]])
    table.add("change.content", "B", [after[1] - before[1]])
    other = scale.scope_name(SCOPES // PUBLISHED)
    table.add("change.cpu.other", "s", [publish(other)])
    table.add("change.parts.other", "", [parts(registry)[0] - after[0]])


def run():
    table = report.Table(
        "origin", f"{DEVICES:,} devices in {SCOPES:,} scopes, of which "
        f"{PUBLISHED:,} are published; CPU is that of the whole process")
    site = pki.Pki("origin", "p256", "p256")
    client = site.sensor("client")
    folder = lab.WORK / "origin"
    folder.mkdir()
    registry, lines = folder / "origin.db", folder / "devices.jsonl"
    scale.write_devices(lines, DEVICES, SCOPES)
    lab.trustctl("init", "-r", registry)
    table.add("put.cpu", "s", [scale.cpu_of_child(
        [lab.TRUSTCTL, "put", "-r", registry, lines])])
    lines.unlink()
    table.add("put.disk", "MB", [scale.files_mb(registry)])
    with scale.Upstream("origin", site) as above:
        def publish(scope):
            lab.show(f"scope {scope}")
            return scale.cpu_of_child(scale.publish_arguments(
                above, site, client, registry, scope))
        scope = measure_first(table, above, publish, registry)
        table.add("first.disk", "MB", [scale.files_mb(registry)])
        measure_change(table, above, publish, registry, scope)
    lab.show("")
    return table
