# SPDX-License-Identifier: Apache-2.0
"""A registry that comes by sync is never half, whatever happens to the
gateway, to its disk and to the line."""

import errno
import os
import random
import re
import subprocess
import time

import pytest
from broker import wait_until
from sync_faults import NOTHING, Gateway, Origin, check_whole, dump
from sync_proxy import Proxy
from trustctl import device

# `make soak` has 300 and 500.
CRASHES = int(os.environ.get("TRUST_CRASHES", "15"))
SERIALS = int(os.environ.get("TRUST_SERIALS", "40"))

# For what has to be asked for again, which takes longer every time.
PATIENT = 120
# What happens to one message after another, on a bad line.
BAD = ["passed", "lost", "repeated", "swapped", "passed", "swapped",
       "repeated"]


@pytest.fixture
def new_origin(site):
    """Makes an origin of so many devices, which publishes."""
    origins = []

    def new(devices):
        origin = Origin(site, devices)
        origins.append(origin)
        origin.publish()
        return origin

    yield new
    for origin in origins:
        origin.close()


# ---- The disk ----

@pytest.fixture
def small_disk(site):
    """A folder with 24 megabytes, or None: to mount one is root's."""
    folder = site.folder / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=24m", "none", folder],
            capture_output=True).returncode != 0:
        yield None
        return
    yield folder
    site.close()
    subprocess.run(["umount", folder], check=True)


@pytest.fixture
def full_disk(small_disk):
    if small_disk is None:
        pytest.skip("mounting a small disk is root's")
    return small_disk


def fill(folder, leave):
    """Fill the disk, but for so many octets; the file that did it."""
    path = folder / "filler"
    with open(path, "wb") as filler:
        while (octets := count_free(folder) - leave) > 0:
            try:
                os.posix_fallocate(filler.fileno(), 0, octets)
                break
            except OSError as error:
                # The broker took some of it meanwhile.
                assert error.errno == errno.ENOSPC
    return path


def count_free(folder):
    room = os.statvfs(folder)
    return room.f_bavail * room.f_bsize


# ---- Crashes ----

def wait_instant(gateway, chance):
    """Wait for an instant to crash: any, or one when the broker has just
    begun to write."""
    time.sleep(chance.random())
    if chance.random() < 0.5:
        return
    suffix = chance.choice(("-wal", ".staging-wal"))
    wal = gateway.path.with_name(gateway.path.name + suffix)

    def look():
        return wal.exists() and wal.stat().st_mtime_ns

    before, deadline = look(), time.monotonic() + 0.5
    while look() == before and time.monotonic() < deadline:
        time.sleep(0.0002)
    time.sleep(0.03 * chance.random() ** 2)


def cut_write(gateway, chance):
    """Writes end short, somewhere in the larger files."""
    sizes = [path.stat().st_size for path in gateway.folder.glob("replica*")]
    # The broker's log is shorter than that.
    gateway.limit(chance.randrange(200_000, max([200_000, *sizes]) + 100_000))


def fill_disk(gateway, chance):
    fill(gateway.folder, chance.randrange(200_000))


CRASHES_BY = {"kill -9": None, "cut write": cut_write, "full disk": fill_disk}


def test_crashes_at_any_instant(site, new_origin, small_disk):
    """kill -9 at any instant, also after short writes and on a full disk: what
    comes up is one published state, whole, and it catches up by itself."""
    chance = random.Random(3)
    origin = new_origin(2500)
    gateway = Gateway(site, origin, "gw1", folder=small_disk)
    ways = [way for way in CRASHES_BY if small_disk or way != "full disk"]
    seen, before = set(), NOTHING
    with origin.changing(devices=200):
        for number in range(CRASHES):
            if number % 8 == 0:
                gateway.forget()
                before = NOTHING
            gateway.broker.launch()
            hurt = CRASHES_BY[ways[number % len(ways)]]
            if hurt is not None:
                wait_instant(gateway, chance)
                hurt(gateway, chance)
            wait_instant(gateway, chance)
            gateway.kill()
            (gateway.folder / "filler").unlink(missing_ok=True)
            place = check_whole(gateway.copy(site.folder / "copy"),
                                origin.watcher)
            assert place[1] >= before[1]
            before = place
            seen.add(place)
            if number % 5 == 4:
                catch_up(gateway, origin.watcher.newest)
    assert len(seen) > CRASHES / 10  # it was not always the same
    gateway.broker.start()
    gateway.wait_place(origin.wait_quiet(), PATIENT)
    check_whole(gateway.path, origin.watcher)


def catch_up(gateway, place):
    gateway.broker.launch()
    wait_until(lambda: gateway.place()[1] >= place[1], gateway.broker.end,
               PATIENT)
    gateway.kill()


# ---- A full disk ----

def complaints(log):
    """The plugin's lines that name a full disk."""
    return re.findall(r"mosquitto_trust: .*(?:full|No space).*", log)


def test_full_disk(site, new_origin, full_disk):
    """What is held stays, the log says so in a few lines, and the change comes
    when there is room."""
    origin = new_origin(3000)
    gateway = Gateway(site, origin, "gw1", folder=full_disk)
    gateway.broker.start()
    before = origin.watcher.newest
    gateway.wait_place(before)
    filler = fill(full_disk, 64 * 1024)
    origin.step(devices=2900)
    gateway.broker.wait_log("mosquitto_trust: .*(?:full|No space)")
    time.sleep(2)
    assert check_whole(gateway.path, origin.watcher) == before
    assert len(complaints(gateway.broker.log())) <= 3
    filler.unlink()
    gateway.wait_place(origin.watcher.newest, PATIENT)
    check_whole(gateway.path, origin.watcher)


def test_starts_on_a_full_disk(site, new_origin, full_disk):
    """What is there is guarded, and what comes has to wait."""
    site.pki.certificate("temp-01")
    origin = new_origin(1000)
    origin.ctl.put(device("temp-01", site.pki.get("temp-01").thumbprint))
    origin.wait_quiet()
    gateway = Gateway(site, origin, "gw1", folder=full_disk)
    gateway.broker.start()
    before = origin.watcher.newest
    gateway.wait_place(before)
    gateway.kill()
    filler = fill(full_disk, 0)
    gateway.broker.start()
    sensor = site.connect(gateway.broker, "temp-01")
    origin.step(devices=900)
    gateway.broker.wait_log("mosquitto_trust: .*(?:full|No space)")
    assert sensor.is_alive()
    assert check_whole(gateway.path, origin.watcher) == before
    filler.unlink()
    gateway.wait_place(origin.watcher.newest, PATIENT)
    assert sensor.is_alive()


def test_write_ahead_log_that_was_cut(site, new_origin):
    """A write that was cut short takes back what it was part of."""
    chance = random.Random(4)
    origin = new_origin(300)
    gateway = Gateway(site, origin, "gw1")
    gateway.broker.start()
    for _ in range(4):
        gateway.wait_place(origin.step(devices=30))
    gateway.kill()
    wal = gateway.path.with_name("replica.db-wal")
    size, seen = wal.stat().st_size, set()
    for _ in range(40):
        path = gateway.copy(site.folder / "copy")
        os.truncate(path.with_name("replica.db-wal"), chance.randrange(size))
        seen.add(check_whole(path, origin.watcher))
    assert len(seen) > 3
    for _ in range(2):
        os.truncate(wal, chance.randrange(wal.stat().st_size))
        check_whole(gateway.copy(site.folder / "copy"), origin.watcher)
        gateway.broker.start()
        gateway.wait_place(origin.watcher.newest, PATIENT)
        check_whole(gateway.path, origin.watcher)
        gateway.kill()


@pytest.mark.parametrize("damage", ["cut", "overwritten"])
def test_staging_that_was_damaged(site, new_origin, damage):
    """What came so far comes again."""
    origin = new_origin(6000)
    gateway = Gateway(site, origin, "gw1")
    gateway.broker.start()
    gateway.wait_place(origin.watcher.newest)
    gateway.kill()
    staging = gateway.path.with_name("replica.db.staging")
    if damage == "cut":
        os.truncate(staging, staging.stat().st_size // 2 + 100)
    else:
        with open(staging, "r+b") as file:
            file.seek(100)
            file.write(bytes(staging.stat().st_size - 100))
    origin.step(devices=100)
    gateway.broker.start()
    gateway.wait_place(origin.watcher.newest, PATIENT)
    check_whole(gateway.path, origin.watcher)


# ---- The path ----

def names(parts):
    return {part["sha256"] for part in parts}


def test_away_for_many_serials(site, new_origin):
    """Two gateways of a scope, one of them away, and one that is new: step by
    step, by many deltas at once, and by snapshot they come to one database."""
    origin = new_origin(1500)
    steady, away, late = (Gateway(site, origin, name)
                          for name in ("gw1", "gw2", "gw3"))
    for gateway in steady, away:
        gateway.broker.start()
        gateway.wait_place(origin.watcher.newest, PATIENT)
    away.broker.stop()
    first = origin.watcher.newest[1]
    while origin.watcher.newest[1] < first + SERIALS:
        origin.step()
    newest = origin.watcher.newest
    said = origin.watcher.published[newest]
    deltas = set().union(*(names(delta["parts"]) for delta in said["deltas"]
                           if delta["serial"] > first))
    snapshot = names(said["snapshot"]["parts"])
    wanted = origin.watcher.wanted
    wanted["gw2"] = set()
    for gateway in away, late:
        gateway.broker.start()
        gateway.wait_place(newest, PATIENT)
        gateway.broker.stop()
    steady.wait_place(newest, PATIENT)
    assert len(deltas) == SERIALS
    wait_until(lambda: wanted["gw2"] == deltas, lambda: wanted)
    wait_until(lambda: wanted.get("gw3", set()) >= snapshot, lambda: wanted)
    steady.broker.stop()
    assert check_whole(steady.path, origin.watcher) == newest
    assert dump(steady.path) == dump(away.path) == dump(late.path)


def test_lost_repeated_and_out_of_order(site, new_origin):
    """A line that loses, repeats and swaps what comes down: it takes longer,
    and comes to the same."""
    origin = new_origin(5000)
    fates = {"content": BAD, "notification": BAD}
    proxy = Proxy(origin.port, fates)
    gateway = Gateway(site, origin, "gw1", port=proxy.port)
    gateway.broker.start()
    for _ in range(8):
        origin.step(devices=100)
    # A last notification that is lost shows in time only: freshness ends.
    del fates["notification"]
    gateway.wait_place(origin.step(devices=100), PATIENT)
    check_whole(gateway.path, origin.watcher)
    for topic in "content", "notification":
        assert proxy.done[topic] >= len(BAD)
    proxy.close()
