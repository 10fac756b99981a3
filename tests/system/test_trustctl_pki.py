# SPDX-License-Identifier: Apache-2.0
"""trustctl pki and thumbprint: certificates for development, judged by
openssl."""

import json
import re
import stat

import pytest
from trustctl import Trustctl, openssl

KINDS = {"p256": "P-256", "p384": "P-384", "rsa2048": "(2048 bit)",
         "ed25519": "ED25519"}


@pytest.fixture
def ctl(tmp_path):
    return Trustctl(tmp_path)


@pytest.fixture
def made(ctl):
    ctl.yes("pki", "init", "pki", "--hostname", "gw.example")
    return ctl


def show(ctl, name):
    return openssl(ctl.folder, "x509", "-in", name, "-noout", "-text",
                   "-nameopt", "oneline")


def verify(ctl, anchor, purpose, name, *more):
    return openssl(ctl.folder, "verify", "-x509_strict", "-purpose", purpose,
                   "-CAfile", f"pki/{anchor}.pem", "-untrusted", name, *more,
                   name)


def files(ctl):
    return {path.relative_to(ctl.folder): path.read_bytes()
            for path in ctl.folder.rglob("*") if path.is_file()}


# ---- init ----

@pytest.mark.parametrize("kind", KINDS)
def test_init(ctl, kind):
    out = ctl.yes("pki", "init", "pki", "--hostname", "gw.example",
                  "--hostname", "192.0.2.1", "--key", kind)
    assert "for development" in out and "Not for production" in out
    assert "trustctl put -r REGISTRY pki/records.jsonl" in out
    for name in ("root", "intermediate", "edge-ca", "server", "registry-root",
                 "registry-signer"):
        text = show(ctl, f"pki/{name}.pem")
        assert KINDS[kind] in text
        assert "Version: 3" in text
        assert "Basic Constraints: critical" in text
        assert "Key Usage: critical" in text
        assert "Subject Key Identifier" in text
        key = ctl.folder / "pki" / f"{name}.key"
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        assert openssl(ctl.folder, "pkey", "-in", key, "-pubout") == openssl(
            ctl.folder, "x509", "-in", f"pki/{name}.pem", "-noout", "-pubkey")
    verify(ctl, "root", "sslserver", "pki/server.pem", "-verify_hostname",
           "gw.example")
    for address in ("192.0.2.1", "127.0.0.1", "::1"):
        verify(ctl, "root", "sslserver", "pki/server.pem", "-verify_ip",
               address)
    verify(ctl, "registry-root", "smimesign", "pki/registry-signer.pem")


def test_init_says_what_is_different_in_production(ctl):
    out = ctl.yes("pki", "init", "pki", "--hostname", "gw.example")
    assert "  HERE  " in out and "  IN PRODUCTION\n" in out
    for what in ("CA keys", "device keys", "registry signer",
                 "gateway's root", "revocation"):
        assert re.search(f"^{what}  +[^ ].*  +[^ ]", out, re.M), what
    assert "trustctl init --development -r REGISTRY" in out


# ---- Its anchors in registries ----

MEANT = "trustctl init --development makes a registry for it"


@pytest.mark.parametrize("name", ["root", "intermediate", "edge-ca",
                                  "registry-root"])
def test_its_anchors_and_a_registry_that_is_not_for_them(made, name):
    made.yes("init")
    made.yes("init", "--development", "-r", "for-it.db")
    add = ["anchor", "add", f"pki/{name}.pem", "--purpose", "device"]
    result = made.run(*add)
    assert result.status == 0 and MEANT in result.err
    assert (f"trustctl: note: anchor {name} is of a development PKI"
            in result.err)
    again = made.run(*add)
    assert (again.status, again.err) == (0, "")
    result = made.run(*add, "-r", "for-it.db")
    assert (result.status, result.err) == (0, "")
    line = made.yes("show", "anchor", name, "--json")
    result = made.run("put", input=line)
    assert result.status == 0 and MEANT in result.err
    result = made.run("put", "-r", "for-it.db", input=line)
    assert (result.status, result.err) == (0, "")


def test_the_records_that_it_makes(made):
    made.yes("init")
    result = made.run("put", "pki/records.jsonl")
    assert result.status == 0 and MEANT in result.err
    made.yes("init", "--development", "-r", "for-it.db")
    result = made.run("put", "-r", "for-it.db", "pki/records.jsonl")
    assert (result.status, result.err) == (0, "")


@pytest.mark.parametrize("more, said", [([], True), (["--development"], False)])
def test_what_is_signed_for_gateways(made, more, said):
    made.yes("init", *more)
    made.yes("put", "pki/records.jsonl")
    result = made.run(
        "sign", "--scope", "gw1", "--signer", "pki/registry-signer.pem",
        "--key", "pki/registry-signer.key", "out")
    assert result.status == 0, result
    assert (MEANT in result.err) == said
    assert ("anchor development-root is of a development PKI"
            in result.err) == said


def test_many_of_its_anchors(made):
    """There are a few notes, and a number."""
    made.yes("init")
    pem = (made.folder / "pki/root.pem").read_text()
    result = made.run("put", input="".join(json.dumps(
        {"kind": "anchor", "id": f"a-{n}", "pem": pem,
         "purposes": ["device"]}) + "\n" for n in range(10)))
    assert result.err.count("is of a development PKI") == 3
    assert "note: 7 more anchors are like that" in result.err


def test_one_that_is_disabled_is_nobodys_business(made):
    made.yes("init")
    pem = (made.folder / "pki/root.pem").read_text()
    result = made.run("put", input=json.dumps(
        {"kind": "anchor", "id": "a", "pem": pem, "status": "disabled",
         "purposes": ["device"]}))
    assert (result.status, result.err) == (0, "")


@pytest.mark.parametrize("subject", [
    "/CN=Development Roots", "/CN=development root",
    "/O=Plant/CN=Development Root", "/CN=Development Registry Signer",
    "/CN=Factory Root"])
def test_anchors_of_others(ctl, subject):
    ctl.yes("init")
    openssl(ctl.folder, "req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-keyout", "k", "-out",
            "a.pem", "-subj", subject, "-days", "9", "-addext",
            "keyUsage=critical,keyCertSign")
    result = ctl.run("anchor", "add", "a.pem", "--purpose", "device")
    assert (result.status, result.err) == (0, "")


def test_init_development(ctl):
    assert "for development" in ctl.yes("init", "--development")
    assert ctl.json("list", "anchor") == []


def test_what_server_certificates_name(ctl):
    ctl.yes("pki", "init", "pki", "--hostname", "localhost", "--hostname",
            "::1", "--hostname", "*.plant.example")
    names = re.search(r"Subject Alternative Name: *\n *(.*)",
                      show(ctl, "pki/server.pem"))[1]
    assert names == ("DNS:localhost, IP Address:0:0:0:0:0:0:0:1, "
                     "DNS:*.plant.example, IP Address:127.0.0.1")


def test_lengths_of_paths(made):
    for name, length in (("intermediate", 1), ("edge-ca", 0),
                         ("registry-root", 0)):
        assert f"CA:TRUE, pathlen:{length}" in show(made, f"pki/{name}.pem")


def test_registry_anchor_is_another_root(made):
    signer = show(made, "pki/registry-signer.pem")
    assert "Issuer: CN = Development Registry Root" in signer
    assert (made.folder / "pki/registry-root.pem").read_text() not in (
        made.folder / "pki/records.jsonl").read_text()


def test_serial_numbers_are_random_and_positive(made):
    serials = set()
    for path in (made.folder / "pki").glob("*.pem"):
        serial = openssl(made.folder, "x509", "-in", path, "-noout", "-serial")
        serials.add(int(serial.split("=")[1], 16))
    assert len(serials) == 6
    assert all(serial.bit_length() == 128 for serial in serials)


def test_init_twice(made):
    before = files(made)
    assert made.error("pki", "init", "pki", "--hostname", "other") == (
        "pki: has a PKI already, which stays as it is")
    assert files(made) == before


@pytest.mark.parametrize("name", ["root.pem", "edge-ca.key", "server.key"])
def test_init_among_other_files(ctl, name):
    (ctl.folder / "pki").mkdir()
    ctl.write(f"pki/{name}", "mine")
    message = ctl.error("pki", "init", "pki", "--hostname", "gw")
    assert message.startswith(f"pki/{name}: is there already")
    assert files(ctl).popitem()[1] == b"mine"
    assert len(files(ctl)) == 1


def test_init_in_a_folder_with_something_else(ctl):
    ctl.write("notes.txt", "mine")
    ctl.yes("pki", "init", ".", "--hostname", "gw")
    assert (ctl.folder / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("host", [
    "", "a b", "a/b", "../x", "gw,DNS:evil", "gw\n", "caf\u00e9",
    "a" * 254, "http://gw", "300.1.1.1:80"])
def test_init_for_no_host(ctl, host):
    message = ctl.error("pki", "init", "pki", "--hostname", host)
    assert "want a DNS name or an IP address" in message
    assert files(ctl) == {}


def test_init_for_a_long_host(ctl):
    host = ".".join(["a" * 60] * 4)
    ctl.yes("pki", "init", "pki", "--hostname", host)
    verify(ctl, "root", "sslserver", "pki/server.pem", "-verify_hostname",
           host)


def test_init_for_too_many_hosts(ctl):
    hosts = [word for i in range(101) for word in ("--hostname", f"h{i}")]
    assert "want 1 to 100 host names, got 101" in ctl.error(
        "pki", "init", "pki", *hosts)


def test_init_where_nothing_can_be_made(ctl):
    ctl.write("file", "x")
    assert ctl.error("pki", "init", "file", "--hostname", "gw").startswith(
        "file")
    assert ctl.error("pki", "init", "a/b", "--hostname", "gw") == (
        "a/b: No such file or directory")
    assert "too long" in ctl.error("pki", "init", "x" * 5000, "--hostname",
                                   "gw")


# ---- device, server ----

@pytest.mark.parametrize("kind", KINDS)
def test_device(made, kind):
    out = made.yes("pki", "device", "pki", "temp-01", "--key", kind)
    assert "trustctl device add -r REGISTRY temp-01 --group development" in out
    verify(made, "root", "sslclient", "pki/devices/temp-01-chain.pem")
    text = show(made, "pki/devices/temp-01.pem")
    assert "Subject: CN = temp-01\n" in text
    assert "Issuer: CN = Development Edge CA\n" in text
    assert KINDS[kind] in text
    chain = (made.folder / "pki/devices/temp-01-chain.pem").read_text()
    assert chain == "".join(
        (made.folder / "pki" / name).read_text() for name in
        ("devices/temp-01.pem", "edge-ca.pem", "intermediate.pem"))
    key = made.folder / "pki/devices/temp-01.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


@pytest.mark.parametrize("kind", KINDS)
def test_self_signed_device(made, kind):
    out = made.yes("pki", "device", "pki", "temp-01", "--self-signed", "--key",
                   kind)
    assert ("trustctl device add -r REGISTRY temp-01 "
            "--certificate pki/devices/temp-01.pem") in out
    text = show(made, "pki/devices/temp-01.pem")
    assert "Issuer: CN = temp-01\n" in text
    assert "CA:FALSE" in text
    assert not (made.folder / "pki/devices/temp-01-chain.pem").exists()
    openssl(made.folder, "verify", "-partial_chain", "-check_ss_sig",
            "-CAfile", "pki/devices/temp-01.pem", "pki/devices/temp-01.pem")


def test_dates(made):
    made.yes("pki", "device", "pki", "old", "--days", "1", "--at",
             "2020-02-28T12:00:00Z")
    text = show(made, "pki/devices/old.pem")
    assert "Not Before: Feb 28 11:55:00 2020 GMT" in text
    assert "Not After : Feb 29 12:00:00 2020 GMT" in text


def test_device_twice(made):
    made.yes("pki", "device", "pki", "temp-01")
    before = files(made)
    for more in ([], ["--self-signed"]):
        assert made.error("pki", "device", "pki", "temp-01", *more) == (
            "pki/devices/temp-01.key: is there already, and stays as it is")
    assert files(made) == before


def test_device_whose_chain_is_there(made):
    made.yes("pki", "device", "pki", "a-chain")
    before = files(made)
    assert "pki/devices/a-chain.pem: is there already" in made.error(
        "pki", "device", "pki", "a")
    assert files(made) == before


@pytest.mark.parametrize("name", [".", "..", "*", "it's", "a(b)=c,d", "%41"])
def test_device_with_a_strange_name(made, name):
    made.yes("pki", "device", "pki", name)
    assert (made.folder / "pki" / "devices" / f"{name}.pem").is_file()
    [answer] = made.json("verify", "--anchor", "pki/root.pem",
                         f"pki/devices/{name}-chain.pem")
    assert answer["valid"]


@pytest.mark.parametrize("name", ["", "a/b", "../x", "a b", "a\nb", "#", "+",
                                  "$x", "caf\u00e9", "x" * 129])
def test_device_without_a_valid_id(made, name):
    before = files(made)
    message = made.error("pki", "device", "pki", name)
    assert "want an id of 1 to 128 letters" in message
    assert files(made) == before


def test_device_whose_id_is_no_common_name(made):
    assert "want a common name of 1 to 64 characters, got 65" in made.error(
        "pki", "device", "pki", "x" * 65)
    made.yes("pki", "device", "pki", "x" * 64)


@pytest.mark.parametrize("command", ["device", "server"])
def test_without_a_pki(ctl, command):
    message = ctl.error("pki", command, "pki", "x")
    assert "trustctl pki init pki --hostname NAME makes a PKI" in message
    assert files(ctl) == {}


def test_with_a_key_that_is_none(made):
    made.write("pki/edge-ca.key", "-----BEGIN PRIVATE KEY-----\nAAAA\n")
    assert made.error("pki", "device", "pki", "x").startswith(
        "pki/edge-ca.key: want a private key in PEM without a passphrase")


def test_with_a_key_that_has_a_passphrase(made):
    openssl(made.folder, "pkey", "-in", "pki/edge-ca.key", "-aes256",
            "-passout", "pass:secret", "-out", "locked.key")
    made.write("pki/edge-ca.key", (made.folder / "locked.key").read_text())
    assert "without a passphrase" in made.error("pki", "device", "pki", "x")


def test_server(made):
    out = made.yes("pki", "server", "pki", "b.example", "192.0.2.7")
    assert "pki/servers/b.example.pem" in out
    verify(made, "root", "sslserver", "pki/servers/b.example.pem",
           "-verify_hostname", "b.example")
    verify(made, "root", "sslserver", "pki/servers/b.example.pem",
           "-verify_ip", "192.0.2.7")
    assert "is there already" in made.error("pki", "server", "pki",
                                            "b.example")
    assert "want a DNS name" in made.error("pki", "server", "pki", "../x")


def test_no_key_is_printed(ctl):
    out = ctl.yes("pki", "init", "pki", "--hostname", "gw")
    out += ctl.yes("pki", "device", "pki", "x")
    assert "PRIVATE" not in out
    for path in (ctl.folder / "pki").rglob("*.key"):
        assert path.read_text().splitlines()[1] not in out


def test_records_let_its_devices_in(made):
    made.yes("init")
    made.yes("put", "pki/records.jsonl")
    made.yes("pki", "device", "pki", "temp-01")
    made.yes("device", "add", "temp-01", "--group", "development")
    for name in ("temp-01", "temp-01-chain"):
        assert "allow: chain_registered: temp-01\n" in made.yes(
            "check", f"pki/devices/{name}.pem")


# ---- thumbprint ----

def digest(ctl, name):
    out = openssl(ctl.folder, "x509", "-in", name, "-noout", "-fingerprint",
                  "-sha256")
    return out.split("=")[1].strip().replace(":", "").lower()


def pin(ctl, name):
    openssl(ctl.folder, "x509", "-in", name, "-noout", "-pubkey", "-out",
            "key.pem")
    openssl(ctl.folder, "pkey", "-pubin", "-in", "key.pem", "-outform", "DER",
            "-out", "key.der")
    return openssl(ctl.folder, "dgst", "-sha256", "-r", "key.der").split()[0]


def test_thumbprint(made):
    thumbprint, key = digest(made, "pki/root.pem"), pin(made, "pki/root.pem")
    assert made.yes("thumbprint", "pki/root.pem") == (
        "pki/root.pem: CN=Development Root\n"
        f"  certificate  {thumbprint}\n"
        f"  key          {key}\n")
    assert made.json("thumbprint", "pki/root.pem") == [{
        "file": "pki/root.pem", "subject": "CN=Development Root",
        "thumbprint": thumbprint, "pin": key}]


def test_thumbprint_of_several(made):
    found = made.json("thumbprint", "pki/server.pem", "pki/root.pem")
    assert [item["subject"] for item in found] == [
        "CN=gw.example", "CN=Development Intermediate", "CN=Development Root"]


def test_thumbprint_of_der_and_standard_input(made):
    openssl(made.folder, "x509", "-in", "pki/root.pem", "-outform", "DER",
            "-out", "root.der")
    [der] = made.json("thumbprint", "root.der")
    pem = (made.folder / "pki/root.pem").read_text()
    out = made.yes("thumbprint", "--json", "-", input="text before\n" + pem)
    assert json.loads(out)["thumbprint"] == der["thumbprint"]


@pytest.mark.parametrize("content", [
    b"", b"\x00", b"\x30", b"\x30\x03\x02\x01\x01", b"hello",
    b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    b"-----BEGIN CERTIFICATE-----\n",
    b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_thumbprint_of_nothing(ctl, content):
    ctl.write("x.pem", content)
    assert ctl.error("thumbprint", "x.pem").startswith("x.pem: ")


def test_thumbprint_of_what_is_not_there(ctl):
    (ctl.folder / "folder").mkdir()
    assert ctl.error("thumbprint", "gone") == "gone: No such file or directory"
    assert ctl.error("thumbprint", "folder") == "folder: Is a directory"


def test_thumbprint_with_something_behind_the_certificate(made):
    openssl(made.folder, "x509", "-in", "pki/root.pem", "-outform", "DER",
            "-out", "root.der")
    made.write("two.der", (made.folder / "root.der").read_bytes() + b"x")
    assert made.error("thumbprint", "two.der").startswith("two.der: ")
