# SPDX-License-Identifier: Apache-2.0
"""trustctl topic: what a device may do with a topic, and by which rule; and
that a gateway does the same."""

import pytest
from clients import V5
from trustctl import NO, YES, Trustctl, device

HEX = "1" * 64


def rule(topics, actions=("publish", "subscribe"), effect="allow", **more):
    return {"effect": effect, "actions": list(actions),
            "topics": list(topics), **more}


def role(name, *rules):
    return {"kind": "role", "id": name, "rules": list(rules)}


SENSOR = role(
    "sensor",
    rule(["devices/{device}/#"], ["publish"], max_qos=1, retain=False),
    rule(["plant/{group}/#", "#"], ["subscribe"]),
    rule(["plant/+/secret"], effect="deny"))


@pytest.fixture
def ctl(tmp_path):
    ctl = Trustctl(tmp_path)
    ctl.yes("init")
    ctl.put(SENSOR,
            {"kind": "group", "id": "plant-7", "anchors": [],
             "roles": ["sensor"], "client_id": "prefix"},
            {"kind": "device", "id": "temp-01",
             "auth": {"type": "ca", "group": "plant-7"}},
            device("temp-02", HEX))
    return ctl


def ask(ctl, *arguments, status):
    [answer] = ctl.json("topic", *arguments, status=status)
    assert answer["decision"] == ("allow" if status == YES else "deny")
    return answer


def steps(answer):
    return [step["text"] for step in answer["steps"]]


def test_text(ctl):
    assert ctl.yes("topic", "temp-01", "publish", "devices/temp-01/t") == (
        "ok  device temp-01 is registered, and nothing keeps it out by name\n"
        "--  it is of group plant-7\n"
        "--  role sensor applies, from its group\n"
        "ok  rule 1 of role sensor allows it: devices/{device}/#, "
        "here devices/temp-01/#\n"
        "--  rule 2 of role sensor is not for publishing: #\n"
        "allow: temp-01, publish with QoS 0: devices/temp-01/t\n")
    text = ctl.no("topic", "temp-01", "publish", "x", "--retain", "--qos", "2")
    assert text.splitlines()[-2:] == [
        "no  no rule allows it",
        "deny: topic_not_allowed: temp-01, publish with QoS 2, retained: x"]


def test_json(ctl):
    answer = ask(ctl, "temp-01", "publish", "devices/temp-01/t", status=YES)
    assert {step["result"] for step in answer.pop("steps")} == {
        "fact", "passed"}
    assert answer == {
        "decision": "allow", "reason": None, "device": "temp-01",
        "client": "temp-01", "group": "plant-7", "roles": ["sensor"],
        "action": "publish", "topic": "devices/temp-01/t", "qos": 0,
        "retain": False, "rule": {
            "role": "sensor", "rule": 1, "effect": "allow",
            "topic": "devices/{device}/#", "filter": "devices/temp-01/#"}}
    answer = ask(ctl, "temp-01", "subscribe", "x/$share", status=YES)
    assert answer["rule"]["rule"] == 2
    answer = ask(ctl, "temp-02", "publish", "x", status=NO)
    assert (answer["reason"], answer["rule"]) == ("topic_not_allowed", None)


def test_subscribe_to_what_is_denied_in_part(ctl):
    answer = ask(ctl, "temp-01", "subscribe", "plant/plant-7/#", status=YES)
    assert answer["rule"]["topic"] == "plant/{group}/#"
    assert ("rule 3 of role sensor denies a part of it, which is not "
            "delivered: plant/+/secret") in steps(answer)
    answer = ask(ctl, "temp-01", "subscribe", "plant/x/secret", status=NO)
    assert answer["rule"] == {
        "role": "sensor", "rule": 3, "effect": "deny",
        "topic": "plant/+/secret", "filter": "plant/+/secret"}


@pytest.mark.parametrize("topic, why", [
    ("$SYS/#", "rule 2 of role sensor does not lead there, as no wildcard "
               "leads to $: #"),
    ("trust/v1/events", "rule 2 of role sensor does not lead there, as its "
                        "text does not begin so: #")])
def test_wildcards_do_not_lead_to_the_gateway(ctl, topic, why):
    answer = ask(ctl, "temp-01", "subscribe", topic, status=NO)
    assert answer["rule"] is None
    assert why in steps(answer)


@pytest.mark.parametrize("action, topic", [
    ("subscribe", "trust/v1/bundle"),
    ("subscribe", "trust/v1/enroll/temp-02/response"),
    ("publish", "trust/v1/enroll/temp-02/request")])
def test_what_every_device_may(ctl, action, topic):
    answer = ask(ctl, "temp-02", action, topic, status=YES)
    assert answer["rule"]["role"] is None
    assert answer["rule"]["filter"] == topic


def test_roles(ctl):
    answer = ask(ctl, "temp-02", "publish", "devices/temp-02", status=YES)
    assert answer["rule"]["role"] == "default"
    assert "role default applies, as nobody named roles" in steps(answer)
    ctl.put(device("temp-02", HEX, roles=[]))
    answer = ask(ctl, "temp-02", "publish", "devices/temp-02", status=NO)
    assert "its record gives it an empty list of roles" in steps(answer)
    ctl.put(device("temp-02", HEX, roles=["gone", "sensor"]))
    answer = ask(ctl, "temp-02", "publish", "devices/temp-02", status=YES)
    assert answer["roles"] == ["gone", "sensor"]
    assert ("role gone, from its record, does not exist: it grants "
            "nothing") in steps(answer)


def test_who_would_not_be_let_in(ctl):
    answer = ask(ctl, "nobody", "publish", "devices/nobody", status=NO)
    assert answer["reason"] == "device_unknown"
    ctl.yes("device", "disable", "temp-02")
    answer = ask(ctl, "temp-02", "publish", "devices/temp-02", status=NO)
    assert (answer["reason"], answer["rule"]) == ("device_disabled", None)
    assert ctl.no("topic", "temp-02", "publish", "x").startswith(
        "no  device temp-02 is disabled: it would not be let in\n")
    ctl.yes("remove", "group", "plant-7")
    answer = ask(ctl, "temp-01", "publish", "devices/temp-01", status=NO)
    assert answer["reason"] == "chain_untrusted"


def test_client_id_and_gateway(ctl):
    ctl.put(role("sensor", rule(["{gateway}/{client}"])))
    answer = ask(ctl, "temp-01", "publish", "gw9/temp-01/mod", "--client-id",
                 "temp-01/mod", "--gateway", "gw9", status=YES)
    assert answer["client"] == "temp-01/mod"
    answer = ask(ctl, "temp-01", "publish", "x", "--client-id", "temp-02",
                 status=NO)
    assert answer["reason"] == "client_id_mismatch"


def test_wrong_use(ctl):
    assert ctl.error("topic", "x", "read", "t").startswith(
        'topic: want publish or subscribe, got "read"')
    assert ctl.error("topic", "x", "subscribe", "t", "--retain").startswith(
        "topic: --retain: want it with publish alone")
    assert ctl.error("topic", "a/b", "publish", "t") == (
        'device: want an id, got "a/b"')


@pytest.mark.parametrize("topic", ["#", "a+", "", "$share/g/x/#"])
def test_no_topic_name(ctl, topic):
    answer = ask(ctl, "temp-01", "publish", topic, status=NO)
    assert f"{topic} is no topic name (MQTT 5.0 section 4.7)" in steps(answer)


QUESTIONS = [
    "devices/temp-01/#", "devices/#", "#", "+/x", "$SYS/#", "plant/x/secret",
    "plant/#", "$share/g/plant/x", "$share/g/plant/x/secret", "trust/#",
    "trust/v1/bundle", "trust/v1/events"]


def test_gateway_does_the_same(site):
    """Whatever the answer, the broker gives it, too."""
    ctl = Trustctl(site.folder, registry=site.registry.path)
    ctl.put(SENSOR)
    site.add_sensor("temp-01", '"roles":["sensor"],')
    broker = site.start()
    client = site.connect(broker, "temp-01", version=V5)
    for topic in QUESTIONS:
        said = ctl.run("topic", "temp-01", "subscribe", topic).status
        done = client.subscribe(topic)
        assert (said, done) in [(YES, 1), (NO, 0x87)], topic
