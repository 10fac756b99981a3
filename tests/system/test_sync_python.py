# SPDX-License-Identifier: Apache-2.0
"""docs/PROTOCOL.md is enough: an upstream written from it in Python, with the
standard library and `openssl cms` alone, feeds a real gateway. And the
attacks that it tells of, each refused for its own reason."""

import collections
import json
import os
import re
import time

import pytest

import python_origin
from python_origin import PythonOrigin, moment, sign

pytestmark = pytest.mark.skipif("TRUST_SOAK" not in os.environ,
                                reason="takes minutes: make soak")

HEX = "a5" * 32


def device(name, primary, **more):
    return {"kind": "device", "id": name,
            "auth": {"type": "thumbprint", "primary": primary}, **more}


class Line:
    """An origin in Python, and a gateway that holds what it has."""

    def __init__(self, upstream, scope, options=None):
        self.site, self.pki = upstream.site, upstream.pki
        self.scope = scope
        bridge = f"bridge-{scope}"
        for name, fields in ((bridge, {"issuer": "upstream-clients"}),
                             (f"python-{scope}",
                              {"issuer": "upstream-clients"}),
                             (f"sensor-{scope}", {})):
            if name not in self.pki.described:
                self.pki.certificate(name, **fields)
        name = f"python-{scope}"
        self.mqtt = python_origin.Mqtt(
            upstream.port, python_origin.tls_context(
                self.pki.file("server-root"), self.pki.file(name),
                self.pki.key_file(name)), name)
        self.origin = PythonOrigin(self.mqtt, scope, self.signer("signer"))
        self.gw = upstream.gateway(scope, options=options)
        self.sensor = f"sensor-{scope}"
        self.refused = collections.Counter()

    def signer(self, name):
        """Certificate and key of one that signs."""
        return self.pki.file(name), self.pki.key_file(name)

    def record(self, **more):
        return device(self.sensor, self.pki.get(self.sensor).thumbprint,
                      **more)

    def publish(self, *arguments, **more):
        """A change, whole, all the way down."""
        self.origin.announce(self.origin.change(*arguments, **more))
        self.origin.wait_serial()

    def let_in(self):
        sensor = self.site.device(self.gw.broker, self.sensor)
        code = sensor.connect()
        sensor.drop()
        return code == 0

    def expect_refusal(self, reason, do, times=1):
        """`do` is refused for this reason; the sensor is as it was. Content
        is refused twice: by deltas, and then by the snapshot."""
        before = self.let_in()
        self.refused[reason] += times
        do()
        self.origin.wait_report(
            lambda report: report["refused"].get(reason, 0)
            >= self.refused[reason], dict(self.refused))
        assert self.origin.reports[-1]["refused"] == self.refused
        assert re.search(f"sync refused {reason}: ", self.gw.broker.log())
        assert self.let_in() == before


# ---- Without any attack ----

@pytest.fixture
def line(upstream):
    line = Line(upstream, "gw1")
    yield line
    line.mqtt.close()


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
    assert line.let_in()

    line.publish(remove=[("device", "temp-02")])
    request = origin.requests[-1]
    assert (request["session"], request["have"], request["want"]) == (
        origin.session, 1, [origin.deltas[0]["parts"][0]["sha256"]])
    line.publish(line.record(status="disabled"))
    assert not line.let_in()
    assert line.gw.devices() == [line.sensor]

    origin.begin()
    line.publish(line.record())
    assert origin.requests[-1]["have"] == 3
    assert line.let_in()


def test_a_snapshot_of_many_parts(line):
    """More parts than one request asks for; cut where PROTOCOL.md allows."""
    records = [device(f"d{i}", f"{i:064x}", comment="x" * 1000)
               for i in range(1, 16001)]
    line.publish(line.record(), *records)
    assert len(line.origin.snapshot["parts"]) > 64
    wants = [len(r["want"]) for r in line.origin.requests]
    assert wants[0] == 64
    assert max(wants) == 64
    assert line.let_in()


def test_a_restart_goes_on_where_it_was(line):
    """Slow retrieval: a part that came stays, and is not asked for again."""
    origin = line.origin
    content = origin.change(line.record(), *(
        device(f"d{i}", f"{i:064x}", comment="x" * 1000)
        for i in range(1, 601)))
    first, *others = [p["sha256"] for p in origin.snapshot["parts"]]
    origin.withheld.update(others)
    origin.announce(content)
    origin.serve(lambda: origin.requests, "request")
    time.sleep(0.5)  # the part is on its way
    line.gw.restart()
    n = len(origin.requests)
    origin.withheld.clear()
    origin.wait_serial()
    assert origin.requests[n]["want"] == others
    assert line.let_in()


def test_withheld_content_makes_nothing_fresher(line):
    """Freeze: notifications pass, their content does not."""
    origin = line.origin
    content = origin.change(line.record())
    content["next_update"] = moment(time.time() + 2)
    origin.announce(content)
    assert not origin.wait_serial()["stale"]
    content = origin.change(device("temp-02", HEX))
    origin.withheld.update(origin.parts)
    origin.announce(content)
    origin.serve(lambda: len(origin.requests) > 1, "request")
    time.sleep(3)
    origin.send_part(b"anything\n")
    report = origin.wait_report(lambda r: r["refused"])
    assert (report["serial"], report["stale"]) == (1, True)
    assert line.let_in()


def test_many_small_removals_are_one_large_one(line):
    """Judged against what is held, not against the step before."""
    origin = line.origin
    line.publish(line.record(), *(
        device(f"d{i}", f"{i:064x}") for i in range(1, 31)))
    for i in range(1, 13):
        content = origin.change(remove=[("device", f"d{i}")])
        origin.withheld.update(origin.parts)
        origin.announce(content)
    origin.withheld.clear()
    origin.announce(content)
    held = origin.wait_report(lambda r: "mass_removal_held" in r["refused"])
    assert held["serial"] == 1
    origin.announce({**content, "this_update": moment(origin.clock + 1),
                     "mass_removal": True})
    assert origin.wait_serial()["refused"]["mass_removal_held"] == 1
    assert len(line.gw.devices()) == 19


def test_fast_forward_is_recovered_by_a_new_session(line):
    """A signer went mad: the last serial there is."""
    origin = line.origin
    line.publish(line.record())
    origin.serial = 2**53 - 1
    origin.announce(origin.rebuild())
    origin.wait_serial()
    line.expect_refusal("serial_regressed", lambda: origin.announce(
        {**origin.notification(serial=2), "snapshot": {
            **origin.snapshot, "serial": 2}}))
    origin.begin()
    line.publish(line.record(status="disabled"))
    assert not line.let_in()


def test_rollback_after_a_restart(line):
    """The newest accepted outlives the gateway's process."""
    origin = line.origin
    old = origin.announce(origin.change(line.record()))
    origin.wait_serial()
    line.publish(line.record(status="disabled"))
    line.gw.restart()
    line.expect_refusal("serial_regressed",
                        lambda: origin.announce_octets(old))
    assert not line.let_in()


def test_one_stolen_signer_is_too_few(upstream):
    """Two are wanted; two certificates of one key are one signer."""
    upstream.pki.certificate("signer-2", issuer="registry-root", eku="absent")
    upstream.pki.certificate("signer-1b", issuer="registry-root",
                             eku="absent", key="of signer")
    line = Line(upstream, "gw1", options={"registry_signatures": "2"})
    origin = line.origin
    one, two = line.signer("signer"), line.signer("signer-2")
    origin.announce(origin.change(line.record()), (one, two))
    origin.wait_serial()
    content = origin.change(line.record(status="disabled"))
    for signers in ((one,), (one, line.signer("signer-1b"))):
        line.expect_refusal("too_few_signers", lambda: origin.announce(
            content, signers, retain=False))
    origin.announce(content, (one, two))
    origin.wait_serial()
    assert not line.let_in()


# ---- Attacks on one gateway, which holds on through all of them ----

@pytest.fixture(scope="module")
def victim(lasting_upstream):
    pki = lasting_upstream.pki
    pki.certificate("strange-root", ca="yes")
    pki.certificate("strange-signer", issuer="strange-root", eku="absent")
    pki.certificate("cell-device", issuer="edge-ca")
    pki.certificate("registry-ca", issuer="registry-root", ca="yes",
                    key_usage="digital_signature key_cert_sign crl_sign")
    pki.certificate("below-ca", issuer="registry-ca", eku="absent")
    pki.certificate("old-signer", issuer="registry-root", eku="absent",
                    until="-1h")
    pki.certificate("no-usage", issuer="registry-root", eku="absent",
                    key_usage="key_encipherment")
    line = Line(lasting_upstream, "gw1")
    line.publish(line.record(), device("other", HEX))
    line.publish(line.record(comment="2"))
    yield line
    line.mqtt.close()


@pytest.fixture
def tricked(victim):
    """A signer is in the plot: what he announced is accepted, and its content
    is not. Afterwards the next change comes down all the same."""
    yield victim
    origin = victim.origin
    origin.withheld.clear()
    origin.serial += 1
    origin.records["device", victim.sensor] = victim.record(
        comment=f"after {origin.serial}")
    origin.announce(origin.rebuild())
    origin.wait_serial()
    assert victim.let_in()


def attack(victim, reason, content, *signers, options=()):
    """A notification that was made up."""
    if not isinstance(content, bytes) or signers:
        content = sign(content, *[victim.signer(name) for name in
                                  signers or ("signer",)], options=options)
    victim.expect_refusal(
        reason, lambda: victim.origin.announce_octets(content))


def ahead(victim, **other):
    """One that would be next, but for what is other."""
    return victim.origin.notification(
        **{"serial": victim.origin.serial + 1,
           "snapshot": {**victim.origin.snapshot,
                        "serial": victim.origin.serial + 1},
           "deltas": [], **other})


@pytest.mark.parametrize("signer", [
    "strange-signer", "cell-device", "edge-ca", "server", "registry-root",
    "registry-ca", "below-ca", "old-signer", "no-usage"])
def test_arbitrary_content_by_a_signer_who_is_none(victim, signer):
    attack(victim, "signer_untrusted", ahead(victim), signer)


def test_a_signer_and_a_stranger_beside_him(victim):
    """One who counts is enough, as long as every signature holds."""
    der = bytearray(sign(ahead(victim), victim.signer("signer"),
                         victim.signer("strange-signer")))
    der[-1] ^= 1  # within the last signature
    attack(victim, "signature_invalid", bytes(der))


def test_altered_content(victim):
    der = sign(ahead(victim), victim.signer("signer"))
    place = der.index(b'"records":') + len('"records":')
    attack(victim, "signature_invalid",
           der[:place] + b"9" + der[place + 1:])


@pytest.mark.parametrize("how", [
    "rubbish", "nothing", "cut", "trailing", "streamed", "no certificate",
    "other type"])
def test_malformed_statement(victim, how):
    good = sign(ahead(victim), victim.signer("signer"))
    options = {"streamed": ["-stream"], "no certificate": ["-nocerts"]}
    octets = {"rubbish": b"rubbish", "nothing": b"", "cut": good[:-1],
              "trailing": good + b"\0",
              "other type": good.replace(
                  bytes.fromhex("06092a864886f70d010702"),
                  bytes.fromhex("06092a864886f70d010703"))}
    if how in options:
        good = sign(ahead(victim), victim.signer("signer"),
                    options=options[how])
    attack(victim, "malformed", octets.get(how, good))


CONTENT = {
    "no JSON": b"rubbish",
    "a list": b"[]",
    "not UTF-8": b'{"type":"\xff"}',
    "unknown key": {"more": 1},
    "wrong type": {"serial": "3"},
    "version": {"version": 2},
    "serial beyond 2^53": {"serial": 2**53},
    "a fraction": {"records": 1.5},
    "session": {"session": "1"},
    "scope": {"scope": "a/b"},
    "time": {"this_update": "yesterday"},
    "upper case digest": {"state": "A" * 64},
    "a part too large": {"snapshot": {"serial": 1, "parts": [
        {"sha256": HEX, "bytes": 262145}]}},
    "deltas with a gap": {"deltas": [{"serial": 1, "parts": []}]},
    "more than 4 GiB": {"snapshot": {"serial": 1, "parts": [
        {"sha256": HEX, "bytes": 262144}] * 16385}},
}


@pytest.mark.parametrize("name", CONTENT)
def test_malformed_content(victim, name):
    content = CONTENT[name]
    if isinstance(content, dict):
        content = ahead(victim, **content)
    attack(victim, "malformed", content, "signer")


def test_duplicate_key(victim):
    octets = json.dumps(ahead(victim)).encode()
    attack(victim, "malformed", octets[:-1] + b',"serial":7}', "signer")


def test_endless_data(victim):
    attack(victim, "too_large", bytes(1572865))


def test_unknown_format(victim):
    attack(victim, "format_unsupported", ahead(victim, format=2))


def test_replay_of_another_scope(victim):
    attack(victim, "wrong_scope", ahead(victim, scope="gw2"))


def test_a_time_to_come(victim):
    """Fast-forward by time."""
    attack(victim, "from_future", ahead(
        victim, this_update=moment(time.time() + 400)))


def test_rollback(victim):
    attack(victim, "serial_regressed", victim.origin.notification(
        serial=1, snapshot={**victim.origin.snapshot, "serial": 1},
        deltas=[]))


def test_rollback_within_a_serial(victim):
    attack(victim, "this_update_regressed", victim.origin.notification(
        this_update=moment(victim.origin.clock - 60)))


@pytest.mark.parametrize("other", [
    {"state": HEX}, {"records": 7},
    {"snapshot": {"serial": 1, "parts": [{"sha256": HEX, "bytes": 9}]}}])
def test_two_truths_under_one_serial(victim, other):
    origin = victim.origin
    snapshot = other.get("snapshot")
    if snapshot:
        other = {"snapshot": {**snapshot, "serial": origin.serial},
                 "deltas": []}
    attack(victim, "equivocation", origin.notification(**other))


def test_replay_of_a_former_session(victim):
    attack(victim, "session_replaced_by_older", victim.origin.notification(
        session="0b0e5d8c-6a39-4d3e-9c1f-2f6f4f1d7a10",
        this_update=moment(victim.origin.clock - 60)))


def test_expired(victim):
    attack(victim, "expired", victim.origin.notification(
        next_update=moment(time.time() - 10)))


def test_extraneous_parts(victim):
    for part in (b"x\n", b"", bytes(1 << 20),
                 next(iter(victim.origin.parts.values()))):
        victim.expect_refusal("unsolicited",
                              lambda: victim.origin.send_part(part))


def begin(victim, *puts, more=(), **other):
    """A change is announced and nothing of it is sent; its delta's part."""
    origin = victim.origin
    origin.change(*puts, more=more)
    name = origin.deltas[-1]["parts"][0]["sha256"]
    origin.withheld.add(name)
    n = len(origin.requests)
    origin.announce(origin.notification(**other))
    origin.serve(lambda: len(origin.requests) > n, "request")
    return origin.parts[name]


def test_malicious_mirror(tricked):
    """The part comes altered, cut, and one of another serial instead."""
    origin = tricked.origin
    part = begin(tricked, tricked.record(comment="mirrored"))
    earlier = origin.parts[origin.snapshot["parts"][0]["sha256"]]
    for wrong in (part.replace(b"mirrored", b"mirroreD"), part[:-1],
                  part + part, earlier):
        tricked.expect_refusal("unsolicited", lambda: origin.send_part(wrong))
    origin.send_part(part)
    origin.wait_serial()


def test_mix_and_match(tricked):
    """Signed by one who may: deltas that do not lead to the state."""
    part = begin(tricked, tricked.record(comment="mixed"), state=HEX)
    tricked.expect_refusal("state_mismatch",
                          lambda: tricked.origin.send_part(part), times=2)


def test_wrong_number_of_records(tricked):
    part = begin(tricked, tricked.record(comment="counted"), records=77)
    tricked.expect_refusal("state_mismatch",
                          lambda: tricked.origin.send_part(part), times=2)


@pytest.mark.parametrize("more", [
    b"rubbish\n", b'{"put":{"kind":"device","id":"x"}}\n',
    b'{"put":{"kind":"role","id":"x","rules":[],"scopes":["gw1"]}}\n',
    b'{"remove":{"kind":"device"}}\n', b"{}\n", b"\n",
    b'{"put":{"kind":"role","id":"x","rules":[],"more":1}}\n',
    b'{"put":{"kind":"role","id":"x","rules":[]}}'])
def test_malformed_record(tricked, more):
    part = begin(tricked, tricked.record(comment="good"), more=[more])
    tricked.expect_refusal("malformed_record",
                          lambda: tricked.origin.send_part(part), times=2)


def test_registry_anchor_as_a_device_anchor(tricked):
    """It would let the origin's signers in as devices."""
    origin = tricked.origin
    record = {"kind": "anchor", "id": "x", "purposes": ["device"],
              "pem": tricked.pki.get("registry-root").pem}
    part = begin(tricked, record)
    tricked.expect_refusal("malformed_record",
                          lambda: origin.send_part(part), times=2)
    del origin.records["anchor", "x"]


def test_two_devices_claim_one_thumbprint(tricked):
    origin = tricked.origin
    part = begin(tricked, device(
        "thief", tricked.pki.get(tricked.sensor).thumbprint))
    tricked.expect_refusal("duplicate_claim",
                          lambda: origin.send_part(part), times=2)
    del origin.records["device", "thief"]


# ---- At last ----

def test_every_refusal_is_counted_and_none_did_harm(victim):
    counted = victim.refused
    assert counted
    victim.origin.announce(victim.origin.change(
        victim.record(comment="the last")))
    victim.origin.wait_serial()
    report = victim.origin.wait_report(
        lambda r: r["refused"] == counted, dict(counted))
    assert report["state"] == python_origin.state_of(
        victim.origin.records.values())
