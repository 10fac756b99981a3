# SPDX-License-Identifier: Apache-2.0
"""trustctl and pre-shared keys: device add --psk, device seal, gateway add,
and the notes of put. What was sealed is opened by openssl(1)."""

import base64
import json
import re
import stat

import pytest
from trustctl import Trustctl, lines, openssl

KEY = "9f" * 32


@pytest.fixture
def ctl(tmp_path):
    ctl = Trustctl(tmp_path)
    ctl.yes("init")
    return ctl


def make_gateway(ctl, name, *kind):
    """A gateway's key and certificate."""
    openssl(ctl.folder, "req", "-x509", "-nodes", "-newkey",
            *(kind or ("ec", "-pkeyopt", "ec_paramgen_curve:P-256")),
            "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj",
            f"/CN={name}")
    return (ctl.folder / f"{name}.pem").read_text()


def add_gateway(ctl, name, *kind):
    make_gateway(ctl, name, *kind)
    assert ctl.yes("gateway", "add", name, f"{name}.pem") == (
        f"gateway {name} added\n")


def record(ctl, kind="device", name="meter-04"):
    [line] = ctl.json("show", kind, name)
    return line


def opened(ctl, gateway, name="meter-04"):
    """The device's key as a gateway opens it, in hex; None: it cannot."""
    sealed = record(ctl, name=name)["auth"]["key"]
    (ctl.folder / "sealed.der").write_bytes(
        base64.b64decode(sealed, validate=True))
    (ctl.folder / "opened").unlink(missing_ok=True)
    try:
        openssl(ctl.folder, "cms", "-decrypt", "-inform", "DER", "-binary",
                "-in", "sealed.der", "-recip", f"{gateway}.pem", "-inkey",
                f"{gateway}.key", "-out", "opened")
    except Exception:
        return None
    return (ctl.folder / "opened").read_bytes().hex()


def notes(result):
    return [line.removeprefix("trustctl: note: ")
            for line in result.err.splitlines()]


# ---- device add ----

def test_a_key_that_is_shown_once(ctl):
    add_gateway(ctl, "gw1")
    add_gateway(ctl, "gw2", "rsa:2048")
    out = ctl.yes("device", "add", "meter-04", "--psk", "--role", "sensor")
    told = re.fullmatch(
        r"device meter-04 added\n"
        r"its key is sealed for 2 gateways\n"
        r"for the device, and shown this once: ([0-9a-f]{64})\n", out)
    assert told, out
    got = record(ctl)
    assert got["roles"] == ["sensor"]
    assert got["auth"].pop("key")
    assert got["auth"] == {"type": "psk", "identity": "meter-04"}
    assert opened(ctl, "gw1") == told[1]
    assert opened(ctl, "gw2") == told[1]
    other = ctl.yes("device", "add", "meter-05", "--psk")
    assert told[1] not in other


def test_the_parameters_of_the_seal(ctl):
    """No PKCS #1 v1.5 and no SHA-1, which OpenSSL would take by itself."""
    add_gateway(ctl, "gw1")
    add_gateway(ctl, "gw2", "rsa:2048")
    ctl.yes("device", "add", "meter-04", "--psk")
    assert opened(ctl, "gw1")
    text = openssl(ctl.folder, "cms", "-cmsout", "-print", "-inform", "DER",
                   "-in", "sealed.der")
    assert "rsaesOaep" in text and "sha1" not in text
    assert "dhSinglePass-stdDH-sha256kdf-scheme" in text
    assert "aes-256-cbc" in text
    assert "issuerAndSerialNumber" not in text


def test_a_key_in_a_file(ctl):
    add_gateway(ctl, "gw1")
    out = ctl.yes("device", "add", "meter-04", "--psk", "--psk-identity",
                  "m 04", "--psk-key-file", "meter-04.psk")
    path = ctl.folder / "meter-04.psk"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    key = path.read_text()
    assert re.fullmatch(r"[0-9a-f]{64}\n", key)
    assert key.strip() not in out and "meter-04.psk" in out
    assert record(ctl)["auth"]["identity"] == "m 04"
    assert opened(ctl, "gw1") == key.strip()


def test_a_key_that_the_device_has_already(ctl):
    add_gateway(ctl, "gw1")
    path = ctl.folder / "factory.psk"
    path.write_text(KEY.upper() + "\n")
    path.chmod(0o600)
    ctl.yes("device", "add", "meter-04", "--psk", "--psk-key-file", path)
    assert opened(ctl, "gw1") == KEY
    assert path.read_text() == KEY.upper() + "\n"


@pytest.mark.parametrize("text,mode,want", [
    (KEY, 0o640, "want mode 0600 or stricter, got 0640: chmod 600"),
    (KEY, 0o604, "got 0604"),
    ("", 0o600, "want a pre-shared key of 16 to 64 octets"),
    (KEY[:30], 0o600, "want a pre-shared key"),
    (KEY + KEY + "00", 0o600, "want a pre-shared key"),
    (KEY[:-1], 0o600, "want a pre-shared key"),
    ("x" * 64, 0o600, "want a pre-shared key"),
])
def test_key_files_that_are_unfit(ctl, text, mode, want):
    add_gateway(ctl, "gw1")
    path = ctl.folder / "some.psk"
    path.write_text(text)
    path.chmod(mode)
    line = ctl.error("device", "add", "meter-04", "--psk", "--psk-key-file",
                     "some.psk")
    assert line.startswith("some.psk: ") and want in line
    assert text == "" or text not in line
    assert ctl.json("list", "device") == []


def test_nothing_is_left_of_what_failed(ctl):
    line = ctl.error("device", "add", "meter-04", "--psk", "--psk-key-file",
                     "meter-04.psk")
    assert "want a gateway to seal the key for, got none" in line
    assert not (ctl.folder / "meter-04.psk").exists()
    add_gateway(ctl, "gw1")
    ctl.yes("device", "add", "meter-04", "--psk")
    ctl.no("device", "add", "meter-04", "--psk", "--psk-key-file", "a.psk")
    assert not (ctl.folder / "a.psk").exists()
    # One device an identity.
    line = ctl.no("device", "add", "meter-05", "--psk", "--psk-identity",
                  "meter-04", "--psk-key-file", "a.psk")
    assert "PSK identity meter-04 is claimed by device meter-04" in line
    assert not (ctl.folder / "a.psk").exists()


@pytest.mark.parametrize("more", [
    ("--psk", "--group", "x"), ("--group", "x", "--psk-identity", "a"),
    ("--group", "x", "--psk-key-file", "a"), ("--psk-identity", "a"),
    ("--psk", "--secondary", "00")])
def test_options_that_do_not_go_together(ctl, more):
    assert "device add" in ctl.error("device", "add", "a", *more)


# ---- Gateways that come later ----

def test_a_gateway_that_comes_later(ctl):
    add_gateway(ctl, "gw1")
    ctl.yes("device", "add", "meter-04", "--psk", "--psk-key-file", "k")
    make_gateway(ctl, "gw2")
    result = ctl.run("gateway", "add", "gw2", "gw2.pem")
    assert result.status == 0
    assert notes(result) == [
        "device meter-04: its key is not sealed for gateway gw2, where it "
        "cannot come in; whoever has the key seals it anew with trustctl "
        "device seal meter-04"]
    assert opened(ctl, "gw2") is None
    assert ctl.yes("device", "seal", "meter-04", "--psk-key-file", "k") == (
        "device meter-04: its key is sealed for 2 gateways\n")
    key = (ctl.folder / "k").read_text().strip()
    assert opened(ctl, "gw1") == opened(ctl, "gw2") == key
    # From now on nothing is to be noted.
    (line,) = [json.dumps(record(ctl))]
    assert ctl.run("put", input=line + "\n").err == ""


def test_a_seal_keeps_the_rest(ctl):
    add_gateway(ctl, "gw1")
    ctl.yes("device", "add", "meter-04", "--psk", "--psk-key-file", "k")
    old = record(ctl)
    old.update(comment="in the cellar", roles=["a"], scopes=["s"],
               status="disabled")
    ctl.put(old)
    ctl.yes("device", "seal", "meter-04", "--psk-key-file", "k")
    new = record(ctl)
    assert new["auth"].pop("key") != old["auth"].pop("key")
    assert new == old


def test_what_cannot_be_sealed(ctl):
    add_gateway(ctl, "gw1")
    ctl.write("k", KEY + "\n").chmod(0o600)
    ctl.put({"kind": "device", "id": "temp-01",
             "auth": {"type": "ca", "group": "x"}})
    assert "want one of type psk" in ctl.error(
        "device", "seal", "temp-01", "--psk-key-file", "k")
    assert 'no device "gone"' in ctl.no(
        "device", "seal", "gone", "--psk-key-file", "k")
    assert "gone.psk" in ctl.error(
        "device", "seal", "temp-01", "--psk-key-file", "gone.psk")


def test_scopes(ctl):
    """A key is sealed for the gateways that share a scope with the device."""
    pems = {name: make_gateway(ctl, name) for name in ("a", "b", "both")}
    ctl.put(*[{"kind": "gateway", "id": name, "pem": pem,
               **({} if name == "both" else {"scopes": [name]})}
              for name, pem in pems.items()])
    ctl.yes("device", "add", "meter-04", "--psk", "--psk-key-file", "k")
    assert all(opened(ctl, name) for name in pems)
    ctl.put({**record(ctl), "scopes": ["a", "c"]})
    ctl.yes("device", "seal", "meter-04", "--psk-key-file", "k")
    assert [name for name in pems if opened(ctl, name)] == ["a", "both"]
    # Where it is not sent, it need not be opened.
    assert ctl.run("put", input=lines(record(ctl))).err == ""
    result = ctl.run("put", input=lines({**record(ctl), "scopes": ["b"]}))
    assert "not sealed for gateway b" in result.err
    # A disabled gateway opens nothing.
    ctl.put({"kind": "gateway", "id": "b", "pem": pems["b"],
             "scopes": ["b"], "status": "disabled"})
    assert ctl.run("put", input=lines(record(ctl))).err == ""


def test_notes_of_many(ctl):
    add_gateway(ctl, "gw1")
    ctl.yes("device", "add", "meter-04", "--psk")
    auth = record(ctl)["auth"]
    ctl.put(*[{"kind": "device", "id": f"m{i}",
               "auth": {**auth, "identity": f"m{i}"}} for i in range(7)])
    make_gateway(ctl, "gw2")
    told = notes(ctl.run("gateway", "add", "gw2", "gw2.pem"))
    assert len(told) == 6 and told[5] == "3 more devices are like that"


# ---- gateway add ----

def test_gateways_that_are_refused(ctl):
    make_gateway(ctl, "gw1")
    make_gateway(ctl, "ed", "ed25519")
    assert "RSA or EC" in ctl.error("gateway", "add", "ed", "ed.pem")
    assert "gone.pem" in ctl.error("gateway", "add", "gw1", "gone.pem")
    ctl.error("gateway", "add", "gw1", "gw1.key")
    ctl.error("gateway", "add", "gw/1", "gw1.pem")
    assert ctl.json("list", "gateway") == []


def test_a_certificate_is_replaced(ctl):
    add_gateway(ctl, "gw1")
    ctl.put({**record(ctl, "gateway", "gw1"), "comment": "hall 3"})
    ctl.yes("device", "add", "meter-04", "--psk")
    assert "--replace" in ctl.no("gateway", "add", "gw1", "gw1.pem")
    # For the same key what was sealed stands.
    openssl(ctl.folder, "req", "-x509", "-new", "-key", "gw1.key", "-out",
            "gw1.pem", "-subj", "/CN=renewed")
    result = ctl.run("gateway", "add", "--replace", "gw1", "gw1.pem")
    assert (result.status, result.err) == (0, "")
    got = record(ctl, "gateway", "gw1")
    assert got["comment"] == "hall 3"
    assert got["pem"] == (ctl.folder / "gw1.pem").read_text()
    assert opened(ctl, "gw1")
    make_gateway(ctl, "gw1")
    result = ctl.run("gateway", "add", "--replace", "gw1", "gw1.pem")
    assert "not sealed for gateway gw1" in result.err
