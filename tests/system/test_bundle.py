# SPDX-License-Identifier: Apache-2.0
"""The trust bundle: what is retained on trust/v1/bundle, when it changes, who
may not write there, and the same as a file."""

import subprocess

import pytest

from broker import wait_until
from clients import V5, V311, mosquitto_client
from trustctl import Trustctl

TOPIC = "trust/v1/bundle"
ANCHOR = ('{{"kind":"anchor","id":"{0}","purposes":{1},"pem":"{{pem:{2}}}"'
          '{3}}}\n')


def anchor(name, root, purposes='["bundle"]', more=""):
    return ANCHOR.format(name, purposes, root, more)


@pytest.fixture
def house(site):
    for root in "root-1", "root-2", "root-3":
        site.pki.certificate(root, ca="yes")
    site.registry.put(site.sensor("temp-01") + site.sensor("temp-02"))
    return site


def pem(site, *names):
    return "".join(site.pki.get(name).pem for name in names)


def subscribed(site, broker, name="temp-01"):
    device = site.connect(broker, name)
    assert device.subscribe(TOPIC) == 1
    return device


def retained(site, broker, name="temp-02"):
    """What somebody gets who subscribes now; None for nothing."""
    device = subscribed(site, broker, name)
    device.is_alive()
    messages = list(device.messages)
    device.disconnect()
    assert all(topic == TOPIC and kept for topic, _, kept in messages)
    return messages[0][1] if messages else None


# ---- What is retained ----

def test_mosquitto_sub_gets_it(house):
    house.registry.put(anchor("b", "root-2") + anchor("a", "root-1"))
    broker = house.start()
    got = subprocess.run(
        mosquitto_client("mosquitto_sub", broker, "temp-01", topic=TOPIC,
                         more=["-C", "1", "-W", "20", "-N"]),
        capture_output=True, text=True, check=True).stdout
    assert got == pem(house, "root-1", "root-2")


def test_only_those_that_are_for_it(house):
    house.registry.put(
        anchor("a", "root-1", '["device","upstream"]')
        + anchor("b", "root-2", '["upstream","bundle"]')
        + anchor("c", "root-3", more=',"status":"disabled"'))
    assert retained(house, house.start()) == pem(house, "root-2")


def test_each_once(house):
    house.registry.put(anchor("a", "root-1") + anchor("b", "root-2")
                       + anchor("c", "root-1"))
    assert retained(house, house.start()) == pem(house, "root-1", "root-2")


def test_certificates_and_nothing_else(house):
    """What a record's PEM has around its certificate stays there."""
    text = "# whom to trust\\n{pem:root-1}\\nand more"
    house.registry.put(anchor("a", "root-1").replace("{pem:root-1}", text))
    assert retained(house, house.start()) == pem(house, "root-1")


@pytest.mark.parametrize("records", ["", "device"])
def test_nothing_without_anchors(house, records):
    if records:
        house.registry.put(anchor("a", "root-1", '["device"]'))
    assert retained(house, house.start()) is None


# ---- When it changes ----

def test_it_follows_the_registry(house):
    broker = house.start()
    device = subscribed(house, broker)
    assert "trust bundle" not in broker.log()
    house.registry.put(anchor("b", "root-2"))
    device.expect(pem(house, "root-2"))
    broker.wait_log("the trust bundle is retained on trust/v1/bundle")
    house.registry.put(anchor("a", "root-1"))
    device.expect(pem(house, "root-1", "root-2"))
    house.registry.put(anchor("b", "root-3"))
    device.expect(pem(house, "root-1", "root-3"))
    house.registry.remove("anchor", "a")
    device.expect(pem(house, "root-3"))
    house.registry.put(anchor("b", "root-3", more=',"status":"disabled"'))
    device.expect("")
    broker.wait_log("the trust bundle is empty now")
    assert retained(house, broker) is None
    house.registry.put(anchor("b", "root-3"))
    device.expect(pem(house, "root-3"))
    assert retained(house, broker) == pem(house, "root-3")


def test_what_is_the_same_is_not_told_again(house):
    house.registry.put(anchor("a", "root-1"))
    broker = house.start()
    device = subscribed(house, broker)
    device.expect(pem(house, "root-1"))
    house.registry.put(anchor("a", "root-1", '["bundle","device"]')
                       + anchor("x", "root-2", '["device"]'))
    house.registry.put(anchor("z", "root-3"))
    device.expect(pem(house, "root-1", "root-3"))


def test_a_large_change_is_seen(house):
    """More records than the registry tells one by one."""
    broker = house.start()
    device = subscribed(house, broker)
    house.registry.run("put", input=house.pki.fill(
        anchor("a", "root-1")) + "".join(
            f'{{"kind":"device","id":"m-{n}","auth":{{"type":"ca","group":'
            f'"g"}}}}\n' for n in range(10500)))
    device.expect(pem(house, "root-1"))


def test_a_registry_that_comes_late(house):
    late = house.folder / "late.db"
    house.registry.put(anchor("a", "root-1"))
    house.registry.path.rename(late)
    broker = house.start()
    late.rename(house.registry.path)
    wait_until(lambda: house.device(broker, "temp-01").connect() == 0,
               "the registry is found")
    assert retained(house, broker) == pem(house, "root-1")


# ---- Restarts ----

def persistent(house):
    return house.start(conf=[
        "persistence true", f"persistence_location {house.folder}/"])


def test_after_a_restart(house):
    house.registry.put(anchor("a", "root-1"))
    broker = persistent(house)
    assert retained(house, broker) == pem(house, "root-1")
    broker.stop()
    broker.start()
    assert retained(house, broker) == pem(house, "root-1")


@pytest.mark.parametrize("change", ["other", "none", "no registry"])
def test_no_stale_one_after_a_restart(house, change):
    """Nobody is given what the broker kept on its disk."""
    house.registry.put(anchor("a", "root-1"))
    broker = persistent(house)
    assert retained(house, broker) == pem(house, "root-1")
    broker.stop()
    away = house.folder / "away.db"
    if change == "other":
        house.registry.put(anchor("a", "root-2"))
    else:
        house.registry.remove("anchor", "a")
    if change == "no registry":
        house.registry.path.rename(away)
    broker.start()
    if change == "no registry":
        away.rename(house.registry.path)
        wait_until(lambda: house.device(broker, "temp-01").connect() == 0,
                   "the registry is found")
    assert retained(house, broker) == (
        pem(house, "root-2") if change == "other" else None)


# ---- Who may not write there ----

@pytest.mark.parametrize("version", [V311, V5])
@pytest.mark.parametrize("payload", ["forged", ""])
@pytest.mark.parametrize("topics", [
    '"trust/v1/bundle"', '"trust/v1/#"', '"trust/v1/{device}"'])
def test_no_role_lets_a_device_publish_it(house, version, payload, topics):
    house.registry.put(
        '{"kind":"role","id":"all","rules":[{"effect":"allow","actions":'
        f'["publish","subscribe"],"topics":[{topics},"plant/x"]}}]}}\n'
        + house.sensor("bundle", '"roles":["all"],')
        + anchor("a", "root-1"))
    broker = house.start()
    forger = house.connect(broker, "bundle", version=version)
    assert forger.subscribe("plant/x") == 1
    for qos in 0, 1, 2:
        for keep in False, True:
            forger.publish(TOPIC, payload, qos=qos, retain=keep)
    forger.publish("plant/x", "last")
    forger.expect("last")
    assert retained(house, broker) == pem(house, "root-1")


def test_no_will_gets_there(house):
    house.registry.put(
        '{"kind":"role","id":"all","rules":[{"effect":"allow","actions":'
        '["publish","subscribe"],"topics":["trust/v1/bundle"]}]}\n'
        + house.sensor("forger", '"roles":["all"],') + anchor("a", "root-1"))
    broker = house.start()
    watcher = subscribed(house, broker)
    watcher.expect(pem(house, "root-1"))
    forger = house.connect(broker, "forger", will={
        "topic": TOPIC, "payload": "forged", "qos": 1, "retain": True})
    forger.drop()
    broker.wait_log(r"Client forger .*(closed|disconnected)")
    house.registry.put(anchor("b", "root-2"))
    watcher.expect(pem(house, "root-1", "root-2"))
    assert retained(house, broker) == pem(house, "root-1", "root-2")


# ---- As a file ----

@pytest.fixture
def ctl(house):
    return Trustctl(house.folder)


def test_to_standard_output(house, ctl):
    house.registry.put(anchor("b", "root-2") + anchor("a", "root-1")
                       + anchor("c", "root-3", '["device"]'))
    assert ctl.yes("bundle") == pem(house, "root-1", "root-2")


def test_to_a_file(house, ctl):
    house.registry.put(anchor("a", "root-1"))
    path = ctl.write("bundle.pem", "the one of before")
    assert ctl.yes("bundle", "-o", "bundle.pem") == ""
    assert path.read_text() == pem(house, "root-1")
    assert list(house.folder.glob("bundle.pem*")) == [path]


def test_none_is_no_file(house, ctl):
    path = ctl.write("bundle.pem", "the one of before")
    assert ctl.no("bundle", "-o", "bundle.pem") == (
        "registry.db: no anchor has the purpose bundle; trustctl anchor add "
        "--purpose bundle gives it one")
    assert path.read_text() == "the one of before"
    house.registry.put(anchor("a", "root-1", '["device","upstream"]'))
    assert ctl.no("bundle")


@pytest.mark.parametrize("arguments, words", [
    (["-r", "gone.db"], "gone.db: there is no registry"),
    (["extra"], "want options only"),
    (["-o", "gone/bundle.pem"], "gone/bundle.pem"),
])
def test_what_is_wrong(house, ctl, arguments, words):
    house.registry.put(anchor("a", "root-1"))
    assert words in ctl.error("bundle", *arguments)
