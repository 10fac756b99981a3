# SPDX-License-Identifier: Apache-2.0
"""trustctl device: add, enable, disable, remove."""

import pytest
from trustctl import Trustctl, device, openssl

A, B, C = "a1" * 32, "b2" * 32, "c3" * 32


@pytest.fixture
def ctl(tmp_path):
    ctl = Trustctl(tmp_path)
    ctl.yes("init")
    return ctl


def only(ctl):
    [record] = ctl.json("list", "device")
    return record


def make_certificate(ctl, name="temp-01"):
    openssl(ctl.folder, "req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key",
            "-out", f"{name}.pem", "-subj", f"/CN={name}")
    out = openssl(ctl.folder, "x509", "-in", f"{name}.pem", "-noout",
                  "-fingerprint", "-sha256")
    return out.split("=")[1].strip().replace(":", "").lower()


# ---- add ----

def test_add_by_thumbprint(ctl):
    assert ctl.yes("device", "add", "temp-01", "--thumbprint", A) == (
        "device temp-01 added\n")
    assert only(ctl) == device("temp-01", A)


def test_add_with_everything(ctl):
    colons = ":".join(B[i:i + 2] for i in range(0, 64, 2)).upper()
    ctl.yes("device", "add", "temp-01", "--thumbprint", A, "--secondary",
            colons, "--role", "sensor", "--role", "meter")
    assert only(ctl) == {
        "kind": "device", "id": "temp-01", "roles": ["sensor", "meter"],
        "auth": {"type": "thumbprint", "primary": A, "secondary": B}}


def test_add_by_certificate(ctl):
    thumbprint = make_certificate(ctl)
    ctl.yes("device", "add", "temp-01", "--certificate", "temp-01.pem")
    assert only(ctl) == device("temp-01", thumbprint)


def test_add_by_certificate_in_der(ctl):
    thumbprint = make_certificate(ctl)
    openssl(ctl.folder, "x509", "-in", "temp-01.pem", "-outform", "DER",
            "-out", "temp-01.der")
    ctl.yes("device", "add", "temp-01", "--certificate", "temp-01.der")
    assert only(ctl) == device("temp-01", thumbprint)


def test_add_by_key(ctl):
    ctl.yes("device", "add", "temp-01", "--key-pin", C)
    assert only(ctl)["auth"] == {"type": "key", "pins": [C]}


def test_add_by_group(ctl):
    ctl.yes("device", "add", "temp-01", "--group", "plant-7")
    assert only(ctl)["auth"] == {"type": "ca", "group": "plant-7"}


def test_add_what_is_there(ctl):
    ctl.put(device("temp-01", A, comment="keep"))
    message = ctl.no("device", "add", "temp-01", "--thumbprint", B)
    assert "device temp-01 is registered already" in message
    assert "trustctl put replaces it" in message
    assert only(ctl) == device("temp-01", A, comment="keep")


def test_add_a_thumbprint_of_another(ctl):
    ctl.put(device("temp-01", A))
    message = ctl.no("device", "add", "temp-02", "--thumbprint", A)
    assert "temp-01" in message and "temp-02" in message
    assert only(ctl)["id"] == "temp-01"


@pytest.mark.parametrize("options", [
    [],
    ["--role", "sensor"],
    ["--secondary", B],
    ["--thumbprint", A, "--group", "g"],
    ["--thumbprint", A, "--certificate", "x.pem"],
    ["--key-pin", A, "--group", "g"],
])
def test_add_in_no_way_or_two(ctl, options):
    message = ctl.error("device", "add", "temp-01", *options)
    assert "want one of --thumbprint, --certificate, --key-pin and --group" \
        in message


@pytest.mark.parametrize("options", [["--key-pin", A], ["--group", "g"]])
def test_add_a_secondary_to_what_has_none(ctl, options):
    message = ctl.error("device", "add", "x", "--secondary", B, *options)
    assert "--secondary goes with --thumbprint or --certificate" in message


@pytest.mark.parametrize("name, options, wanted", [
    ("temp-01", ["--thumbprint", "a1"], "auth.primary"),
    ("temp-01", ["--thumbprint", A + "00"], "auth.primary"),
    ("temp-01", ["--thumbprint", ""], "auth.primary"),
    ("temp-01", ["--thumbprint", A, "--secondary", "x"], "auth.secondary"),
    ("temp-01", ["--thumbprint", A, "--secondary", A], "secondary"),
    ("temp-01", ["--key-pin", "zz"], "auth.pins"),
    ("temp-01", ["--group", "a b"], "auth.group"),
    ("temp-01", ["--group", "g", "--role", "a/b"], "roles"),
    ("temp 01", ["--group", "g"], "id"),
    ("a/b", ["--group", "g"], "id"),
    ("#", ["--group", "g"], "id"),
    ("", ["--group", "g"], "id"),
    ("x" * 129, ["--group", "g"], "id"),
    ("caf\u00e9", ["--group", "g"], "id"),
])
def test_add_badly(ctl, name, options, wanted):
    assert wanted in ctl.error("device", "add", name, *options)
    assert ctl.json("list", "device") == []


def test_add_with_bytes_that_are_no_text(ctl):
    ctl.error("device", "add", "\udcff", "--group", "g")
    assert ctl.json("list", "device") == []


def test_add_a_file_of_two(ctl):
    make_certificate(ctl, "a")
    make_certificate(ctl, "b")
    ctl.write("two.pem", (ctl.folder / "a.pem").read_text() +
              (ctl.folder / "b.pem").read_text())
    assert ctl.error("device", "add", "a", "--certificate", "two.pem") == (
        "two.pem: want the device's own certificate alone, got 2")


@pytest.mark.parametrize("name, content", [
    ("gone.pem", None),
    ("empty.pem", b""),
    ("text.pem", b"hello\n"),
    ("half.der", b"\x30\x82\x01\x00\x30"),
    ("half.pem", b"-----BEGIN CERTIFICATE-----\nMIIB\n"),
])
def test_add_by_no_certificate(ctl, name, content):
    if content is not None:
        ctl.write(name, content)
    message = ctl.error("device", "add", "a", "--certificate", name)
    assert message.startswith(f"{name}: ")
    assert ctl.json("list", "device") == []


# ---- enable, disable, remove ----

def test_disable_and_enable_keep_everything_else(ctl):
    record = device("temp-01", A, roles=[], comment="roof",
                    ignore_validity=True, client_id="prefix", scopes=["s"],
                    attributes={"site": "B", "status": "x"})
    record["auth"]["secondary"] = B
    ctl.put(record)
    before = only(ctl)
    assert ctl.yes("device", "disable", "temp-01") == (
        "device temp-01 disabled\n")
    assert only(ctl) == {**before, "status": "disabled"}
    assert ctl.yes("device", "enable", "temp-01") == "device temp-01 enabled\n"
    assert {**only(ctl), "status": "enabled"} == {**before,
                                                  "status": "enabled"}


def test_twice_is_once(ctl):
    ctl.put(device("temp-01", A))
    ctl.yes("device", "enable", "temp-01")
    for _ in range(2):
        ctl.yes("device", "disable", "temp-01")
        assert only(ctl)["status"] == "disabled"


def test_remove(ctl):
    ctl.put(device("temp-01", A))
    assert ctl.yes("device", "remove", "temp-01") == "device temp-01 removed\n"
    assert ctl.json("list", "device") == []


@pytest.mark.parametrize("command", ["enable", "disable", "remove"])
def test_what_is_not_there(ctl, command):
    ctl.put(device("temp-01", A))
    assert ctl.no("device", command, "temp-02") == (
        'registry.db: no device "temp-02"')
    assert only(ctl) == device("temp-01", A)
