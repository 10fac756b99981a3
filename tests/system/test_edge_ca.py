# SPDX-License-Identifier: Apache-2.0
"""trustctl edge-ca serve: what it issues and what it refuses, with a test in
the gateway's place."""

import datetime
import itertools
import json
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import (
    dsa, ec, ed448, ed25519, rsa)
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

import edge_ca
from edge_ca import EdgeCa, Gateway, certificates, public, request
from trustctl import openssl
from upstream import Link


NUMBERS = itertools.count(100)


def prepare(site):
    """A broker without the plugin, and what starts Edge CAs at it."""
    edge_ca.describe(site.pki)
    site.broker = site.start(
        plugin=False, listeners=[edge_ca.listener(site.pki)])
    site.authorities = []

    def start(*more, **options):
        site.authorities.append(EdgeCa(site, *more, **options))
        return site.authorities[-1]

    site.serve = start
    return site


def finish(site):
    for authority in site.authorities:
        authority.stop()


def connect(site):
    gateway = Gateway(site)
    site.devices.append(gateway)
    return gateway


@pytest.fixture(scope="module")
def lasting(lasting_site):
    """One with an Edge CA, for all tests that leave it as it was."""
    prepare(lasting_site)
    lasting_site.serve()
    lasting_site.gateway = connect(lasting_site)
    yield lasting_site
    finish(lasting_site)


@pytest.fixture
def ca(lasting):
    ca = lasting.authorities[0]
    ca.audited += len(ca.audit())
    return ca


@pytest.fixture
def gateway(lasting):
    """Each test has a device of its own."""
    lasting.gateway.id = f"temp-{next(NUMBERS)}"
    lasting.gateway.messages.clear()
    return lasting.gateway


@pytest.fixture
def plain(site):
    """One for a test alone."""
    yield prepare(site)
    finish(site)


@pytest.fixture
def key():
    return ec.generate_private_key(ec.SECP256R1())


def common_names(certificate):
    return [value.value for value in
            certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]


def extension(certificate, kind):
    return certificate.extensions.get_extension_for_class(kind)


# ---- What is issued ----

def test_what_a_certificate_says(lasting, gateway, key):
    before = datetime.datetime.utcnow().replace(microsecond=0)
    pem = gateway.ask(request(key, "root of all", [x509.DNSName("other")]))
    after = datetime.datetime.utcnow()
    leaf, *chain = certificates(pem)
    assert public(leaf) == public(key)
    assert [value.rfc4514_string() for value in leaf.subject] == [
        f"CN={gateway.id}"]
    pki = lasting.pki
    assert [c.public_bytes(Encoding.PEM).decode() for c in chain] == [
        pki.get("enroll-ca").pem, pki.get("enroll-int").pem]  # not the root
    minutes = datetime.timedelta(minutes=5)
    week = datetime.timedelta(days=7)
    assert before - minutes <= leaf.not_valid_before <= after - minutes
    assert before + week <= leaf.not_valid_after <= after + week
    assert leaf.serial_number.bit_length() == 128
    usage = extension(leaf, x509.KeyUsage)
    assert usage.critical and usage.value == x509.KeyUsage(
        True, *[False] * 8)
    constraints = extension(leaf, x509.BasicConstraints)
    assert constraints.critical
    assert constraints.value == x509.BasicConstraints(False, None)
    assert list(extension(leaf, x509.ExtendedKeyUsage).value) == [
        ExtendedKeyUsageOID.CLIENT_AUTH]
    assert extension(leaf, x509.SubjectKeyIdentifier)
    assert (extension(leaf, x509.AuthorityKeyIdentifier).value.key_identifier
            == extension(chain[0], x509.SubjectKeyIdentifier).value.digest)
    # Nothing of the request but the key.
    assert len(leaf.extensions) == 5
    (lasting.folder / "answer.pem").write_text(pem)
    openssl(lasting.folder, "verify", "-x509_strict", "-purpose", "sslclient",
            "-CAfile", pki.file("enroll-root"), "-untrusted", "answer.pem",
            "answer.pem")


@pytest.mark.parametrize("identity, device, where, value", [
    ("serial_number", "SN.0815", NameOID.SERIAL_NUMBER, "SN.0815"),
    ("san_dns", "temp-09.plant", x509.DNSName, "temp-09.plant"),
    ("san_uri", "urn:dev:ops:temp-09", x509.UniformResourceIdentifier,
     "urn:dev:ops:temp-09"),
    ("san_uri_last", "temp-09", x509.UniformResourceIdentifier,
     "device:temp-09"),
    ("san_email", "temp-09@plant.example", x509.RFC822Name,
     "temp-09@plant.example"),
])
def test_forms_of_identity(gateway, key, identity, device, where, value):
    leaf = certificates(gateway.ask(request(key), device, identity))[0]
    assert common_names(leaf) == [device]
    if isinstance(where, x509.ObjectIdentifier):
        found = [a.value for a in leaf.subject.get_attributes_for_oid(where)]
    else:
        names = extension(leaf, x509.SubjectAlternativeName)
        assert not names.critical
        found = names.value.get_values_for_type(where)
        assert len(names.value) == 1
    assert found == [value]


def test_a_long_id_stands_in_the_alternative_name_alone(gateway, key):
    device = "a" * 60 + "." + "b" * 60
    leaf = certificates(gateway.ask(request(key), device, "san_dns"))[0]
    assert len(leaf.subject) == 0
    names = extension(leaf, x509.SubjectAlternativeName)
    assert names.critical  # RFC 5280 section 4.2.1.6
    assert names.value.get_values_for_type(x509.DNSName) == [device]
    for identity in "cn", "serial_number":
        assert gateway.error(request(key), device, identity).startswith(
            "identity_malformed: ")


@pytest.mark.parametrize("make", [
    lambda: rsa.generate_private_key(65537, 2048),
    lambda: ec.generate_private_key(ec.SECP384R1()),
    ed25519.Ed25519PrivateKey.generate,
    ed448.Ed448PrivateKey.generate,
], ids=["rsa", "p384", "ed25519", "ed448"])
def test_kinds_of_keys(gateway, make):
    key = make()
    leaf = certificates(gateway.ask(request(key)))[0]
    assert public(leaf) == public(key)


def test_a_request_in_der(gateway, key):
    der = x509.load_pem_x509_csr(request(key)).public_bytes(Encoding.DER)
    assert public(certificates(gateway.ask(der))[0]) == public(key)


def test_the_answer_goes_where_the_request_came_from(gateway, key):
    for client in "token:t-1", "temp-09/module":
        pem = gateway.ask(request(key), client=client)
        assert common_names(certificates(pem)[0]) == [gateway.id]


def test_the_bundle_follows(lasting, gateway, key):
    root = lasting.pki.get("enroll-root").pem
    other = lasting.pki.get("server-root").pem
    gateway.publish("trust/v1/bundle", root + other, retain=True)
    pem = gateway.ask(request(key))
    before, after = pem.split("# trust/v1/bundle\n")
    assert len(certificates(before)) == 3 and after == root + other
    gateway.publish("trust/v1/bundle", other, retain=True)
    assert gateway.ask(request(key)).endswith("# trust/v1/bundle\n" + other)
    gateway.publish("trust/v1/bundle", "", retain=True)
    assert "bundle" not in gateway.ask(request(key))


def test_the_bundle_is_there_at_the_first_request(plain, key):
    root = plain.pki.get("enroll-root").pem
    gateway = connect(plain)
    gateway.publish("trust/v1/bundle", root, retain=True)
    plain.serve()
    assert gateway.ask(request(key)).endswith(root)


def test_the_same_key_again(ca, gateway, key):
    first = certificates(gateway.ask(request(key)))[0]
    second = certificates(gateway.ask(request(key)))[0]
    assert public(first) == public(second)
    assert first.serial_number != second.serial_number
    assert len(ca.audit()) == 2


def test_validity(plain, key):
    gateway = connect(plain)
    plain.serve(validity="2h")
    leaf = certificates(gateway.ask(request(key)))[0]
    assert (leaf.not_valid_after - leaf.not_valid_before
            == datetime.timedelta(hours=2, minutes=5))


def test_nothing_lives_longer_than_the_ca(plain, key):
    gateway = connect(plain)
    plain.pki.certificate("short-ca", issuer="enroll-int", ca="yes",
                          from_="-1h", until="+2h")
    plain.serve(ca=plain.pki.file("short-ca", "enroll-int"), **{
        "ca-key": edge_ca.private(plain.pki.key_file("short-ca"))})
    leaf, ca, _ = certificates(gateway.ask(request(key)))
    assert leaf.not_valid_after == ca.not_valid_after


def test_the_chain_is_found_among_what_is_given(plain, key):
    gateway = connect(plain)
    pki = plain.pki
    plain.serve("--chain", pki.file("enroll-root", "server-root"),
                "--chain", pki.file("enroll-int"), ca=pki.file("enroll-ca"))
    chain = certificates(gateway.ask(request(key)))[1:]
    assert [c.public_bytes(Encoding.PEM).decode() for c in chain] == [
        pki.get("enroll-ca").pem, pki.get("enroll-int").pem]


# ---- What is refused ----

def test_bad_requests(ca, gateway, key):
    good = request(key)
    der = x509.load_pem_x509_csr(good).public_bytes(Encoding.DER)
    for bad in (b"", b"hello", good + good, good + b"x", der + b"\0",
                der[:-1], good[:-40], b"\x30" + b"\0" * 40,
                b"\n" * 17000 + good, b"x" + good, b"-----BEGIN"):
        error = gateway.error(bad, f"temp-{next(NUMBERS)}")
        assert error.startswith("topic_not_allowed: want "), bad
    assert ca.audit() == []


def test_proof_of_possession(ca, gateway, key):
    der = bytearray(
        x509.load_pem_x509_csr(request(key)).public_bytes(Encoding.DER))
    other = public(ec.generate_private_key(ec.SECP256R1()))
    place = der.index(public(key))
    der[place:place + len(other)] = other
    assert gateway.error(bytes(der)).startswith("topic_not_allowed: ")
    assert ca.audit() == []


@pytest.mark.parametrize("make", [
    lambda: rsa.generate_private_key(65537, 1024),
    lambda: ec.generate_private_key(ec.SECP192R1()),
    lambda: dsa.generate_private_key(2048),
], ids=["rsa1024", "p192", "dsa"])
def test_bad_keys(ca, gateway, make):
    assert gateway.error(request(make())).startswith("key_too_weak: ")
    assert ca.audit() == []


def test_a_curve_that_is_spelled_out(lasting, gateway):
    folder = lasting.folder
    openssl(folder, "ecparam", "-name", "prime256v1", "-genkey", "-noout",
            "-param_enc", "explicit", "-out", "odd.key")
    openssl(folder, "req", "-new", "-key", "odd.key", "-subj", "/CN=x",
            "-out", "odd.csr")
    assert gateway.error((folder / "odd.csr").read_bytes()).startswith(
        "key_too_weak: ")


@pytest.mark.parametrize("pairs", [
    [],
    [("trust-device", "temp-09")],
    [("trust-identity", "cn")],
    [("trust-device", "temp-09"), ("trust-device", "temp-10"),
     ("trust-identity", "cn")],
    [("trust-device", "temp-09"), ("trust-device", "temp-09"),
     ("trust-identity", "cn")],
    [("trust-device", "temp-09"), ("trust-identity", "cn"),
     ("trust-identity", "san_dns")],
    [("trust-device", "temp/09"), ("trust-identity", "cn")],
    [("trust-device", ""), ("trust-identity", "cn")],
    [("trust-device", "x" * 129), ("trust-identity", "san_dns")],
    [("trust-device", "temp-09"), ("trust-identity", "name")],
    [("Trust-Device", "temp-09"), ("trust-identity", "cn")],
])
def test_requests_that_the_gateway_has_not_stamped(ca, gateway, key, pairs):
    gateway.send(request(key), *pairs)
    assert json.loads(gateway.reply())["error"].startswith("not_stamped: ")
    assert ca.audit() == []


@pytest.mark.parametrize("identity, device", [
    ("serial_number", "temp_09"),  # no PrintableString
    ("san_dns", "temp%09"), ("san_dns", "*.plant"),
    ("san_uri", "temp-09"), ("san_uri", "urn:temp%09"),
    ("san_uri_last", "temp?09"), ("san_uri_last", "temp%30"),
    ("san_email", "temp-09"), ("san_email", "a@b@c"), ("san_email", "a@*"),
])
def test_ids_that_cannot_stand_there(ca, gateway, key, identity, device):
    assert gateway.error(request(key), device, identity).startswith(
        "identity_malformed: ")
    assert ca.audit() == []


def test_bounds_on_ids(plain, key):
    gateway = connect(plain)
    ca = plain.serve("--match", "plant-7-*", "--match", "temp-?9")
    for device in "plant-7-x", "temp-09", "temp-19":
        assert certificates(gateway.ask(request(key), device))
    for device in "temp-10", "plant-8-x", "xtemp-09":
        assert gateway.error(request(key), device).startswith(
            "identity_not_in_group: ")
    assert {line["device"] for line in ca.audit()} == {
        "plant-7-x", "temp-09", "temp-19"}


def test_name_constraints_of_the_ca(plain, key):
    """What no gateway would take is not issued."""
    gateway = connect(plain)
    plain.pki.certificate("narrow-ca", issuer="enroll-int", ca="yes",
                          names="dns:plant.example")
    ca = plain.serve(ca=plain.pki.file("narrow-ca", "enroll-int"), **{
        "ca-key": edge_ca.private(plain.pki.key_file("narrow-ca"))})
    assert certificates(
        gateway.ask(request(key), "temp-09.plant.example", "san_dns"))
    assert gateway.error(
        request(key), "temp-09.else.example", "san_dns").startswith(
            "chain_invalid: ")
    assert len(ca.audit()) == 1


def test_a_retained_request_is_no_request(plain, key):
    gateway = connect(plain)
    gateway.send(request(key), ("trust-device", "temp-09"),
                 ("trust-identity", "cn"), retain=True)
    plain.serve()
    pem = gateway.ask(request(key), "temp-10", client="temp-10")
    assert common_names(certificates(pem)[0]) == ["temp-10"]
    assert gateway.messages == []


def test_a_device_in_a_loop(ca, gateway, key):
    """It gets some, then is told once, and costs nobody else anything."""
    for _ in range(5):
        assert certificates(gateway.ask(request(key)))
    assert gateway.error(request(key)).startswith("too_many_requests: ")
    for _ in range(20):
        gateway.send(request(key), ("trust-device", gateway.id),
                     ("trust-identity", "cn"))
    assert certificates(gateway.ask(
        request(key), f"temp-{next(NUMBERS)}", client="other"))
    assert gateway.messages == []
    assert ca.log().count("too_many_requests") == 1
    assert len(ca.audit()) == 6


# ---- What is known of it ----

def test_the_audit_file(lasting, ca, gateway, key):
    leaf = certificates(gateway.ask(request(key)))[0]
    line, = ca.audit()
    der = leaf.public_bytes(Encoding.DER)
    (lasting.folder / "leaf.der").write_bytes(der)
    thumbprint = openssl(
        lasting.folder, "dgst", "-sha256", "-r", "leaf.der").split()[0]
    until = leaf.not_valid_after.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert line.pop("time") <= time.strftime(
        "%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    assert line == {
        "event": "issued", "device": gateway.id, "client": gateway.id,
        "identity": "cn", "gateway": "gw1",
        "serial_number": f"{leaf.serial_number:032X}",
        "thumbprint": thumbprint,
        "not_before": leaf.not_valid_before.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "not_after": until,
    }
    assert ca.audit_path.stat().st_mode & 0o007 == 0
    assert f"{gateway.id}: issued {thumbprint}, until {until}" in ca.log()


def test_the_audit_file_goes_on(plain, key):
    """After a rotation, and behind a line that was cut short."""
    ca, gateway = plain.serve(), connect(plain)
    gateway.ask(request(key))
    ca.audit_path.rename(plain.folder / "old.jsonl")
    gateway.ask(request(key))
    assert len(ca.audit()) == 1
    with open(ca.audit_path, "a") as audit:
        audit.write('{"time":"20')
    gateway.ask(request(key))
    lines = ca.audit_path.read_text().splitlines()
    assert len(lines) == 3 and json.loads(lines[2])["event"] == "issued"


def test_nothing_is_issued_that_cannot_be_recorded(plain, key):
    ca, gateway = plain.serve(), connect(plain)
    ca.audit_path.unlink()
    ca.audit_path.mkdir()
    assert gateway.error(request(key)).startswith("internal_error: ")
    ca.wait_log(r"temp-09: refused.*issued\.jsonl: Is a directory")
    ca.audit_path.rmdir()
    assert certificates(gateway.ask(request(key)))


# ---- How it runs ----

def test_it_comes_back(plain, key):
    line = Link(plain.broker.port())
    ca, gateway = plain.serve(port=line.port), connect(plain)
    mark = len(ca.log())
    line.cut()
    ca.wait_log("trying again in", mark)
    line.join()
    ca.wait_log("connected again, answering", mark)
    assert certificates(gateway.ask(request(key)))
    ca.stop()
    line.cut()


def test_an_answer_that_is_lost_is_given_again(plain, key):
    """It ends hard behind the certificate; the file knows of that one, and
    who asks again for the same key gets another."""
    ca, gateway = plain.serve(), connect(plain)
    first = certificates(gateway.ask(request(key)))[0]
    ca.kill()
    plain.authorities.remove(ca)
    ca = plain.serve()
    second = certificates(gateway.ask(request(key)))[0]
    assert public(first) == public(second)
    assert [line["serial_number"] for line in ca.audit()] == [
        f"{leaf.serial_number:032X}" for leaf in (first, second)]


def test_it_comes_up_before_its_gateway(plain, key):
    line = Link(plain.broker.port())
    line.cut()
    ca = plain.serve(port=line.port, wait=False)
    ca.wait_log("trying again in")
    line.join()
    ca.wait_log("connected again, answering")
    ca.stop()
    line.cut()


def test_what_it_does_not_start_with(plain):
    pki = plain.pki
    pki.certificate("no-ca")
    pki.certificate("old-ca", issuer="enroll-int", ca="yes", from_="-2d",
                    until="-1d")
    pki.certificate("new-ca", issuer="enroll-int", ca="yes", from_="+1d",
                    until="+2d")
    pki.certificate("no-sign", issuer="enroll-int", ca="yes",
                    key_usage="crl_sign")

    def refused(name, key=None, **more):
        return plain.serve(wait=False, log=f"refused-{next(NUMBERS)}.log", ca=pki.file(name), **{
            "ca-key": edge_ca.private(pki.key_file(key or name)),
            **more}).refuse_to_start()

    assert "want the certificate of a CA" in refused("no-ca")
    assert "want the certificate of a CA" in refused("no-sign")
    assert "has ended on" in refused("old-ca")
    assert "is the clock right?" in refused("new-ca")
    assert "want the private key of" in refused("enroll-ca", "enroll-int")
    assert "nowhere" in refused("enroll-ca", audit="/nowhere/issued.jsonl")
    assert "valid for 10s to 366d" in refused("enroll-ca", validity="1000d")
    assert "--server-name" in refused("enroll-ca", **{"server-cert": "x"})


def test_without_a_role(plain):
    """A gateway that does not let it subscribe is an error that says so."""
    plain.registry.put(plain.sensor("lone-ca"))
    plain.broker = plain.start()
    line = plain.serve(
        wait=False, log="lone.log", cert=plain.pki.file("lone-ca"), **{
            "key": plain.pki.key_file("lone-ca")}).refuse_to_start()
    assert "want to subscribe to trust/v1/enroll/+/request" in line
    assert "look at the role" in line
