# SPDX-License-Identifier: Apache-2.0
"""What happens to a machine while a gateway runs on it: its clock jumps, its
registry is hurt, it may not write, it has no descriptors left, it is killed.
docs/RELIABILITY.md has the whole list."""

import json
import os
import pathlib
import random
import resource
import socket
import subprocess
import time

import pytest

from broker import PRELOAD, WRAPPER, wait_until
from clients import Boss
from sync_faults import Gateway, Origin
from test_follow import let_in
from test_trustctl_remote import OPERATOR
from trustctl import device

HOUR, YEARS = 3600, 30 * 365 * 86400
PATIENT = 60


# ---- The clock ----

class Clock:
    """A clock that a broker goes by, its monotonic one excepted."""

    def __init__(self, folder):
        self.path = folder / "clock"
        library, = pathlib.Path("/usr/lib").glob(
            "*/faketime/libfaketimeMT.so.1")
        self.environment = {
            "LD_PRELOAD": str(library), "FAKETIME_NO_CACHE": "1",
            "FAKETIME_TIMESTAMP_FILE": str(self.path),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
        self.jump(0)

    def jump(self, seconds):
        """It is ahead by so many seconds from now on, or behind."""
        fresh = self.path.with_suffix(".new")
        fresh.write_text(f"{seconds:+}\n")
        fresh.replace(self.path)


@pytest.fixture
def timed(site):
    """A gateway that follows an origin with three sensors, and its clock."""
    if PRELOAD or WRAPPER:
        pytest.skip("libfaketime goes with no other tool")
    for name in "temp-01", "temp-02":
        site.pki.certificate(name)
    origin = Origin(site, 10)
    gateway = Gateway(site, origin, "gw1")
    try:
        origin.ctl.put(*(device(name, site.pki.get(name).thumbprint)
                         for name in ("temp-01", "temp-02")))
        origin.publish()
        site.clock = Clock(site.folder)
        gateway.broker.environment = site.clock.environment
        site.broker = gateway.broker.start()
        gateway.wait_place(origin.wait_quiet(), PATIENT)
        site.origin, site.gateway = origin, gateway
        # The broker looks at what sync applied a moment later.
        until(lambda: let_in(site, site.broker, "temp-02"), site)
        yield site
    finally:
        origin.close()


def until(condition, site):
    wait_until(condition, site.broker.end, PATIENT)


def is_ahead(site, seconds):
    """Whether the broker's clock is, by the last line of its log."""
    shown = int(site.broker.log().splitlines()[-1].partition(":")[0])
    return abs(shown - time.time() - seconds) < HOUR / 2


def is_right_again(site):
    """A change arrives, and everybody comes in."""
    site.gateway.wait_place(site.origin.step(), PATIENT)
    until(lambda: let_in(site, site.broker, "temp-02"), site)


@pytest.mark.parametrize("seconds", [HOUR, -HOUR])
def test_the_clock_jumps_an_hour(timed, seconds):
    """Who is in stays in, who comes is let in, and changes go on to come when
    the clock is right again."""
    sensor = timed.connect(timed.broker, "temp-01")
    timed.clock.jump(seconds)
    assert let_in(timed, timed.broker, "temp-02")
    assert is_ahead(timed, seconds)
    time.sleep(1)  # ticks
    assert sensor.is_alive()
    timed.clock.jump(0)
    assert sensor.is_alive()
    is_right_again(timed)


def test_the_clock_jumps_thirty_years_ahead(timed):
    """Certificates have ended, and so has the registry: nobody is in. When
    the clock is right again, so is everything."""
    sensor = timed.connect(timed.broker, "temp-01")
    mark = timed.broker.mark()
    timed.clock.jump(YEARS)
    sensor.wait_closed()
    assert not let_in(timed, timed.broker, "temp-02")
    assert timed.broker.wait_refusal(mark)[0] == "registry_stale"
    timed.clock.jump(0)
    is_right_again(timed)


def test_the_clock_jumps_thirty_years_back(timed):
    """It is known to be wrong: decisions go by the time of the newest
    notification, and nobody notices."""
    sensor = timed.connect(timed.broker, "temp-01")
    timed.clock.jump(-YEARS)
    assert let_in(timed, timed.broker, "temp-02")
    assert is_ahead(timed, -YEARS)
    timed.gateway.wait_place(timed.origin.step(), PATIENT)
    assert sensor.is_alive()
    timed.clock.jump(0)
    assert sensor.is_alive()
    is_right_again(timed)


# ---- The registry's file ----

def cut(content, chance):
    return content[:chance.randrange(1, len(content))]


def flip(content, chance):
    content = bytearray(content)
    for _ in range(40):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    return bytes(content)


@pytest.mark.parametrize("hurt", [cut, flip], ids=["cut", "flipped"])
def test_hurt_while_running(site, hurt):
    """The file that is open is cut or has bits flipped: nobody comes in who
    should not, the broker goes on, and a good file mends it."""
    chance = random.Random(7)
    site.registry.put("\n".join(site.sensor(f"temp-{n:02}")
                                for n in range(30)))
    site.pki.certificate("stranger")
    # So that all is in the file itself.
    site.registry.run("list", "device")
    path = site.registry.path
    good = path.read_bytes()
    broker = site.start()
    for _ in range(5):
        with open(path, "r+b") as file:
            bad = hurt(good, chance)
            file.truncate(len(bad))
            file.write(bad)
        assert not let_in(site, broker, "stranger")
        for n in chance.sample(range(30), 3):
            let_in(site, broker, f"temp-{n:02}")  # or not
        for suffix in "-wal", "-shm":
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        fresh = site.folder / "fresh"
        fresh.write_bytes(good)
        fresh.replace(path)
        wait_until(lambda: let_in(site, broker, "temp-00"), broker.end)
        assert not let_in(site, broker, "stranger")


# ---- A file system that is read-only ----

@pytest.fixture
def read_only(site):
    """A folder that looks into the registry's own, and may not write."""
    folder = site.folder / "read-only"
    own = site.folder / "own"
    folder.mkdir()
    own.mkdir()
    mount = ["mount", "--bind", own, folder]
    if os.geteuid() != 0 or subprocess.run(
            mount, capture_output=True).returncode != 0:
        pytest.skip("mounting a folder is root's")
    subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
    site.own = own
    yield folder
    site.close()
    subprocess.run(["umount", folder], check=True)


def test_a_read_only_file_system(site, read_only):
    """Where a gateway cannot remember who is blocked it does not start, and
    says which file it cannot write; on the same files, writable, it does."""
    site.registry.path = site.own / "registry.db"
    site.registry.run("init")
    site.add_sensor("temp-01")
    site.registry.path = read_only / "registry.db"
    log = site.new_broker().refuse_to_start()
    assert str(site.registry.path) in log
    site.registry.path = site.own / "registry.db"
    assert let_in(site, site.start(), "temp-01")


# ---- Descriptors ----

def test_no_descriptors_left(site):
    """Sensors that are in stay in and are served, a device that is disabled
    goes; when there are descriptors again, who comes is let in."""
    for name in "temp-01", "temp-02", "temp-03":
        site.add_sensor(name)
    broker = site.start()
    sensor = site.connect(broker, "temp-01")
    bad = site.connect(broker, "temp-02")
    sensor.subscribe("devices/temp-01/#")
    pid = broker.process.pid
    used = max(map(int, os.listdir(f"/proc/{pid}/fd")))
    old = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + 6, old[1]))
    # Each takes one, until none is left; the rest wait at the door.
    idle = [socket.create_connection(("127.0.0.1", broker.port()))
            for _ in range(30)]
    wait_until(lambda: len(os.listdir(f"/proc/{pid}/fd")) >= used,
               broker.end)
    sensor.publish("devices/temp-01/state", "21")
    sensor.wait(lambda: sensor.messages, "its message")
    site.registry.run("device", "disable", "temp-02")
    bad.wait_closed()
    assert sensor.is_alive()
    for connection in idle:
        connection.close()
    wait_until(lambda: let_in(site, broker, "temp-03"), broker.end, PATIENT)
    assert not let_in(site, broker, "temp-02")
    resource.prlimit(pid, resource.RLIMIT_NOFILE, old)
    assert sensor.is_alive()


# ---- kill -9 ----

def test_killed_while_it_blocks_and_writes_its_audit_log(site):
    """Whoever was said to be blocked is blocked; each line of the audit log
    is whole, but for the last one before a crash."""
    chance = random.Random(11)
    audit = site.folder / "audit.jsonl"
    names = [f"temp-{n:02}" for n in range(24)]
    site.registry.put(OPERATOR + site.sensor("ops", '"roles":["operator"],')
                      + "".join(map(site.sensor, names)))
    broker = site.new_broker(options={"audit_log": audit})
    crashes = 0
    for first in range(0, len(names), 6):
        broker.start()
        boss = Boss(site, broker, "ops")
        sent = names[first:first + 6]
        for name in sent:
            boss.send({"command": "block", "device": name})
        enough = chance.randrange(len(sent) + 1)
        boss.device.wait(lambda: len(boss.device.messages) >= enough,
                         "responses")
        said = [response for _, text, _ in boss.device.messages
                for response in json.loads(text)["responses"]]
        broker.kill()
        crashes += 1
        boss.device.drop()
        assert all("error" not in response for response in said)
        broker.start()
        for name in sent[:len(said)]:
            assert not let_in(site, broker, name)
            assert broker.refusals()[-1][0] == "blocked_locally"
        broker.stop()
    torn = 0
    for line in audit.read_bytes().splitlines():
        try:
            assert "event" in json.loads(line)
        except ValueError:
            torn += 1
    assert torn <= crashes
