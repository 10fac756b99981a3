# SPDX-License-Identifier: Apache-2.0
"""trustctl device: add, enable, disable, remove."""

import pytest
from trustctl import Trustctl, device, lines, openssl

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
    assert "want one of --thumbprint, --certificate, --key-pin, --group and " \
        "--psk" in message


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


# ---- Notes: what is no error, and may be a mistake ----

def notes(ctl, *arguments, **more):
    """What is said besides, line by line."""
    result = ctl.run(*arguments, **more)
    assert result.status == 0 and result.out, result
    return [line.removeprefix("trustctl: note: ")
            for line in result.err.splitlines()]


def test_add_with_a_role_or_group_that_is_not_there(ctl):
    assert notes(ctl, "device", "add", "a", "--group", "plant-7", "--role",
                 "sensor", "--role", "default") == [
        "role sensor, which device a names, is not there; it grants nothing "
        "until it is",
        "group plant-7, which device a names, is not there; it grants "
        "nothing until it is"]
    assert only(ctl)["auth"]["group"] == "plant-7"
    ctl.put({"kind": "role", "id": "sensor", "rules": []},
            {"kind": "group", "id": "plant-7", "anchors": []})
    assert notes(ctl, "device", "add", "b", "--group", "plant-7", "--role",
                 "sensor") == []


def test_put_with_names_that_are_not_there(ctl):
    """The state after the whole of it counts, and each name is told once."""
    records = [device(f"d-{n}", f"{n:064x}", roles=["later", f"none-{n % 7}"])
               for n in range(100)]
    records += [{"kind": "group", "id": "g", "anchors": ["root"],
                 "roles": ["later", "none-0"]},
                {"kind": "role", "id": "later", "rules": []}]
    assert notes(ctl, "put", input=lines(*records)) == [
        f"role none-{n}, which device d-{n} names, is not there; it grants "
        "nothing until it is" for n in range(5)] + [
        "2 more roles are named, and not there",
        "anchor root, which group g names, is not there; it grants nothing "
        "until it is"]


def test_what_changes_nothing_says_nothing(ctl):
    result = ctl.run("put", input=lines(device("a", A, roles=["none"])) + "x")
    assert result.status == 2 and "note" not in result.err


@pytest.mark.parametrize("request_options, words", [
    (["-newkey", "rsa:1024", "-days", "9"], "got RSA 1024"),
    (["-newkey", "rsa:2048", "-days", "9"], None)])
def test_add_a_certificate_with_a_weak_key(ctl, request_options, words):
    openssl(ctl.folder, "req", "-x509", *request_options, "-nodes", "-keyout",
            "a.key", "-out", "a.pem", "-subj", "/CN=a")
    told = notes(ctl, "device", "add", "a", "--certificate", "a.pem")
    assert len(told) == (words is not None)
    for line in told:
        assert line.startswith("a.pem: want a key of ") and words in line
        assert "the gateway refuses it" in line


@pytest.mark.parametrize("when, words", [
    ("2001-01-01T00:00:00Z", "ended at 2001-01-"),
    ("2999-01-01T00:00:00Z", "begins at 299"), (None, None)])
def test_add_a_certificate_of_another_time(ctl, when, words):
    at = [] if when is None else ["--at", when]
    ctl.yes("pki", "init", "pki", "--hostname", "localhost", *at)
    ctl.yes("pki", "device", "pki", "a", "--self-signed", "--days", "3", *at)
    told = notes(ctl, "device", "add", "a", "--certificate",
                 "pki/devices/a.pem")
    assert len(told) == (words is not None)
    for line in told:
        assert line.startswith("pki/devices/a.pem: the certificate ")
        assert words in line and "the gateway refuses it" in line


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
