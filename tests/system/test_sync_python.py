# SPDX-License-Identifier: Apache-2.0
"""docs/PROTOCOL.md is enough: an upstream written from it in Python, with the
standard library and `openssl cms` alone, feeds a real gateway. What comes of
it when it does what it should not is in test_sync_attacks.py."""

import pytest

import python_origin
from python_line import HEX, Line, device, devices


@pytest.fixture
def line(upstream):
    line = Line(upstream)
    yield line
    line.close()


def test_an_upstream_in_python(line):
    """Snapshot, delta, removal, a new session: states as PROTOCOL.md counts
    them, requests as it describes them."""
    origin = line.origin
    origin.announce(origin.change(
        line.record(comment="é \n \"q\" / €"), device("temp-02", HEX)))
    report = origin.wait_serial()
    assert report["state"] == python_origin.state_of(
        origin.records.values())
    assert (report["records"], report["stale"]) == (2, False)
    assert origin.requests[0] == {
        "type": "trust-request", "gateway": "gw1", "scope": "gw1",
        "session": None, "have": 0,
        "want": [origin.snapshot["parts"][0]["sha256"]]}
    assert line.connect()

    line.publish(remove=[("device", "temp-02")])
    request = origin.requests[-1]
    assert (request["session"], request["have"], request["want"]) == (
        origin.session, 1, [origin.deltas[0]["parts"][0]["sha256"]])
    line.publish(line.record(status="disabled"))
    assert not line.connect()
    assert line.gw.devices() == ["sensor"]

    origin.begin()
    line.publish(line.record())
    assert origin.requests[-1]["have"] == 3
    assert line.connect()


def test_a_snapshot_of_many_parts(line):
    """More parts than one request asks for; cut where PROTOCOL.md allows."""
    line.publish(line.record(), *devices(1, 16000, comment="x" * 1000))
    assert len(line.origin.snapshot["parts"]) > 64
    wants = [len(r["want"]) for r in line.origin.requests]
    assert wants[0] == 64
    assert max(wants) == 64
    assert line.connect()


def test_two_signers(line):
    """One who does not count beside one who does."""
    line.pki.certificate("strange-root", ca="yes")
    line.pki.certificate("stranger", issuer="strange-root", eku="absent")
    line.origin.signers = line.signer("stranger"), line.signer("signer")
    line.publish(line.record())
    assert line.connect()
