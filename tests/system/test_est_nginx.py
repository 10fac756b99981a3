# SPDX-License-Identifier: Apache-2.0
"""trustctl est against a server whose TLS, HTTP and CA are not ours: nginx
and openssl. What a server may do wrong is in test_est.py."""

import shutil

import pytest
from est_client import arguments, ctl, made
from est_nginx import EstNginx
from est_server import PASSWORD, USER
from terminal import write_secret
from trustctl import openssl

PLACE = "/.well-known/est/"


@pytest.fixture
def est(made, tmp_path):
    shutil.copytree(made, tmp_path / "est")
    server = EstNginx(tmp_path / "est")
    yield server
    server.close()


def enroll(est, *more):
    return arguments(est, "enroll", "--cafile", est.anchor, "--hostname",
                     "gw.example", "--hostname", "192.0.2.7", *more)


def by_bootstrap(est):
    return ("--cert", est.folder / "bootstrap.pem", "--key",
            est.folder / "bootstrap.key")


def by_password(ctl, password=PASSWORD):
    write_secret(ctl.folder / "password", f"{password}\n")
    return ("-u", USER, "--password-file", "password")


def serial(ctl):
    return openssl(ctl.folder, "x509", "-in", "gw/server.pem", "-noout",
                   "-serial").strip().partition("=")[2]


def check(ctl, est):
    """The gateway's certificate is what a sensor wants to see."""
    for name in (["-verify_hostname", "gw.example"],
                 ["-verify_ip", "192.0.2.7"]):
        openssl(ctl.folder, "verify", "-x509_strict", "-purpose", "sslserver",
                "-CAfile", est.anchor, "-untrusted", "gw/server.pem",
                *name, "gw/server.pem")
    assert serial(ctl) == est.issued()[-1]


def public_key(ctl):
    return openssl(ctl.folder, "x509", "-in", "gw/server.pem", "-noout",
                   "-pubkey")


def test_from_nothing_to_a_renewed_certificate(est, ctl):
    fingerprint = openssl(
        ctl.folder, "x509", "-in", est.anchor, "-noout", "-fingerprint",
        "-sha256").strip().partition("=")[2]
    ctl.yes(*arguments(est, "cacerts", "--fingerprint", fingerprint))
    assert (ctl.folder / "gw/cacerts.pem").read_bytes() == (
        est.anchor.read_bytes())
    ctl.yes(*enroll(est, *by_bootstrap(est)))
    check(ctl, est)
    key = public_key(ctl)
    ctl.yes(*arguments(est, "reenroll"))
    check(ctl, est)
    assert public_key(ctl) == key
    ctl.yes(*arguments(est, "reenroll", "--new-key", "--key-kind", "p384"))
    check(ctl, est)
    assert public_key(ctl) != key
    assert len(set(est.issued())) == 3
    assert [line for line in est.access() if line[0] == "POST"] == [
        ("POST", PLACE + "simpleenroll", "200"),
        ("POST", PLACE + "simplereenroll", "200"),
        ("POST", PLACE + "simplereenroll", "200")]


def test_by_password(est, ctl):
    ctl.yes(*enroll(est, *by_password(ctl)))
    check(ctl, est)


def test_by_another_password(est, ctl):
    assert "does not know us" in ctl.no(
        *enroll(est, *by_password(ctl, "another")))
    assert est.issued() == []
    # The key is kept, and asked for again.
    key = (ctl.folder / "gw/server-new.key").read_bytes()
    ctl.yes(*enroll(est, *by_password(ctl)))
    assert (ctl.folder / "gw/server.key").read_bytes() == key


def test_by_a_certificate_of_somebody_else(est, ctl):
    """Nginx ends that with a page in HTML."""
    openssl(ctl.folder, "req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=stranger",
            "-keyout", "stranger.key", "-out", "stranger.pem")
    (ctl.folder / "stranger.key").chmod(0o600)
    assert "the server refuses (HTTP 400)" in ctl.no(
        *enroll(est, "--cert", "stranger.pem", "--key", "stranger.key"))
    assert est.issued() == []


def test_renewed_by_another_certificate(est, ctl):
    """Which the server does not take for this name."""
    ctl.yes(*enroll(est, *by_bootstrap(est)))
    before = (ctl.folder / "gw/server.pem").read_bytes()
    assert "(HTTP 403), and says: another name" in ctl.no(
        *arguments(est, "reenroll", "--cafile", est.anchor,
                   *by_bootstrap(est)))
    assert (ctl.folder / "gw/server.pem").read_bytes() == before


def test_no_est_there(est, ctl):
    assert "has no such thing: other --server, --label" in ctl.no(
        *enroll(est, "--label", "plant", *by_bootstrap(est)))
    assert est.access()[-1][1:] == (PLACE + "plant/cacerts", "404")
