# SPDX-License-Identifier: Apache-2.0
"""Commands on $CONTROL/trust/v1, as an operator's client sends them: what they
answer, to whom, and what is none."""

import json
import subprocess
import time

import pytest

from broker import trustctl, wait_until
from clients import V5, Boss, mosquitto_client

BOSS = (
    '{"kind":"role","id":"boss","rules":[{"effect":"allow","actions":'
    '["publish","subscribe"],"topics":["$CONTROL/trust/v1",'
    '"$CONTROL/trust/v1/response"]}]}\n')


@pytest.fixture
def commanded(site):
    """A broker with an operator and two sensors that are registered."""
    site.registry.put(
        BOSS + site.sensor("boss", '"roles":["boss"],')
        + site.sensor("temp-01")
        + site.sensor("temp-02", until="+20d"))
    site.broker = site.start()
    site.boss = Boss(site, site.broker)
    return site


def data(commanded, command, **more):
    response = commanded.boss.ask(command, **more)
    assert "error" not in response, response
    return response["data"]


def devices(commanded, **more):
    return {device["device"]: device for device in
            data(commanded, "listDevices", **more)["devices"]}


# ---- Sessions ----

def test_list_sessions(commanded):
    commanded.connect(commanded.broker, "temp-01")
    answer = data(commanded, "listSessions")
    assert answer["total"] == 2
    boss, temp = answer["sessions"]
    assert boss["client"] == "boss"
    since = temp.pop("since")
    assert abs(time.time() - time.mktime(time.strptime(
        since, "%Y-%m-%dT%H:%M:%SZ")) + time.timezone) < 600
    assert temp.pop("valid_until") is not None
    assert temp == {
        "client": "temp-01", "device": "temp-01", "address": "127.0.0.1",
        "reason": "thumbprint_match", "auth": "certificate", "anchor": None,
        "thumbprint": commanded.pki.get("temp-01").thumbprint}


def test_sessions_come_in_pages(commanded):
    temps = [commanded.connect(commanded.broker, name)
             for name in ("temp-01", "temp-02")]
    first = data(commanded, "listSessions", count=2)
    second = data(commanded, "listSessions", count=2, offset=2)
    assert [session["client"] for session in
            first["sessions"] + second["sessions"]] == [
        "boss", "temp-01", "temp-02"]
    assert first["total"] == second["total"] == 3
    temps[0].disconnect()

    def gone():
        return data(commanded, "listSessions")["total"] == 2
    wait_until(gone, "two sessions")


# ---- Devices ----

def test_list_devices(commanded):
    temp = commanded.connect(commanded.broker, "temp-02")
    listed = devices(commanded)
    assert list(listed) == ["boss", "temp-01", "temp-02"]
    assert listed["temp-01"] == {
        "device": "temp-01", "registered": True, "status": "enabled",
        "blocked": False, "connected": False, "last_seen": None,
        "address": None, "matched": None, "anchor": None,
        "thumbprint": None, "expires": None}
    seen = listed["temp-02"]
    assert seen["connected"] and seen["last_seen"] is not None
    assert seen["matched"] == "primary"
    assert seen["thumbprint"] == commanded.pki.get("temp-02").thumbprint
    assert seen["address"] == "127.0.0.1"
    assert seen["expires"] is not None
    temp.disconnect()
    wait_until(lambda: not devices(commanded)["temp-02"]["connected"],
               "temp-02 is away")


def test_devices_come_in_pages(commanded):
    first = data(commanded, "listDevices", count=2)
    assert [device["device"] for device in first["devices"]] == [
        "boss", "temp-01"]
    assert first["more"]
    second = data(commanded, "listDevices", count=2, after="temp-01")
    assert [device["device"] for device in second["devices"]] == ["temp-02"]
    assert not second["more"]


def test_which_devices_must_be_renewed(commanded):
    for name in "temp-01", "temp-02":
        commanded.connect(commanded.broker, name)
    assert list(devices(commanded, expiring="30d")) == ["temp-02"]
    assert list(devices(commanded, expiring="1d")) == []
    assert set(devices(commanded, expiring="9000d")) == {
        "boss", "temp-01", "temp-02"}


def test_whether_the_secondary_is_in_use(commanded):
    commanded.pki.certificate("new", subject="CN=temp-01")
    commanded.registry.put(
        '{"kind":"device","id":"temp-01","auth":{"type":"thumbprint",'
        '"primary":"{thumbprint:temp-01}","secondary":"{thumbprint:new}"}}')

    def let_in():
        return commanded.device(
            commanded.broker, "new", client_id="temp-01").connect() == 0
    wait_until(let_in, "the secondary is let in")
    assert devices(commanded)["temp-01"]["matched"] == "secondary"
    commanded.registry.put(
        '{"kind":"device","id":"temp-01","auth":{"type":"thumbprint",'
        '"primary":"{thumbprint:temp-01}"}}')
    wait_until(lambda: devices(commanded)["temp-01"]["matched"] == "none",
               "the record has another one")


def test_devices_are_remembered_across_restarts(commanded):
    commanded.connect(commanded.broker, "temp-02")
    before = devices(commanded)["temp-02"]
    commanded.broker.stop()
    commanded.broker.start()
    commanded.boss = Boss(commanded, commanded.broker)
    after = devices(commanded)["temp-02"]
    assert not after.pop("connected") and before.pop("connected")
    assert after.pop("last_seen") >= before.pop("last_seen")
    assert after == before


def test_who_came_just_before_the_end_is_remembered(commanded):
    """What is written from time to time is written at the end as well."""
    commanded.connect(commanded.broker, "temp-01")
    commanded.connect(commanded.broker, "temp-02")
    commanded.broker.stop()
    commanded.broker.start()
    commanded.boss = Boss(commanded, commanded.broker)
    listed = devices(commanded)
    for name in "temp-01", "temp-02":
        assert listed[name]["last_seen"] is not None
        assert listed[name]["thumbprint"] == commanded.pki.get(name).thumbprint


def test_a_device_that_has_no_record(commanded):
    commanded.add_group("plant", "factory-root", '"enroll":"automatic",')
    commanded.pki.certificate("cell-1", issuer="edge-ca")
    commanded.connect(commanded.broker, "cell-1", "edge-ca", "line-ca")
    listed = devices(commanded)
    assert list(listed) == ["boss", "cell-1", "temp-01", "temp-02"]
    assert not listed["cell-1"]["registered"]
    assert listed["cell-1"]["matched"] == "chain"


# ---- explain ----

def test_explain_a_certificate(commanded):
    commanded.pki.certificate("stranger")
    answer = data(commanded, "explain",
                  certificate=commanded.pki.get("stranger").pem)
    assert answer["decision"] == "deny"
    assert answer["reason"] == "unknown_certificate"
    assert answer["thumbprint"] == commanded.pki.get("stranger").thumbprint
    assert answer["steps"]
    # As check says it.
    path = commanded.folder / "stranger.pem"
    path.write_text(commanded.pki.get("stranger").pem)
    checked = json.loads(trustctl(
        "check", "--json", path, registry=commanded.registry.path).stdout)
    assert checked == answer


def test_explain_a_device_that_is_connected(commanded):
    commanded.connect(commanded.broker, "temp-01")
    answer = data(commanded, "explain", device="temp-01")
    assert answer["decision"] == "allow"
    assert answer["reason"] == "thumbprint_match"
    assert answer["device"] == "temp-01"


def test_explain_a_device_that_is_not(commanded):
    answer = data(commanded, "explain", device="temp-01")
    assert answer["decision"] == "depends" and answer["reason"] is None
    thumbprint = commanded.pki.get("temp-01").thumbprint
    assert any(thumbprint in step["text"] for step in answer["steps"])
    assert data(commanded, "block", device="temp-01") == {}
    answer = data(commanded, "explain", device="temp-01")
    assert answer["decision"] == "deny"
    assert answer["reason"] == "blocked_locally"
    commanded.registry.run("device", "disable", "temp-02")
    wait_until(lambda: data(commanded, "explain", device="temp-02")[
        "reason"] == "device_disabled", "temp-02 is disabled")


def test_an_explanation_lets_nobody_in(commanded):
    """What an operator asks about is not cached: a leaf that needs its
    intermediate still has to send it."""
    commanded.add_group("plant", "factory-root", '"enroll":"automatic",')
    commanded.pki.certificate("cell-1", issuer="edge-ca")
    chain = "".join(commanded.pki.get(name).pem
                    for name in ("cell-1", "edge-ca", "line-ca"))
    wait_until(lambda: data(commanded, "explain", certificate=chain)[
        "decision"] == "allow", "the chain is good")
    assert commanded.device(commanded.broker, "cell-1").connect() is None
    assert commanded.broker.wait_refusal()[0] == "chain_untrusted"


# ---- What is none ----

@pytest.mark.parametrize("command, words", [
    ({"command": "listSessions", "count": 0}, "count: want a whole number"),
    ({"command": "listSessions", "offset": "1"}, "offset: want a whole"),
    ({"command": "listDevices", "count": 101}, "from 1 to 100"),
    ({"command": "listDevices", "after": 7}, "after: want a string"),
    ({"command": "listDevices", "expiring": "soon"}, "want a duration"),
    ({"command": "explain"}, "device: want a device id"),
    ({"command": "explain", "device": "a/b"}, "device: want a device id"),
    ({"command": "explain", "certificate": 1}, "want a string"),
    ({"command": "explain", "certificate": "x"}, "certificate: "),
    ({"command": "restart"}, "no such command"),
    ({"command": 1}, "no such command"),
])
def test_commands_that_are_wrong(commanded, command, words):
    commanded.boss.send(command)
    boss = commanded.boss.device
    boss.wait(lambda: boss.messages, "response")
    response, = json.loads(boss.messages[0][1])["responses"]
    assert words in response["error"] and "data" not in response


def test_the_asking_client_alone_is_answered(commanded):
    commanded.registry.put(
        commanded.sensor("other", '"roles":["boss"],'))
    wait_until(lambda: "other" in devices(commanded), "other is known")
    other = Boss(commanded, commanded.broker, "other")
    assert data(commanded, "getStatus")["sessions"] == 2
    assert other.device.is_alive() and other.device.messages == []


def test_a_client_may_kick_itself(commanded):
    commanded.boss.send(
        {"command": "kick", "device": "boss"},
        {"command": "block", "device": "temp-01"})
    commanded.boss.device.wait_closed()
    commanded.broker.wait_log("blocked device temp-01, by client boss")
    commanded.boss = Boss(commanded, commanded.broker)
    assert devices(commanded)["temp-01"]["blocked"]


def test_as_an_operator_would(commanded):
    """Request and response by one client of Mosquitto's own."""
    commanded.registry.put(commanded.sensor("ops", '"roles":["boss"],'))
    wait_until(lambda: "ops" in devices(commanded), "ops is known")
    result = subprocess.run(
        mosquitto_client(
            "mosquitto_rr", commanded.broker, "ops",
            topic="$CONTROL/trust/v1",
            more=["-e", "$CONTROL/trust/v1/response", "-V", "5", "-W", "20",
                  "-m", '{"commands":[{"command":"getStatus"}]}']),
        capture_output=True, text=True)
    answer, = json.loads(result.stdout)["responses"]
    assert answer["data"]["registry"] == "ready"


def rr(commanded, *more):
    """What Mosquitto's own client for requests prints, and its complaints."""
    commanded.registry.put(commanded.sensor("ops", '"roles":["boss"],'))
    wait_until(lambda: "ops" in devices(commanded), "ops is known")
    return subprocess.run(
        mosquitto_client(
            "mosquitto_rr", commanded.broker, "ops",
            topic="$CONTROL/trust/v1",
            more=["-e", "$CONTROL/trust/v1/response", "-W", "20", *more]),
        capture_output=True, text=True)


MANY = json.dumps({"commands": [{"command": "getStatus"}] * 101})


@pytest.mark.parametrize("payload, words", [
    ("", "want one JSON object, got nothing"), ("hello", "JSON"),
    ("{", "JSON"), ("[]", "got an array"),
    ("{}", "commands: want a list of 1 to 100, got 0"),
    ('{"commands":[]}', "commands: want a list of 1 to 100, got 0"),
    ('{"commands":{"command":"kick"}}', "commands: want a list"),
    (MANY, "commands: want a list of 1 to 100, got 101"),
    ('{"commands":[],"commands":[{"command":"getStatus"}]}', "commands"),
    ('{"commands":[{"command":"getStatus"}]} x', "JSON"),
    (" " * 65536 + '{"commands":[]}', "65536"),
    ("[" * 20 + "]" * 20, "deep"),
], ids=["nothing", "no JSON", "half", "array", "object", "none", "no list",
        "too many", "twice", "more behind", "too large", "too deep"])
def test_lists_that_are_none(commanded, payload, words):
    """One answer, without a command, that says what was wanted."""
    option = ["-m", payload] if payload else ["-n"]
    answer, = json.loads(rr(commanded, *option).stdout)["responses"]
    assert set(answer) == {"command", "error"} and answer["command"] == ""
    assert words in answer["error"] and len(answer["error"]) < 600


def test_some_of_a_list_are_wrong(commanded):
    """Each is answered in its place, with its own correlation."""
    answers = json.loads(rr(commanded, "-m", json.dumps({"commands": [
        {"command": "getStatus", "correlationData": "a"}, "getStatus", 7,
        {"command": "fly", "correlationData": "d"},
        {"correlationData": "e"},
        {"command": "getStatus", "correlationData": {"no": "string"}},
        {"command": "getStatus", "correlationData": "g"}]})).stdout)
    seen = [(answer["command"], answer.get("correlationData"),
             "data" in answer, "error" in answer)
            for answer in answers["responses"]]
    assert ("want one of getStatus, listSessions, " in
            answers["responses"][3]["error"])
    assert seen == [
        ("getStatus", "a", True, False), ("", None, False, True),
        ("", None, False, True), ("fly", "d", False, True),
        ("", "e", False, True), ("getStatus", None, True, False),
        ("getStatus", "g", True, False)]


def test_who_may_not_command_is_told_by_mqtt(commanded):
    """MQTT 5 has an answer for it; the event and the log name who it was."""
    mark = commanded.broker.mark()
    result = subprocess.run(
        mosquitto_client(
            "mosquitto_pub", commanded.broker, "temp-01",
            topic="$CONTROL/trust/v1",
            more=["-V", "5", "-q", "1", "-m", json.dumps({"commands": [
                {"command": "block", "device": "temp-02"}]})]),
        capture_output=True, text=True)
    assert "Not authorized" in result.stderr
    assert commanded.broker.wait_refusal(mark)[0] == "topic_not_allowed"
    assert ("device temp-01 may not publish to $CONTROL/trust/v1 "
            in commanded.broker.log(mark))
    assert not devices(commanded)["temp-02"]["blocked"]


def test_an_mqtt_5_client(commanded):
    commanded.registry.put(commanded.sensor("five", '"roles":["boss"],'))
    wait_until(lambda: "five" in devices(commanded), "five is known")
    five = Boss(commanded, commanded.broker, "five", version=V5)
    assert five.ask("getStatus")["data"]["gateway"] == "gw1"
