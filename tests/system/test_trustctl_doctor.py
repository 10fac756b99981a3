# SPDX-License-Identifier: Apache-2.0
"""trustctl doctor, on set-ups that are broken in one way each: the step that
finds it, the words, the mend, and the exit status."""

import contextlib
import json
import re
import socket
import sqlite3
import ssl
import threading
import time

import pytest

from broker import PLAIN, TLS, WEBSOCKETS, Listener, free_port, trustctl
from clients import Boss
from trustctl import Trustctl, on_terminal

NOW = int(time.time())
DAY = 86400


class Doctor:
    """The command line of a sensor's owner, and what it answers."""

    def __init__(self, site):
        self.site = site
        site.registry.put(site.sensor("temp-01"))

    def options(self, port, chain, **more):
        pki = self.site.pki
        values = {"host": "localhost", "port": port,
                  "anchor": pki.file("server-root")}
        if chain:
            values |= {"cert": pki.file(*chain), "key": pki.key_file(chain[0])}
        values |= more
        return [part for name, value in values.items() if value is not None
                for part in (f"--{name.replace('_', '-')}", str(value))]

    def run(self, port, *chain, flags=(), **more):
        """(exit status, findings)."""
        result = trustctl("doctor", "--json", *flags,
                          *self.options(port, chain, **more))
        assert result.returncode in (0, 1), result.stderr
        assert result.stderr == ""
        return result.returncode, json.loads(result.stdout)

    def find(self, step, port, *chain, **more):
        """The one finding of a step that is not as it should be."""
        status, findings = self.run(port, *chain, **more)
        bad = [f for f in findings if f["result"] in ("warn", "fail")]
        assert status == (1 if bad else 0), findings
        found, *others = [f for f in bad if f["step"] == step] or [None]
        assert found and not others, findings
        assert found["mend"], found
        return found

    def fails(self, step, port, *chain, words=(), **more):
        found = self.find(step, port, *chain, **more)
        self.check(found, "fail", words)
        return found

    def warns(self, step, port, *chain, words=(), **more):
        found = self.find(step, port, *chain, **more)
        self.check(found, "warn", words)
        return found

    @staticmethod
    def check(found, result, words):
        assert found["result"] == result, found
        for word in words:
            assert word in found["finding"] + "\n" + found["mend"], found


@pytest.fixture
def doctor(site):
    return Doctor(site)


def results(findings):
    return {finding["step"]: finding["result"] for finding in findings}


def start(site, **server):
    """A broker with a server's certificate of its own."""
    more = {}
    if server:
        server.setdefault("issuer", "server-root")
        server.setdefault("eku", "serverAuth")
        server.setdefault("san", "dns:localhost ip:127.0.0.1")
        more["server"] = site.pki.certificate("other-server", **server)
    return site.start(**more).port()


def stock(site, *lines, listener=None, **more):
    """A broker without the plugin, which anybody may use."""
    listener = listener or Listener(require=False, lines=lines)
    return site.start(plugin=False, listeners=[listener],
                      after=["allow_anonymous true"], **more).port()


def limited(site, monkeypatch, lowest, highest, ciphers="DEFAULT"):
    """From now on brokers take these versions and ciphers alone: a setting of
    their OpenSSL, as mosquitto.conf has no highest version."""
    path = site.folder / "openssl.cnf"
    path.write_text(
        "openssl_conf = init\n[init]\nssl_conf = ssl\n[ssl]\n"
        "system_default = broker\n[broker]\n"
        f"MinProtocol = {lowest}\nMaxProtocol = {highest}\n"
        f"CipherString = {ciphers}:@SECLEVEL=0\n")
    monkeypatch.setenv("OPENSSL_CONF", str(path))


def unlimited(monkeypatch):
    """For who comes to them."""
    monkeypatch.delenv("OPENSSL_CONF")


@contextlib.contextmanager
def server(answer):
    """Something that is no broker: `answer` gets each connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def serve():
            kept = []
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    kept.append(connection)
                    with contextlib.suppress(OSError):
                        answer(connection)

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


# ---- What is well ----

def test_everything_is_fine(doctor, site):
    status, findings = doctor.run(start(site), "temp-01",
                                  registry=site.registry.path)
    assert status == 0, findings
    assert results(findings) == {
        "resolve": "ok", "connect": "ok", "tls": "ok", "names": "ok",
        "chain": "ok", "trust": "ok", "times": "ok", "protocol": "ok",
        "certificate": "ok", "answer": "ok", "registry": "note",
        "mqtt 3.1.1": "ok", "subscribe": "ok", "mqtt 5": "ok",
        "clock": "note"}
    order = list(dict.fromkeys(f["step"] for f in findings))
    assert order == list(results(findings))
    assert all(set(f) == {"step", "result", "finding", "mend"}
               and f["mend"] is None for f in findings)


def test_a_stock_broker_is_fine(doctor, site):
    status, findings = doctor.run(stock(site))
    assert status == 0, findings
    assert results(findings)["mqtt 5"] == "ok"


def test_it_is_known_when_the_device_was_here(doctor, site):
    broker = site.start()
    site.connect(broker, "temp-01").disconnect()
    broker.stop()
    broker.start()
    _, findings = doctor.run(broker.port(), "temp-01",
                             registry=site.registry.path)
    assert [f for f in findings if f["step"] == "registry"
            and "was let in last at 20" in f["finding"]
            and "from 127.0.0.1" in f["finding"]], findings


def test_the_clock_is_told_to_operators(doctor, site):
    site.registry.put(
        '{"kind":"role","id":"boss","rules":[{"effect":"allow","actions":'
        '["publish","subscribe"],"topics":["$CONTROL/trust/v1",'
        '"$CONTROL/trust/v1/response","devices/{device}/#"]}]}\n'
        + site.sensor("boss", '"roles":["boss"],'))
    status, findings = doctor.run(start(site), "boss")
    assert (status, results(findings)["clock"]) == (0, "ok"), findings


def test_nothing_is_sent_in_mqtt_unless_wanted(doctor, site):
    broker = site.start()
    sensor = site.connect(broker, "temp-01")
    status, findings = doctor.run(broker.port(), "temp-01",
                                  flags=["--no-connect"])
    assert (status, results(findings)["mqtt"]) == (0, "note")
    assert sensor.is_alive()


# ---- Name and network ----

def test_a_name_that_nobody_knows(doctor):
    found = doctor.fails("resolve", 8883, "temp-01", host="gw1.invalid")
    assert "gw1.invalid" in found["finding"]
    assert "getent ahosts gw1.invalid" in found["mend"]


def test_a_closed_port(doctor):
    port = free_port()
    doctor.fails("connect", port, host="127.0.0.1", words=[
        f"127.0.0.1, port {port}: refused", f"listener {port}"])


def test_a_closed_port_of_ipv6(doctor):
    """Refused, or without a way where there is no IPv6."""
    doctor.fails("connect", free_port(), host="::1", words=["::1, port"])


def test_a_port_that_drops_what_comes(doctor):
    """As a firewall does: a full queue, here."""
    with socket.socket() as full, contextlib.ExitStack() as stack:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        port = full.getsockname()[1]
        doctor.fails("connect", port, host="127.0.0.1", timeout=1, words=[
            "no answer within 1 s", "ip route get 127.0.0.1", "nft"])


def test_a_plain_listener(doctor, site):
    port = site.start(listeners=[PLAIN]).port("plain")
    doctor.fails("tls", port, "temp-01", words=[
        "MQTT without TLS", "certfile", "--port 8883"])


def test_a_silent_port(doctor):
    with server(lambda connection: None) as port:
        doctor.fails("tls", port, timeout=1, words=[
            "nothing answers within 1 s", "ss -tlnp"])


def test_a_web_server(doctor):
    def answer(connection):
        connection.recv(1024)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        connection.close()

    with server(answer) as port:
        doctor.fails("tls", port, words=["web server (HTTP)"])


def test_something_that_hangs_up(doctor):
    with server(lambda connection: connection.close()) as port:
        doctor.fails("tls", port, words=["no TLS", "ss -tlnp"])


def test_a_listener_with_keys_alone(doctor, site):
    """Pre-shared keys have no certificates."""
    (site.folder / "psk").write_text("temp-01:00112233445566778899\n")
    port = site.start(plugin=False, listeners=[Listener(
        tls=False, lines=["psk_hint gw", "ciphers PSK"])],
        after=["allow_anonymous true", f"psk_file {site.folder}/psk"]).port()
    doctor.fails("tls", port, words=["TLS alert 40, handshake_failure",
                                     "psk_hint"])


def test_tls_without_mqtt(doctor, site):
    """It says nothing to the certificate, and nothing to CONNECT."""
    pki = site.pki
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki.file("server"), pki.key_file("server"))
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(pki.file("temp-01"))
    context.num_tickets = 0

    def answer(connection):
        with context.wrap_socket(connection, server_side=True) as tls:
            while tls.recv(1024):
                pass

    with server(answer) as port:
        status, findings = doctor.run(port, "temp-01", timeout=5)
    assert [f["finding"] for f in findings if f["step"] == "answer"] == [
        "the server says neither yes nor no to the certificate within 5 s"]
    assert [f for f in findings if f["step"] == "mqtt 3.1.1" and
            "no answer to CONNECT within 5 s" in f["finding"]], findings
    assert status == 1


class Line:
    """A line to a gateway, which is cut once so many have connected."""

    def __init__(self, port, last=None):
        self.port = port
        self.last = last
        self.n = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while self.n != self.last:
            try:
                below, _ = self.listener.accept()
            except OSError:
                return
            self.n += 1
            if self.n == self.last:
                self.listener.close()
            above = socket.create_connection(("127.0.0.1", self.port))
            for ends in (below, above), (above, below):
                threading.Thread(
                    target=self.carry, args=ends, daemon=True).start()

    @staticmethod
    def carry(here, there):
        with contextlib.suppress(OSError):
            while data := here.recv(4096):
                there.sendall(data)
            there.shutdown(socket.SHUT_WR)

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)


def test_a_gateway_that_goes_away(doctor, site):
    """After the last look at its TLS, before CONNECT: why, in words."""
    line = Line(start(site))
    options = {"host": "127.0.0.1"}
    status, findings = doctor.run(
        line.listener.getsockname()[1], "temp-01", flags=["--no-connect"],
        **options)
    assert status == 0, findings
    line.close()
    line = Line(line.port, last=line.n)
    doctor.fails("mqtt 3.1.1", line.listener.getsockname()[1], "temp-01",
                 words=["without an answer to CONNECT: Connection refused"],
                 **options)


def test_a_listener_of_websockets(doctor, site):
    port = site.start(listeners=[TLS, WEBSOCKETS]).port("websockets")
    doctor.fails("mqtt 3.1.1", port, "temp-01", words=[
        "WebSockets", "protocol"])


# ---- Names ----

@pytest.mark.parametrize("san, host, words", [
    ("dns:gw1.example", "localhost", [
        "not for localhost: it has DNS:gw1.example", "mosquitto_pub -h gw1.exam",
        "subjectAltName=DNS:localhost"]),
    ("dns:localhost", "127.0.0.1", [
        "not for 127.0.0.1: it has DNS:localhost", "has to stand there as IP:",
        "mosquitto_pub -h localhost", "subjectAltName=IP:127.0.0.1"]),
    ("dns:localhost.example", "localhost", ["has the full name"]),
    ("dns:*.localhost", "localhost", [
        "it has DNS:*.localhost; a wildcard stands for one label"]),
    ("dns:*.host dns:host", "localhost", ["it has DNS:*.host, DNS:host\n"]),
    ("ip:10.0.0.1", "127.0.0.1", ["it has IP:10.0.0.1"]),
    (r"dns:a\x27;reboot;\x27", "localhost", ["it has DNS:a';reboot;'"]),
])
def test_another_name(doctor, site, san, host, words):
    found = doctor.fails("names", start(site, san=san), "temp-01", host=host,
                         words=words)
    assert "reboot" not in found["mend"]


@pytest.mark.parametrize("host, certificate, words", [
    ("localhost", {"subject": "CN=localhost", "without": "san"}, [
        "no DNS name and no address", "the subject CN=localhost",
        "libmosquitto and OpenSSL take the CN for it", "RFC 9525",
        "subjectAltName=DNS:localhost"]),
    ("127.0.0.1", {"subject": "CN=127.0.0.1", "without": "san"}, [
        "the subject CN=127.0.0.1", "libmosquitto 2.0 takes it all the same",
        "subjectAltName=IP:127.0.0.1"]),
    ("127.0.0.1", {"san": "dns:127.0.0.1 dns:localhost"}, [
        "an address counts as IP: alone", "libmosquitto 2.0 takes it all"]),
])
def test_a_name_that_some_take(doctor, site, host, certificate, words):
    doctor.warns("names", start(site, **certificate), "temp-01", host=host,
                 words=words)


# ---- Chain and trust ----

def test_a_missing_intermediate(doctor, site):
    site.pki.certificate("middle", issuer="server-root", ca="yes")
    key_id = site.pki.get("middle").key_id.hex(":").upper()
    doctor.fails("chain", start(site, issuer="middle"), "temp-01", words=[
        "missing: CN=middle", key_id, "among the 1 sent", "certfile",
        "cat server.pem intermediate.pem"])


def test_the_wrong_anchor(doctor, site):
    doctor.fails("trust", start(site), "temp-01",
                 anchor=site.pki.file("factory-root"),
                 words=["no path leads to an anchor", "CN=server-root",
                        "Factory Root", "--anchor FILE"])


def test_an_anchor_of_the_same_name(doctor, site):
    site.pki.certificate("twin", subject="CN=server-root", ca="yes")
    doctor.fails("trust", start(site), "temp-01", anchor=site.pki.file("twin"),
                 words=["with another key", "subjectKeyIdentifier",
                        site.pki.get("twin").key_id.hex(":").upper(),
                        site.pki.get("server-root").key_id.hex(":").upper()])


def test_an_expired_anchor(doctor, site):
    site.pki.certificate("old-root", ca="yes", from_="-30d", until="-1d")
    port = start(site, issuer="old-root")
    doctor.fails("trust", port, "temp-01", anchor=site.pki.file("old-root"),
                 words=["the anchor itself, CN=old-root, counts from"])


def test_a_server_that_signed_for_itself(doctor, site):
    site.pki.certificate("lonely", eku="serverAuth",
                         san="dns:localhost ip:127.0.0.1")
    port = site.start(server="lonely").port()
    doctor.fails("trust", port, "temp-01", words=[
        "CN=lonely, is self-signed", site.pki.get("lonely").thumbprint,
        "-fingerprint -sha256"])


def test_a_server_that_is_trusted_by_itself(doctor, site):
    site.pki.certificate("lonely", eku="serverAuth",
                         san="dns:localhost ip:127.0.0.1")
    port = site.start(server="lonely").port()
    status, findings = doctor.run(port, "temp-01",
                                  anchor=site.pki.file("lonely"))
    assert status == 0, [f for f in findings if f["result"] == "warn"]


def test_strangers_in_the_chain(doctor, site, monkeypatch):
    """The root before the intermediate."""
    pki = site.pki
    pki.certificate("middle", issuer="server-root", ca="yes")
    pki.certificate("leaf", issuer="middle", eku="serverAuth",
                    san="dns:localhost")
    pem = "".join(pki.get(name).pem
                  for name in ("leaf", "server-root", "middle"))
    monkeypatch.setattr(pki.get("leaf"), "pem", pem)
    doctor.warns("chain", site.start(server="leaf").port(), "temp-01",
                 words=["not in order", "-showcerts"])


def test_an_anchor_that_is_no_root(doctor, site):
    site.pki.certificate("middle", issuer="server-root", ca="yes")
    doctor.fails("trust", start(site, issuer="middle"), "temp-01",
                 anchor=site.pki.file("middle"),
                 words=["CN=middle", "no root", "cat root.pem"])


@pytest.mark.parametrize("content, words", [
    ("hello\n", ["holds no PEM"]),
    ("", ["holds nothing"]),
    ("-----BEGIN PRIVATE KEY-----\n", ["holds a private key"]),
    ("-----BEGIN CERTIFICATE-----\nAAAA\n", ["that is damaged"]),
])
def test_an_anchor_file_without_one(doctor, site, content, words):
    path = site.folder / "anchor.pem"
    path.write_text(content)
    doctor.fails("trust", start(site), "temp-01", anchor=path,
                 words=[str(path), *words])


def test_an_anchor_in_der(doctor, site):
    path = site.folder / "anchor.der"
    path.write_bytes(site.pki.get("server-root").der)
    doctor.warns("trust", start(site), "temp-01", anchor=path,
                 flags=["--no-connect"], words=["is DER", "-inform DER"])


def test_a_weak_key_of_the_server(doctor, site, monkeypatch):
    """OpenSSL would not load it by itself."""
    limited(site, monkeypatch, "TLSv1.2", "TLSv1.3")
    site.pki.certificate("weak", issuer="server-root", key="rsa1024",
                         eku="serverAuth", san="dns:localhost")
    port = site.start(server="weak").port()
    unlimited(monkeypatch)
    doctor.fails("trust", port, "temp-01", words=["key_too_weak", "CN=weak"])


def test_a_server_with_a_clients_certificate(doctor, site):
    doctor.fails("trust", start(site, eku="clientAuth"), "temp-01",
                 words=["purpose_not_allowed", "serverAuth"])


# ---- Times ----

def test_an_expired_server_certificate(doctor, site):
    doctor.fails("times", start(site, from_="-30d", until="-2d"), "temp-01",
                 words=["the server's certificate, CN=other-server, ended at",
                        "2 days ago", "systemctl reload mosquitto"])


def test_a_server_certificate_that_has_not_begun(doctor, site):
    doctor.fails("times", start(site, from_="+2d"), "temp-01", words=[
        "CN=other-server is not valid before", "timedatectl"])


def test_a_server_certificate_that_ends_soon(doctor, site):
    doctor.warns("times", start(site, from_="-60d", until="+2d"), "temp-01",
                 words=["CN=other-server ends soon, at"])


def test_a_short_life_is_no_finding(doctor, site):
    status, findings = doctor.run(
        start(site, from_="-1d", until="+6d"), "temp-01")
    assert status == 0, findings


@pytest.mark.parametrize("at, step, word", [
    (NOW + 80 * 365 * DAY, "times", "ended at"),
    (NOW - 3 * DAY, "times", "is not valid before"),
], ids=["in 80 years", "three days ago"])  # the same in every process
def test_another_time(doctor, site, at, step, word):
    _, findings = doctor.run(start(site), "temp-01", at=at)
    assert [f for f in findings if f["step"] == step
            and f["result"] == "fail" and word in f["finding"]], findings


def test_a_clock_of_1970(doctor, site):
    _, findings = doctor.run(start(site), "temp-01", at=1000)
    assert [f for f in findings if f["step"] == "times" and "the clock of this "
            "machine is wrong: it says 1970-01-01T00:16:40Z" in f["finding"]]


def test_a_clock_behind_the_registry(doctor, site):
    """Which has proof of a later time: on the gateway that is told."""
    port = start(site)
    with sqlite3.connect(f"{site.registry.path}.local") as local:
        local.execute("INSERT INTO floor VALUES(1, ?)", (NOW + 10 * DAY,))
    doctor.warns("clock", port, "temp-01", registry=site.registry.path,
                 words=["is behind what the registry has proof of",
                        "timedatectl set-ntp true"])


# ---- Protocol ----

def test_old_ciphers(doctor, site, monkeypatch):
    site.pki.certificate("rsa", issuer="server-root", key="rsa2048",
                         eku="serverAuth", san="dns:localhost",
                         key_usage="digital_signature key_encipherment")
    limited(site, monkeypatch, "TLSv1.2", "TLSv1.2", "AES128-SHA")
    port = stock(site, "ciphers AES128-SHA", server="rsa")
    unlimited(monkeypatch)
    doctor.warns("protocol", port, words=["AES128-SHA", "RFC 9325",
                                          "tls_version"])


def test_ciphers_that_nobody_offers(doctor, site, monkeypatch):
    limited(site, monkeypatch, "TLSv1.2", "TLSv1.2", "NULL-SHA256")
    site.pki.certificate("rsa", issuer="server-root", key="rsa2048",
                         eku="serverAuth", san="dns:localhost",
                         key_usage="digital_signature key_encipherment")
    port = stock(site, "ciphers NULL-SHA256:@SECLEVEL=0", server="rsa")
    unlimited(monkeypatch)
    doctor.fails("protocol", port, words=["none of the ciphers", "NULL"])


def test_tls_1_3_alone(doctor, site):
    status, findings = doctor.run(stock(site, "tls_version tlsv1.3"))
    assert (status, results(findings)["protocol"]) == (0, "note")


def test_an_old_version_alone(doctor, site, monkeypatch):
    limited(site, monkeypatch, "TLSv1.1", "TLSv1.1")
    port = stock(site, "tls_version tlsv1.1", "ciphers DEFAULT:@SECLEVEL=0")
    unlimited(monkeypatch)
    doctor.fails("protocol", port, words=["TLS 1.1 alone", "RFC 8996"])


# ---- The client's certificate, and the gateway's answer ----

def test_another_key(doctor, site):
    site.pki.certificate("temp-02")
    doctor.fails("certificate", start(site), "temp-01",
                 key=site.pki.key_file("temp-02"),
                 words=["is not the key of", "-pubkey"])


def test_a_chain_in_the_wrong_order(doctor, site):
    site.pki.certificate("temp-09", issuer="edge-ca")
    doctor.fails("certificate", start(site), "edge-ca", "temp-09",
                 key=site.pki.key_file("temp-09"),
                 words=["begins with another certificate", "number 2"])


def test_a_key_with_a_passphrase(doctor, site):
    path = site.folder / "secret.key"
    path.write_text("-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    doctor.fails("certificate", start(site), "temp-01", key=path,
                 words=["without a passphrase", "openssl pkey"])


def test_an_expired_client(doctor, site):
    site.add_sensor("old", from_="-30d", until="-1d")
    port = start(site)
    doctor.fails("certificate", port, "old", words=["CN=old, ended at"])
    doctor.fails("answer", port, "old", words=[
        "TLS alert 45, certificate_expired", "date -u"])
    doctor.fails("registry", port, "old", registry=site.registry.path,
                 words=["certificate_expired: "])


def test_what_ended_is_not_here(doctor, site):
    """The gateway's clock is ahead, or, as here, it knows a CA that ended."""
    site.pki.certificate("old-ca", issuer="factory-root", ca="yes",
                         from_="-30d", until="-1d")
    site.pki.certificate("temp-09", issuer="old-ca")
    site.add_group("plant", "factory-root", '"enroll":"automatic",'
                   '"intermediates":["{pem:old-ca}"],')
    port = start(site)
    doctor.fails("answer", port, "temp-09", words=["certificate_expired"])
    _, findings = doctor.run(port, "temp-09")
    assert [f for f in findings if (f["step"], f["result"]) == (
        "answer", "note") and "the gateway's clock" in f["finding"]], findings


def test_a_weak_key_of_the_client(doctor, site):
    site.add_sensor("weak", key="rsa1024")
    port = start(site)
    doctor.fails("certificate", port, "weak", words=["RSA 1024", "genpkey"])
    doctor.fails("answer", port, "weak", words=["TLS alert 42, bad_certi"])


def test_a_certificate_for_another_purpose(doctor, site):
    site.add_sensor("server-like", eku="serverAuth")
    doctor.warns("certificate", start(site), "server-like",
                 words=["without clientAuth"])


def test_a_revoked_client(doctor, site):
    site.pki.certificate("temp-09", issuer="edge-ca")
    site.add_group("plant", "factory-root", '"enroll":"automatic",')
    site.pki.crl("edge-ca", revoked="temp-09")
    site.registry.put('{"kind":"crl","id":"edge-ca","pem":"{crl:edge-ca}"}')
    chain = ["temp-09", "edge-ca", "line-ca"]
    port = start(site)
    doctor.fails("answer", port, *chain, words=[
        "TLS alert 44, certificate_revoked",
        "after a handshake that has gone well so far", "trustctl check"])
    doctor.fails("registry", port, *chain, registry=site.registry.path,
                 words=["certificate_revoked: "])


def test_a_stranger(doctor, site):
    site.pki.certificate("stranger")
    port = start(site)
    doctor.fails("answer", port, "stranger",
                 words=["TLS alert 46, certificate_unknown"])
    doctor.fails("registry", port, "stranger", registry=site.registry.path,
                 words=["unknown_certificate: ",
                        "trustctl device add stranger --certificate"])


def test_a_client_without_its_intermediate(doctor, site):
    site.pki.certificate("temp-09", issuer="edge-ca")
    site.add_group("plant", "factory-root", '"enroll":"automatic",')
    doctor.fails("answer", start(site), "temp-09", words=[
        "TLS alert 48, unknown_ca", "does not send its intermediates"])


def test_a_disabled_device(doctor, site):
    site.registry.run("device", "disable", "temp-01")
    port = start(site)
    doctor.fails("answer", port, "temp-01",
                 words=["TLS alert 46", "disabled or blocked"])
    doctor.fails("registry", port, "temp-01", registry=site.registry.path,
                 words=["device_disabled: ",
                        "trustctl device enable temp-01 -r"])


def test_a_blocked_device(doctor, site):
    site.registry.put(
        '{"kind":"role","id":"boss","rules":[{"effect":"allow","actions":'
        '["publish","subscribe"],"topics":["$CONTROL/trust/v1",'
        '"$CONTROL/trust/v1/response"]}]}\n'
        + site.sensor("boss", '"roles":["boss"],'))
    broker = site.start()
    boss = Boss(site, broker)
    boss.ask("block", device="temp-01")
    doctor.fails("answer", broker.port(), "temp-01", words=["TLS alert 46"])
    doctor.fails("registry", broker.port(), "temp-01",
                 registry=site.registry.path,
                 words=["blocked_locally: ", "trustctl unblock temp-01"])


def test_a_wrong_client_id(doctor, site):
    port = start(site)
    for step in "mqtt 3.1.1", "mqtt 5":
        doctor.fails(step, port, "temp-01", client_id="temp-02", words=[
            "CONNECT as temp-02 is refused", "mosquitto_pub -i temp-01"])
    found = doctor.fails("mqtt 5", port, "temp-01", client_id="temp-02")
    assert "code 0x87, Not authorized" in found["finding"]
    doctor.fails("registry", port, "temp-01", client_id="temp-02",
                 registry=site.registry.path, words=["client_id_mismatch: "])


def test_no_certificate_where_one_is_wanted(doctor, site):
    doctor.fails("answer", start(site), words=[
        "wants a client certificate", "certificate_required", "--cert"])


def test_no_certificate_in_tls_1_2(doctor, site, monkeypatch):
    limited(site, monkeypatch, "TLSv1.2", "TLSv1.2")
    port = site.start().port()
    unlimited(monkeypatch)
    doctor.fails("answer", port, words=[
        "wants a client certificate", "handshake_failure"])


def test_a_refusal_in_tls_1_2(doctor, site, monkeypatch):
    site.pki.certificate("stranger")
    limited(site, monkeypatch, "TLSv1.2", "TLSv1.2")
    port = site.start().port()
    unlimited(monkeypatch)
    found = doctor.fails("answer", port, "stranger",
                         words=["TLS alert 46, certificate_unknown"])
    assert "gone well" not in found["finding"]


def test_a_listener_that_asks_for_no_certificate(doctor, site):
    doctor.warns("answer", stock(site), "temp-01",
                 words=["asks for no certificate", "require_certificate true"])


def test_a_stock_broker_that_does_not_know_the_ca(doctor, site):
    site.pki.certificate("clients-ca", ca="yes")
    site.pki.certificate("stranger", issuer="edge-ca")
    port = stock(site, listener=Listener(lines=[
        f"cafile {site.pki.file('clients-ca')}"]))
    doctor.fails("answer", port, "stranger", words=["TLS alert 48, unknown_ca"])


def test_a_registry_that_is_another(doctor, site):
    """It would let in whom the gateway refuses."""
    site.pki.certificate("temp-02")
    port = start(site)
    other = site.folder / "other.db"
    trustctl("init", registry=other)
    trustctl("device", "add", "temp-02", "--certificate",
             site.pki.file("temp-02"), registry=other)
    doctor.warns("registry", port, "temp-02", registry=other,
                 words=["and the gateway does not", "trustctl status"])


def test_a_topic_that_is_not_its_own(doctor, site):
    doctor.warns("subscribe", start(site), "temp-01", topic="plant/#",
                 words=["may not subscribe to plant/#", "trustctl topic"])


def test_asked_by_name_alone(doctor, site):
    site.registry.run("device", "disable", "temp-01")
    doctor.fails("registry", start(site), client_id="temp-01",
                 registry=site.registry.path, words=["device_disabled"])


# ---- How it tells ----

def test_for_people(doctor, site):
    port = start(site, san="dns:gw1.example")
    result = trustctl("doctor", *doctor.options(port, ["temp-01"]))
    assert (result.returncode, result.stderr) == (1, "")
    lines = result.stdout.splitlines()
    assert lines[0].startswith("ok    resolve      localhost is ")
    fail, = [n for n, line in enumerate(lines) if line.startswith("FAIL  ")]
    assert lines[fail].startswith("FAIL  names        the certificate is not")
    assert lines[fail + 1].startswith(" " * 19 + "> mosquitto_pub -h gw1.ex")
    assert "\x1b" not in result.stdout


def test_colours_on_a_terminal(doctor, site, monkeypatch):
    ctl = Trustctl(site.folder)
    ctl.environment.pop("NO_COLOR", None)
    port = start(site, san="dns:gw1.example")
    status, shown = on_terminal(
        ctl, "doctor", *doctor.options(port, ["temp-01"]))
    assert status == 1
    assert "\x1b[32mok  \x1b[0m  resolve" in shown
    assert "\x1b[31mFAIL\x1b[0m  names" in shown


def test_a_narrow_terminal(doctor, site):
    """Text is fitted to it, commands stay whole."""
    ctl = Trustctl(site.folder)
    ctl.environment["NO_COLOR"] = "1"
    options = doctor.options(
        start(site, san="dns:gw1.example"), ["temp-01"], at=NOW)
    _, whole = on_terminal(ctl, "doctor", *options)
    _, shown = on_terminal(ctl, "doctor", *options, columns=60)
    lines = shown.splitlines()
    assert len(lines) > len(whole.splitlines())
    assert all(len(line) <= 60 or " > " in line or " " not in line.strip()
               for line in lines), shown
    assert [line for line in whole.splitlines() if " > " in line] == [
        line for line in lines if " > " in line]
    assert re.sub(r"\s+", " ", shown) == re.sub(r"\s+", " ", whole)


@pytest.mark.parametrize("options, words", [
    ([], "want --host HOST"),
    (["--host", "localhost"], "want --anchor FILE"),
    (["--host", "h", "--anchor", "x", "--cert", "y"], "together with --key"),
    (["--host", "h", "--anchor", "x", "--key", "y"], "together with --key"),
    (["--host", "h", "--anchor", "-"], "want files, got standard input"),
    (["--host", "h", "--anchor", "x", "--port", "0"], "--port: want a number"),
    (["--host", "h", "--anchor", "x", "--timeout", "0"], "--timeout: want"),
    (["--host", "h", "--anchor", "/nowhere/x.pem"], "/nowhere/x.pem"),
])
def test_wrong_usage(options, words):
    result = trustctl("doctor", *options)
    assert (result.returncode, result.stdout) == (2, "")
    line, = result.stderr.splitlines()
    assert words in line


def test_a_key_that_is_not_there(doctor, site):
    result = trustctl("doctor", *doctor.options(
        start(site), ["temp-01"], key="/nowhere/x.key"))
    assert result.returncode == 2
    assert "/nowhere/x.key" in result.stderr
