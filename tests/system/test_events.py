# SPDX-License-Identifier: Apache-2.0
"""Events on trust/v1/events and the audit log: what happened, to whom, why;
what a reader could not follow is counted; a log that cannot be written, or is
rotated, disturbs nobody."""

import fcntl
import json
import os
import re
import signal
import time

import pytest

from broker import PATIENCE, wait_until
from clients import connect_packet

OPERATOR = (
    '{"kind":"role","id":"operator","rules":[{"effect":"allow","actions":'
    '["publish","subscribe"],"topics":["trust/v1/events","$CONTROL/trust/v1",'
    '"$CONTROL/trust/v1/response"]}]}\n')
F_SETPIPE_SZ = 1031  # fcntl(2); Python 3.9 has no name for it
FIELDS = ["time", "event", "device", "client", "address", "reason", "detail"]


class Watched:
    """A broker with an operator who listens to its events."""

    def __init__(self, site, **more):
        site.registry.put(OPERATOR + site.sensor(
            "operator", '"roles":["operator"],') + site.sensor("temp-01"))
        self.site = site
        self.audit = site.folder / "audit.jsonl"
        more.setdefault("options", {"audit_log": self.audit})
        self.broker = site.start(**more)
        self.operator = site.connect(self.broker, "operator")
        assert self.operator.subscribe("trust/v1/events") == 1

    def events(self):
        return [json.loads(payload) for topic, payload, _ in
                self.operator.messages if topic == "trust/v1/events"]

    def wait(self, **fields):
        """The first event with these fields."""
        def found():
            return [event for event in self.events()
                    if fields.items() <= event.items()]
        self.operator.wait(found, fields)
        return found()[0]

    def audited(self):
        if not self.audit.exists():
            return []
        return [json.loads(line) for line in
                self.audit.read_text().splitlines()]


@pytest.fixture
def watched(site):
    return Watched(site)


def test_a_sensor_comes_and_goes(watched):
    temp = watched.site.connect(watched.broker, "temp-01")
    event = watched.wait(event="connected", device="temp-01")
    assert list(event) == FIELDS
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", event["time"])
    assert event["client"] == "temp-01"
    assert event["address"] == "127.0.0.1"
    assert event["reason"] == "thumbprint_match"
    assert watched.site.pki.get("temp-01").thumbprint in event["detail"]
    temp.disconnect()
    event = watched.wait(event="disconnected", device="temp-01")
    assert event["reason"] is None and event["detail"] is None
    # Who comes and goes is no decision.
    assert watched.audited() == []


def test_a_refusal_in_the_handshake(watched):
    watched.site.pki.certificate("stranger")
    device = watched.site.device(watched.broker, "stranger")
    assert device.connect() is None
    event = watched.wait(event="refused")
    assert list(event) == FIELDS
    assert event["reason"] == "unknown_certificate"
    assert event["address"] == "127.0.0.1"
    assert event["device"] is None and event["client"] is None
    assert watched.site.pki.get("stranger").thumbprint in event["detail"]
    assert watched.audited() == [event]


def test_a_refusal_names_certificate_and_rule(watched):
    """In the event, in the audit log and in the broker's log."""
    pki = watched.site.pki
    pki.certificate("worn-ca", issuer="factory-root", ca="yes", serial="0")
    pki.certificate("temp-77", issuer="worn-ca")
    watched.site.add_group("plant", "factory-root")
    mark = watched.broker.mark()
    device = watched.site.device(watched.broker, "temp-77", "worn-ca")
    assert device.connect() is None
    event = watched.wait(event="refused", reason="chain_invalid")
    rule = ("the CA certificate at depth 1 (CN=worn-ca): serialNumber is "
            "zero (RFC 5280 section 4.1.2.2)")
    assert rule in event["detail"]
    assert watched.audited() == [event]
    assert rule in watched.broker.log(mark)


def test_a_refusal_at_connect(watched):
    device = watched.site.device(
        watched.broker, "temp-01", client_id='temp-02"\\é')
    assert device.connect() == 5
    event = watched.wait(event="refused")
    assert event["reason"] == "client_id_mismatch"
    assert event["device"] == "temp-01"
    assert event["client"] == r'temp-02"\x5c\xc3\xa9'
    assert watched.audited() == [event]


def test_a_refusal_of_a_topic(watched):
    temp = watched.site.connect(watched.broker, "temp-01")
    temp.publish("devices/temp-02/t")
    event = watched.wait(event="refused")
    assert event["reason"] == "topic_not_allowed"
    assert event["device"] == event["client"] == "temp-01"
    assert "publish to devices/temp-02/t" in event["detail"]


def test_a_session_is_closed(watched):
    temp = watched.site.connect(watched.broker, "temp-01")
    watched.site.registry.run("device", "disable", "temp-01")
    temp.wait_closed()
    event = watched.wait(event="disconnected")
    assert event["device"] == "temp-01"
    assert event["reason"] == "device_disabled"
    assert watched.audited() == [event]
    temp = watched.site.device(watched.broker, "temp-01")
    assert temp.connect() is None
    assert watched.wait(event="refused")["device"] == "temp-01"


def test_a_takeover(watched):
    site = watched.site
    site.pki.certificate("temp-02", subject="CN=temp-02")
    site.pki.certificate("temp-02-new", subject="CN=temp-02")
    site.registry.put(
        '{"kind":"device","id":"temp-02","auth":{"type":"thumbprint",'
        '"primary":"{thumbprint:temp-02}",'
        '"secondary":"{thumbprint:temp-02-new}"}}')
    first = site.connect(watched.broker, "temp-02")
    second = site.connect(
        watched.broker, "temp-02-new", client_id="temp-02")
    first.wait_closed()
    event = watched.wait(event="takeover")
    assert event["device"] == event["client"] == "temp-02"
    assert site.pki.get("temp-02").thumbprint in event["detail"]
    watched.wait(event="disconnected", device="temp-02")
    assert second.is_alive()
    assert [event["event"] for event in watched.audited()] == ["takeover"]


def test_block_and_unblock(watched):
    temp = watched.site.connect(watched.broker, "temp-01")
    for command in "block", "unblock":
        watched.operator.publish("$CONTROL/trust/v1", json.dumps(
            {"commands": [{"command": command, "device": "temp-01"}]}))
        event = watched.wait(event=command + "ed")
        assert event["device"] == "temp-01"
        assert event["detail"] == "by client operator"
        assert event["address"] == "127.0.0.1"
    temp.wait_closed()
    assert watched.wait(event="disconnected")["reason"] == "blocked_locally"
    assert [event["event"] for event in watched.audited()] == [
        "blocked", "disconnected", "unblocked"]


def test_a_flood_is_counted(watched):
    """One certificate with wrong client ids, as fast as it can: some are
    written out, the others told of as a number, and none is lost."""
    sent = 100
    for number in range(sent):
        raw = watched.site.raw(watched.broker, "temp-01")
        raw.ask(connect_packet(f"wrong-{number}"), 4)
        raw.close()

    def written_and_counted():
        events = [event for event in watched.events()
                  if event["reason"] == "client_id_mismatch"]
        more = [int(event["detail"].split()[0]) for event in events
                if event["client"] is None]
        return len(events) - len(more) + sum(more) == sent

    watched.operator.wait(written_and_counted, "all of them")


def test_nobody_else_reads_events(watched):
    watched.site.registry.put(
        '{"kind":"role","id":"wide","rules":[{"effect":"allow","actions":'
        '["subscribe"],"topics":["#","trust/#"]}]}\n'
        + watched.site.sensor("wide", '"roles":["wide"],'))
    wide = watched.site.connect(watched.broker, "wide")
    assert wide.subscribe("trust/v1/events") == 128
    assert wide.subscribe("#") == 1
    watched.site.connect(watched.broker, "temp-01")
    watched.wait(event="connected", device="temp-01")
    assert wide.is_alive() and wide.messages == []


# ---- The audit log ----

def refuse(watched):
    device = watched.site.device(watched.broker, "temp-01", client_id="x")
    assert device.connect() == 5


def test_the_audit_log_survives_copytruncate(watched):
    refuse(watched)
    wait_until(watched.audited, "a line")
    os.truncate(watched.audit, 0)
    refuse(watched)
    wait_until(watched.audited, "a line")
    assert len(watched.audited()) == 1


def test_the_audit_log_is_opened_again_at_sighup(watched):
    refuse(watched)
    wait_until(watched.audited, "a line")
    watched.audit.rename(watched.audit.with_suffix(".1"))
    watched.broker.process.send_signal(signal.SIGHUP)
    wait_until(watched.audit.exists, "a new file")
    refuse(watched)
    wait_until(watched.audited, "a line")
    assert len(watched.audited()) == 1
    assert watched.operator.is_alive()


def test_a_full_disk_costs_lines_and_nothing_else(site):
    watched = Watched(site, options={"audit_log": "/dev/full"})
    for _ in range(3):
        refuse(watched)
    log = watched.broker.log()
    assert log.count("the audit log /dev/full cannot be written: "
                     "No space left on device") == 1
    temp = site.connect(watched.broker, "temp-01")
    assert temp.is_alive()


def test_an_audit_log_that_can_be_written_again(site):
    """A pipe that nobody reads takes no line, and then all again. What was
    lost meanwhile is counted; each line that is there is whole."""
    path = site.folder / "audit.fifo"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    watched = Watched(site, options={"audit_log": path})
    fcntl.fcntl(reader, F_SETPIPE_SZ, 4096)
    got = b""

    def refuse_until(condition):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, watched.broker.log()
            refuse(watched)

    def is_lost():
        return "cannot be written: " in watched.broker.log()

    try:
        refuse_until(is_lost)
        for _ in range(3):
            refuse(watched)
        assert watched.broker.log().count("cannot be written: ") == 1
        got += os.read(reader, 65536)
        refuse(watched)
        lost = watched.broker.wait_log(
            r"is written again, (\d+) lines were lost")
        assert int(lost[1]) >= 4
        got += os.read(reader, 65536)
    finally:
        os.close(reader)
    whole = [line for line in got.splitlines() if line.endswith(b"}")]
    assert all(json.loads(line)["event"] == "refused" for line in whole)
    assert got.endswith(whole[-1] + b"\n")
    assert len(got.splitlines()) - len(whole) <= 1


def test_an_audit_log_that_cannot_be_opened(site):
    log = site.new_broker(options={
        "audit_log": site.folder / "none" / "audit.jsonl"}).refuse_to_start()
    assert "plugin_opt_audit_log: want a file that user " in log
    assert "No such file or directory" in log
