# SPDX-License-Identifier: Apache-2.0
"""Many connects, and an end without leaks (`make valgrind`, `make asan`)."""

import os

import pytest

from broker import TLS, WEBSOCKETS

# Under a checker of memory its own book-keeping is what grows.
CHECKED = "TRUST_BROKER_PRELOAD" in os.environ or \
    "TRUST_BROKER_WRAPPER" in os.environ


@pytest.fixture
def crowd(site):
    """Sensors of all kinds, with the code of CONNACK that they get."""
    site.add_sensor("temp-01")
    site.add_sensor("off-01", '"status":"disabled",')
    site.add_group("plant", "factory-root", '"enroll":"automatic",')
    site.pki.certificate("leaf-01", issuer="edge-ca")
    site.pki.certificate("stranger-01", issuer="stranger-ca")
    site.pki.certificate("nobody-01")
    site.crowd = [
        ({"chain": ["temp-01"]}, 0),
        ({"chain": ["nobody-01"]}, None),
        ({"chain": ["leaf-01", "edge-ca", "line-ca"]}, 0),
        ({"chain": ["stranger-01", "stranger-ca"]}, None),
        ({"chain": ["temp-01"], "client_id": "temp-02"}, 5),
        ({"chain": ["off-01"]}, None),
    ]
    return site


def come_and_go(site, broker, times, listener="tls"):
    for number in range(times):
        how, code = site.crowd[number % len(site.crowd)]
        how = dict(how, listener=listener)
        device = site.device(broker, *how.pop("chain"), **how)
        assert device.connect() == code
        if code == 0 and number % 3:
            device.disconnect()
        device.drop()
        site.devices.remove(device)


def test_thousand_connects(crowd):
    broker = crowd.start(listeners=[TLS, WEBSOCKETS])
    come_and_go(crowd, broker, 200)
    come_and_go(crowd, broker, 12, "websockets")  # slow in the broker
    before = broker.memory()
    come_and_go(crowd, broker, 1000)
    come_and_go(crowd, broker, 12, "websockets")
    grown = broker.memory() - before
    assert CHECKED or grown < 1024 * 1024, f"{grown} octets"
    broker.stop()


def test_stop_with_clients(crowd):
    """SIGTERM while sensors are connected."""
    broker = crowd.start(listeners=[TLS, WEBSOCKETS])
    crowd.connect(broker, "temp-01")
    crowd.connect(broker, "leaf-01", "edge-ca", "line-ca", clean=False)
    crowd.connect(broker, "leaf-01", "edge-ca", "line-ca",
                  listener="websockets", clean=False)
    broker.stop()
