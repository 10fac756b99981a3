# SPDX-License-Identifier: Apache-2.0
"""Claims of docs/SECURITY-MODEL.md that no other test is about."""

import json

from broker import PLAIN, TLS, wait_until
from clients import Boss
from newcomers import SECRET, Newcomers
from test_commands import BOSS


def test_an_upstream_commands_nothing(site):
    """Not even where the bridge lets its messages through to that topic."""
    upstream = site.start(
        plugin=False, listeners=[PLAIN], conf=["allow_anonymous true"])
    site.registry.put(BOSS + site.sensor("boss", '"roles":["boss"],'))
    site.add_sensor("temp-01")
    broker = site.start(listeners=[TLS], after=[
        "connection up", f"address 127.0.0.1:{upstream.port('plain')}",
        "topic v1 in 1 $CONTROL/trust/ commands/",
        "topic v1/response out 1 $CONTROL/trust/ commands/",
        "restart_timeout 1"])
    boss = Boss(site, broker)
    temp = site.connect(broker, "temp-01")
    above = site.connect(upstream, client_id="above", listener="plain")
    upstream.wait_log(r"Received SUBSCRIBE from \S+\.up")
    above.subscribe("commands/#")
    mark = broker.mark()
    for command in "block", "kick":
        above.publish("commands/v1", json.dumps(
            {"commands": [{"command": command, "device": "temp-01"}]}))
    wait_until(lambda: broker.log(mark).count("Received PUBLISH from") >= 2,
               "both commands came")
    assert boss.ask("getStatus")["data"]["blocked"] == 0
    assert temp.is_alive()
    assert all("response" not in topic for topic, _, _ in above.messages)


def test_a_tokens_secret_stands_nowhere(site):
    """On the gateway's disk: neither where it counts, nor where it is told
    that somebody came with it."""
    plant = Newcomers(site, options={"audit_log": site.folder / "audit.jsonl"})
    plant.come()
    assert plant.refused(client_id="other", secret=SECRET[:-1] + "x") \
        == "token_invalid"
    plant.broker.stop()
    files = [path for path in site.folder.rglob("*") if path.is_file()]
    assert site.registry.path in files
    for path in files:
        assert SECRET[:-1].encode() not in path.read_bytes(), path


def test_an_unblocked_device_is_no_device_yet(site):
    """An operator of the gateway takes back what operators of it did, and
    lets nobody in whom the registry does not."""
    site.registry.put(BOSS + site.sensor("boss", '"roles":["boss"],'))
    site.add_sensor("temp-01", '"status":"disabled",')
    broker = site.start()
    boss = Boss(site, broker)
    assert boss.ask("block", device="temp-01") == {"data": {}}
    assert boss.ask("unblock", device="temp-01") == {"data": {}}
    mark = broker.mark()
    assert site.device(broker, "temp-01").connect() is None
    assert broker.wait_refusal(mark)[0] == "device_disabled"
