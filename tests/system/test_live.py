# SPDX-License-Identifier: Apache-2.0
"""Many live sessions: a change closes those that it concerns and nobody else,
without their wills; floods and half-open handshakes hurt nobody else."""

import contextlib
import json
import os
import resource
import socket
import ssl
import time

import pytest

from broker import PATIENCE, Registry, wait_until
from clients import Boss, Raw, tls_context
from test_counters import MONITOR, read
from test_events import OPERATOR

# Sessions of each of ten devices; `make soak` makes it ten thousand in all.
MODULES = int(os.environ.get("TRUST_LIVE", "1000")) // 10
# As long as it takes a slow machine to end all of them.
LONG = PATIENCE * max(1, MODULES // 100)
# Descriptors besides those of the sessions.
SPARE = 500
# What the default role lets everybody do.
WILL = "devices/{}/will"


def string(text):
    return len(text).to_bytes(2, "big") + text.encode()


def packet(kind, body):
    length, size = len(body), b""
    while True:
        length, digit = divmod(length, 128)
        size += bytes([digit | (128 if length else 0)])
        if not length:
            return bytes([kind]) + size + body


def connect_with_will(client_id, version):
    """CONNECT of MQTT 3.1.1 or 5, clean, with a will of QoS 0."""
    properties = b"\x00" if version == 5 else b""
    topic = WILL.format(client_id.partition("/")[0])
    return packet(0x10, string("MQTT") + bytes([version, 0x06]) +
                  b"\x0e\x10" + properties + string(client_id) + properties +
                  string(topic) + string("farewell"))


class Session:
    """One live session, by hand: a thousand of them in one thread."""

    def __init__(self, broker, context, client_id, version):
        self.version = version
        self.raw = Raw(broker, context=context)
        want = {4: b"\x20\x02\x00\x00", 5: b"\x20"}[version]
        answer = self.raw.ask(connect_with_will(client_id, version), 4)
        assert answer.startswith(want) and answer[3] == 0, client_id
        if version == 5:  # the properties of CONNACK
            self.raw.ask(b"", answer[1] - 2)
        self.raw.socket.settimeout(LONG)

    def is_alive(self):
        return self.raw.is_alive()

    def farewell(self):
        """All that the broker says before it closes."""
        said = b""
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            while more := self.raw.socket.recv(100):
                said += more
        return said


class Crowd:
    """Devices with as many sessions each: every other one speaks MQTT 5. A
    boss sees every will."""

    def __init__(self, site, broker):
        self.site = site
        self.broker = broker
        self.sessions = {}
        self.boss = Boss(site, broker)
        assert self.boss.device.subscribe("devices/#") == 1

    def connect_all(self):
        for name in PINNED:
            self.connect(name)
        for name, issuer in CHAINED:
            self.connect(name, *([issuer] if issuer == "line-ca" else []))

    def connect(self, *chain):
        device = chain[0]
        context = tls_context(self.site.pki, chain)
        self.sessions[device] = [
            Session(self.broker, context, f"{device}/{number}",
                    5 if number % 2 else 4) for number in range(MODULES)]

    def all(self):
        return [session for sessions in self.sessions.values()
                for session in sessions]

    def closes(self, *devices):
        """Those of the devices end, and they alone."""
        for device in devices:
            for session in self.sessions.pop(device):
                said = session.farewell()
                if session.version == 5:  # administrative action
                    assert said[:1] == b"\xe0" and said[2] == 0x98, said
                else:
                    assert said == b""
                session.raw.close()
        dead = [session for session in self.all()
                if not session.is_alive()]
        assert not dead

    def closes_everybody(self):
        """And nobody's will is sent."""
        self.closes(*list(self.sessions))
        assert not self.boss.device.messages

    def close(self):
        for session in self.all():
            session.raw.close()


@pytest.fixture
def descriptors():
    """Room for all sockets, the broker's included: it inherits the limit."""
    need = 10 * MODULES + SPARE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < need:
        pytest.skip(f"want {need} descriptors, the hard limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, need), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


PREFIX = '"client_id":"prefix",'


def put_group(site, name, anchor, more=""):
    site.add_group(name, anchor, '"enroll":"automatic",' + PREFIX + more)


PINNED = ["pin-a", "pin-b", "pin-c", "pin-d", "pin-e"]
CHAINED = [("plant-a", "line-ca"), ("plant-b", "factory-root"),
           ("plant-c", "line-ca"), ("shop-a", "other-root"),
           ("shop-b", "other-root")]


def register(site):
    site.registry.put(
        OPERATOR + site.sensor("boss", '"roles":["operator","witness"],') +
        '{"kind":"role","id":"witness","rules":[{"effect":"allow","actions":'
        '["subscribe"],"topics":["devices/#"]}]}\n' +
        "".join(site.sensor(name, PREFIX) for name in PINNED))
    put_group(site, "plant", "factory-root", '"match":["plant-*"],')
    put_group(site, "shop", "other-root", '"match":["shop-*"],')
    for name, issuer in CHAINED:
        site.pki.certificate(name, issuer=issuer)


@pytest.fixture
def gather(site, descriptors):
    """Makes a crowd at a broker."""
    crowds = []

    def gather(broker):
        crowds.append(Crowd(site, broker))
        crowds[-1].connect_all()
        return crowds[-1]

    yield gather
    for crowd in crowds:
        crowd.close()


@pytest.fixture
def crowd(site, gather):
    register(site)
    return gather(site.start())


def test_each_cause_closes_those_concerned(crowd):
    site = crowd.site
    site.registry.run("device", "disable", "pin-a")
    crowd.closes("pin-a")
    site.registry.remove("device", "pin-b")
    crowd.closes("pin-b")
    site.pki.certificate("pin-c-new", subject="CN=pin-c")
    site.registry.put(
        '{"kind":"device","id":"pin-c",' + PREFIX + '"auth":{"type":'
        '"thumbprint","primary":"{thumbprint:pin-c-new}"}}')
    crowd.closes("pin-c")
    assert crowd.boss.ask("block", device="pin-d") == {"data": {}}
    crowd.closes("pin-d")
    # Nobody's business, and a record like the one before.
    site.registry.put('{"kind":"role","id":"unused","rules":[]}')
    crowd.closes()
    # Everybody's, and nobody has to go.
    site.registry.put(
        '{"kind":"role","id":"default","rules":[{"effect":"allow","actions":'
        '["publish","subscribe"],"topics":["devices/{device}/#"]}]}')
    crowd.closes()
    site.pki.crl("line-ca", revoked="plant-a")
    site.registry.put('{"kind":"crl","id":"line","pem":"{crl:line-ca}"}')
    crowd.closes("plant-a")
    site.pki.crl("factory-root", revoked="line-ca")
    site.registry.put('{"kind":"crl","id":"root","pem":"{crl:factory-root}"}')
    crowd.closes("plant-c")
    site.registry.put(
        '{"kind":"anchor","id":"plant","purposes":["device"],"status":'
        '"disabled","pem":"{pem:factory-root}"}')
    crowd.closes("plant-b")
    site.registry.put('{"kind":"group","id":"shop","anchors":["shop"],'
                      '"enroll":"automatic","match":["shop-b"],' + PREFIX +
                      '"status":"enabled"}')
    crowd.closes("shop-a")
    # Another device takes the certificate for its own.
    site.registry.put(
        '{"kind":"device","id":"thief",' + PREFIX + '"auth":{"type":'
        '"thumbprint","primary":"{thumbprint:shop-b}"}}')
    crowd.closes("shop-b")
    # The first will that is sent is one that ought to be.
    last = Session(crowd.broker, tls_context(site.pki, ["pin-e"]),
                   "pin-e/last", 4)
    last.raw.close()
    crowd.boss.device.wait(lambda: crowd.boss.device.messages, "will")
    assert [topic for topic, _, _ in crowd.boss.device.messages] == [
        "devices/pin-e/will"]
    crowd.closes()


def test_another_registry_concerns_everybody(crowd):
    """All go, in slices; meanwhile the broker answers."""
    other = crowd.site.folder / "other.db"
    Registry(other, crowd.site.pki, "")
    os.replace(other, crowd.site.registry.path)
    crowd.closes(*list(crowd.sessions))
    crowd.boss.device.wait_closed()
    assert not any(topic.startswith("devices/")
                   for topic, _, _ in crowd.boss.device.messages)


def disabled(line):
    return json.dumps({**json.loads(line), "status": "disabled"})


def test_everybody_is_disabled(crowd):
    """All devices and groups in one change; who is not meant stays."""
    site = crowd.site
    records = site.registry.run("list", "--json", "device").splitlines() + \
        site.registry.run("list", "--json", "group").splitlines()
    site.registry.put("\n".join(
        disabled(line) for line in records
        if json.loads(line)["id"] != "boss"))
    crowd.closes_everybody()
    assert crowd.boss.device.is_alive()
    # And nobody comes again, as long as that is so.
    raw = Raw(crowd.broker, context=tls_context(site.pki, ["plant-b"]))
    with contextlib.suppress(OSError):
        assert raw.connect("plant-b/0") is None
    raw.close()


def test_everybody_is_kicked(crowd):
    """Who is kicked may come again."""
    for device in crowd.sessions:
        assert crowd.boss.ask("kick", device=device) == {"data": {}}
    crowd.closes_everybody()
    crowd.connect("plant-a", "line-ca")
    crowd.closes()


def test_certificates_expire(crowd):
    """Of two devices, and of the CA of a third, in the same second."""
    site = crowd.site
    # Time for all of them to connect.
    end = int(time.time()) + 16 + MODULES // 10
    until = {"until": f"+{end - site.pki.now}s"}
    site.registry.put(site.sensor("brief", PREFIX, **until))
    site.pki.certificate("plant-brief", issuer="factory-root", **until)
    site.pki.certificate("brief-ca", issuer="factory-root", ca="yes", **until)
    site.pki.certificate("plant-under", issuer="brief-ca")
    for chain in (["brief"], ["plant-brief"], ["plant-under", "brief-ca"]):
        crowd.connect(*chain)
    while time.time() <= end:
        time.sleep(1)
    crowd.closes("brief", "plant-brief", "plant-under")
    assert not crowd.boss.device.messages
    assert crowd.broker.log().count("certificate_expired") >= 3 * MODULES


def test_a_takeover_among_many(crowd):
    """Who takes a place is closed with the others, and the place is free."""
    context = tls_context(crowd.site.pki, ["pin-a"])
    sessions = crowd.sessions["pin-a"]
    for number in range(0, MODULES, 10):
        old = sessions[number]
        sessions[number] = Session(
            crowd.broker, context, f"pin-a/{number}", 4)
        assert old.farewell() == b""
        old.raw.close()
    crowd.closes()
    wills = MODULES // 10  # the broker's own business
    crowd.boss.device.wait(
        lambda: len(crowd.boss.device.messages) == wills, "wills")
    crowd.boss.device.messages.clear()
    crowd.site.registry.run("device", "disable", "pin-a")
    crowd.closes("pin-a")
    crowd.site.registry.run("device", "enable", "pin-a")
    crowd.connect("pin-a")
    crowd.closes()
    assert not crowd.boss.device.messages


def test_a_stale_registry_ends_everybody(site, upstream, gather):
    register(site)
    origin = upstream.follow("--next-update", "2s")
    gw = upstream.gateway(options={
        "max_offline": "10s", "on_stale": "deny_all"}).wait_serial(1)
    crowd = gather(gw.broker)
    crowd.closes()
    origin.stop()
    gw.broker.wait_log("older than max_offline")
    crowd.closes_everybody()
    crowd.boss.device.wait_closed()
    upstream.follow("--next-update", "2s")
    gw.broker.wait_log("the registry is fresh again")
    crowd.connect("pin-a")
    crowd.closes()


# Who does not come in.

@pytest.fixture
def watched(site):
    site.registry.put(
        MONITOR + OPERATOR +
        site.sensor("monitor", '"roles":["monitor"],') +
        site.sensor("boss", '"roles":["operator"],') +
        site.sensor("temp-01"))
    site.broker = site.start()
    site.boss = site.connect(site.broker, "boss")
    assert site.boss.subscribe("trust/v1/events") == 1
    return site


def test_half_open_handshakes(watched):
    """Connections that say nothing, or half a ClientHello."""
    hello = tls_hello()
    sockets = []
    for number in range(200):
        sockets.append(socket.create_connection(
            ("127.0.0.1", watched.broker.port()), PATIENCE))
        if number % 2:
            sockets[-1].sendall(hello[:len(hello) // 2])
    sensor = watched.connect(watched.broker, "temp-01")
    sensor.publish("devices/temp-01/t")
    assert sensor.is_alive()
    for each in sockets:
        each.close()
    assert sensor.is_alive()


def tls_hello():
    """The bytes of a ClientHello."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    tls = context.wrap_bio(incoming, outgoing)
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


def test_flood_of_unknown_certificates(watched):
    """Some refusals are told one by one, all of them are counted."""
    n = 200
    watched.pki.certificate("stranger")
    sensor = watched.connect(watched.broker, "temp-01")
    context = tls_context(watched.pki, ["stranger"])
    for _ in range(n):
        with contextlib.suppress(OSError):
            raw = watched.raw(watched.broker, context=context)
            assert raw.connect("stranger") is None
    sensor.publish("devices/temp-01/t")
    assert sensor.is_alive()
    name = "connections/refused/unknown_certificate"
    wait_until(lambda: read(watched, watched.broker).get(name) == n,
               "all counted")

    def told():
        """One by one, and in sums."""
        events = [json.loads(text) for _, text, _ in watched.boss.messages]
        details = [event["detail"] for event in events
                   if event["reason"] == "unknown_certificate"]
        more = [int(detail.split()[0]) for detail in details
                if "not written out" in detail]
        return len(details) - len(more) + sum(more)

    watched.boss.wait(lambda: told() == n, "all told")


def test_takeover_by_another_certificate(watched):
    """Of the same device: the first goes, and an event says to whom."""
    watched.pki.certificate("temp-01-new", subject="CN=temp-01")
    watched.registry.put(
        '{"kind":"device","id":"temp-01","auth":{"type":"thumbprint",'
        '"primary":"{thumbprint:temp-01-new}",'
        '"secondary":"{thumbprint:temp-01}"}}')
    first = watched.connect(watched.broker, "temp-01")
    second = watched.connect(watched.broker, "temp-01-new",
                             client_id="temp-01")
    first.wait_closed()
    assert second.is_alive()
    old, new = (watched.pki.get(name).thumbprint
                for name in ("temp-01", "temp-01-new"))
    told = ("takes its place, with certificate " + new
            + " of CN=temp-01; the old one came with certificate " + old)
    watched.boss.wait(
        lambda: any('"takeover"' in text and told in text
                    for _, text, _ in watched.boss.messages), "takeover")
