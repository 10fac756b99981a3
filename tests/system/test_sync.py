# SPDX-License-Identifier: Apache-2.0
"""A gateway follows its upstream: an origin that publishes, a broker above, a
bridge with TLS both ways, and sensors below that notice what concerns them."""

import hashlib
import json
import re
import sqlite3
import time

import pytest

from broker import trustctl, wait_until
from clients import V311, V5, Boss

ZEROS = "0" * 64


def let_in(site, gateway, *chain, **more):
    """Whether the client is let in now."""
    device = site.device(gateway.broker, *chain, **more)
    code = device.connect()
    device.drop()
    return code == 0


def soon(condition, what):
    wait_until(condition, what, 5)


@pytest.fixture
def synced(site, upstream):
    """A gateway that has two sensors' registry from its upstream."""
    site.registry.put(site.sensor("temp-01") + site.sensor("temp-02"))
    upstream.origin = upstream.follow()
    upstream.gw = upstream.gateway().wait_serial(1)
    return upstream


def state(registry):
    """What the registry holds, of every kind."""
    return {kind: registry.run("list", "--json", kind) for kind in
            ("device", "anchor", "group", "crl", "role", "token", "gateway")}


# ---- The way down ----

def test_the_first_whole_registry_and_a_change(site, synced):
    """What is above is below; a change within about a second; requests and
    reports as docs/PROTOCOL.md has them."""
    gw = synced.gw
    watcher = synced.watch()
    assert state(gw.registry) == state(site.registry)
    temp = site.connect(gw.broker, "temp-01")
    site.pki.certificate("temp-03")
    assert not let_in(site, gw, "temp-03")
    start = time.monotonic()
    site.registry.run("device", "add", "temp-03", "--thumbprint",
                      site.pki.get("temp-03").thumbprint)
    gw.wait_serial(2)
    assert time.monotonic() - start < 3
    soon(lambda: let_in(site, gw, "temp-03"), "temp-03 is let in")
    assert state(gw.registry) == state(site.registry)
    assert temp.is_alive()

    request = watcher.wait_for("request")
    report = watcher.wait_for("report", matches=lambda r: r["serial"] == 2)
    session = report["session"]
    want, = request.pop("want")
    assert re.fullmatch("[0-9a-f]{64}", want)
    assert request == {"type": "trust-request", "gateway": "gw1",
                       "scope": "gw1", "session": session, "have": 1}
    assert re.fullmatch("[0-9a-f]{64}", report.pop("state"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
                        report.pop("applied_at"))
    assert re.fullmatch(r"\d+\.\d+\.\d+", report.pop("version"))
    assert report == {
        "type": "trust-report", "gateway": "gw1", "scope": "gw1",
        "session": session, "serial": 2, "records": 3, "stale": False,
        "refused": {}, "format": 1}
    synced.origin.wait_log("gateway gw1: serial 2, up to date")


def test_the_first_request_and_report(site, upstream):
    """Of a gateway that holds nothing."""
    site.add_sensor("temp-01")
    watcher = upstream.watch()
    gw = upstream.gateway()
    report = watcher.wait_for("report")
    assert (report["session"], report["serial"], report["state"],
            report["records"], report["applied_at"], report["stale"]) == (
        None, 0, ZEROS, 0, None, True)
    device = site.device(gw.broker, "temp-01")
    assert device.connect() is None
    gw.broker.wait_log("refused registry_missing")
    upstream.follow()
    gw.wait_serial(1)
    soon(lambda: let_in(site, gw, "temp-01"), "temp-01 is let in")
    request = watcher.wait_for("request")
    assert (request["session"], request["have"]) == (None, 0)
    assert len(request["want"]) == 1


def test_many_parts(site, upstream):
    """More than one request asks for."""
    site.registry.run("put", input="".join(
        f'{{"kind":"device","id":"d{i}","auth":{{"type":"thumbprint",'
        f'"primary":"{i:064x}"}},"comment":"{"x" * 1000}"}}\n'
        for i in range(1, 17001)))
    site.add_sensor("temp-01")
    watcher = upstream.watch()
    upstream.follow()
    gw = upstream.gateway().wait_serial(1)
    assert let_in(site, gw, "temp-01")
    watcher.wait_for("report", matches=lambda r: r["records"] == 17001)
    wants = [r["want"] for r in watcher.find("request", "gw1")]
    assert len(wants) > 1
    assert all(len(want) <= 64 for want in wants)
    assert len(watcher.find("content", "gw1")) > 64


# ---- What changes above is felt below ----

def edit(name, more="", primary="{thumbprint:temp-01}"):
    return (f'{{"kind":"device","id":"{name}",{more}"auth":{{"type":'
            f'"thumbprint","primary":"{primary}"}}}}\n')


# Sensors by thumbprint and by chain; a bystander; who may send commands.
RECORDS = (
    '{"kind":"role","id":"talker","rules":[{"effect":"allow","actions":'
    '["publish","subscribe"],"topics":["talk/#"]}]}\n'
    '{"kind":"role","id":"witness","rules":[{"effect":"allow","actions":'
    '["subscribe"],"topics":["talk/#","devices/#"]}]}\n'
    '{"kind":"role","id":"operator","rules":[{"effect":"allow","actions":'
    '["publish","subscribe"],"topics":["$CONTROL/trust/v1",'
    '"$CONTROL/trust/v1/response"]}]}\n'
    '{"kind":"anchor","id":"plant","purposes":["device"],'
    '"pem":"{pem:factory-root}"}\n'
    '{"kind":"group","id":"plant","anchors":["plant"]}\n'
    '{"kind":"device","id":"plant-01","auth":{"type":"ca","group":"plant"},'
    '"roles":["talker"]}\n'
    + edit("temp-01", '"roles":["talker"],')
    + edit("temp-02", primary="{thumbprint:temp-02}")
    + edit("temp-03", primary="{thumbprint:temp-03}")
    + edit("witness", '"roles":["witness"],', "{thumbprint:witness}")
    + edit("boss", '"roles":["operator"],', "{thumbprint:boss}"))


@pytest.fixture(scope="module")
def shared(lasting_upstream):
    """One gateway for the tests that leave it as it was."""
    site = lasting_upstream.site
    for name in ("temp-01", "temp-02", "temp-03", "witness", "boss"):
        site.pki.certificate(name)
    site.pki.certificate("plant-01", issuer="factory-root")
    site.pki.certificate("temp-01-new", subject="CN=temp-01")
    site.registry.put(RECORDS)
    lasting_upstream.origin = lasting_upstream.follow()
    lasting_upstream.gw = lasting_upstream.gateway().wait_serial(1)
    return lasting_upstream


@pytest.fixture
def restored(shared):
    """The records as they were at first, above and below."""
    shared.site.registry.put(RECORDS)
    wait_until(
        lambda: state(shared.gw.registry) == state(shared.site.registry),
        "the records are below")
    n = len(shared.site.devices)
    yield shared
    for device in shared.site.devices[n:]:
        device.drop()


@pytest.fixture
def watched(restored):
    """With live sessions of temp-01, plant-01, and a bystander who sees
    everything and must notice nothing."""
    site, gw = restored.site, restored.gw
    will = {"topic": "talk/will", "payload": "will", "qos": 1}
    restored.witness = site.connect(gw.broker, "witness")
    restored.witness.subscribe("talk/#")
    restored.temp = site.connect(gw.broker, "temp-01", will=will)
    restored.plant = site.connect(gw.broker, "plant-01", will=will)
    restored.mark = gw.broker.mark()
    return restored


# What the operator does, whom it closes, and why.
CLOSING = {
    "disabled": (
        lambda r: r.run("device", "disable", "temp-01"),
        "temp-01", "device_disabled"),
    "removed": (
        lambda r: r.remove("device", "temp-01"),
        "temp-01", "unknown_certificate"),
    "another thumbprint": (
        lambda r: r.put(edit("temp-01", primary="{thumbprint:temp-01-new}")),
        "temp-01", "thumbprint_mismatch"),
    "anchor gone": (
        lambda r: r.remove("anchor", "plant"),
        "plant-01", "chain_untrusted"),
    "group gone": (
        lambda r: r.remove("group", "plant"),
        "plant-01", "chain_untrusted"),
    "group disabled": (
        lambda r: r.put('{"kind":"group","id":"plant","status":"disabled",'
                        '"anchors":["plant"]}'),
        "plant-01", "chain_untrusted"),
}


@pytest.mark.parametrize("change", CLOSING)
def test_a_change_closes_a_live_session(watched, change):
    do, name, reason = CLOSING[change]
    site, gw = watched.site, watched.gw
    concerned, other = watched.temp, watched.plant
    if name == "plant-01":
        concerned, other = other, concerned
    do(site.registry)
    concerned.wait_closed()
    gw.broker.wait_log(f"closed client {name}: {reason}: ", watched.mark)
    assert not let_in(site, gw, name)
    # Nobody else noticed, and no will was sent.
    assert other.is_alive()
    other.publish("talk/last", "last")
    watched.witness.expect("last")


def test_a_role_changes(watched):
    """The session goes on under the new rules, with nothing of the old."""
    temp = watched.temp
    assert temp.subscribe("talk/a") == 1
    assert temp.subscribe("devices/temp-01/a") == 0x80
    watched.site.registry.put(
        '{"kind":"role","id":"talker","rules":[{"effect":"allow","actions":'
        '["publish","subscribe"],"topics":["devices/{device}/#"]}]}')
    soon(lambda: temp.subscribe("devices/temp-01/a") == 1, "the new role")
    assert temp.subscribe("talk/b") == 0x80
    temp.publish("talk/a", "denied")
    temp.publish("devices/temp-01/a", "allowed")
    temp.expect("allowed")
    assert not watched.witness.messages
    assert watched.plant.is_alive()


def test_thumbprints_move_in_one_change(watched):
    """Two devices change their certificates with one another."""
    site, gw = watched.site, watched.gw
    site.registry.put(edit("temp-02", primary="{thumbprint:temp-03}")
                      + edit("temp-03", primary="{thumbprint:temp-02}"))
    soon(lambda: let_in(site, gw, "temp-03", client_id="temp-02"),
         "the new owner is let in")
    assert watched.temp.is_alive()


# ---- Away and back ----

def test_the_upstream_is_away_for_a_while(site, synced):
    gw = synced.gw
    temp = site.connect(gw.broker, "temp-01")
    gw.link.cut()
    site.registry.run("device", "disable", "temp-02")
    synced.origin.wait_serial(2)
    assert temp.is_alive()
    assert let_in(site, gw, "temp-02")
    gw.link.join()
    gw.wait_serial(2)
    assert temp.is_alive()
    assert not let_in(site, gw, "temp-02")


def test_a_gateway_restarts_and_needs_nothing(site, synced):
    gw, watcher = synced.gw, synced.watch()
    gw.restart()
    assert let_in(site, gw, "temp-01")
    report = watcher.wait_for("report")
    assert (report["serial"], report["stale"]) == (1, False)
    # A change goes through it as before, and nothing was fetched again.
    site.registry.run("device", "disable", "temp-02")
    watcher.wait_for("report", matches=lambda r: r["serial"] == 2)
    request, = watcher.find("request", "gw1")
    assert request["have"] == 1


def test_a_gateway_restarts_with_the_upstream_away(site, synced):
    gw = synced.gw
    gw.link.cut()
    gw.restart()
    assert let_in(site, gw, "temp-01")
    assert not let_in(site, gw, "temp-02", client_id="other")
    site.registry.run("device", "disable", "temp-02")
    synced.origin.wait_serial(2)
    gw.link.join()
    gw.wait_serial(2)
    assert not let_in(site, gw, "temp-02")


def test_an_origin_that_restarts_goes_on(site, synced):
    synced.origin.stop()
    site.registry.run("device", "disable", "temp-02")
    synced.follow()
    synced.gw.wait_serial(2)
    assert not let_in(site, synced.gw, "temp-02")


def test_two_gateways_of_one_scope(site, synced):
    """They see each other's parts, and that is no refusal worth a word."""
    other = synced.gateway("gw2", scope="gw1").wait_serial(1)
    site.registry.run("device", "disable", "temp-02")
    for gw in (synced.gw, other):
        gw.wait_serial(2)
        assert state(gw.registry) == state(site.registry)
        assert not let_in(site, gw, "temp-02")


def test_records_of_another_scope_stay_above(site, upstream):
    site.registry.put(site.sensor("temp-01")
                      + site.sensor("temp-02", '"scopes":["gw2"],'))
    upstream.follow()
    gw = upstream.gateway().wait_serial(1)
    assert gw.devices() == ["temp-01"]
    assert not let_in(site, gw, "temp-02")


# ---- Staleness ----

def test_each_tier_of_on_stale(site, upstream):
    """Nothing comes for longer than max_offline, and then it does again."""
    site.registry.put(site.sensor("temp-01") + site.sensor("temp-02"))
    watcher = upstream.watch()
    refresh = ("--next-update", "2s")
    origin = upstream.follow(*refresh)
    live = {}
    for tier, name in (("warn", "gw1"), ("deny_new", "gw2"),
                       ("deny_all", "gw3")):
        if name == "gw3":
            site.pki.certificate("bridge-gw3", issuer="upstream-clients")
        gw = upstream.gateway(name, scope="gw1", options={
            "max_offline": "4s", "on_stale": tier}).wait_serial(1)
        live[tier] = gw, site.connect(gw.broker, "temp-01")
    origin.stop()
    for tier, (gw, _) in live.items():
        gw.broker.wait_log(rf"older than max_offline.*on_stale {tier}\)")
    assert let_in(site, live["warn"][0], "temp-02")
    assert live["warn"][1].is_alive()
    for tier in ("deny_new", "deny_all"):
        mark = live[tier][0].broker.mark()
        assert not let_in(site, live[tier][0], "temp-02")
        assert live[tier][0].broker.wait_refusal(mark)[0] == "registry_stale"
    assert live["deny_new"][1].is_alive()
    live["deny_all"][1].wait_closed()
    live["deny_all"][0].broker.wait_log("closed client temp-01: "
                                        "registry_stale")
    watcher.passed.clear()
    upstream.follow(*refresh)
    for gw, _ in live.values():
        gw.broker.wait_log("the registry is fresh again")
        assert let_in(site, gw, "temp-02")
    assert live["deny_new"][1].is_alive()


def test_deny_all_ends_for_who_is_away(site, upstream):
    """What comes for a durable client once the registry is fresh again is kept
    for it."""
    site.registry.put(site.sensor("temp-01", '"client_id":"prefix",'))
    refresh = ("--next-update", "2s")
    origin = upstream.follow(*refresh)
    gw = upstream.gateway(options={
        "max_offline": "4s", "on_stale": "deny_all"}).wait_serial(1)
    away = site.connect(gw.broker, "temp-01", clean=False)
    away.subscribe("devices/temp-01/#")
    away.disconnect()
    origin.stop()
    gw.broker.wait_log("older than max_offline")
    upstream.follow(*refresh)
    gw.broker.wait_log("the registry is fresh again")
    other = site.connect(gw.broker, "temp-01", client_id="temp-01/a")
    other.publish("devices/temp-01/t", "kept")
    away = site.connect(gw.broker, "temp-01", clean=False)
    away.expect("kept")


# ---- The guard against mass removals ----

def test_a_mass_removal_is_held_until_it_is_meant(site, synced):
    many = "".join(f'{{"kind":"device","id":"d{i}","auth":{{"type":'
                   f'"thumbprint","primary":"{i:064x}"}}}}\n'
                   for i in range(1, 31))
    site.registry.put(many)
    gw = synced.gw.wait_serial(2)
    watcher = synced.watch()
    temp = site.connect(gw.broker, "temp-01")
    site.registry.put(re.sub(r'"auth"', '"status":"disabled","auth"', many)
                      + edit("temp-01", '"status":"disabled",'))
    gw.wait_refusal("mass_removal_held")
    report = watcher.wait_for("report", matches=lambda r: r["refused"])
    assert (report["serial"], report["refused"]) == (
        2, {"mass_removal_held": 1})
    assert temp.is_alive()
    assert let_in(site, gw, "temp-02")
    result = trustctl("publish", *synced.options(), "--mass-removal")
    assert result.returncode == 0, result.stderr
    gw.wait_serial(3)
    temp.wait_closed()
    gw.broker.wait_log("closed client temp-01: device_disabled")
    assert let_in(site, gw, "temp-02")


# ---- A replica is not edited here ----

def test_a_replica_is_not_edited(restored):
    path = restored.gw.registry.path
    for arguments, text in (
            (["put"], edit("temp-09", primary="a5" * 32)),
            (["remove", "device", "temp-01"], ""),
            (["device", "disable", "temp-01"], "")):
        result = trustctl(*arguments, registry=path, input=text)
        assert result.returncode == 2
        assert "replica" in result.stderr
    assert state(restored.gw.registry) == state(restored.site.registry)


# ---- Upstream is away ----

def test_a_line_that_is_down_is_told(synced):
    """Before the registry is stale; and when it is up again."""
    gw = synced.gw
    mark = gw.broker.mark()
    gw.link.cut()
    wait_until(
        lambda: "the bridge local.bridge-gw1 lost its connection; going on "
        "with serial 1, fresh until " in gw.broker.log(mark),
        lambda: gw.broker.log(mark), 90)
    gw.link.join()
    # Mosquitto takes its time to try again.
    wait_until(lambda: "upstream is back, after " in gw.broker.log(mark),
               lambda: gw.broker.log(mark), 90)
    assert gw.broker.log(mark).count("upstream is ") == 2


# ---- Commands ----

@pytest.fixture
def commanded(restored):
    """With a client that may send commands."""
    restored.boss = Boss(restored.site, restored.gw.broker)
    assert restored.boss.subscribed == 1
    return restored


def test_get_status(commanded):
    data = commanded.boss.ask("getStatus")["data"]
    assert {key: data[key] for key in (
        "gateway", "scope", "registry", "replica", "serial", "records",
        "clock_behind", "sessions")} == {
        "gateway": "gw1", "scope": "gw1", "registry": "ready",
        "replica": True, "serial": commanded.origin.serial(),
        "records": RECORDS.count("\n"), "clock_behind": False,
        "sessions": 1}
    assert 0 <= data["age"] < 600
    assert not data["upstream_away"]
    assert 0 <= data["upstream_heard"] < 600


def test_block_wins_and_lasts(commanded):
    site, gw, boss = commanded.site, commanded.gw, commanded.boss
    temp = site.connect(gw.broker, "temp-01")
    other = site.connect(gw.broker, "temp-02")
    assert boss.ask("block", device="temp-01") == {"data": {}}
    temp.wait_closed()
    gw.broker.wait_log("closed client temp-01: blocked_locally")
    assert not let_in(site, gw, "temp-01")
    # A sync does not lift it, even one of the device's own record.
    serial = commanded.origin.serial() + 1
    site.registry.put(edit("temp-01", '"comment":"changed above",'))
    gw.wait_serial(serial)
    assert not let_in(site, gw, "temp-01")
    assert other.is_alive()
    gw.restart()
    assert not let_in(site, gw, "temp-01")
    assert gw.broker.wait_refusal()[0] == "blocked_locally"
    boss = Boss(site, gw.broker)
    assert boss.ask("unblock", device="temp-01") == {"data": {}}
    assert let_in(site, gw, "temp-01")


def test_kick(commanded):
    site, gw, boss = commanded.site, commanded.gw, commanded.boss
    temp = site.connect(gw.broker, "temp-01")
    assert boss.ask("kick", device="temp-01") == {"data": {}}
    temp.wait_closed()
    assert let_in(site, gw, "temp-01")
    assert "not connected" in boss.ask("kick", device="temp-02")["error"]


def test_resync_fetches_the_snapshot(commanded):
    serial = commanded.origin.serial()
    watcher = commanded.watch()
    assert commanded.boss.ask("resync") == {"data": {}}
    request = watcher.wait_for("request")
    assert request["have"] == serial
    report = watcher.wait_for(
        "report", matches=lambda r: r["serial"] == serial)
    assert not report["stale"]
    assert state(commanded.gw.registry) == state(commanded.site.registry)


# Of each table one row, as a disk may lose or change it.
DAMAGE = '''
    DELETE FROM record WHERE id = 'temp-02';
    UPDATE record SET line = CAST(replace(CAST(line AS TEXT), '"primary":"',
        '"secondary":"') AS BLOB) WHERE id = 'temp-01';
    DELETE FROM claim WHERE device = 'temp-03';
    UPDATE count SET n = n + 1 WHERE kind = 1;
'''


def state_digest(registry):
    """Of the records that are there, whatever is noted beside them."""
    lines = "".join(state(registry).values()).splitlines()
    total = sum(int.from_bytes(hashlib.sha256(line.encode()).digest(), "big")
                for line in lines)
    return f"{total % 2 ** 256:064x}"


def test_resync_heals_a_damaged_replica(commanded):
    """Deltas would not find out until they lead to those very rows."""
    site, gw = commanded.site, commanded.gw
    sensors = ("temp-01", "temp-02", "temp-03")
    gw.broker.stop()
    database = sqlite3.connect(gw.registry.path)
    database.executescript(DAMAGE)
    database.close()
    gw.broker.start()
    assert not any(let_in(site, gw, sensor) for sensor in sensors)
    watcher = commanded.watch()
    mark = gw.broker.mark()
    assert Boss(site, gw.broker).ask("resync") == {"data": {}}
    gw.wait_serial(commanded.origin.serial(), mark)
    report = watcher.wait_for("report")
    assert report["state"] == state_digest(gw.registry)
    assert report["records"] == RECORDS.count("\n")
    assert state(gw.registry) == state(site.registry)
    for sensor in sensors:
        soon(lambda sensor=sensor: let_in(site, gw, sensor),
             f"{sensor} is let in")
    assert "sync refused" not in gw.broker.log(mark)


def test_commands_that_are_none(commanded):
    boss = commanded.boss
    assert "no such command" in boss.ask("reboot")["error"]
    assert "want a device id" in boss.ask("block")["error"]
    assert "want a device id" in boss.ask("block", device="a/b")["error"]
    boss.device.publish(boss.TOPIC, "rubbish")
    boss.device.wait(lambda: boss.device.messages, "response")
    response, = json.loads(boss.device.messages[0][1])["responses"]
    assert response["error"]


@pytest.mark.parametrize("version", [V311, V5])
def test_a_device_without_the_role_sends_no_commands(restored, version):
    site, gw = restored.site, restored.gw
    mark = gw.broker.mark()
    stranger = Boss(site, gw.broker, "temp-02", version=version)
    assert stranger.subscribed in (0x80, 0x87)
    stranger.send({"command": "block", "device": "temp-01"})
    gw.broker.wait_log("Denied PUBLISH from temp-02", since=mark)
    assert let_in(site, gw, "temp-01")
    assert not stranger.device.messages


def test_sync_topics_are_the_bridges_alone(restored):
    """A device does not deliver notifications, and does not speak in the
    gateway's name."""
    gw = restored.gw
    watcher = restored.watch()
    temp = restored.site.connect(gw.broker, "temp-02")
    for topic in ("$CONTROL/trust/v1/notification",
                  "$CONTROL/trust/v1/content", "trust/v1/request",
                  "trust/v1/report"):
        mark = gw.broker.mark()
        temp.publish(topic, "{}")
        gw.broker.wait_log("Denied PUBLISH from temp-02", since=mark)
        assert "sync refused" not in gw.broker.log(mark)
    serial = restored.origin.serial() + 1
    restored.site.registry.run("device", "disable", "temp-03")
    watcher.wait_for("report", matches=lambda r: r["serial"] == serial)
    assert {} not in [payload for _, _, payload in watcher.passed]


def test_parts_that_another_gateway_asked_for(site, synced):
    """Each is counted, and hardly a line tells of them: between two lines is
    twice the time of the two before."""
    gw = synced.gw
    watcher = synced.watch()
    mark = gw.broker.mark()
    for i in range(200):
        watcher.publish("trust/v1/gw1/content", f"{i}")
    watcher.wait_for(
        "report", matches=lambda r: r["refused"] == {"unsolicited": 200})
    lines = re.findall("sync refused unsolicited: ", gw.broker.log(mark))
    assert 1 <= len(lines) < 10
    site.registry.put(site.sensor("temp-03"))
    gw.wait_serial(2)


# ---- What keeps it from starting ----

OPTIONS = {
    "no anchor file": ({"registry_anchor": "/nonexistent/x.pem"},
                       ["registry_anchor", "/nonexistent/x.pem", "can read"]),
    "an anchor file without certificates": (
        {"registry_anchor": __file__}, ["registry_anchor", __file__]),
    "scope with a slash": ({"scope": "a/b"}, ["scope", "a/b", "want"]),
    "no signatures": ({"registry_signatures": "0"},
                      ["registry_signatures", '"0"', "number"]),
    "too many signatures": ({"registry_signatures": "101"},
                            ["registry_signatures", "101", "number"]),
    "max_offline without a unit": ({"max_offline": "30"},
                                   ["max_offline", '"30"', "duration"]),
    "on_stale": ({"on_stale": "panic"},
                 ["on_stale", "panic", "warn, deny_new or deny_all"]),
    "clock_skew": ({"clock_skew": "-5m"}, ["clock_skew", "-5m", "duration"]),
    "max_removals over 100": ({"max_removals": "101"},
                              ["max_removals", "101", "percentage"]),
    "max_removals below zero": ({"max_removals": "-1"},
                                ["max_removals", "-1", "percentage"]),
}


@pytest.fixture
def unlinked(site):
    """Starts no upstream: these gateways do not come up."""
    site.pki.certificate("registry-root", ca="yes")
    return site


@pytest.mark.parametrize("name", OPTIONS)
def test_bad_option(unlinked, name):
    more, words = OPTIONS[name]
    options = {"registry_anchor": unlinked.pki.file("registry-root"),
               "registry": unlinked.folder / "replica.db", **more}
    log = unlinked.new_broker(options=options).refuse_to_start()
    line, = [line for line in log.splitlines()
             if "mosquitto_trust: " in line and "plugin_opt_" in line]
    for word in words:
        assert word in line


def test_an_origin_is_not_made_a_replica(unlinked):
    """registry_anchor beside a registry that is administered here."""
    unlinked.add_sensor("temp-01")
    log = unlinked.new_broker(options={
        "registry_anchor": unlinked.pki.file("registry-root")}
    ).refuse_to_start()
    assert "registry_anchor" in log
    assert "want a replica, got an origin" in log
    assert unlinked.registry.run("list", "--json", "device")


@pytest.mark.parametrize("anchor", ["plant-root", "of-its-key"])
def test_an_anchor_of_the_registry_signs_none(unlinked, anchor):
    """The registry holds it, or its key, as an anchor of devices."""
    site = unlinked
    pki, replica = site.pki, site.folder / "replica.db"
    pki.certificate("signer", issuer="registry-root", eku="absent")
    pki.certificate("plant-root", ca="yes")
    pki.certificate("of-its-key", ca="yes", key="of plant-root")
    site.add_group("plant", "plant-root")
    site.registry.run("sign", "--scope", "gw1", "--signer",
                      pki.file("signer"), "--key", pki.key_file("signer"),
                      site.folder / "out")
    done = trustctl("apply", "-r", replica, "--anchor",
                    pki.file("registry-root"), "--gateway", "gw1",
                    site.folder / "out")
    assert done.returncode == 0, done.stderr
    log = site.new_broker(options={
        "registry": replica, "registry_anchor": pki.file(anchor)}
    ).refuse_to_start()
    line, = [line for line in log.splitlines()
             if "mosquitto_trust: " in line and "plugin_opt_" in line]
    for word in ("registry_anchor", str(pki.file(anchor)), str(replica),
                 "anchor plant: want another key"):
        assert word in line
    site.start(options={"registry": replica,
                        "registry_anchor": pki.file("registry-root")})


def test_a_registry_anchor_is_for_nothing_else(site, upstream):
    """An anchor record with its key keeps a registry from being taken. Here
    of an anchor that has signed nothing, or the origin would refuse it."""
    pki = site.pki
    site.add_sensor("temp-01")
    pki.certificate("spare-root", ca="yes")
    site.add_group("plant", "spare-root")
    anchors = pki.file("registry-root", "spare-root")
    upstream.follow()
    gw = upstream.gateway(options={"registry_anchor": anchors})
    gw.wait_refusal("malformed_record")
    assert not let_in(site, gw, "temp-01")
