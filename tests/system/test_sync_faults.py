# SPDX-License-Identifier: Apache-2.0
"""A registry that comes by sync is never half, whatever happens to the
gateway, to its disk and to the line."""

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

# Minutes of kills, full disks and bad lines.
pytestmark = pytest.mark.skipif("TRUST_SOAK" not in os.environ,
                                reason="takes minutes: make soak")

# More of them by hand: 300 and 500.
KILLS = int(os.environ.get("TRUST_KILLS", "40"))
SERIALS = int(os.environ.get("TRUST_SERIALS", "60"))

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


# ---- SIGKILL ----

def wait_instant(gateway, chance):
    """Wait for an instant to kill the broker: any, or one when it has just
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


def test_killed_at_any_instant(site, new_origin):
    chance = random.Random(3)
    origin = new_origin(4000)
    gateway = Gateway(site, origin, "gw1")
    seen, before = set(), NOTHING
    with origin.changing(devices=200):
        for number in range(KILLS):
            if number % 8 == 0:
                gateway.forget()
                before = NOTHING
            gateway.broker.launch()
            wait_instant(gateway, chance)
            if number % 10 == 9:
                target = origin.watcher.newest[1]
                wait_until(lambda: gateway.place()[1] >= target,
                           gateway.broker.end)
            gateway.kill()
            place = check_whole(gateway.copy(site.folder / "copy"),
                                origin.watcher)
            assert place[1] >= before[1]
            before = place
            seen.add(place)
    assert len(seen) > KILLS / 10  # it was not always the same
    gateway.broker.start()
    gateway.wait_place(origin.wait_quiet(), PATIENT)
    check_whole(gateway.path, origin.watcher)


# ---- The disk ----

@pytest.fixture
def small_disk(site):
    """A folder with eight megabytes."""
    folder = site.folder / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=8m", "none", folder],
            capture_output=True).returncode != 0:
        pytest.skip("mounting a small disk is root's")
    yield folder
    site.close()
    subprocess.run(["umount", folder], check=True)


def fill(folder, leave):
    """Fill the disk, but for so many octets; the file that did it."""
    path = folder / "filler"
    room = os.statvfs(folder)
    with open(path, "wb") as filler:
        os.posix_fallocate(filler.fileno(), 0,
                           room.f_bavail * room.f_bsize - leave)
    return path


def complaints(log):
    """The plugin's lines that name a full disk."""
    return re.findall(r"mosquitto_trust: .*(?:full|No space).*", log)


@pytest.mark.parametrize("leave", [0, 64 * 1024, 1024 * 1024])
def test_full_disk(site, new_origin, small_disk, leave):
    origin = new_origin(3000)
    gateway = Gateway(site, origin, "gw1", folder=small_disk)
    gateway.broker.start()
    before = origin.watcher.newest
    gateway.wait_place(before)
    filler = fill(small_disk, leave)
    origin.step(devices=2900)
    gateway.broker.wait_log("mosquitto_trust: .*(?:full|No space)")
    time.sleep(2)
    assert check_whole(gateway.path, origin.watcher) == before
    assert len(complaints(gateway.broker.log())) <= 3
    filler.unlink()
    gateway.wait_place(origin.watcher.newest, PATIENT)
    check_whole(gateway.path, origin.watcher)


def test_starts_on_a_full_disk(site, new_origin, small_disk):
    """What is there is guarded, and what comes has to wait."""
    site.pki.certificate("temp-01")
    origin = new_origin(1000)
    origin.ctl.put(device("temp-01", site.pki.get("temp-01").thumbprint))
    origin.wait_quiet()
    gateway = Gateway(site, origin, "gw1", folder=small_disk)
    gateway.broker.start()
    before = origin.watcher.newest
    gateway.wait_place(before)
    gateway.kill()
    filler = fill(small_disk, 0)
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
    for _ in range(4):
        os.truncate(wal, chance.randrange(wal.stat().st_size))
        check_whole(gateway.copy(site.folder / "copy"), origin.watcher)
        time.sleep(1.2)  # the origin repeats nothing within a second
        gateway.broker.start()
        gateway.wait_place(origin.watcher.newest)
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
    gateway.wait_place(origin.watcher.newest)
    check_whole(gateway.path, origin.watcher)


# ---- The path ----

def test_away_for_many_serials(site, new_origin):
    """Step by step, by many deltas at once, and by snapshot: it is one."""
    origin = new_origin(1500)
    steady, away, late = (Gateway(site, origin, name)
                          for name in ("gw1", "gw2", "gw3"))
    for gateway in steady, away:
        gateway.broker.start()
        gateway.wait_place(origin.watcher.newest)
    away.broker.stop()
    first = origin.watcher.newest[1]
    while origin.watcher.newest[1] < first + SERIALS:
        origin.step()
    newest = origin.watcher.newest
    said = origin.watcher.published[newest]
    deltas = {part["sha256"] for delta in said["deltas"]
              for part in delta["parts"]}
    snapshot = {part["sha256"] for part in said["snapshot"]["parts"]}
    origin.watcher.wanted.pop("gw2")
    for gateway in away, late:
        gateway.broker.start()
        gateway.wait_place(newest, PATIENT)
        gateway.broker.stop()
    steady.wait_place(newest)
    assert origin.watcher.wanted["gw2"]
    assert origin.watcher.wanted["gw2"] <= deltas
    assert origin.watcher.wanted["gw3"] >= snapshot
    assert check_whole(steady.path, origin.watcher) == newest
    assert dump(steady.path) == dump(away.path) == dump(late.path)


def test_lost_repeated_and_out_of_order(site, new_origin):
    origin = new_origin(10000)
    fates = {"content": BAD, "notification": BAD}
    proxy = Proxy(origin.port, fates)
    gateway = Gateway(site, origin, "gw1", port=proxy.port)
    gateway.broker.start()
    for _ in range(12):
        origin.step(devices=100)
    # A last notification that is lost shows in time only: freshness ends.
    del fates["notification"]
    gateway.wait_place(origin.step(devices=100), PATIENT)
    check_whole(gateway.path, origin.watcher)
    for topic in "content", "notification":
        assert proxy.done[topic] >= len(BAD)
    proxy.close()
