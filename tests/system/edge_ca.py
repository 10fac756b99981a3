# SPDX-License-Identifier: Apache-2.0
"""An Edge CA at a broker without the plugin, where a test stands in for the
gateway: it publishes requests with the user properties that a gateway sets."""

import json
import os
import re
import signal
import subprocess

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, ed448
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from broker import PATIENCE, TRUSTCTL, Listener, wait_until
from clients import V5, Device

# What the Edge CA may do at a gateway.
ROLE = json.dumps({"kind": "role", "id": "ca", "rules": [
    {"effect": "allow", "actions": ["subscribe"], "topics": [
        "trust/v1/enroll/+/request", "trust/v1/enroll/+/+/request",
        "trust/v1/bundle"]},
    {"effect": "allow", "actions": ["publish"], "topics": [
        "trust/v1/enroll/+/response", "trust/v1/enroll/+/+/response"]},
]}) + "\n"

CAS = ("enroll-ca", "enroll-int", "enroll-root")


def describe(pki):
    """The Edge CA below a root, and who connects to the broker."""
    pki.certificate("enroll-root", ca="yes")
    pki.certificate("enroll-int", issuer="enroll-root", ca="yes")
    pki.certificate("enroll-ca", issuer="enroll-int", ca="yes")
    pki.certificate("clients", ca="yes")
    for name in ("ca-client", "gateway", "watcher"):
        pki.certificate(name, issuer="clients", subject=f"CN={name}")


def listener(pki):
    return Listener("tls", lines=(f"cafile {pki.file('clients')}",
                                  "use_identity_as_username true"))


def request(key, subject="whatever", names=()):
    """A PKCS#10 request as PEM."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName(list(names)), critical=False)
    digest = hashes.SHA256()
    if isinstance(key, (ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey)):
        digest = None
    return builder.sign(key, digest).public_bytes(Encoding.PEM)


def certificates(pem):
    return [x509.load_pem_x509_certificate(block.encode()) for block in
            re.findall(r"-----BEGIN CERTIFICATE-----.*?"
                       r"-----END CERTIFICATE-----\n", pem, re.S)]


def public(key):
    """A public key's octets, of a private key or a certificate."""
    return key.public_key().public_bytes(
        Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


class EdgeCa:
    """trustctl edge-ca serve."""

    def __init__(self, site, *more, wait=True, log="edge-ca.log",
                 environment=None, **options):
        self.site = site
        self.log_path = site.folder / log
        self.audit_path = site.folder / "issued.jsonl"
        self.audited = 0
        values = {"ca": site.pki.file(*CAS),
                  "ca-key": private(site.pki.key_file("enroll-ca")),
                  "audit": self.audit_path,
                  "host": "127.0.0.1", "port": site.broker.port(),
                  "cafile": site.pki.file("server-root"),
                  "cert": site.pki.file("ca-client"),
                  "key": site.pki.key_file("ca-client"), **options}
        with open(self.log_path, "wb") as out:
            self.process = subprocess.Popen(
                [TRUSTCTL, "edge-ca", "serve",
                 *(part for name, value in values.items()
                   if value is not None
                   for part in (f"--{name}", str(value))),
                 *map(str, more)],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                env={**os.environ, **(environment or {}), "LC_ALL": "C"},
                start_new_session=True)  # without a terminal
        if wait:
            self.wait_log("connected, answering")

    def log(self, since=0):
        return self.log_path.read_text()[since:]

    def wait_log(self, pattern, since=0):
        return wait_until(lambda: re.search(pattern, self.log(since)),
                          lambda: f"{pattern!r} in:\n{self.log(since)}")

    def refuse_to_start(self):
        """Its one line, where it ends with an error."""
        assert self.process.wait(PATIENCE) == 2, self.log()
        line, = self.log().splitlines()
        return line.removeprefix("trustctl: ")

    def audit(self):
        """The lines since `audited`."""
        return [json.loads(line) for line in
                self.audit_path.read_text().splitlines()[self.audited:]]

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            assert self.process.wait(PATIENCE) == 0, self.log()

    def kill(self):
        self.process.kill()
        self.process.wait()


def private(path):
    path.chmod(0o600)
    return path


class Gateway(Device):
    """What the plugin does: it tells the Edge CA for whom a request is, and
    sees the answers."""

    def __init__(self, site):
        super().__init__(site.broker, "gateway", version=V5)
        self.id = "temp-09"  # of the device, where a test does not care
        assert self.connect() == 0
        for levels in "+", "+/+":
            self.subscribe(f"trust/v1/enroll/{levels}/response")

    def send(self, payload, *pairs, client=None, retain=False):
        properties = Properties(PacketTypes.PUBLISH)
        properties.UserProperty = list(pairs)
        self.publish(f"trust/v1/enroll/{client or self.id}/request", payload,
                     retain=retain, properties=properties)

    def reply(self, client=None):
        self.wait(lambda: self.messages, "answer")
        topic, payload, retained = self.messages.pop(0)
        assert topic == f"trust/v1/enroll/{client or self.id}/response"
        assert not retained
        return payload

    def ask(self, payload, device=None, identity="cn", client=None):
        """What the Edge CA answers to a request for a device."""
        self.send(payload, ("trust-device", device or self.id),
                  ("trust-identity", identity), ("trust-gateway", "gw1"),
                  client=client)
        return self.reply(client)

    def error(self, *arguments, **more):
        answer = json.loads(self.ask(*arguments, **more))
        assert list(answer) == ["error"]
        return answer["error"]
