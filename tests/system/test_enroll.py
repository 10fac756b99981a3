# SPDX-License-Identifier: Apache-2.0
"""Requests for certificates and the responses to them, through the gateway;
the test is the Edge CA."""

import hashlib
import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding, NoEncryption, PrivateFormat)

from paho.mqtt.packettypes import PacketTypes

from broker import PLAIN, TLS, wait_until
from clients import V5, V311
from newcomers import EdgeCa, Key, Newcomers, device, token
from test_newcomers import REQUEST, RESPONSE, WATCHER
from test_provenance import is_2_0, user
from test_topics import will

VERSIONS = pytest.mark.parametrize(
    "version", [V311, V5], ids=["3.1.1", "5"])


@pytest.fixture
def plant(site):
    plant = Newcomers(site)
    plant.ca = EdgeCa(plant)
    return plant


def come(plant, *arguments, **more):
    """A newcomer that hears answers."""
    newcomer = plant.come(*arguments, **more)
    name = newcomer.client._username.decode()
    assert newcomer.subscribe(f"trust/v1/enroll/{name}/response") == 1
    return newcomer


def error(newcomer):
    """The next answer, which is an error."""
    newcomer.wait(lambda: newcomer.messages, "answer")
    topic, text, retained = newcomer.messages.pop(0)
    assert topic.endswith("/response") and not retained
    answer = json.loads(text)
    assert list(answer) == ["error"]
    return answer["error"]


def expect_issued(newcomer, issued):
    newcomer.wait(lambda: newcomer.messages, "certificate")
    topic, text, retained = newcomer.messages.pop(0)
    assert topic.endswith("/response") and not retained
    assert text.startswith(issued.decode())


def connect_with(plant, key, issued, client_id="temp-09", **more):
    """The device, with what it got."""
    pki = plant.site.pki
    name = "issued-" + hashlib.sha256(issued).hexdigest()[:16]
    pki.described[name] = {}
    pki.certificates[name] = Issued(issued, key)
    return plant.site.device(plant.broker, name, client_id=client_id, **more)


class Issued:
    """Like pki.Certificate, for what the Edge CA made."""

    def __init__(self, pem, key):
        self.pem = pem.decode()
        self.key = key.key
        self.der = x509.load_pem_x509_certificate(pem).public_bytes(
            Encoding.DER)
        self.thumbprint = hashlib.sha256(self.der).hexdigest()

    def key_pem(self):
        return self.key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


# ---- A whole enrollment ----

@VERSIONS
@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize("form", ["pem", "der"])
def test_enrolls(plant, version, qos, form):
    newcomer = come(plant, version=version)
    key = Key()
    newcomer.publish(REQUEST, getattr(key, form)(), qos=qos)
    plant.ca.device.wait(lambda: plant.ca.requests, "request")
    topic, payload, pairs, _ = plant.ca.requests[0]
    assert topic == REQUEST
    assert x509.load_pem_x509_csr(payload).is_signature_valid
    assert pairs == [("trust-device", "temp-09"), ("trust-identity", "cn"),
                     ("trust-gateway", "gw1")]
    issued = plant.ca.serve()
    expect_issued(newcomer, issued)
    sensor = connect_with(plant, key, issued)
    assert sensor.connect() == 0
    newcomer.wait_closed()
    plant.broker.wait_log("closed client newcomer: token_invalid")
    assert plant.refused() == "token_invalid"


def test_two_at_once(site):
    """One use, two newcomers: one key wins, and may ask again."""
    plant = Newcomers(site)
    ca = EdgeCa(plant)
    first, second = come(plant, client_id="a"), come(plant, client_id="b")
    one, other = Key(), Key()
    first.publish(REQUEST, one.pem())
    _, request, _, _ = ca.next()
    second.publish(REQUEST, other.pem())
    assert error(second).startswith("token_invalid: ")
    assert plant.broker.wait_refusal()[0] == "token_invalid"
    # Who won hears nothing of that, and gets its certificate.
    issued = ca.certificate(
        x509.load_pem_x509_csr(request), "temp-09")
    ca.answer(REQUEST, issued)
    expect_issued(first, issued)
    expect_issued(second, issued)
    second.publish(REQUEST, one.pem())
    _, payload, _, _ = ca.next()
    assert x509.load_pem_x509_csr(payload).public_key().public_numbers() \
        == one.key.public_key().public_numbers()
    assert ca.requests == []


def test_a_crash_between(site):
    """The same key fetches again; another does not."""
    plant = Newcomers(site)
    ca = EdgeCa(plant)
    newcomer = come(plant)
    key = Key()
    newcomer.publish(REQUEST, key.pem())
    ca.next()
    plant.broker.kill()
    plant.broker.start()
    ca = EdgeCa(plant)
    newcomer = come(plant)
    newcomer.publish(REQUEST, Key().pem())
    assert error(newcomer).startswith("token_invalid: ")
    newcomer.publish(REQUEST, key.pem())
    issued = ca.serve()
    expect_issued(newcomer, issued)
    assert connect_with(plant, key, issued).connect() == 0


def test_uses(site):
    """A token of two uses, for two keys of its device."""
    plant = Newcomers(site)
    site.registry.put(token(uses=2))
    ca = EdgeCa(plant)
    for _ in range(2):
        newcomer = come(plant)
        key = Key()
        newcomer.publish(REQUEST, key.pem())
        issued = ca.serve()
        expect_issued(newcomer, issued)
        assert connect_with(plant, key, issued).connect() == 0
        newcomer.wait_closed()
    assert plant.refused() == "token_invalid"


def expect_nothing(newcomer):
    """Not even what the broker sends behind an answer to this."""
    assert newcomer.is_alive() and newcomer.messages == []


def two_that_ask(plant, ca):
    """Two keys of a token with two uses, both on their way."""
    both = []
    for client_id in "ab":
        newcomer, key = come(plant, client_id=client_id), Key()
        newcomer.publish(REQUEST, key.pem())
        both.append((newcomer, key))
        _, request, _, _ = ca.next()
        assert x509.load_pem_x509_csr(request).public_key().public_numbers() \
            == key.key.public_key().public_numbers()
    return both


def expect_used_up(plant):
    third = come(plant, client_id="c")
    third.publish(REQUEST, Key().pem())
    assert error(third).startswith("token_invalid: ")


def test_two_keys_at_once(site):
    """Two uses, two newcomers: each gets its own certificate, whichever comes
    first."""
    plant = Newcomers(site)
    site.registry.put(token(uses=2))
    ca = EdgeCa(plant)
    (a, one), (b, other) = two_that_ask(plant, ca)
    expect_used_up(plant)
    for_b = ca.certificate(other.request(), "temp-09")
    ca.answer(REQUEST, for_b)
    expect_issued(b, for_b)
    expect_nothing(a)
    for_a = ca.certificate(one.request(), "temp-09")
    ca.answer(REQUEST, for_a)
    expect_issued(a, for_a)
    assert connect_with(plant, other, for_b).connect() == 0
    b.wait_closed()
    assert connect_with(plant, one, for_a).connect() == 0
    a.wait_closed()
    assert plant.refused() == "token_invalid"


def test_errors_for_two_keys(site):
    """An error is for who asked first and has had none."""
    plant = Newcomers(site)
    site.registry.put(token(uses=2))
    ca = EdgeCa(plant)
    (a, one), (b, other) = two_that_ask(plant, ca)
    ca.answer(REQUEST, b'{"error":"first"}')
    assert error(a) == "first"
    expect_nothing(b)
    ca.answer(REQUEST, b'{"error":"second"}')
    assert error(b) == "second"
    expect_nothing(a)
    for newcomer, key in (a, one), (b, other):
        newcomer.publish(REQUEST, key.pem())
        expect_issued(newcomer, ca.serve())


def test_a_crash_between_two_keys(site):
    """Both fetch again, and nobody else."""
    plant = Newcomers(site)
    site.registry.put(token(uses=2))
    ca = EdgeCa(plant)
    both = two_that_ask(plant, ca)
    plant.broker.kill()
    plant.broker.start()
    ca = EdgeCa(plant)
    expect_used_up(plant)
    for client_id, (_, key) in zip("ab", both):
        newcomer = come(plant, client_id=client_id)
        newcomer.publish(REQUEST, key.pem())
        issued = ca.serve()
        expect_issued(newcomer, issued)
        assert connect_with(plant, key, issued).connect() == 0


@pytest.mark.parametrize("crash", [False, True])
def test_refused_by_the_edge_ca(site, crash):
    """The use stays with its key, which may ask again as soon as the Edge CA
    has thought better of it; no other key gets it meanwhile."""
    plant = Newcomers(site)
    ca = EdgeCa(plant)
    newcomer, key = come(plant), Key()
    newcomer.publish(REQUEST, key.pem())
    topic, _, _, _ = ca.next()
    ca.answer(topic, b'{"error":"identity_not_in_group: not by me"}')
    assert error(newcomer) == "identity_not_in_group: not by me"
    if crash:
        plant.broker.kill()
        plant.broker.start()
        ca = EdgeCa(plant)
        newcomer = come(plant)
    newcomer.publish(REQUEST, Key().pem())
    assert error(newcomer).startswith("token_invalid: ")
    newcomer.publish(REQUEST, key.pem())
    issued = ca.serve()
    expect_issued(newcomer, issued)
    assert connect_with(plant, key, issued).connect() == 0
    assert plant.refused() == "token_invalid"


def test_what_is_told(site):
    audit = site.folder / "audit.jsonl"
    plant = Newcomers(site, options={"audit_log": audit})
    ca = EdgeCa(plant)
    newcomer = come(plant)
    newcomer.publish(REQUEST, Key().pem())
    issued = x509.load_pem_x509_certificate(ca.serve())

    def enrolled():
        return [event for line in audit.read_text().splitlines()
                if (event := json.loads(line))["event"] == "enrolled"]

    event, = wait_until(enrolled, "an audit line")
    assert (event["device"], event["client"], event["address"]) == (
        "temp-09", "newcomer", "127.0.0.1")
    assert hashlib.sha256(
        issued.public_bytes(Encoding.DER)).hexdigest() in event["detail"]
    assert f"{issued.serial_number:X}" in event["detail"]
    assert issued.not_valid_after.strftime(
        "%Y-%m-%dT%H:%M:%SZ") in event["detail"]


def test_a_name_in_the_log(plant):
    """A newcomer chooses its client id: the log has it escaped and cut."""
    newcomer = come(plant, client_id="né" + "e" * 2000)
    newcomer.publish(REQUEST, Key().pem())
    plant.ca.next()
    plant.broker.wait_log(r"client n\\xc3\\xa9e+\.\.\. asks for a certificate of "
                          "device temp-09, for a key of EC P-256")


def test_upstream_hears_of_it(site):
    """Over a bridge of events, as docs/OPERATIONS.md has it."""
    upstream = site.start(
        plugin=False, listeners=[PLAIN], conf=["allow_anonymous true"])
    plant = Newcomers(site, after=[
        "connection up", f"address 127.0.0.1:{upstream.port('plain')}",
        "topic events out 1 trust/v1/ trust/v1/gw1/", "restart_timeout 1"])
    ca = EdgeCa(plant)
    above = site.connect(upstream, client_id="above", listener="plain")
    assert above.subscribe("trust/v1/gw1/events") == 1
    plant.broker.wait_log(r"Received CONNACK on connection \S+\.up")
    newcomer = come(plant)
    newcomer.publish(REQUEST, Key().pem())
    ca.serve()
    above.wait(lambda: any(json.loads(text)["event"] == "enrolled"
                           for _, text, _ in above.messages), "enrolled")


def test_with_the_upstream_away(site, upstream):
    """As far as the tokens reach that came before; and the upstream hears of
    it afterwards, where the bridge keeps what it could not send."""
    def start(**more):
        gateways.append(upstream.gateway(after=[
            "topic events out 1 trust/v1/ trust/v1/gw1/",
            "cleansession true", "local_cleansession false"], **more))
        return gateways[0].broker

    gateways = []
    watcher = upstream.watch()
    site.registry.put(EdgeCa.ROLE + site.sensor("ca", '"roles":["edge-ca"],')
                      + device("temp-10"))
    plant = Newcomers(site, start=start)
    origin = upstream.follow()
    gateway, = gateways
    gateway.wait_serial(1)
    ca = EdgeCa(plant)
    gateway.link.cut()
    site.registry.put(token("t-2", device="temp-10"))
    origin.wait_serial(2)
    assert plant.refused("t-2") == "token_invalid"
    newcomer, key = come(plant), Key()
    newcomer.publish(REQUEST, key.pem())
    issued = ca.serve()
    expect_issued(newcomer, issued)
    sensor = connect_with(plant, key, issued)
    assert sensor.connect() == 0
    assert plant.refused() == "token_invalid"
    mark = plant.broker.mark()
    gateway.link.join()
    heard = watcher.wait_for(
        "events", matches=lambda text: json.loads(text)["event"] == "enrolled")
    assert json.loads(heard)["device"] == "temp-09"
    gateway.wait_serial(2, since=mark)
    plant.come("t-2", client_id="another")
    assert sensor.is_alive()


# ---- Requests ----

BAD_REQUESTS = {
    "no request": (lambda key: b"hello", "topic_not_allowed"),
    "nothing": (lambda key: b"", "topic_not_allowed"),
    "two": (lambda key: key.pem() * 2, "topic_not_allowed"),
    "cut": (lambda key: key.der()[:-1], "topic_not_allowed"),
    "too long": (lambda key: b"\x30" * 20000, "topic_not_allowed"),
    "another's signature": (lambda key: key.der()[:-2] + b"\0\0",
                            "topic_not_allowed"),
    "weak key": (lambda key: Key(rsa.generate_private_key(65537, 1024)).der(),
                 "key_too_weak"),
    "P-192": (lambda key: Key(ec.generate_private_key(ec.SECP192R1())).der(),
              "key_too_weak"),
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_bad_requests(plant, name):
    """Answered by the gateway, told as refusals, and nothing is spent."""
    make, reason = BAD_REQUESTS[name]
    newcomer = come(plant, version=V5)
    newcomer.publish(REQUEST, make(Key()))
    assert error(newcomer).startswith(reason + ": ")
    assert plant.broker.wait_refusal()[0] == reason
    newcomer.publish(REQUEST, Key().pem())
    plant.ca.serve()
    assert plant.ca.requests == []


FORGED = [("trust-device", "boss"), ("trust-identity", "san_dns"),
          ("trust-gateway", "gw9"), ("trust-anything", "x")]


@pytest.mark.parametrize("provenance", ["true", "false"])
def test_claims_are_taken_away(site, provenance):
    """Whatever option provenance says."""
    plant = Newcomers(site, options={"provenance": provenance})
    ca = EdgeCa(plant)
    newcomer = come(plant, version=V5)
    key = Key()
    properties = user(*FORGED, ("unit", "x"))
    properties.ResponseTopic = "plant/elsewhere"
    properties.CorrelationData = b"x"
    properties.MessageExpiryInterval = 3600
    properties.ContentType = "application/pkcs10"
    newcomer.publish(REQUEST, key.der(), properties=properties)
    if not is_2_0(plant.broker):
        newcomer.publish(REQUEST, key.der())
    _, _, pairs, got = ca.next()
    own = [("unit", "x")] if is_2_0(plant.broker) else []
    assert pairs == own + [
        ("trust-device", "temp-09"), ("trust-identity", "cn"),
        ("trust-gateway", "gw1")]
    for name in ("ResponseTopic", "CorrelationData", "ContentType"):
        assert not hasattr(got, name)


@VERSIONS
def test_a_will_is_no_request(plant, version):
    """Not even one with the words of a request that was passed on."""
    key = Key()
    properties = {}
    if version == V5:
        properties["properties"] = user(*FORGED, kind=PacketTypes.WILLMESSAGE)
    newcomer = come(plant, version=version, will={
        **will(REQUEST, key.pem()), **properties})
    newcomer.publish(REQUEST, key.pem())
    plant.ca.serve()
    newcomer.drop()
    other = come(plant, client_id="other")
    other.publish(REQUEST, key.pem())
    plant.ca.serve()
    assert plant.ca.requests == []


def test_nobody_else_sends_requests(site):
    """Whatever its rules; nor does a bridge."""
    upstream = site.start(
        plugin=False, listeners=[PLAIN], conf=["allow_anonymous true"])
    plant = Newcomers(site, after=[
        "connection up", f"address 127.0.0.1:{upstream.port('plain')}",
        "topic # in 1 trust/v1/enroll/ enroll/", "restart_timeout 1"])
    ca = EdgeCa(plant)
    site.registry.put(
        WATCHER % "none" + site.sensor("boss", '"roles":["watcher"],'))
    boss = site.connect(plant.broker, "boss")
    key = Key()
    boss.publish(REQUEST, key.pem())
    above = site.connect(upstream, client_id="above", listener="plain")
    upstream.wait_log(r"Received SUBSCRIBE from \S+\.up")
    above.publish("enroll/token:t-1/request", key.pem())
    plant.broker.wait_log("a message of enrollment that came over a bridge")
    newcomer = come(plant)
    newcomer.publish(REQUEST, key.pem())
    ca.serve()
    assert ca.requests == []


def test_blocked_meanwhile(plant):
    """A token that goes between CONNECT and the request."""
    newcomer = come(plant)
    plant.site.registry.remove("token", "t-1")
    newcomer.publish(REQUEST, Key().pem(), qos=0)
    newcomer.wait_closed()
    assert plant.ca.device.is_alive()
    assert plant.ca.requests == []


# ---- Responses ----

def test_responses_are_held_against_requests(plant):
    newcomer = come(plant)
    key = Key()
    wrong = plant.ca.certificate(Key().request(), "temp-09")
    right = plant.ca.certificate(key.request(), "temp-09")
    plant.ca.answer(REQUEST, right)
    plant.broker.wait_log("is not delivered: no request of that client waits")
    newcomer.publish(REQUEST, key.pem())
    plant.ca.next()
    for bad, why in (
            (wrong, "another key"), (b"hello", "PEM"), (b"{}", "want PEM"),
            (b'{"error":1}', "want PEM"), (right[:-60], "PEM"),
            (wrong + right, "another key")):
        mark = plant.broker.mark()
        plant.ca.answer(REQUEST, bad)
        plant.broker.wait_log("is not delivered: .*" + why, since=mark)
    plant.ca.answer(REQUEST, b'{"error":"later"}')
    assert error(newcomer) == "later"
    plant.ca.answer(REQUEST, right)
    expect_issued(newcomer, right)
    mark = plant.broker.mark()
    plant.ca.answer(REQUEST, right)
    plant.broker.wait_log("is not delivered: no request", since=mark)
    assert newcomer.is_alive() and newcomer.messages == []


def test_responses_reach_nobody_else(plant):
    site = plant.site
    site.registry.put(
        WATCHER % "#" + site.sensor("boss", '"roles":["watcher"],'))
    boss = site.connect(plant.broker, "boss")
    assert boss.subscribe("trust/v1/#") == 1
    assert boss.subscribe(RESPONSE) == 0x80
    newcomer = come(plant)
    newcomer.publish(REQUEST, Key().pem())
    expect_issued(newcomer, plant.ca.serve())
    assert boss.is_alive()
    assert RESPONSE not in {topic for topic, _, _ in boss.messages}


# ---- Devices ----

def renewing(site, group="", **more):
    """A device that was enrolled before, and hears answers."""
    plant = Newcomers(site, group, **more)
    plant.ca = EdgeCa(plant)
    plant.key = Key()
    plant.old = plant.ca.certificate(plant.key.request(), "temp-09")
    plant.sensor = connect_with(plant, plant.key, plant.old)
    assert plant.sensor.connect() == 0
    assert plant.sensor.subscribe("trust/v1/enroll/temp-09/response") == 1
    return plant


def test_many_modules(site):
    """One device with many of them pushes nobody's request out."""
    plant = renewing(site, '"client_id":"prefix",')
    plant.sensor.publish("trust/v1/enroll/temp-09/request", Key().pem())
    _, first, _, _ = plant.ca.next()
    site.pki.certificate("busy", issuer="edge-ca", subject="CN=busy")
    site.registry.put(device("busy"))
    for number in range(40):
        name = f"busy/{number}"
        module = site.connect(plant.broker, "busy", client_id=name)
        module.publish(f"trust/v1/enroll/{name}/request", Key().pem())
        plant.ca.next()
        module.disconnect()
    issued = plant.ca.certificate(x509.load_pem_x509_csr(first), "temp-09")
    plant.ca.answer("trust/v1/enroll/temp-09/request", issued)
    expect_issued(plant.sensor, issued)
    mark = plant.broker.mark()
    plant.ca.answer("trust/v1/enroll/busy/0/request", issued)
    plant.broker.wait_log("is not delivered: no request of that client waits",
                          since=mark)


@pytest.mark.parametrize("same", [True, False], ids=["same key", "new key"])
def test_renews(site, same):
    plant = renewing(site)
    key = plant.key if same else Key()
    plant.sensor.publish("trust/v1/enroll/temp-09/request", key.pem())
    issued = plant.ca.serve()
    expect_issued(plant.sensor, issued)
    assert connect_with(plant, key, issued).connect() == 0


def test_with_no_roles(site):
    """As a manufacturer's certificate has it: it may enroll and nothing else;
    its id goes where its group looks for it."""
    site.pki.certificate("idevid", issuer="factory-root",
                         subject="serialNumber=SN-7")
    site.add_group("factory", "factory-root",
                   '"identity":"serial_number","roles":[],')
    plant = Newcomers(site, records=device("SN-7").replace(
        '"plant"', '"factory"'))
    ca = EdgeCa(plant)
    sensor = site.connect(plant.broker, "idevid", client_id="SN-7")
    assert sensor.subscribe("devices/SN-7/#") == 0x80
    assert sensor.subscribe("trust/v1/enroll/SN-7/response") == 1
    sensor.publish("trust/v1/enroll/SN-7/request", Key().pem())
    _, _, pairs, _ = ca.next()
    assert pairs == [("trust-device", "SN-7"),
                     ("trust-identity", "serial_number"),
                     ("trust-gateway", "gw1")]


def test_a_module(site):
    """On the topic of its client id; for its device."""
    plant = renewing(site, '"client_id":"prefix",')
    module = connect_with(plant, plant.key, plant.old, "temp-09/pump")
    assert module.connect() == 0
    own = "trust/v1/enroll/temp-09/pump/"
    assert module.subscribe(own + "response") == 1
    module.publish(own + "request", Key().pem())
    issued = plant.ca.serve()
    expect_issued(module, issued)
    assert x509.load_pem_x509_certificate(issued).subject.rfc4514_string() \
        == "CN=temp-09"


def test_renews_its_first_key(site):
    """Old and new, until the new one comes in."""
    plant = renewing(site, '"pin":"first",')
    new, stolen = Key(), Key()
    elsewhere = plant.ca.certificate(stolen.request(), "temp-09")
    assert connect_with(plant, stolen, elsewhere).connect() is None
    plant.sensor.publish("trust/v1/enroll/temp-09/request", new.pem())
    issued = plant.ca.serve()
    expect_issued(plant.sensor, issued)
    plant.sensor.disconnect()
    old = connect_with(plant, plant.key, plant.old)
    assert old.connect() == 0
    plant.broker.stop()
    plant.broker.start()
    assert connect_with(plant, plant.key, plant.old).connect() == 0
    assert connect_with(plant, new, issued).connect() == 0
    assert connect_with(plant, plant.key, plant.old).connect() is None
    assert plant.broker.wait_refusal()[0] == "thumbprint_mismatch"
    assert connect_with(plant, new, issued).connect() == 0


def test_required_listeners(site):
    """Renewal wants no option: a device has a certificate."""
    plant = renewing(site, listeners=[TLS],
                     options={"client_certificates": "required"})
    plant.sensor.publish("trust/v1/enroll/temp-09/request", Key().pem())
    expect_issued(plant.sensor, plant.ca.serve())
