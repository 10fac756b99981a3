# SPDX-License-Identifier: Apache-2.0
"""Groups with "pin":"first": the key of a device's first certificate, and no
other until trustctl unpin."""

import contextlib
import json
import sqlite3
import ssl

import pytest

from broker import trustctl, wait_until
from test_trustctl_remote import OPERATOR, Operator

PIN = '"enroll":"automatic","client_id":"prefix",{0}'
FIRST = '"pin":"first",'


class Plant:
    """A broker with a group that pins first keys, and two certificates of one
    name with different keys, and a third with the key of the first."""

    def __init__(self, site, pin=FIRST, **more):
        self.site = site
        pki = site.pki
        for name, key in (("first", "p256"), ("second", "p256"),
                          ("renewed", "of first"), ("other", "p256")):
            pki.certificate(name, key=key, issuer="factory-root",
                            subject=f"CN={'b' if name == 'other' else 'a'}")
        self.group(pin)
        site.registry.put(OPERATOR + site.sensor("ops",
                                                 '"roles":["operator"],'))
        site.broker = self.broker = site.start(**more)
        self.ops = Operator(site)

    def group(self, pin=FIRST):
        self.site.add_group("plant", "factory-root", PIN.format(pin))

    def come(self, certificate, client_id="a", **more):
        return self.site.connect(
            self.broker, certificate, client_id=client_id, **more)

    def remembered(self):
        """How many first keys there are."""
        with contextlib.closing(sqlite3.connect(
                f"file:{self.site.registry.path}.local?mode=ro",
                uri=True)) as local:
            return local.execute("SELECT count(*) FROM pin").fetchone()[0]

    def refused(self, certificate, client_id="a"):
        mark = self.broker.mark()
        device = self.site.device(
            self.broker, certificate, client_id=client_id)
        assert device.connect() is None
        return self.broker.wait_refusal(mark)[0]


@pytest.fixture
def plant(site):
    return Plant(site)


def test_the_first_key_alone(plant):
    """The key, not the certificate; and of each device its own."""
    plant.come("first").disconnect()
    assert plant.refused("second") == "thumbprint_mismatch"
    plant.broker.wait_log("device a came with another key first, .*: the "
                          "certificate bears the name of a device that comes "
                          "with another .* keeps the first key, trustctl unpin")
    plant.come("renewed").disconnect()
    plant.come("other", "b").disconnect()
    plant.come("first").disconnect()


def test_it_survives_a_restart(plant):
    plant.come("first").disconnect()
    plant.broker.stop()
    plant.broker.start()
    assert plant.refused("second") == "thumbprint_mismatch"


def test_unpin(plant):
    """The next one is remembered in its place, and the one before is out."""
    first = plant.come("first", "a/one")
    result = plant.ops.run("unpin", "a")
    assert (result.returncode, result.stdout) == (0, "unpinned a\n")
    result = plant.ops.run("unpin", "a")
    assert (result.returncode, result.stderr) == (
        1, "trustctl: no key of device a is remembered\n")
    assert first.is_alive()
    plant.come("second")
    first.wait_closed()
    plant.broker.wait_log("closed client a/one: thumbprint_mismatch: ")
    assert plant.refused("first") == "thumbprint_mismatch"


@pytest.mark.parametrize("away", [False, True], ids=["connected", "away"])
def test_unpin_stays(plant, away):
    """Who came with the key that was forgotten is looked at again when the
    group changes, and that remembers nothing: it is for the next one."""
    witnesses = [plant.come("other", "b/before")]
    first = plant.come("first", "a/one", clean=False)
    witnesses.append(plant.come("other", "b/behind"))
    if away:
        first.disconnect()
    assert plant.ops.run("unpin", "a").returncode == 0
    plant.group(FIRST + '"match":["a"],')
    for witness in witnesses:
        witness.wait_closed()
    assert plant.remembered() == 1  # b's
    plant.come("second", "a/two")


def test_nothing_is_remembered_before_connect(plant):
    """A handshake proves nothing yet, nor does a wrong client id."""
    raw = plant.site.raw(plant.broker, "second")
    raw.close()
    wrong = plant.site.device(plant.broker, "second", client_id="b")
    assert wrong.connect() == 5
    plant.come("first")


def test_two_keys_at_once(plant):
    """Both are through the handshake; the first CONNECT counts."""
    second = plant.site.raw(  # TLS 1.2: the server is through as well
        plant.broker, "second", maximum=ssl.TLSVersion.TLSv1_2)
    plant.come("first")
    mark = plant.broker.mark()
    assert second.connect("a") == 5
    assert plant.broker.wait_refusal(mark)[0] == "thumbprint_mismatch"


def test_a_group_comes_to_want_it(site):
    """Who is connected then has the first key, and what was let in before,
    and is cached, is not let in for that."""
    plant = Plant(site, pin="")
    plant.come("second").disconnect()
    first = plant.come("first")
    plant.group()
    wait_until(plant.remembered, "the key of who is connected")
    assert plant.refused("second", "a/two") == "thumbprint_mismatch"
    assert first.is_alive()


def test_check_and_explain(plant):
    """They say what the gateway does."""
    plant.come("first").disconnect()
    result = trustctl("check", plant.site.pki.file("second"),
                      registry=plant.site.registry.path)
    assert result.returncode == 1 and "thumbprint_mismatch" in result.stdout
    assert "admits the key alone that it came with first" in result.stdout
    plant.site.registry.run("check", plant.site.pki.file("renewed"))
    ops = plant.come("ops", "ops")
    ops.subscribe("$CONTROL/trust/v1/response")
    ops.publish("$CONTROL/trust/v1", json.dumps(
        {"commands": [{"command": "explain", "device": "a"}]}))
    ops.wait(lambda: ops.messages, "the answer")
    first = plant.site.pki.get("first").pin
    assert f"its first key here was {first}" in str(ops.messages[0][1])
