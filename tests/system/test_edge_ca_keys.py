# SPDX-License-Identifier: Apache-2.0
"""Where an Edge CA's key may be: in a token that it never leaves, behind a
password, in a file that nobody else can read."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

import edge_ca
from edge_ca import EdgeCa, Gateway, certificates, request
from token_hsm import OBJECTS, PIN, Hsm
from trustctl import openssl

KINDS = {"ec": ("ecdsa", "--curve=secp384r1"), "rsa": ("rsa", "--bits=3072")}
PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def house(lasting_site):
    """A broker, a token with keys of CAs, an encrypted file."""
    site = lasting_site
    folder = site.folder
    edge_ca.describe(site.pki)
    site.broker = site.start(
        plugin=False, listeners=[edge_ca.listener(site.pki)])
    site.gateway = Gateway(site)
    site.devices.append(site.gateway)
    site.hsm = Hsm(folder)
    (folder / "ca.ext").write_text(
        "basicConstraints=critical,CA:TRUE,pathlen:0\n"
        "keyUsage=critical,keyCertSign,cRLSign\n"
        "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
    for name, kind in KINDS.items():
        (folder / f"{name}.pub").write_text(site.hsm.make_key(name, *kind))
        openssl(folder, "req", "-new", "-newkey", "ed25519", "-nodes",
                "-keyout", "/dev/null", "-subj", f"/CN={name}", "-out",
                f"{name}.csr")
        openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-force_pubkey",
                f"{name}.pub", "-CA", site.pki.file("enroll-int"), "-CAkey",
                site.pki.key_file("enroll-int"), "-days", "30", "-extfile",
                "ca.ext", "-out", f"{name}.pem")
    openssl(folder, "pkcs8", "-topk8", "-v2", "aes-256-cbc", "-in",
            site.pki.key_file("enroll-ca"), "-passout", f"pass:{PASSWORD}",
            "-out", "encrypted.key")
    edge_ca.private(folder / "encrypted.key")
    for name, text in (("pin", PIN), ("password", PASSWORD), ("wrong", "000000")):
        (folder / name).write_text(text + "\n")
        edge_ca.private(folder / name)
    return site


def check(site, **options):
    """One that starts, and issues."""
    ca = EdgeCa(site, environment=site.hsm.environment, **options)
    try:
        pem = site.gateway.ask(
            request(ec.generate_private_key(ec.SECP256R1())))
        assert len(certificates(pem)) > 1
        (site.folder / "answer.pem").write_text(pem)
        openssl(site.folder, "verify", "-x509_strict", "-purpose",
                "sslclient", "-CAfile", site.pki.file("enroll-root"),
                "-untrusted", "answer.pem", "-untrusted",
                site.pki.file("enroll-int"), "answer.pem")
    finally:
        ca.stop()


def refuse(site, **options):
    ca = EdgeCa(site, wait=False, environment=site.hsm.environment, **options)
    return ca.refuse_to_start()


@pytest.mark.parametrize("name", KINDS)
def test_a_token(house, name):
    check(house, ca=house.folder / f"{name}.pem", **{
        "chain": house.pki.file("enroll-int"),
        "ca-key": OBJECTS + name, "key-password-file": house.folder / "pin"})
    assert "CKA_SENSITIVE" in house.hsm.flags(name)


def test_a_token_that_does_not_open(house):
    for password in None, "wrong":
        line = refuse(house, ca=house.folder / "ec.pem", **{
            "ca-key": OBJECTS + "ec", "key-password-file":
            password and house.folder / password})
        assert "PIN" in line, line
    assert "want the private key of" in refuse(
        house, ca=house.folder / "ec.pem", **{
            "ca-key": OBJECTS + "rsa",
            "key-password-file": house.folder / "pin"})


def test_a_password(house):
    check(house, **{"ca-key": house.folder / "encrypted.key",
                    "key-password-file": house.folder / "password"})
    for password, words in ((None, "no terminal to ask at"),
                            ("wrong", "want its password, got another")):
        assert words in refuse(house, **{
            "ca-key": house.folder / "encrypted.key", "key-password-file":
            password and house.folder / password})


def test_a_file_that_others_can_read(house):
    path = house.folder / "open.key"
    path.write_text(house.pki.get("enroll-ca").key_pem())
    for mode in 0o644, 0o640, 0o604:
        path.chmod(mode)
        assert "chmod" in refuse(house, **{"ca-key": path})
    path.chmod(0o400)
    check(house, **{"ca-key": path})
