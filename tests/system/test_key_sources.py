# SPDX-License-Identifier: Apache-2.0
"""Private keys in tokens, and behind passwords: asked for, used, refused."""

import os
import re
import signal
import subprocess

import pytest
from terminal import Terminal, write_secret
from token_hsm import OBJECTS, PIN, Hsm
from trustctl import PROGRAM, Trustctl, openssl

KINDS = {"ec": ("ecdsa", "--curve=secp256r1"), "rsa": ("rsa", "--bits=2048")}
PASSWORD = "correct horse"


def make_signer(folder, name, public_key):
    """The certificate of a registry signer, for a key that we have not."""
    (folder / f"{name}.pub").write_text(public_key)
    (folder / f"{name}.ext").write_text(
        "basicConstraints=critical,CA:FALSE\n"
        "keyUsage=critical,digitalSignature\n"
        "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
    openssl(folder, "req", "-new", "-newkey", "ed25519", "-nodes", "-keyout",
            "/dev/null", "-subj", f"/CN={name}", "-out", f"{name}.csr")
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-force_pubkey",
            f"{name}.pub", "-CA", "pki/registry-root.pem", "-CAkey",
            "pki/registry-root.key", "-days", "30", "-extfile", f"{name}.ext",
            "-out", f"{name}.pem")


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A registry with one device, signers in a token and behind a password.
    """
    folder = tmp_path_factory.mktemp("keys")
    hsm = Hsm(folder)
    ctl = Trustctl(folder)
    ctl.environment.update(hsm.environment)
    ctl.yes("pki", "init", "pki", "--hostname", "gw.example")
    for name, kind in KINDS.items():
        make_signer(folder, name, hsm.make_key(name, *kind))
    openssl(folder, "pkcs8", "-topk8", "-v2", "aes-256-cbc", "-in",
            "pki/registry-signer.key", "-passout", f"pass:{PASSWORD}", "-out",
            "encrypted.key")
    (folder / "encrypted.key").chmod(0o600)
    write_secret(folder / "pin", f"{PIN}\n")
    write_secret(folder / "password", f"{PASSWORD}\n")
    write_secret(folder / "wrong", "000000\n")
    ctl.yes("init")
    ctl.put({"kind": "role", "id": "sensor", "scopes": ["site"], "rules": []})
    ctl.hsm = hsm
    return ctl


def sign_arguments(signer, key, out, *more):
    return ("sign", "--scope", "site", "--signer", signer, "--key", key,
            "--anchor", "pki/registry-root.pem", *more, out)


def check_signed(ctl, out, *signers):
    """openssl says who has signed."""
    openssl(ctl.folder, "cms", "-verify", "-binary", "-inform", "DER", "-in",
            f"{out}/notification.der", "-CAfile", "pki/registry-root.pem",
            "-purpose", "any", "-signer", f"{out}.signers", "-out",
            "/dev/null")

    def certificates(path):
        return re.findall("-----BEGIN[^-]+-----([^-]+)",
                          (ctl.folder / path).read_text())

    assert set(certificates(f"{out}.signers")) == {
        certificates(name)[0] for name in signers}


# ---- Tokens ----

@pytest.mark.parametrize("kind", KINDS)
def test_signed_in_the_token(house, tmp_path, kind):
    """By a key that nobody has ever seen."""
    flags = house.hsm.flags(kind)
    assert "CKA_NEVER_EXTRACTABLE" in flags and "CKA_SENSITIVE" in flags
    assert "CKA_EXTRACTABLE" not in flags
    house.yes(*sign_arguments(f"{kind}.pem", OBJECTS + kind, tmp_path / "out",
                              "--key-password-file", "pin"))
    check_signed(house, tmp_path / "out", f"{kind}.pem")


@pytest.mark.parametrize("query", [
    f"pin-value={PIN}", "pin-source=file:pin", "pin-source=pin",
    "module-path={module}&pin-value=" + PIN,
    "pin-source=pin&module-path={module}"])
def test_what_the_uri_says(house, tmp_path, query):
    uri = f"{OBJECTS}ec?" + query.format(module=house.hsm.module)
    house.yes(*sign_arguments("ec.pem", uri, tmp_path / "out"))
    check_signed(house, tmp_path / "out", "ec.pem")


def test_one_signature_by_each(house, tmp_path):
    """Of two signers one is in a token, and one in a file."""
    house.yes(*sign_arguments(
        "ec.pem", f"{OBJECTS}ec?pin-source=pin", tmp_path / "out",
        "--signer", "pki/registry-signer.pem", "--key", "encrypted.key",
        "--signer", "rsa.pem", "--key", f"{OBJECTS}rsa?pin-source=pin",
        "--key-password-file", "password"))
    check_signed(house, tmp_path / "out", "ec.pem", "rsa.pem",
                 "pki/registry-signer.pem")


@pytest.mark.parametrize("uri, words", [
    ("{objects}ec?pin-value=000000", "PIN"),
    ("{objects}ec?pin-source=wrong", "PIN"),
    ("{objects}other?pin-source=pin", "not found"),
    ("pkcs11:token=other;object=ec?pin-source=pin", "not found"),
    ("{objects}ec?module-path=/nowhere.so", "/nowhere.so"),
    ("{objects}ec?module-path=/etc/passwd", "PKCS #11 module"),
    ("{objects}ec?module-path=libm.so.6", "another library"),
    ("{objects}ec?pin-source=pki/root.pem", "chmod 600"),
    ("{objects}ec?pin-source=nothing", "nothing: No such file"),
    ("pkcs11:token=gateway?pin-source=pin", "want object= or id="),
    ("{objects}rsa?pin-source=pin", "want the private key of ec.pem"),
    ("{objects}ec", "want the PIN of pkcs11:token=gateway;object=ec"),
])
def test_refused_tokens(house, tmp_path, uri, words):
    """One line each, without any secret."""
    line = house.error(*sign_arguments(
        "ec.pem", uri.format(objects=OBJECTS), tmp_path / "out"),
        start_new_session=True)
    assert words in line
    assert PIN not in line and "000000" not in line
    assert not (tmp_path / "out" / "notification.der").exists()


# ---- Files ----

def test_behind_a_password(house, tmp_path):
    house.yes(*sign_arguments(
        "pki/registry-signer.pem", "encrypted.key", tmp_path / "out",
        "--key-password-file", "password"))
    check_signed(house, tmp_path / "out", "pki/registry-signer.pem")


def test_refused_passwords(house, tmp_path):
    def refused(*more):
        return house.error(*sign_arguments(
            "pki/registry-signer.pem", "encrypted.key", tmp_path / "out",
            *more), input=PASSWORD + "\n", start_new_session=True)

    assert refused("--key-password-file", "wrong") == (
        "encrypted.key: want its password, got another")
    assert "pki/root.pem: want mode 0600" in refused(
        "--key-password-file", "pki/root.pem")
    # Standard input is no terminal.
    assert refused() == ("want the password of encrypted.key, and there is "
                         "no terminal to ask at; --help has the option for a "
                         "file with it")


def test_a_key_that_others_can_read(house, tmp_path):
    """Signers' keys were always taken; now somebody says so."""
    key = tmp_path / "open.key"
    key.write_bytes((house.folder / "pki/registry-signer.key").read_bytes())
    key.chmod(0o644)
    result = house.run(*sign_arguments("pki/registry-signer.pem", key,
                                       tmp_path / "out"))
    assert result.status == 0
    assert result.err == (f"trustctl: note: {key}: want mode 0600 or "
                          f"stricter, got 0644: chmod 600 {key}\n")


# ---- The terminal ----

@pytest.mark.parametrize("key, signer, secret, words", [
    ("encrypted.key", "pki/registry-signer.pem", PASSWORD,
     "Enter the password of encrypted.key: "),
    (f"{OBJECTS}ec", "ec.pem", PIN, f"Enter the PIN of {OBJECTS}ec: ")])
def test_asked_at_the_terminal(house, tmp_path, key, signer, secret, words):
    terminal = Terminal(
        house, PROGRAM, *sign_arguments(signer, key, tmp_path / "out"))
    terminal.wait_for_question(words)
    terminal.type(secret + "\n")
    assert terminal.end() == 0, terminal.shown
    assert secret not in terminal.shown
    check_signed(house, tmp_path / "out", signer)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM,
                                    signal.SIGHUP])
def test_a_signal_at_the_question(house, tmp_path, number):
    """The terminal is somebody else's again, and echoes."""
    script = (f"{PROGRAM} sign --scope site --signer pki/registry-signer.pem "
              f"--key encrypted.key {tmp_path / 'out'}; stty -a; echo over")
    terminal = Terminal(house, "sh", "-c", f"trap : INT TERM HUP; {script}")
    terminal.wait_for_question("Enter the password")
    child = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(terminal.process.pid)],
        capture_output=True, text=True, check=True).stdout
    os.kill(int(child), number)
    assert terminal.end() == 0, terminal.shown
    assert "over" in terminal.shown
    assert " echo " in terminal.shown and " -echo " not in terminal.shown
    assert not (tmp_path / "out" / "notification.der").exists()
