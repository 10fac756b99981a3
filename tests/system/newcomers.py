# SPDX-License-Identifier: Apache-2.0
"""Newcomers: a plant with tokens, and clients that come with them."""

import datetime
import hashlib
import json
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from broker import Listener
from clients import V5

ASKING = Listener(require=False)
OPTIONAL = {"client_certificates": "optional"}
SECRET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopq"


def rfc3339(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def token(name="t-1", secret=SECRET, device="temp-09", expires=3600, **more):
    """The record of a token; `expires` in seconds from now."""
    return json.dumps({
        "kind": "token", "id": name, "device": device, "gateway": "gw1",
        "secret_sha256": hashlib.sha256(secret.encode()).hexdigest(),
        "expires": rfc3339(time.time() + expires), "uses": 1, **more}) + "\n"


def device(name="temp-09", **more):
    return json.dumps({"kind": "device", "id": name, "auth": {
        "type": "ca", "group": "plant"}, **more}) + "\n"


class Newcomers:
    """A site where temp-09 may enroll with token t-1; certificates of the
    group plant come from edge-ca."""

    def __init__(self, site, group="", records="", start=None, **more):
        """`start` is what starts the broker, else the site."""
        self.site = site
        site.add_group("plant", "edge-ca", group)
        site.registry.put(device() + token() + records)
        more.setdefault("listeners", [ASKING])
        more["options"] = {**OPTIONAL, **more.get("options", {})}
        self.broker = (start or site.start)(**more)

    def new(self, name="t-1", secret=SECRET, client_id="newcomer", **more):
        """A newcomer that is not connected yet."""
        return self.site.device(
            self.broker, client_id=client_id, username=f"token:{name}",
            password=secret, **more)

    def come(self, *arguments, **more):
        newcomer = self.new(*arguments, **more)
        assert newcomer.connect() == 0, self.broker.log()
        return newcomer

    def refused(self, *arguments, **more):
        """The reason in the log for one that is refused, in the words that
        every refusal at CONNECT has."""
        mark = self.broker.mark()
        assert self.new(*arguments, **more).connect() in (5, 0x87)
        reason, thumbprint = self.broker.wait_refusal(mark)
        assert thumbprint is None
        return reason


class Key:
    """A key of a device, and what it asks and gets with it."""

    def __init__(self, key=None):
        self.key = key or ec.generate_private_key(ec.SECP256R1())

    def request(self):
        """PKCS #10; what it says of names is nobody's business."""
        return x509.CertificateSigningRequestBuilder().subject_name(
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody")])
        ).sign(self.key, hashes.SHA256())

    def pem(self):
        return self.request().public_bytes(Encoding.PEM)

    def der(self):
        return self.request().public_bytes(Encoding.DER)


class EdgeCa:
    """What an Edge CA does, in paho: its role, its subscriptions, a certificate
    for each request in the name that the gateway says."""

    ROLE = (
        '{"kind":"role","id":"edge-ca","rules":[{"effect":"allow","actions":'
        '["subscribe"],"topics":["trust/v1/enroll/+/request",'
        '"trust/v1/enroll/+/+/request","trust/v1/bundle"]},{"effect":"allow",'
        '"actions":["publish"],"topics":["trust/v1/enroll/+/response",'
        '"trust/v1/enroll/+/+/response"]}]}\n')

    def __init__(self, plant):
        site = plant.site
        self.pki = site.pki
        if "ca" not in site.pki.described:
            site.registry.put(self.ROLE + site.sensor(
                "ca", '"roles":["edge-ca"],'))
        self.requests = []  # topic, payload, user properties, all properties
        self.device = site.device(plant.broker, "ca", version=V5)
        self.device.client.on_message = self.on_message
        assert self.device.connect() == 0
        for topic in ("+/request", "+/+/request"):
            assert self.device.subscribe("trust/v1/enroll/" + topic) == 1

    def on_message(self, client, userdata, message):
        self.requests.append((
            message.topic, message.payload,
            getattr(message.properties, "UserProperty", []),
            message.properties))

    def next(self):
        self.device.wait(lambda: self.requests, "request")
        return self.requests.pop(0)

    def certificate(self, request, device):
        """In PEM, of the CN that the gateway says."""
        now = datetime.datetime.now(datetime.timezone.utc)
        return x509.CertificateBuilder().subject_name(
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, device)])
        ).issuer_name(
            x509.load_der_x509_certificate(self.pki.get("edge-ca").der).subject
        ).public_key(request.public_key()).serial_number(
            x509.random_serial_number()
        ).not_valid_before(now - datetime.timedelta(hours=1)
        ).not_valid_after(now + datetime.timedelta(days=1)
        ).add_extension(
            x509.AuthorityKeyIdentifier(
                self.pki.get("edge-ca").key_id, None, None), False
        ).sign(self.pki.get("edge-ca").key, hashes.SHA256()
        ).public_bytes(Encoding.PEM)

    def answer(self, topic, payload):
        self.device.publish(topic.replace("/request", "/response"), payload)

    def serve(self):
        """Answer the next request; what was issued."""
        topic, payload, pairs, _ = self.next()
        issued = self.certificate(
            x509.load_pem_x509_csr(payload), dict(pairs)["trust-device"])
        self.answer(topic, issued + self.pki.get("edge-ca").pem.encode())
        return issued
