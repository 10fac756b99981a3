# SPDX-License-Identifier: Apache-2.0
"""Who is blocked at a gateway, and REGISTRY.local, where that stands: what is
shown of it, what trustctl says offline, and that nobody is let in while nobody
can tell."""

import json
import os
import pathlib
import sqlite3
import shutil

import pytest

from broker import trustctl, wait_until
from clients import Boss
from test_follow import let_in, soon
from test_trustctl_remote import OPERATOR, Operator

N_BLOCKED = 30


@pytest.fixture
def idle(site):
    """An operator and two sensors are registered; no broker runs yet."""
    site.registry.put(OPERATOR + site.sensor("ops", '"roles":["operator"],')
                      + site.sensor("temp-01") + site.sensor("temp-02"))
    site.local = pathlib.Path(f"{site.registry.path}.local")
    return site


@pytest.fixture
def guarded(idle):
    """The same with a broker, an operator's client and command line."""
    idle.broker = idle.start()
    idle.boss = Boss(idle, idle.broker, "ops")
    idle.ops = Operator(idle)
    return idle


def block(site, *devices):
    """The responses to one list of commands."""
    site.boss.send(*({"command": "block", "device": device}
                     for device in devices))
    site.boss.device.wait(lambda: site.boss.device.messages, "responses")
    (_, text, _), = site.boss.device.messages
    site.boss.device.messages.clear()
    return json.loads(text)["responses"]


def status(site):
    response = site.boss.ask("getStatus")
    assert "error" not in response, response
    return response["data"]


# ---- At start ----

def leave_out_of_order(local):
    """A page in which a search misses who is there."""
    content = local.read_bytes()
    assert content.count(b"n-01") == 1
    local.write_bytes(content.replace(b"n-01", b"z-01"))


def make_newer(local):
    with sqlite3.connect(local) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()


def make_foreign(local):
    local.unlink()
    with sqlite3.connect(local) as database:
        database.execute("CREATE TABLE block (device TEXT)")
    database.close()


def cut_short(local):
    local.write_bytes(local.read_bytes()[:5000])


def leave_its_log(local):
    local.rename(f"{local}-wal")


UNUSABLE = {
    "text": (lambda local: local.write_text("nobody\n" * 1000), "move it away"),
    "empty": (lambda local: local.write_bytes(b""), "move it away"),
    "foreign": (make_foreign, "move it away"),
    "newer": (make_newer, "update this program"),
    "cut short": (cut_short, "restore a copy"),
    "out of order": (leave_out_of_order, "restore a copy"),
    "log without file": (leave_its_log, "cannot be made"),
}


def blocked_before(site):
    """A gateway whose broker is down, with devices that it blocked."""
    broker = site.start()
    site.boss = Boss(site, broker, "ops")
    block(site, "temp-01", *(f"n-{n:02}" for n in range(N_BLOCKED)))
    broker.stop()
    return broker


@pytest.mark.parametrize("case", UNUSABLE)
def test_no_start_without_who_is_blocked(idle, case):
    spoil, advice = UNUSABLE[case]
    broker = blocked_before(idle)
    spoil(idle.local)
    before = {path: path.read_bytes() for path in
              idle.folder.glob("registry.db.local*")}
    log = broker.refuse_to_start()
    line, = [line for line in log.splitlines() if str(idle.local) in line]
    assert "mosquitto_trust: " in line and advice in line
    assert before == {path: path.read_bytes() for path in
                      idle.folder.glob("registry.db.local*")}


def test_no_start_of_a_replica_without_who_is_blocked(upstream):
    """The line is about that file, not about registry_anchor."""
    gw = upstream.new_gateway()
    local = pathlib.Path(f"{gw.registry.path}.local")
    local.write_text("nobody\n")
    log = gw.broker.refuse_to_start()
    line, = [line for line in log.splitlines() if str(local) in line]
    assert f"mosquitto_trust: {local}: not a trust memory" in line
    assert local.read_text() == "nobody\n"


def test_a_start_tells_how_many_are_blocked(idle):
    broker = blocked_before(idle)
    broker.start()
    broker.wait_log(f"{idle.local}: devices blocked at this gateway: "
                    f"{N_BLOCKED + 1}\n")
    assert not let_in(idle, broker, "temp-01")
    assert broker.wait_refusal()[0] == "blocked_locally"


def test_no_directory_at_start(idle):
    """Without a registry nobody is let in, so that it may start; as soon as
    there is one, who is blocked has to be known."""
    folder = idle.folder / "late"
    shutil.copytree(idle.folder, folder,
                    ignore=shutil.ignore_patterns("broker*", "pki", "late"))
    folder.rename(idle.folder / "kept")
    idle.registry.path = folder / "registry.db"
    broker = idle.start()
    assert not let_in(idle, broker, "temp-01")
    assert broker.wait_refusal()[0] == "registry_missing"
    leftover = idle.folder / "kept/registry.db.local-wal"
    leftover.write_bytes(b"")
    mark = broker.mark()
    (idle.folder / "kept").rename(folder)
    broker.wait_log("registry found", since=mark)
    broker.wait_log(f"{idle.registry.path}.local: cannot be made: ",
                    since=mark)
    assert not let_in(idle, broker, "temp-01")
    assert broker.wait_refusal(mark)[0] == "internal_error"
    (folder / "registry.db.local-wal").unlink()
    soon(lambda: let_in(idle, broker, "temp-01"), "let in")
    told = [line for line in broker.log(mark).splitlines()
            if "cannot be made" in line and "refused" not in line]
    assert len(told) == 1


# ---- While it runs ----

def spoil_the_table(local):
    """The page where blocks stand is overwritten, and nobody has it in mind:
    somebody writes, so that what was read before does not count."""
    database = sqlite3.connect(local)
    page_size, = database.execute("PRAGMA page_size").fetchone()
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    pages = [page for page, in database.execute(
        "SELECT rootpage FROM sqlite_master WHERE name = 'block'")]
    with open(local, "r+b") as file:
        for page in pages:
            file.seek((page - 1) * page_size)
            file.write(b"\xa5" * page_size)
    database.execute("INSERT INTO floor VALUES(1, 1)")
    database.commit()
    database.close()


def test_damaged_while_running(guarded):
    """Of nobody can it be told whether it is blocked: who has to be decided
    about is refused, and everybody can see why."""
    site, broker = guarded, guarded.broker
    assert let_in(site, broker, "temp-02")
    block(site, "temp-01")
    spoil_the_table(site.local)
    mark = broker.mark()
    assert not let_in(site, broker, "temp-01")
    assert not let_in(site, broker, "temp-02")
    assert [reason for reason, _ in broker.refusals(mark)] == [
        "internal_error", "internal_error"]
    wait_until(lambda: status(site)["local_error"], "a trouble")
    answer = status(site)
    assert str(site.local) in answer["local_error"]
    assert answer["blocked"] is None
    explained = site.boss.ask("explain", device="temp-02")["data"]
    assert (explained["decision"], explained["reason"]) == (
        "deny", "internal_error")
    assert "damaged" in site.boss.ask("block", device="temp-02")["error"]
    assert "damaged" in site.boss.ask("listDevices")["error"]
    # It says so once, and each refusal says it again.
    told = [line for line in broker.log(mark).splitlines()
            if "damaged memory" in line and "refused" not in line]
    assert len(told) == 1
    broker.stop()
    assert str(site.local) in broker.refuse_to_start()


@pytest.mark.parametrize("how", ["moved away", "replaced"])
def test_away_while_running(guarded, how):
    """What the gateway has open it goes on with; what would not last is not
    done."""
    site, broker = guarded, guarded.broker
    temp = site.connect(broker, "temp-02")
    block(site, "temp-01")
    away = site.folder / "away"
    mark = broker.mark()
    site.local.rename(away)
    if how == "replaced":
        site.local.write_text("nobody\n")
    broker.wait_log(f"{site.local}: moved away, removed or replaced",
                    since=mark)
    assert not let_in(site, broker, "temp-01")
    assert broker.wait_refusal(mark)[0] == "blocked_locally"
    response, = block(site, "temp-02")
    assert "moved away" in response["error"]
    assert temp.is_alive()
    assert "moved away" in status(site)["local_error"]
    result = site.ops.run("status", id="ops/other")
    assert result.returncode in (1, 2)
    away.replace(site.local)
    broker.wait_log(f"{site.local}: in order again", since=mark)
    assert status(site)["local_error"] is None
    assert block(site, "temp-02") == [{"command": "block", "data": {}}]
    temp.wait_closed()


def test_written_by_somebody_else(guarded):
    """A block that cannot be written is none, and what there is holds."""
    site, broker = guarded, guarded.broker
    block(site, "temp-01")
    database = sqlite3.connect(site.local, isolation_level=None)
    database.execute("BEGIN IMMEDIATE")
    response, = block(site, "temp-02")
    assert response["error"] == (
        f"{site.local}: somebody else is writing it, try again")
    assert let_in(site, broker, "temp-02")
    assert not let_in(site, broker, "temp-01")
    database.execute("ROLLBACK")
    database.close()
    assert block(site, "temp-02") == [{"command": "block", "data": {}}]
    assert not let_in(site, broker, "temp-02")


# ---- What is shown ----

def test_status_counts_blocks(guarded):
    assert status(guarded)["blocked"] == 0
    block(guarded, "temp-01", "temp-02", "nobody")
    assert status(guarded)["blocked"] == 3
    assert status(guarded)["local_error"] is None
    guarded.boss.device.disconnect()
    result = guarded.ops.run("status")
    assert result.returncode == 0, result.stderr
    assert "\nblocked   3\n" in result.stdout


def test_list_device_shows_blocks(guarded):
    """Also of who is not registered, in the order of ids."""
    site = guarded
    block(site, "temp-01", "nobody", "zebra")
    site.boss.device.disconnect()
    head, *rows = site.ops.run("list", "device").stdout.splitlines()
    start, end = head.index("STATUS"), head.index("LAST SEEN")
    assert {row[:start].strip(): row[start:end].strip() for row in rows} == {
        "nobody": "blocked", "ops": "enabled", "temp-01": "blocked",
        "temp-02": "enabled", "zebra": "blocked"}
    site.registry.run("device", "disable", "temp-01")
    soon(lambda: "blocked, disabled" in site.ops.run("list", "device").stdout,
         "disabled")
    listed = {device["device"]: device for device in
              site.ops.read("list", "device")}
    assert list(listed) == ["nobody", "ops", "temp-01", "temp-02", "zebra"]
    assert listed["nobody"]["blocked"] and not listed["nobody"]["registered"]
    assert "standing" not in listed["nobody"]


def test_blocks_come_in_pages(guarded):
    names = [f"n-{n:03}" for n in range(90)]
    block(guarded, *names)
    block(guarded, *(f"m-{n:03}" for n in range(90)))
    guarded.boss.device.disconnect()
    listed = [device["device"] for device in
              guarded.ops.read("list", "device")]
    assert listed == sorted([*names, *(f"m-{n:03}" for n in range(90)), "ops",
                             "temp-01", "temp-02"])


def test_block_of_a_stranger_says_so(guarded):
    site = guarded
    assert block(site, "nosuch", "temp-01") == [
        {"command": "block", "data": {"known": False}},
        {"command": "block", "data": {}}]
    site.boss.device.disconnect()
    result = site.ops.run("block", "nosuch")
    assert (result.returncode, result.stdout, result.stderr) == (
        0, "blocked nosuch\n", "trustctl: note: device nosuch is not "
        "registered here, and never was here; blocked all the same\n")
    result = site.ops.run("block", "temp-01")
    assert (result.stdout, result.stderr) == ("blocked temp-01\n", "")
    # It holds for whoever comes by that name.
    site.add_sensor("nosuch")
    assert not let_in(site, site.broker, "nosuch")
    assert site.ops.run("unblock", "nosuch").returncode == 0
    soon(lambda: let_in(site, site.broker, "nosuch"), "let in")
    assert site.ops.run("unblock", "nosuch").returncode == 1


def test_who_closes_itself_is_told_that_it_is_done(guarded):
    site = guarded
    site.boss.device.disconnect()
    result = site.ops.run("kick", "ops")
    assert (result.returncode, result.stdout) == (0, "kicked ops\n")
    result = site.ops.run("block", "ops")
    assert (result.returncode, result.stdout) == (0, "blocked ops\n")
    result = site.ops.run("status")
    assert result.returncode == 2


# ---- Many at a time ----

def test_a_list_of_changes(guarded):
    """Each has its answer, what was done lasts, whatever ends the broker."""
    site, broker = guarded, guarded.broker
    temp = site.connect(broker, "temp-01")
    names = [f"n-{n:02}" for n in range(N_BLOCKED)]
    commands = [{"command": "block", "device": name} for name in names]
    commands += [{"command": "unblock", "device": "n-00"},
                 {"command": "unblock", "device": "temp-02"},
                 {"command": "block", "device": "a/b"},
                 {"command": "getStatus"},
                 {"command": "block", "device": "temp-01"},
                 {"command": "unblock", "device": "temp-01"},
                 {"command": "block", "device": "temp-02"}]
    site.boss.send(*commands)
    site.boss.device.wait(lambda: site.boss.device.messages, "responses")
    (_, text, _), = site.boss.device.messages
    answers = json.loads(text)["responses"]
    assert [answer["command"] for answer in answers] == [
        command["command"] for command in commands]
    assert ["data" in answer for answer in answers] == [
        True] * N_BLOCKED + [True, False, False, True, True, True, True]
    assert "not blocked" in answers[N_BLOCKED + 1]["error"]
    assert "want a device id" in answers[N_BLOCKED + 2]["error"]
    assert answers[N_BLOCKED + 3]["data"]["blocked"] == N_BLOCKED - 1
    temp.wait_closed()  # blocked, and unblocked later
    broker.kill()
    broker.start()
    site.boss = Boss(site, broker, "ops")
    assert status(site)["blocked"] == N_BLOCKED
    assert let_in(site, broker, "temp-01")
    assert not let_in(site, broker, "temp-02")


# ---- Offline ----

def offline(site, command, *arguments):
    """By somebody at the gateway; standard output as JSON."""
    result = trustctl(command, *arguments, "--json",
                      registry=site.registry.path)
    texts = [step["text"] for step in
             json.loads(result.stdout)["steps"]] if result.stdout else []
    return result, texts


def questions(site):
    """The command lines that ask about temp-01."""
    return (("check", site.pki.file("temp-01")),
            ("topic", "temp-01", "publish", "devices/temp-01/x"))


@pytest.mark.parametrize("running", [True, False])
def test_offline_answers_know_of_blocks(guarded, running):
    site = guarded
    block(site, "temp-01", "nobody")
    if not running:
        site.broker.stop()
    before = site.local.read_bytes()
    for question in questions(site):
        result, texts = offline(site, *question)
        assert result.returncode == 1, result.stderr
        assert json.loads(result.stdout)["reason"] == "blocked_locally"
        assert (f"who is blocked stands in {site.local}: devices: 2"
                in texts)
    assert site.local.read_bytes() == before


def test_offline_answers_make_nothing(idle):
    for question in questions(idle):
        result, texts = offline(idle, *question)
        assert result.returncode == 0, result.stderr
        assert not any("blocked" in text for text in texts)
    assert not idle.local.exists()


def test_offline_answers_without_who_is_blocked(idle):
    idle.local.write_text("nobody\n")
    for question in questions(idle):
        result, _ = offline(idle, *question)
        assert (result.returncode, result.stdout) == (2, "")
        assert result.stderr.startswith(f"trustctl: {idle.local}: ")
    assert idle.local.read_text() == "nobody\n"


def test_offline_answers_about_who_enrolled_by_itself(site):
    """Without a record it is known by what the gateway remembers."""
    site.add_group("plant", "factory-root", '"enroll":"automatic",')
    site.pki.certificate("leaf-01", issuer="factory-root")
    broker = site.start()
    site.connect(broker, "leaf-01")
    result, texts = offline(
        site, "topic", "leaf-01", "publish", "devices/leaf-01/x")
    assert result.returncode == 0, result.stderr
    assert any("was here" in text for text in texts)
