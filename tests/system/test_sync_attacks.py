# SPDX-License-Identifier: Apache-2.0
"""The attacks of docs/PROTOCOL.md on a real gateway, each refused for its own
reason. Each leaves what the gateway holds as it was, its sensor connected,
and the way open for the next honest notification: python_line.py sees to
that."""

import json
import sqlite3
import time

import pytest

from broker import wait_until
from python_line import HEX, Line, device, devices
from python_origin import PART_MAX, line, moment, sign
from test_provenance import is_2_0


@pytest.fixture(scope="module")
def victim(lasting_upstream):
    """One gateway for all attacks that need no other."""
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
    victim = Line(lasting_upstream)
    victim.begin(*devices(1, 30))
    yield victim
    victim.close()


@pytest.fixture
def alone(upstream):
    """Makes a gateway of the test's own."""
    made = []

    def new(options=None):
        made.append(Line(upstream, options))
        return made[-1]

    yield new
    for each in made:
        each.close()


# ---- Arbitrary content ----

@pytest.mark.parametrize("signer", [
    "strange-signer", "server", "below-ca", "old-signer", "no-usage"])
def test_arbitrary_content(victim, signer):
    """Somebody publishes a registry of his own."""
    victim.attack("signer_untrusted", victim.ahead(), signer)


def test_a_device_certificate_signs(victim):
    """A device's certificate is for nothing but its device."""
    victim.attack("signer_untrusted", victim.ahead(), "cell-device")


def test_an_edge_ca_signs(victim):
    """What an Edge CA may sign are certificates of devices."""
    victim.attack("signer_untrusted", victim.ahead(), "edge-ca")


@pytest.mark.parametrize("signer", ["registry-root", "registry-ca"])
def test_a_registry_ca_signs(victim, signer):
    """Not even the anchor's own certificate signs a registry."""
    victim.attack("signer_untrusted", victim.ahead(), signer)


def test_altered_notification(victim):
    """Somebody's own words instead of those that were signed."""
    der = sign(victim.ahead(), victim.signer("signer"))
    place = der.index(b'"records":') + len('"records":')
    victim.attack("signature_invalid",
                  der[:place] + b"9" + der[place + 1:])


def test_a_broken_signature_beside_a_good_one(victim):
    """Every signature has to hold, also that of one who does not count."""
    der = bytearray(sign(victim.ahead(), victim.signer("signer"),
                         victim.signer("strange-signer")))
    der[-1] ^= 1  # within the last signature
    victim.attack("signature_invalid", bytes(der))


@pytest.mark.parametrize("how", [
    "rubbish", "nothing", "cut", "trailing", "streamed", "no certificate",
    "other type"])
def test_malformed_statement(victim, how):
    """Octets that are not one CMS SignedData in DER."""
    good = sign(victim.ahead(), victim.signer("signer"))
    options = {"streamed": ["-stream"], "no certificate": ["-nocerts"]}
    octets = {"rubbish": b"rubbish", "nothing": b"", "cut": good[:-1],
              "trailing": good + b"\0",
              "other type": good.replace(
                  bytes.fromhex("06092a864886f70d010702"),
                  bytes.fromhex("06092a864886f70d010703"))}
    if how in options:
        good = sign(victim.ahead(), victim.signer("signer"),
                    options=options[how])
    victim.attack("malformed", octets.get(how, good))


CONTENT = {
    "no JSON": b"rubbish",
    "a list": b"[]",
    "not UTF-8": b'{"type":"\xff"}',
    "unknown key": {"more": 1},
    "wrong type": {"serial": "3"},
    "version": {"version": 2},
    "a fraction": {"records": 1.5},
    "session": {"session": "1"},
    "scope": {"scope": "a/b"},
    "time": {"this_update": "yesterday"},
    "upper case digest": {"state": "A" * 64},
    "a part too large": {"snapshot": {"serial": 1, "parts": [
        {"sha256": HEX, "bytes": PART_MAX + 1}]}},
    "deltas with a gap": {"deltas": [{"serial": 1, "parts": []}]},
}


@pytest.mark.parametrize("name", CONTENT)
def test_malformed_content(victim, name):
    """Signed, and not what docs/PROTOCOL.md describes."""
    content = CONTENT[name]
    if isinstance(content, dict):
        content = victim.ahead(**content)
    victim.attack("malformed", content, "signer")


def test_duplicate_key(victim):
    """Two serials: readers might each believe another one."""
    octets = json.dumps(victim.ahead()).encode()
    victim.attack("malformed", octets[:-1] + b',"serial":7}', "signer")


def test_unknown_format(victim):
    """Records of a kind that this gateway would misread."""
    victim.attack("format_unsupported", victim.ahead(format=2))


@pytest.mark.parametrize("more", [
    b"rubbish\n", b'{"put":{"kind":"device","id":"x"}}\n',
    b'{"put":{"kind":"role","id":"x","rules":[],"scopes":["gw1"]}}\n',
    b'{"remove":{"kind":"device"}}\n', b"{}\n", b"\n",
    b'{"put":{"kind":"role","id":"x","rules":[],"more":1}}\n',
    b'{"put":{"kind":"role","id":"x","rules":[]}}'])
def test_malformed_record(victim, more):
    """One bad line, and the good ones beside it do not count either."""
    with victim.refused("malformed_record"):
        victim.origin.send_part(victim.plot(
            victim.record(comment="good"), more=[more]))


def test_registry_anchor_as_a_device_anchor(victim):
    """It would let the origin's signers in as devices."""
    with victim.refused("malformed_record"):
        victim.origin.send_part(victim.plot({
            "kind": "anchor", "id": "x", "purposes": ["device"],
            "pem": victim.pki.get("registry-root").pem}))
    victim.gw.broker.wait_log("got the same; take it out of the registry at "
                              "the origin, or out of registry_anchor here")


def test_two_devices_claim_one_thumbprint(victim):
    """A thief would be let in as somebody else."""
    with victim.refused("duplicate_claim"):
        victim.origin.send_part(victim.plot(device(
            "thief", victim.pki.get("sensor").thumbprint)))


def test_two_devices_claim_one_identity(victim):
    """A thief's key would stand for somebody else's identity."""
    def meter(name):
        return {"kind": "device", "id": name, "auth": {
            "type": "psk", "identity": "one", "key": "MIIB"}}
    with victim.refused("duplicate_claim"):
        victim.origin.send_part(victim.plot(meter("meter-04"),
                                            meter("thief")))


# ---- Endless data, extraneous parts ----

def test_endless_notification(victim):
    """More than a notification can have."""
    victim.attack("too_large", bytes(1572865))


def test_endless_announcement(victim):
    """Signed, and more than 4 GiB to fetch."""
    victim.attack("malformed", victim.ahead(snapshot={
        "serial": victim.origin.serial + 1,
        "parts": [{"sha256": HEX, "bytes": PART_MAX}] * 16385}))


def test_endless_data(victim):
    """A part without an end, while the gateway waits for one; Mosquitto 2.1
    takes no packet of more than 2,000,000 octets."""
    octets = 8 << 20 if is_2_0(victim.gw.broker) else 1900000
    with victim.refused("unsolicited"):
        victim.plot(victim.record(comment="endless"))
        victim.origin.send_part(bytes(octets))


def test_a_flood_of_notifications(alone):
    """More than may wait while somebody keeps the registry locked: the gateway
    says so, once a minute at most, and hears the next one."""
    victim = alone()
    victim.begin()
    database = sqlite3.connect(victim.gw.registry.path, isolation_level=None)
    database.execute("BEGIN IMMEDIATE")
    lost = "notifications lost: "
    start = time.monotonic()
    mark = victim.gw.broker.mark()
    victim.origin.announce(victim.origin.notification())

    def is_full():
        victim.origin.announce_octets(bytes(1572864))
        time.sleep(0.1)  # upstream, what the gateway did not take yet waits
        return lost in victim.gw.broker.log(mark)

    wait_until(is_full, "it says that it has no room")
    database.execute("ROLLBACK")
    database.close()
    victim.gw.wait_refusal("malformed")
    minutes = (time.monotonic() - start) / 59
    assert victim.gw.broker.log(mark).count(lost) <= 1 + minutes
    victim.go_on()
    assert victim.sensor.is_alive()


def count_staged(gw):
    path = gw.registry.path.with_name(gw.registry.path.name + ".staging")
    database = sqlite3.connect(path)
    try:
        return database.execute("SELECT count(*) FROM part").fetchone()[0]
    finally:
        database.close()


def test_extraneous_parts(victim):
    """Parts of nothing that was announced, which would fill the disk."""
    known = next(iter(victim.origin.parts.values()))
    with victim.refused("unsolicited"):
        for part in (b"x\n", b"", known):
            victim.origin.send_part(part)
    with victim.refused("unsolicited"):
        victim.plot(victim.record(comment="extraneous"))
        for i in range(50):
            victim.origin.send_part(line("put", device(
                f"x{i}", f"{i:064x}", comment="x" * 1000)))
        victim.wait_counted("unsolicited", 50)
        assert count_staged(victim.gw) == 0


# ---- Fast-forward ----

def test_fast_forward_to_the_last_serial(victim):
    """A signer went mad: the last serial there is. His successor recovers
    from it with a session of his own."""
    origin = victim.origin
    with victim.refused("serial_regressed"):
        honest = origin.serial + 1
        last, never = 2**53 - 1, "c3" * 32
        origin.announce(origin.notification(
            serial=last, deltas=[], snapshot={
                "serial": last, "parts": [{"sha256": never, "bytes": 9}]}))
        victim.wait_wanted(never)
        origin.announce(origin.notification(
            serial=honest, deltas=[], snapshot={
                **origin.snapshot, "serial": honest}))
        origin.begin()


def test_fast_forward_beyond_the_last_serial(victim):
    """A serial that not every reader can count."""
    victim.attack("malformed", victim.ahead(serial=2**53))


def test_fast_forward_by_time(victim):
    """A far this_update, after which every honest one would be earlier."""
    victim.attack("from_future", victim.ahead(
        this_update=moment(time.time() + 400)))


# ---- Freeze ----

HOUR = 3600
STALE = "older than max_offline"


def begin_freeze(alone):
    """A gateway whose registry will be an hour old in seconds, with the
    sensor connected; and where its log ended before."""
    held = alone({"max_offline": "1h"})
    held.publish(held.record())
    while True:  # the machine may be too busy to connect in time
        mark = held.gw.broker.mark()
        held.origin.clock = int(time.time()) - HOUR + 4
        held.go_on()
        if held.connect():
            break
    held.origin.clock = int(time.time())
    return held, mark


def check_frozen(held):
    """Nobody new is let in."""
    mark = held.gw.broker.mark()
    other = held.site.device(held.gw.broker, "sensor", client_id="other")
    assert other.connect() is None
    assert held.gw.broker.wait_refusal(mark)[0] == "registry_stale"


def test_freeze_with_content_withheld(alone):
    """Notifications pass, their content does not: none makes the gateway
    fresher."""
    held, mark = begin_freeze(alone)
    origin = held.origin
    with held.unmoved():
        content = origin.change(held.record(comment="withheld"))
        name = origin.deltas[-1]["parts"][0]["sha256"]
        origin.withheld.add(name)
        origin.announce(content)
        held.wait_wanted(name)
        while STALE not in held.gw.broker.log(mark):
            origin.clock += 1
            origin.announce({**content, "this_update": moment(origin.clock)})
            time.sleep(0.5)
        check_frozen(held)
    assert held.connect()


def test_freeze_with_nothing_passing(alone):
    """Silence is noticed, and it ends with the next notification."""
    held, mark = begin_freeze(alone)
    with held.unmoved():
        held.gw.link.cut()
        held.gw.broker.wait_log(STALE, since=mark)
        check_frozen(held)
        held.gw.link.join()
    assert held.connect()


def test_freeze_shows_in_reports(alone):
    """The same notification for ever, until its next_update has passed."""
    held = alone()
    origin = held.origin
    content = origin.change(held.record())
    content["next_update"] = moment(time.time() + 2)
    der = origin.announce(content)
    origin.wait_serial()
    assert held.connect()
    with held.refused("unsolicited"):
        time.sleep(3)
        origin.announce_octets(der)
        origin.send_part(b"to be reported\n")
        report = origin.wait_report(lambda r: r["refused"] and r["stale"])
        assert report["serial"] == 1


# ---- A malicious mirror, slow retrieval ----

def test_mirror_alters_parts(victim):
    """The part comes altered, cut, doubled, and another one instead."""
    origin = victim.origin
    with victim.refused("unsolicited"):
        part = victim.plot(victim.record(comment="mirrored"))
        other = origin.parts[origin.snapshot["parts"][0]["sha256"]]
        for n, wrong in enumerate((part.replace(b"mirrored", b"mirroreD"),
                                   part[:-1], part + part, other), 1):
            origin.send_part(wrong)
            victim.wait_counted("unsolicited", n)


def announce_many(victim, letter):
    """A snapshot of four parts is announced and withheld; their names. The
    honest registry does not have what is in them."""
    origin, records = victim.origin, dict(victim.origin.records)
    for record in devices(1, 30, attributes={
            f"a{i}": letter * 1000 for i in range(30)}):
        origin.records["device", record["id"]] = record
    origin.serial += 1
    content = origin.rebuild()
    origin.records = records
    names = [part["sha256"] for part in origin.snapshot["parts"]]
    assert len(names) == 4
    origin.withheld.update(names)
    origin.announce(content)
    victim.wait_wanted(*names)
    return names


def wait_staged(victim, n):
    wait_until(lambda: count_staged(victim.gw) == n, f"{n} parts are staged")


def test_mirror_withholds_parts(victim):
    """All but one part of a snapshot: nothing of it counts."""
    with victim.unmoved():
        names = announce_many(victim, "w")
        for name in names[1:]:
            victim.origin.send_part(victim.origin.parts[name])
        wait_staged(victim, len(names) - 1)


def test_mirror_reorders_parts(victim):
    """The last part first: each has its place in the notification."""
    origin = victim.origin
    held = victim.dump()
    names = announce_many(victim, "r")
    for name in reversed(names[1:]):
        origin.send_part(origin.parts[name])
    wait_staged(victim, len(names) - 1)
    assert victim.dump() == held
    origin.send_part(origin.parts[names[0]])
    origin.wait_serial()
    devices = victim.gw.list("device")
    assert {len(d["attributes"]) for d in devices if d["id"] != "sensor"} == {
        30}
    victim.go_on()


def test_mirror_reorders_deltas(victim):
    """Three changes of one record: the last of them stands."""
    origin = victim.origin
    first = len(origin.deltas)
    for i in range(3):
        content = origin.change(victim.record(comment=f"in order {i}"))
    names = [delta["parts"][0]["sha256"] for delta in origin.deltas[first:]]
    origin.withheld.update(names)
    origin.announce(content)
    victim.wait_wanted(*names)
    held = victim.dump()
    for name in reversed(names[1:]):
        origin.send_part(origin.parts[name])
    wait_staged(victim, 2)
    assert victim.dump() == held
    origin.send_part(origin.parts[names[0]])
    origin.wait_serial()
    sensor, = (record for record in victim.gw.list("device")
               if record["id"] == "sensor")
    assert sensor["comment"] == "in order 2"
    victim.go_on()


def test_mix_and_match(victim):
    """A part of the serial before, which the gateway asked for then."""
    origin = victim.origin
    with victim.refused("unsolicited"):
        names = announce_many(victim, "a")
        old = [origin.parts[name] for name in names]
        origin.send_part(old[0])
        wait_staged(victim, 1)
        names = announce_many(victim, "b")
        for n, part in enumerate(old[1:], 1):
            origin.send_part(part)
            victim.wait_counted("unsolicited", n)
        for name in names[1:]:
            origin.send_part(origin.parts[name])
        wait_staged(victim, len(names) - 1)


def test_mix_and_match_that_is_signed(victim):
    """Parts of two serials under one signature: they do not lead to the
    state that it names."""
    with victim.refused("state_mismatch"):
        victim.origin.send_part(victim.plot(
            victim.record(comment="mixed"), state=HEX))


def test_wrong_number_of_records(victim):
    """The state is right, how many records it has is not."""
    with victim.refused("state_mismatch"):
        victim.origin.send_part(victim.plot(
            victim.record(comment="counted"), records=77))


def test_slow_retrieval(alone):
    """Part by part, over a restart: nothing counts before the last one, and
    what came stays and is not asked for again."""
    slow = alone()
    slow.begin(*devices(1, 30))
    origin = slow.origin
    held = slow.dump()
    names = announce_many(slow, "s")
    for i, name in enumerate(names[:-1]):
        origin.send_part(origin.parts[name])
        wait_staged(slow, i + 1)
        assert slow.dump() == held
        n = len(origin.requests)
        slow.gw.restart()
        origin.serve(lambda: names[i + 1:] in (
            request["want"] for request in origin.requests[n:]), "request")
    assert slow.dump() == held
    origin.send_part(origin.parts[names[-1]])
    origin.wait_serial()
    assert slow.dump() != held
    assert slow.connect()
    slow.go_on()


# ---- Replay ----

def test_rollback(victim):
    """The serial before, as it was signed."""
    old = victim.origin.announce(victim.origin.notification())
    victim.go_on()
    victim.attack("serial_regressed", old)


def test_rollback_after_a_restart(alone):
    """The newest that was accepted outlives the gateway's process."""
    fallen = alone()
    fallen.begin()
    old = fallen.origin.announce(fallen.origin.notification())
    fallen.go_on()
    fallen.gw.restart()
    assert fallen.connect()
    fallen.attack("serial_regressed", old)


def test_rollback_within_a_serial(victim):
    """The same state, signed earlier: it would expire earlier."""
    victim.attack("this_update_regressed", victim.origin.notification(
        this_update=moment(victim.origin.clock - 60)))


@pytest.mark.parametrize("other", [
    {"state": HEX}, {"records": 7},
    {"snapshot": {"serial": 1, "parts": [{"sha256": HEX, "bytes": 9}]}}])
def test_two_truths_under_one_serial(victim, other):
    """A signer tells one gateway this and another one that."""
    snapshot = other.get("snapshot")
    if snapshot:
        other = {"snapshot": {**snapshot, "serial": victim.origin.serial},
                 "deltas": []}
    victim.attack("equivocation", victim.origin.notification(**other))


def test_replay_of_a_former_session(victim):
    """A session is replaced by a later one only."""
    victim.attack("session_replaced_by_older", victim.origin.notification(
        session="0b0e5d8c-6a39-4d3e-9c1f-2f6f4f1d7a10",
        this_update=moment(victim.origin.clock - 60)))


def test_replay_of_what_has_expired(victim):
    """Old news of what is held already."""
    victim.attack("expired", victim.origin.notification(
        next_update=moment(time.time() - 10)))


def test_replay_of_another_scope(victim):
    """Signed for another gateway."""
    victim.attack("wrong_scope", victim.ahead(scope="gw2"))


# ---- A stolen signer, an origin's mistake ----

def test_a_compromised_signer_below_the_threshold(alone):
    """Two are wanted; two certificates of one key are one signer."""
    guarded = alone({"registry_signatures": "2"})
    pki, origin = guarded.pki, guarded.origin
    pki.certificate("signer-2", issuer="registry-root", eku="absent")
    pki.certificate("signer-1b", issuer="registry-root", eku="absent",
                    key="of signer")
    origin.signers = (guarded.signer("signer"), guarded.signer("signer-2"))
    guarded.begin()
    for signers in (["signer"], ["signer", "signer-1b"]):
        guarded.attack("too_few_signers", guarded.ahead(), *signers)


def test_many_small_removals_instead_of_one_large(victim):
    """They are judged as a whole, from what is held, not each from the one
    before."""
    origin = victim.origin
    with victim.refused("mass_removal_held"):
        records = dict(origin.records)
        first = len(origin.deltas)
        for i in range(1, 13):
            content = origin.change(remove=[("device", f"d{i}")])
            origin.withheld.update(
                part["sha256"] for part in origin.deltas[-1]["parts"])
            origin.announce(content)
        names = [delta["parts"][0]["sha256"]
                 for delta in origin.deltas[first:]]
        victim.wait_wanted(*names)
        for name in names:
            origin.send_part(origin.parts[name])
        victim.wait_counted("mass_removal_held")
        origin.records = records


def test_a_mass_removal_that_is_meant(victim):
    """The same goes through when a signer says so."""
    content = victim.origin.change(
        remove=[("device", f"d{i}") for i in range(1, 13)])
    victim.origin.announce({**content, "mass_removal": True})
    victim.origin.wait_serial()
    assert len(victim.gw.devices()) == 19
    victim.publish(*devices(1, 12))
    victim.go_on()
