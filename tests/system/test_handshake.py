# SPDX-License-Identifier: Apache-2.0
"""The decision in the TLS handshake, as clients of all kinds see it."""

import base64
import re
import socket
import ssl
import subprocess

import pytest

import der
from broker import PATIENCE, PLAIN, TLS, WEBSOCKETS, Listener
from clients import DISCONNECT, gnutls_cli, mosquitto_client, s_client
from conftest import Site

BOTH = [("tls", ssl.TLSVersion.TLSv1_2), ("tls", ssl.TLSVersion.TLSv1_3),
        ("websockets", ssl.TLSVersion.TLSv1_2),
        ("websockets", ssl.TLSVersion.TLSv1_3)]


@pytest.mark.parametrize("listener, version", BOTH,
                         ids=lambda value: str(getattr(value, "name", value)))
def test_in_and_out(site, listener, version):
    site.add_sensor("temp-01")
    site.pki.certificate("nobody-01")
    broker = site.start(listeners=[TLS, WEBSOCKETS])
    site.connect(broker, "temp-01", listener=listener, maximum=version)
    nobody = site.device(broker, "nobody-01", listener=listener,
                         maximum=version)
    assert nobody.connect() is None
    assert broker.wait_refusal() == (
        "unknown_certificate", site.pki.get("nobody-01").thumbprint)


@pytest.mark.parametrize("listener", ["tls", "websockets"])
def test_after_sighup(site, listener):
    """SIGHUP makes new TLS contexts: with certificates that were renewed."""
    site.add_sensor("temp-01")
    site.add_sensor("temp-02")
    site.pki.certificate("nobody-01")
    site.pki.certificate("server-renewed", issuer="server-root",
                         eku="serverAuth", san="ip:127.0.0.1")
    broker = site.start(listeners=[TLS, WEBSOCKETS])
    before = site.connect(broker, "temp-01", listener=listener)
    renewed = site.pki.get("server-renewed")
    (broker.folder / "server.pem").write_text(renewed.pem)
    (broker.folder / "server.key").write_text(renewed.key_pem())
    mark = broker.reload()
    assert before.is_alive()
    site.connect(broker, "temp-02", listener=listener)
    assert site.device(broker, "nobody-01", listener=listener).connect() is None
    assert broker.wait_refusal(mark)[0] == "unknown_certificate"
    before.disconnect()
    site.connect(broker, "temp-01", listener=listener)


def test_no_cafile(site):
    """A self-signed sensor comes in although the broker trusts no CA."""
    site.add_sensor("temp-01")
    broker = site.start()
    configuration = (broker.folder / "mosquitto.conf").read_text()
    assert not re.search("^ca(file|path)", configuration, re.M)
    site.connect(broker, "temp-01")


def test_the_brokers_own_anchors_do_not_count(site):
    """A cafile lets nobody in."""
    site.pki.certificate("leaf-01", issuer="factory-root")
    broker = site.start(listeners=[
        Listener(lines=(f"cafile {site.pki.file('factory-root')}",))])
    assert site.device(broker, "leaf-01").connect() is None
    assert broker.wait_refusal()[0] == "chain_untrusted"


# As plugin/handshake.c has it.
ALERTS = {
    "expired": ("certificate_expired", 45),
    "future": ("certificate_not_yet_valid", 45),
    "revoked": ("certificate_revoked", 44),
    "stranger": ("chain_untrusted", 48),
    "deep": ("chain_too_deep", 48),
    "server-like": ("purpose_not_allowed", 43),
    "critical": ("chain_invalid", 42),
    "weak": ("key_too_weak", 42),
    "long": ("validity_too_long", 42),
    "nobody": ("unknown_certificate", 46),
    "copy": ("thumbprint_mismatch", 46),
    "off": ("device_disabled", 46),
    "unregistered": ("device_unknown", 46),
    "slash": ("identity_malformed", 46),
}


@pytest.fixture(scope="module")
def refusing(tmp_path_factory):
    """A broker with a reason to refuse for every alert."""
    site = Site(tmp_path_factory.mktemp("alerts"))
    pki = site.pki
    for name, fields in {
            "expired": {"until": "-1h"}, "future": {"from_": "+1h"},
            "revoked": {}, "server-like": {"eku": "serverAuth"},
            "critical": {"extension": "1.3.6.1.4.1.55555.1"},
            "weak": {"key": "rsa1024"}, "long": {"until": "+900d"},
            "unregistered": {}, "slash": {"subject": "CN=x/y"}}.items():
        pki.certificate(name, issuer="factory-root", **fields)
    pki.certificate("stranger", issuer="stranger-ca")
    pki.certificate("deep", issuer="edge-ca")
    pki.certificate("nobody")
    site.add_sensor("off", '"status":"disabled",')
    site.add_sensor("original")
    pki.certificate("copy", subject="CN=original")
    pki.crl("factory-root", revoked="revoked")
    site.add_group("plant", "factory-root",
                   '"max_depth":1,"max_validity":"825d",')
    site.registry.put('{"kind":"crl","id":"root","pem":"{crl:factory-root}"}')
    site.start()
    yield site
    site.close()


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
@pytest.mark.parametrize("name", ALERTS)
def test_alert(refusing, name, version):
    broker = refusing.brokers[0]
    reason, alert = ALERTS[name]
    chain = {"stranger": [name, "stranger-ca"],
             "deep": [name, "edge-ca", "line-ca"]}.get(name, [name])
    mark = broker.mark()
    spoken = s_client(broker, *chain, more=[version])
    assert spoken.code is None
    assert spoken.alert == alert, spoken.text
    assert broker.wait_refusal(mark)[0] == reason
    assert len(broker.refusals(mark)) == 1


def test_alert_without_a_registry(site):
    site.pki.certificate("temp-01")
    site.registry.path = site.folder / "none.db"
    broker = site.start()
    assert s_client(broker, "temp-01").alert == 80
    assert broker.wait_refusal()[0] == "registry_missing"


def test_gnutls(site):
    """Another TLS stack."""
    site.add_sensor("temp-01")
    site.add_group("plant", "factory-root", '"enroll":"automatic",')
    site.pki.certificate("leaf-01", issuer="edge-ca", key="p384")
    site.pki.certificate("nobody-01")
    broker = site.start()
    assert gnutls_cli(broker, "temp-01").code == 0
    assert gnutls_cli(broker, "leaf-01", "edge-ca", "line-ca").code == 0
    refused = gnutls_cli(broker, "nobody-01")
    assert refused.code is None
    assert "Certificate is bad" in refused.text or "alert" in refused.text
    assert broker.wait_refusal()[0] == "unknown_certificate"


def test_mosquitto_clients(site):
    site.add_sensor("temp-01", '"client_id":"prefix",')
    site.pki.certificate("nobody-01")
    broker = site.start()
    more = ["-i", "temp-01/sub", "-C", "1", "-d", "-W", str(PATIENCE)]
    with subprocess.Popen(
            mosquitto_client("mosquitto_sub", broker, "temp-01",
                             topic="devices/temp-01/#", more=more),
            stdout=subprocess.PIPE, text=True) as subscriber:
        broker.wait_log(r"Sending SUBACK to temp-01/sub")
        published = subprocess.run(
            mosquitto_client("mosquitto_pub", broker, "temp-01",
                             topic="devices/temp-01/t", more=["-m", "21.5"]),
            timeout=PATIENCE)
        assert published.returncode == 0
        assert "21.5" in subscriber.stdout.read().splitlines()
    refused = subprocess.run(
        mosquitto_client("mosquitto_pub", broker, "nobody-01",
                         topic="devices/nobody-01/t", more=["-m", "x"]),
        timeout=PATIENCE, capture_output=True)
    assert refused.returncode != 0


def test_nobody_is_asked_where_none_is_required(site):
    site.add_sensor("temp-01")
    broker = site.start(listeners=[
        TLS, Listener("open", require=False)])
    spoken = s_client(broker, "temp-01", more=["-msg"])
    assert "CertificateRequest" in spoken.text and spoken.code == 0
    spoken = s_client(broker, "temp-01", listener="open", more=["-msg"])
    assert "CertificateRequest" not in spoken.text
    assert spoken.code == 5
    assert broker.wait_refusal() == ("no_certificate", None)


def test_no_certificate(site):
    """TLS itself turns away who has none where one is required."""
    broker = site.start()
    spoken = s_client(broker, client_id="temp-01")
    assert spoken.code is None
    assert spoken.alert == 116  # certificate_required
    spoken = s_client(broker, client_id="temp-01", more=["-tls1_2"])
    assert spoken.code is None
    assert spoken.alert == 40  # handshake_failure


def key_of_a_thief(site, name):
    """A key file that claims the certificate's public key and has another
    private one: SEC 1's ECPrivateKey, which nobody checks when loading."""
    site.pki.certificate("thief")
    scalar = site.pki.get("thief").key.private_numbers().private_value
    point = site.pki.get(name).spki[-65:]
    key = base64.encodebytes(der.sequence(
        der.integer(1), der.octets(scalar.to_bytes(32, "big")),
        der.explicit(0, der.oid("1.2.840.10045.3.1.7")),
        der.explicit(1, der.bits(point)))).decode()
    path = site.folder / "stolen.key"
    path.write_text(f"-----BEGIN EC PRIVATE KEY-----\n{key}"
                    "-----END EC PRIVATE KEY-----\n")
    return path


def test_a_certificate_without_its_key(site):
    """A certificate is no secret: nothing happens before its key is shown."""
    site.add_sensor("temp-01")
    broker = site.start()
    owner = site.connect(broker, "temp-01")
    mark = broker.mark()
    spoken = s_client(broker, "temp-01", key=key_of_a_thief(site, "temp-01"))
    assert spoken.code is None and spoken.alert == 51  # decrypt_error
    assert owner.is_alive()
    assert "connected from" not in broker.log(mark)


def test_more_certificates_than_are_read(site):
    """Sixteen are read besides the leaf."""
    site.add_group("plant", "factory-root", '"enroll":"automatic",')
    site.pki.certificate("leaf-01", issuer="line-ca")
    strangers = [site.pki.certificate(f"stranger-{i}") for i in range(16)]
    broker = site.start()
    assert s_client(broker, "leaf-01", *strangers, "line-ca").alert == 48
    assert broker.wait_refusal()[0] == "chain_untrusted"
    assert s_client(broker, "leaf-01", *strangers[1:], "line-ca").code == 0


@pytest.mark.parametrize("listener", ["tls", "websockets", "plain"])
def test_noise(site, listener):
    """Bytes that are no TLS and no MQTT."""
    site.add_sensor("temp-01")
    broker = site.start(listeners=[TLS, WEBSOCKETS, PLAIN])
    for noise in (b"", b"\x00" * 1000, b"\x16\x03\x01\xff\xff" + b"A" * 500,
                  b"GET / HTTP/1.1\r\n\r\n", DISCONNECT, b"\xff" * 100):
        with socket.create_connection(
                ("127.0.0.1", broker.port(listener))) as connection:
            connection.sendall(noise)
    site.connect(broker, "temp-01")


def test_log_line(site):
    """One line, with the reason, the certificate, the address, and words."""
    site.add_sensor("temp-01")
    site.pki.certificate("copy", subject="CN=temp-01\nO=a\\x0ab\\x1b[31m")
    broker = site.start()
    assert s_client(broker, "copy").code is None
    thumbprint = site.pki.get("copy").thumbprint
    broker.wait_refusal()
    line, = re.findall(r".*refused.*", broker.log())
    assert "thumbprint_mismatch" in line and "temp-01" in line
    assert thumbprint in line and "127.0.0.1" in line
    assert "\x1b" not in line
    ours = site.pki.get("temp-01").thumbprint[-4:].upper()
    assert (f"temp-01 is registered with another certificate (…{ours}), "
            f"this one is …{thumbprint[-4:].upper()}") in line
