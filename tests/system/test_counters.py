# SPDX-License-Identifier: Apache-2.0
"""Counters under $SYS/broker/trust, as mosquitto_sub reads them."""

import subprocess

from broker import wait_until
from clients import mosquitto_client

MONITOR = (
    '{"kind":"role","id":"monitor","rules":[{"effect":"allow","actions":'
    '["subscribe"],"topics":["$SYS/#"]}]}\n')


def read(site, broker):
    """Every counter, by its topic below $SYS/broker/trust."""
    output = subprocess.run(
        mosquitto_client("mosquitto_sub", broker, "monitor",
                         topic="$SYS/broker/trust/#",
                         more=["--retained-only", "-W", "1", "-v"]),
        capture_output=True, text=True).stdout
    return {topic.removeprefix("$SYS/broker/trust/"): int(value)
            for topic, value in map(str.split, output.splitlines())}


def test_counters(site):
    site.registry.put(MONITOR + site.sensor(
        "monitor", '"roles":["monitor"],') + site.sensor("temp-01"))
    site.pki.certificate("stranger")
    broker = site.start()
    temp = site.connect(broker, "temp-01")
    temp.publish("devices/temp-02/t")
    temp.publish("devices/temp-02/t")
    assert site.device(broker, "stranger").connect() is None

    def counted():
        counters = read(site, broker)
        return counters if counters.get(
            "connections/refused/unknown_certificate") else None

    counters = wait_until(counted, "the counters")
    assert counters["connections/refused/unknown_certificate"] == 1
    assert counters["connections/refused/device_disabled"] == 0
    assert counters["connections/allowed"] >= 2
    assert counters["messages/refused"] == 2
    assert counters["sessions/live"] >= 1
    assert counters["registry/records"] == 3
    assert counters["registry/ready"] == 1
    assert counters["registry/serial"] == counters["registry/age"] == 0
    assert "connections/refused/topic_not_allowed" not in counters
    assert "connections/refused/thumbprint_match" not in counters
