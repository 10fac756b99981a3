# SPDX-License-Identifier: Apache-2.0
"""Devices with pre-shared keys (TLS-PSK): who comes in over a listener with
psk_hint, what binds CONNECT to the identity, what ends a session, and where a
key never stands. The keys are sealed by openssl(1), as others would."""

import base64
import contextlib
import json
import os
import re
import socket
import subprocess
import threading

import pytest
from cryptography.hazmat.primitives.asymmetric import x25519
from cryptography.hazmat.primitives.serialization import (
    Encoding, PublicFormat)

from broker import PATIENCE, PLAIN, TLS, Listener, trustctl, wait_until
from clients import Boss, speak
from newcomers import Key
from test_provenance import Watcher

PSK = Listener("psk", tls=False, lines=("psk_hint gateway",))
KEY = "00a1b2c3d4e5f60718293a4b5c6d7e8f" * 2
OTHER = "ff" * 32
# Of TLS for mosquitto_pub and mosquitto_sub: 2.0.11 comes with 1.3, and from
# 2.0.15 on they have 1.2 alone with PSK. What is only of 1.3 is tried with
# openssl(1).
VERSIONS = ((), ("--tls-version", "tlsv1.2"))
BOSS = ('{"kind":"role","id":"boss","rules":[{"effect":"allow","actions":'
        '["publish","subscribe"],"topics":["$CONTROL/trust/v1",'
        '"$CONTROL/trust/v1/response","trust/v1/events","devices/#"]}]}\n')


def make_pair(folder, name, kind="EC"):
    """A gateway's key file and certificate."""
    key, pem = folder / f"{name}.key", folder / f"{name}.pem"
    kinds = {"EC": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
             "RSA": ["rsa:2048"]}
    subprocess.run(
        ["openssl", "req", "-x509", "-nodes", "-newkey", *kinds[kind],
         "-keyout", key, "-out", pem, "-days", "2", "-subj", f"/CN={name}"],
        check=True, capture_output=True)
    key.chmod(0o600)
    return key, pem


def seal(key, *pems, cipher="-aes256"):
    """A key in hex, as a record carries it."""
    der = subprocess.run(
        ["openssl", "cms", "-encrypt", "-binary", "-outform", "DER",
         cipher, *pems],
        input=bytes.fromhex(key), capture_output=True, check=True).stdout
    return base64.b64encode(der).decode()


class Meters:
    """A gateway with a key of its own, and devices with pre-shared ones."""

    def __init__(self, site, kind="EC"):
        self.site = site
        self.key_file, self.pem = make_pair(site.folder, "gw1", kind)
        self.put(kind="gateway", id="gw1", pem=self.pem.read_text())
        self.processes = []

    def put(self, **record):
        self.site.registry.put(json.dumps(record))

    def meter(self, name, key=KEY, identity=None, pems=None, **fields):
        """Register a device with a pre-shared key."""
        self.put(kind="device", id=name, **fields, auth={
            "type": "psk", "identity": identity or name,
            "key": seal(key, *(pems or [self.pem]))})

    def start(self, *listeners, **options):
        options.setdefault("gateway_key", self.key_file)
        return self.site.start(listeners=[*listeners, PSK], options=options)

    def command(self, broker, tool, client_id, key, identity, version):
        return [tool, "-h", "127.0.0.1", "-p", str(broker.port("psk")),
                "--psk", key, "--psk-identity", identity or client_id,
                "-i", client_id, *version]

    def publish(self, broker, client_id, key=KEY, identity=None,
                topic=None, version=()):
        """The exit status of mosquitto_pub, which tells MQTT 5's codes."""
        command = self.command(
            broker, "mosquitto_pub", client_id, key, identity, version)
        return subprocess.run(
            [*command, "-V", "5", "-q", "1", "-m", "x", "-t",
             topic or f"devices/{client_id}/x"],
            capture_output=True, timeout=PATIENCE, text=True)

    def subscribe(self, broker, client_id, key=KEY, identity=None,
                  version=(), more=()):
        """A client that stays, and comes again when it is closed."""
        mark = broker.mark()
        command = self.command(
            broker, "mosquitto_sub", client_id, key, identity, version)
        process = subprocess.Popen(
            [*command, "-q", "1", "-v", "-t", f"devices/{client_id}/#",
             *more],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.processes.append(process)
        broker.wait_log(f"Sending SUBACK to {client_id}", since=mark)
        return process

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()
            process.stdout.close()


@pytest.fixture
def meters(site):
    meters = Meters(site)
    yield meters
    meters.close()


def refusal(broker, mark):
    """The first refusal since, with what it says."""
    return wait_until(
        lambda: re.search(r"mosquitto_trust: refused (\w+): (.*)",
                          broker.log(mark)),
        lambda: f"a refusal in the log:\n{broker.log(mark)}")


# ---- Coming in ----

@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", ("EC", "RSA"))
def test_a_meter_comes_in(site, kind, version):
    meters = Meters(site, kind)
    meters.meter("meter-04", identity="m 04")
    broker = meters.start()
    done = meters.publish(
        broker, "meter-04", identity="m 04", version=version)
    assert done.returncode == 0, done.stderr + broker.log()
    assert broker.refusals() == []


@pytest.mark.parametrize("more,cipher", (
    (("-keyopt", "rsa_padding_mode:oaep"), "-aes256"),
    ((), "-aes-256-gcm")))
def test_sealed_in_other_ways(site, more, cipher):
    meters = Meters(site, "RSA")
    key = seal(KEY, "-recip", meters.pem, *more, cipher=cipher)
    meters.put(kind="device", id="meter-04", auth={
        "type": "psk", "identity": "meter-04", "key": key})
    broker = meters.start()
    assert meters.publish(broker, "meter-04").returncode == 0, broker.log()


def test_modules_of_a_meter(site, meters):
    meters.meter("meter-04", client_id="prefix")
    broker = meters.start()
    done = meters.publish(broker, "meter-04/inner", identity="meter-04",
                          topic="devices/meter-04/x")
    assert done.returncode == 0, broker.log()


# ---- Refusals ----

def assert_refused(broker, mark, reason, text, done):
    assert done.returncode != 0
    got = refusal(broker, mark)
    assert got[1] == reason, broker.log(mark)
    assert text in got[2], got[2]
    assert KEY[:16] not in broker.log().lower()


@pytest.mark.parametrize("version", VERSIONS)
def test_refusals_before_anything_is_proved(site, meters, version):
    meters.meter("meter-04")
    meters.meter("out", status="disabled")
    meters.meter("blocked")
    site.registry.put(BOSS + site.sensor("boss", '"roles":["boss"],'))
    broker = meters.start(TLS)
    boss = Boss(site, broker)
    assert "error" not in boss.ask("block", device="blocked")
    cases = (
        ("device_unknown", "no device has the PSK identity nobody",
         {"client_id": "meter-04", "identity": "nobody"}),
        ("device_unknown", "no device has the PSK identity boss",
         {"client_id": "boss"}),
        ("device_disabled", "device out is disabled", {"client_id": "out"}),
        ("blocked_locally", "device blocked is blocked",
         {"client_id": "blocked"}),
        ("thumbprint_mismatch", "did not prove to have its key",
         {"client_id": "meter-04", "key": OTHER}),
    )
    for reason, text, more in cases:
        mark = broker.mark()
        done = meters.publish(broker, **more, version=version)
        assert_refused(broker, mark, reason, text, done)
        if more["client_id"] in ("out", "blocked", "meter-04"):
            identity = more.get("identity", more["client_id"])
            assert f"pre-shared key of identity {identity}, from 127.0.0.1" \
                in refusal(broker, mark)[2]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_client_id_is_bound(site, meters, version):
    meters.meter("meter-04")
    meters.meter("meter-05", OTHER)
    broker = meters.start()
    for name in ("meter-05", "meter-04/x", "boss"):
        mark = broker.mark()
        done = meters.publish(
            broker, name, identity="meter-04", version=version)
        assert_refused(broker, mark, "client_id_mismatch",
                       f"want the client id meter-04, got {name}", done)
        assert "Not authorized" in done.stderr or \
            "not authorised" in done.stderr, done.stderr


def test_keys_that_this_gateway_cannot_open(site, meters):
    other_key, other_pem = make_pair(site.folder, "gw2")
    meters.meter("elsewhere", pems=[other_pem])
    meters.put(kind="device", id="damaged", auth={
        "type": "psk", "identity": "damaged", "key": "MIIB"})
    meters.meter("short", KEY[:30])
    meters.meter("both", pems=[other_pem, meters.pem])
    broker = meters.start()
    cases = (("elsewhere", "internal_error",
              "it is not for this gateway's certificate", KEY),
             ("damaged", "internal_error", "want a CMS EnvelopedData", KEY),
             ("short", "key_too_weak", "16 octets", KEY[:30]))
    for name, reason, text, key in cases:
        mark = broker.mark()
        done = meters.publish(broker, name, key)
        assert_refused(broker, mark, reason, text, done)
    assert meters.publish(broker, "both").returncode == 0, broker.log()


def test_without_a_gateway_key(site, meters):
    meters.meter("meter-04")
    broker = meters.start(gateway_key=None)
    mark = broker.mark()
    assert_refused(broker, mark, "internal_error",
                   "want plugin_opt_gateway_key",
                   meters.publish(broker, "meter-04"))


def test_without_a_registry(site, meters):
    meters.meter("meter-04")
    broker = meters.start()
    os.rename(site.registry.path, site.folder / "away.db")
    broker.wait_log("there is no registry")
    mark = broker.mark()
    assert_refused(broker, mark, "registry_missing", "",
                   meters.publish(broker, "meter-04"))


# ---- The option ----

def test_a_gateway_key_that_is_unfit(site, meters):
    key = site.folder / "some.key"
    cases = [("want a PEM file that", None, 0o600),
             ("want mode 0600", meters.key_file.read_text(), 0o640),
             ("got 0604", meters.key_file.read_text(), 0o604),
             ("want a private key in PEM", "nothing", 0o600),
             ("want a private key in PEM", meters.pem.read_text(), 0o600)]
    for want, text, mode in cases:
        if text is not None:
            key.write_text(text)
            key.chmod(mode)
        broker = site.new_broker(
            listeners=[PSK], options={"gateway_key": key})
        log = broker.refuse_to_start()
        assert re.search(f"plugin_opt_gateway_key: .*{want}", log), log
        assert "PRIVATE" not in log


def test_a_gateway_key_of_another_record(site, meters):
    meters.meter("meter-04")
    other_key, other_pem = make_pair(site.folder, "gw2")
    site.registry.put(BOSS + site.sensor("boss", '"roles":["boss"],'))
    broker = meters.start(TLS, gateway_key=other_key)
    broker.wait_log("mosquitto_trust: plugin_opt_gateway_key: want the "
                    "private key of the certificate in the record of gateway "
                    "gw1")
    mark = broker.mark()
    assert_refused(broker, mark, "internal_error", "record of gateway gw1",
                   meters.publish(broker, "meter-04"))
    boss = Boss(site, broker)
    assert "record of gateway gw1" in \
        boss.ask("getStatus")["data"]["gateway_key_error"]
    told = boss.ask("explain", device="meter-04")["data"]
    assert told["reason"] == "internal_error"
    assert "record of gateway gw1" in json.dumps(told["steps"])
    mark = broker.mark()
    meters.put(kind="gateway", id="gw1", pem=other_pem.read_text())
    meters.meter("meter-04", pems=[other_pem])
    assert meters.publish(broker, "meter-04").returncode == 0, broker.log()
    assert boss.ask("getStatus")["data"]["gateway_key_error"] is None
    # And away from it again, while the broker runs.
    meters.put(kind="gateway", id="gw1", pem=meters.pem.read_text())
    broker.wait_log("plugin_opt_gateway_key: want the private key",
                    since=mark)
    assert meters.publish(broker, "meter-04").returncode != 0


# ---- Which connection is whose ----

def s_client(broker, client_id, *more, identity=None, key=KEY):
    """openssl s_client with MQTT through it."""
    return speak(
        ["openssl", "s_client", "-connect",
         f"127.0.0.1:{broker.port('psk')}", "-ign_eof", "-psk_identity",
         identity or client_id, "-psk", key, *more], client_id)


@pytest.mark.parametrize("version,unknown,wrong", (
    ("-tls1_2", 115, (20,)), ("-tls1_3", 40, (47, 51))))
def test_alerts(site, meters, version, unknown, wrong):
    meters.meter("meter-04")
    meters.meter("out", status="disabled")
    broker = meters.start()
    assert s_client(broker, "meter-04", version).code == 0
    assert s_client(broker, "nobody", version).alert == unknown
    assert s_client(broker, "out", version).alert == unknown
    assert s_client(broker, "meter-04", version, key=OTHER).alert in wrong


@pytest.mark.parametrize("version", ("-tls1_2", "-tls1_3"))
def test_sessions_are_not_resumed(site, meters, version):
    meters.meter("meter-04")
    broker = meters.start()
    path = site.folder / "session"
    first = s_client(broker, "meter-04", version, "-sess_out", path)
    assert first.code == 0, first.text
    if version == "-tls1_3":
        assert not path.exists()  # no ticket, so no session to keep
        return
    meters.meter("meter-04", OTHER)
    mark = broker.mark()
    again = s_client(broker, "meter-04", version, "-sess_in", path)
    assert again.code is None, again.text
    assert refusal(broker, mark)[1] == "thumbprint_mismatch"


class Holder:
    """A proxy that keeps back what the client sends after its first flight,
    until it is told to go on."""

    def __init__(self, port):
        self.port = port
        self.server = socket.create_server(("127.0.0.1", 0))
        self.held, self.go = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        client, _ = self.server.accept()
        broker = socket.create_connection(("127.0.0.1", self.port))
        back = threading.Thread(
            target=self.copy, args=(broker, client), daemon=True)
        back.start()
        broker.sendall(client.recv(65536))
        second = client.recv(65536)
        self.held.set()
        self.go.wait(PATIENCE)
        broker.sendall(second)
        self.copy(client, broker)
        back.join(PATIENCE)

    @staticmethod
    def copy(one, other):
        with contextlib.suppress(OSError):
            while more := one.recv(65536):
                other.sendall(more)
        with contextlib.suppress(OSError):
            other.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("version", VERSIONS)
def test_handshakes_that_take_turns(site, meters, version):
    """With TLS 1.2 the key is asked for a round trip after the ClientHello,
    and other handshakes are through in between."""
    meters.meter("meter-04")
    meters.meter("meter-05", OTHER)
    broker = meters.start()
    holder = Holder(broker.port("psk"))
    command = meters.command(
        broker, "mosquitto_pub", "meter-04", KEY, None, version)
    command[command.index("-p") + 1] = str(holder.server.getsockname()[1])
    slow = subprocess.Popen(
        [*command, "-q", "1", "-m", "x", "-t", "devices/meter-04/x"])
    try:
        assert holder.held.wait(PATIENCE)
        meters.subscribe(broker, "meter-05", OTHER, version=version)
        holder.go.set()
        assert slow.wait(PATIENCE) == 0, broker.log()
    finally:
        slow.kill()
        slow.wait()
        holder.server.close()
    assert broker.refusals() == []


def test_a_pointer_that_is_used_again(site, meters):
    """Who proved a key and left is nobody's neighbour: a client that the
    broker puts in its place has proved nothing."""
    meters.meter("meter-04")
    broker = meters.start(PLAIN)
    for _ in range(10):
        closed = broker.mark()
        # Through with TLS, and away without a CONNECT.
        subprocess.run(
            ["openssl", "s_client", "-connect",
             f"127.0.0.1:{broker.port('psk')}", "-psk_identity", "meter-04",
             "-psk", KEY], stdin=subprocess.DEVNULL, capture_output=True,
            timeout=PATIENCE)
        assert meters.publish(broker, "meter-04").returncode == 0
        broker.wait_log(
            r"Client meter-04\b.*(disconnected|closed)", since=closed)
        mark = broker.mark()
        plain = site.device(
            broker, client_id="meter-04", listener="plain",
            username="meter-04")
        assert plain.connect() == 5
        assert refusal(broker, mark)[1] == "no_certificate"


def test_a_certificate_is_no_way_in(site, meters):
    """A device of type psk comes by its key alone."""
    site.pki.certificate("meter-04", issuer="factory-root")
    site.add_group("factory", "factory-root")
    meters.meter("meter-04")
    broker = meters.start(TLS)
    mark = broker.mark()
    assert site.device(broker, "meter-04").connect() is None
    assert refusal(broker, mark)[1] == "identity_not_in_group"


def test_who_comes_by_a_psk_file_is_no_device(site, meters):
    """Mosquitto 2.0 then asks nobody else, 2.1 for whom the registry does not
    have."""
    meters.meter("meter-04")
    (site.folder / "psk").write_text(f"guest:{OTHER}\n")
    broker = site.start(
        listeners=[PSK], conf=[f"psk_file {site.folder / 'psk'}"],
        options={"gateway_key": meters.key_file})
    assert re.search(r"mosquitto\.conf:\d+: psk_file: want none",
                     broker.log())
    mark = broker.mark()
    done = meters.publish(broker, "meter-04", OTHER, identity="guest")
    assert_refused(broker, mark, "no_certificate",
                   "the client id is a device's", done)


def test_who_comes_by_a_psk_file_during_a_reload(site, meters):
    """He is not taken for a client that the broker asks about again. Mosquitto
    2.0 has no tick there that would say that the reload is over."""
    meters.meter("meter-04")
    (site.folder / "psk").write_text(f"guest:{OTHER}\n")
    broker = site.start(
        per_listener_settings=True, options={"gateway_key": meters.key_file},
        listeners=[Listener("psk", tls=False, lines=(
            *PSK.lines, "allow_anonymous true",
            f"psk_file {site.folder / 'psk'}"))])
    for _ in range(3):
        broker.reload()
        mark = broker.mark()
        done = meters.publish(broker, "meter-04", OTHER, identity="guest")
        assert_refused(broker, mark, "no_certificate",
                       "the client id is a device's", done)


# ---- Enrollment ----

@pytest.mark.parametrize("version", VERSIONS)
def test_no_certificate_for_a_meter(site, meters, version):
    """It may use its topic, as every device, and is told that it came with no
    certificate that could be renewed."""
    meters.meter("meter-04")
    broker = meters.start()
    request = site.folder / "request.pem"
    request.write_bytes(Key().pem())
    own = "trust/v1/enroll/meter-04/"
    done = subprocess.run(
        [*meters.command(broker, "mosquitto_rr", "meter-04", KEY, None,
                         version),
         "-q", "1", "-W", str(PATIENCE), "-t", own + "request",
         "-e", own + "response", "-f", request],
        capture_output=True, text=True)
    assert json.loads(done.stdout)["error"].startswith("no_certificate: "), (
        done, broker.log())
    assert broker.wait_refusal()[0] == "no_certificate"


# ---- Many identities ----

class Hello:
    """A ClientHello of TLS 1.3 (RFC 8446 section 4.1.2) by hand, with as many
    PSK identities as wanted; nobody gets further with it."""

    def __init__(self, *identities):
        self.identities = [name.encode() for name in identities]

    @staticmethod
    def sized(octets, width=2):
        return len(octets).to_bytes(width, "big") + octets

    def extension(self, number, octets):
        return number.to_bytes(2, "big") + self.sized(octets)

    def offered(self):
        """pre_shared_key (section 4.2.11), with binders that are wrong."""
        identities = b"".join(
            self.sized(name) + bytes(4) for name in self.identities)
        binders = self.sized(bytes(32), 1) * len(self.identities)
        return self.sized(identities) + self.sized(binders)

    def record(self):
        share = x25519.X25519PrivateKey.generate().public_key().public_bytes(
            Encoding.Raw, PublicFormat.Raw)
        extensions = (
            self.extension(43, b"\x02\x03\x04")  # TLS 1.3
            + self.extension(10, b"\x00\x02\x00\x1d")  # x25519
            + self.extension(13, b"\x00\x02\x08\x04")
            + self.extension(51, self.sized(b"\x00\x1d" + self.sized(share)))
            + self.extension(45, b"\x01\x01")  # psk_dhe_ke
            + self.extension(41, self.offered()))
        body = (b"\x03\x03" + bytes(32) + b"\x00" + b"\x00\x02\x13\x01"
                + b"\x01\x00" + self.sized(extensions))
        message = b"\x01" + self.sized(body, 3)
        return b"".join(
            b"\x16\x03\x01" + self.sized(message[start:start + 16384])
            for start in range(0, len(message), 16384))

    def speak(self, broker):
        """All that the broker answers."""
        answer = b""
        with socket.create_connection(
                ("127.0.0.1", broker.port("psk")), PATIENCE) as connection:
            connection.sendall(self.record())
            with contextlib.suppress(ConnectionResetError):
                while more := connection.recv(4096):
                    answer += more
        return answer


def test_the_ninth_identity_is_not_looked_at(site, meters):
    """As many as anybody has, and not one more."""
    meters.meter("meter-04")
    broker = meters.start()
    strangers = [f"nobody-{number}" for number in range(8)]
    # The eighth is found, and its key not proved.
    mark = broker.mark()
    Hello(*strangers[:7], "meter-04").speak(broker)
    broker.wait_log("refused thumbprint_mismatch: .*identity meter-04", mark)
    # The ninth is not, nor any that comes behind it.
    mark = broker.mark()
    Hello(*strangers, "meter-04", "meter-04").speak(broker)
    broker.wait_log("refused identity_ambiguous: .*more than 8 PSK "
                    "identities", mark)
    assert "thumbprint_mismatch" not in broker.log(mark)
    assert [reason for reason, _ in broker.refusals(mark)].count(
        "identity_ambiguous") == 1
    # Nor is it in a message as long as one may be; and it harms nobody.
    mark = broker.mark()
    Hello(*(f"n{number}" for number in range(1500)), "meter-04").speak(broker)
    broker.wait_log("refused identity_ambiguous", mark)
    assert meters.publish(broker, "meter-04").returncode == 0, broker.log()


def test_both_on_one_listener(site, meters):
    """A listener with psk_hint may have a certificate as well, but for early
    versions of Mosquitto, where it is one without PSK then."""
    site.registry.put(site.sensor("temp-01"))
    meters.meter("meter-04")
    meters.meter("temp-02", OTHER)
    both = Listener("psk", lines=(
        *PSK.lines, "ciphers_tls1.3 TLS_AES_128_GCM_SHA256"))
    broker = site.start(
        listeners=[both], options={"gateway_key": meters.key_file})
    if re.search(r"mosquitto version 2\.0\.(\d|1[0-4]) ", broker.log()):
        pytest.skip("this Mosquitto has no such listeners")
    sensor = site.connect(broker, "temp-01", listener="psk")
    assert meters.publish(broker, "meter-04").returncode == 0, broker.log()
    assert s_client(broker, "meter-04", "-tls1_3").code == 0, broker.log()
    mark = broker.mark()
    assert s_client(broker, "temp-01", "-tls1_3", identity="temp-02",
                    key=OTHER).code == 5
    assert refusal(broker, mark)[1] == "client_id_mismatch"
    assert sensor.is_alive()
    # With a certificate of its own as well it is who the key says, and
    # without the key who the certificate says.
    leaf = ("-cert", site.pki.file("temp-01"),
            "-key", site.pki.key_file("temp-01"))
    assert s_client(broker, "meter-04", "-tls1_3", *leaf).code == 0
    assert s_client(broker, "temp-01", "-tls1_3", *leaf,
                    identity="meter-04").code == 5
    assert s_client(broker, "temp-01", "-tls1_3", *leaf,
                    identity="nobody").code == 0
    # OpenSSL takes a key from Mosquitto for SHA-256 alone, and goes on
    # without it otherwise, which is not the meter's fault.
    broker = site.start(listeners=[Listener("psk", lines=PSK.lines)],
                        options={"gateway_key": meters.key_file})
    mark = broker.mark()
    assert s_client(broker, "meter-04", "-tls1_3").code is None
    assert "refused" not in broker.log(mark)
    assert s_client(broker, "temp-01", "-tls1_3", *leaf,
                    identity="meter-04").code == 0


def test_no_psk_is_no_way_in(site, meters):
    """On a listener with psk_hint alone TLS itself wants a key."""
    meters.meter("meter-04")
    broker = meters.start()
    done = speak(["openssl", "s_client", "-connect",
                  f"127.0.0.1:{broker.port('psk')}", "-ign_eof"], "meter-04")
    assert done.code is None


# ---- What ends a session ----

@pytest.mark.parametrize("reason,change", (
    ("device_disabled",
     lambda m: m.site.registry.run("device", "disable", "meter-04")),
    ("device_unknown", lambda m: m.site.registry.remove("device", "meter-04")),
    ("thumbprint_mismatch", lambda m: m.meter("meter-04", OTHER)),
    ("device_unknown", lambda m: m.meter("meter-04", identity="new")),
    ("device_unknown", lambda m: m.site.registry.put(
        '{"kind":"device","id":"meter-04","auth":{"type":"ca",'
        '"group":"x"}}')),
))
def test_a_session_ends(site, meters, reason, change):
    site.registry.put(BOSS + site.sensor("boss", '"roles":["boss"],'))
    meters.meter("meter-04")
    broker = meters.start(TLS)
    boss = site.connect(broker, "boss")
    assert boss.subscribe("devices/#") == 1
    meters.subscribe(broker, "meter-04", more=(
        "--will-topic", "devices/meter-04/will", "--will-payload", "gone"))
    change(meters)
    broker.wait_log(f"closed client meter-04: {reason}")
    # It comes again, and is refused.
    broker.wait_log("mosquitto_trust: refused ")
    assert boss.is_alive()
    assert boss.messages == []  # its will was not sent


def test_an_identity_moves(site, meters):
    meters.meter("meter-04", identity="one")
    broker = meters.start()
    meters.subscribe(broker, "meter-04", identity="one")
    meters.meter("meter-04", identity="two")
    meters.meter("meter-05", identity="one")
    broker.wait_log("closed client meter-04: ")


def test_what_ends_no_session(site, meters):
    meters.meter("meter-04")
    site.registry.put(BOSS + site.sensor("boss", '"roles":["boss"],'))
    broker = meters.start(TLS)
    boss = Boss(site, broker)
    meters.subscribe(broker, "meter-04")
    mark = broker.mark()
    meters.meter("meter-04")  # the same key, sealed anew
    broker.reload()
    meters.meter("meter-05", OTHER)
    assert meters.publish(broker, "meter-05", OTHER).returncode == 0
    assert boss.device.is_alive()
    assert "closed client" not in broker.log(mark)
    assert "refused" not in broker.log(mark)
    sessions = boss.ask("listSessions")["data"]["sessions"]
    assert "meter-04" in [session["client"] for session in sessions]


def test_block_and_kick(site, meters):
    meters.meter("meter-04")
    site.registry.put(BOSS + site.sensor("boss", '"roles":["boss"],'))
    broker = meters.start(TLS)
    boss = Boss(site, broker)
    meters.subscribe(broker, "meter-04")
    mark = broker.mark()
    assert "error" not in boss.ask("kick", device="meter-04")
    broker.wait_log("kicked client meter-04", since=mark)
    broker.wait_log("Sending SUBACK to meter-04", since=mark)
    mark = broker.mark()
    boss.ask("block", device="meter-04")
    broker.wait_log("closed client meter-04: blocked_locally", since=mark)
    boss.ask("unblock", device="meter-04")
    broker.wait_log("Sending SUBACK to meter-04", since=mark)


# ---- What is told ----

# Of a key: octets, hex and base64.
FORMS = (bytes.fromhex(KEY)[:16], KEY[:32].encode(), KEY[:32].upper().encode(),
         base64.b64encode(bytes.fromhex(KEY))[:40])


def assert_nowhere(folder):
    """No file has the key in the clear: registries, logs, what SQLite keeps
    beside them."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    assert len(paths) > 5
    for path in paths:
        content = path.read_bytes()
        assert not any(form in content for form in FORMS), path


def test_what_is_told(site, meters):
    site.registry.put(BOSS + site.sensor("boss", '"roles":["boss"],'))
    meters.meter("meter-04", identity="m 04")
    broker = meters.start(TLS)
    boss = Boss(site, broker)
    meters.subscribe(broker, "meter-04", identity="m 04")
    session, = [session for session in
                boss.ask("listSessions")["data"]["sessions"]
                if session["device"] == "meter-04"]
    assert session["auth"] == "psk"
    assert session["reason"] == "key_match"
    assert session["thumbprint"] is None and session["valid_until"] is None
    device, = [device for device in
               boss.ask("listDevices")["data"]["devices"]
               if device["device"] == "meter-04"]
    assert device["matched"] == "psk" and device["connected"]
    assert device["thumbprint"] is None and device["expires"] is None
    listed = boss.ask("listDevices", expiring="10000d")["data"]["devices"]
    assert "meter-04" not in [device["device"] for device in listed]
    told = json.dumps(boss.ask("explain", device="meter-04"))
    assert "pre-shared key of identity m 04" in told
    assert "this gateway can open its key" in told
    assert "with a pre-shared key" in told


def test_who_is_told_of_by_events(site, meters):
    site.registry.put(BOSS + site.sensor("boss", '"roles":["boss"],'))
    meters.meter("meter-04")
    broker = meters.start(TLS)
    boss = site.connect(broker, "boss")
    assert boss.subscribe("trust/v1/events") == 1
    assert meters.publish(broker, "meter-04").returncode == 0
    meters.publish(broker, "meter-04", OTHER)
    meters.publish(broker, "nobody")
    boss.wait(lambda: "nobody" in str(boss.messages), "event")
    events = [json.loads(payload) for _, payload, _ in boss.messages]
    connected, = [e for e in events if e["event"] == "connected"]
    assert connected["device"] == "meter-04"
    assert connected["reason"] == "key_match"
    assert connected["detail"] == "pre-shared key of identity meter-04"
    refused = [(e["reason"], e["device"]) for e in events
               if e["event"] == "refused"]
    assert refused == [("thumbprint_mismatch", "meter-04"),
                       ("device_unknown", None)]


def test_provenance_has_no_thumbprint(site, meters):
    site.registry.put(BOSS + site.sensor("boss", '"roles":["boss"],'))
    meters.meter("meter-04")
    broker = meters.start(TLS, provenance="true")
    watcher = Watcher(site, broker, "boss", topic="devices/#")
    assert meters.publish(broker, "meter-04").returncode == 0
    assert watcher.pairs("x") == [
        ("trust-device", "meter-04"), ("trust-gateway", "gw1")]


def test_a_key_stands_nowhere(site, meters):
    site.registry.put(BOSS + site.sensor("boss", '"roles":["boss"],'))
    meters.meter("meter-04")
    broker = meters.start(TLS, audit_log=site.folder / "audit.jsonl")
    assert meters.publish(broker, "meter-04").returncode == 0
    meters.publish(broker, "meter-04", OTHER)
    broker.stop()
    assert_nowhere(site.folder)
    shown = trustctl("show", "device", "meter-04",
                     registry=site.registry.path).stdout.encode()
    assert shown and not any(form in shown for form in FORMS)


# ---- From upstream ----

def test_a_meter_of_the_upstream(site, upstream):
    """Its record comes over two brokers, its key over none of them."""
    meters = Meters(site)
    meters.meter("meter-04")
    origin = upstream.follow()
    gw = upstream.gateway(
        listeners=[PSK], options={"gateway_key": meters.key_file})
    gw.wait_serial(1)
    try:
        meters.subscribe(gw.broker, "meter-04")
        site.registry.run("device", "disable", "meter-04")
        gw.broker.wait_log("closed client meter-04: device_disabled")
        mark = gw.broker.mark()
        site.registry.run("device", "enable", "meter-04")
        gw.broker.wait_log("Sending SUBACK to meter-04", since=mark)
    finally:
        meters.close()
    origin.stop()
    gw.broker.stop()
    assert_nowhere(site.folder)


# ---- As docs/OPERATIONS.md has it ----

@pytest.mark.parametrize("ciphers", (
    (), ("ciphers ECDHE-PSK-CHACHA20-POLY1305:ECDHE-PSK-AES256-CBC-SHA384",)))
@pytest.mark.parametrize("version", VERSIONS)
def test_from_the_command_line(site, version, ciphers):
    key_file, pem = make_pair(site.folder, "gw1")
    psk = site.folder / "meter-04.psk"
    site.registry.run("gateway", "add", "gw1", pem)
    site.registry.run("device", "add", "meter-04", "--psk",
                      "--psk-key-file", psk)
    listener = Listener("psk", tls=False, lines=(*PSK.lines, *ciphers))
    broker = site.start(
        listeners=[listener], options={"gateway_key": key_file})
    done = subprocess.run(
        ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(broker.port("psk")),
         "--psk-identity", "meter-04", "--psk", psk.read_text().strip(),
         *version, "-i", "meter-04", "-V", "5", "-q", "1",
         "-t", "devices/meter-04/kwh", "-m", "7"],
        capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr + broker.log()
    assert psk.read_text().strip() not in broker.log()
