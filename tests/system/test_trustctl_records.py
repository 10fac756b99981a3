# SPDX-License-Identifier: Apache-2.0
"""trustctl init, put, remove, list, show: records of a registry."""

import base64
import json
import re
import sqlite3
import subprocess
import time

import pytest
from pki import Pki, bare_crl
from trustctl import (PROGRAM, Trustctl, device, lines, on_terminal, openssl)

A, B, C = "a1" * 32, "b2" * 32, "c3" * 32
ROLE = {"kind": "role", "id": "sensor", "rules": [
    {"effect": "allow", "actions": ["publish"], "topics": ["s/{device}"]}]}
TOKEN = {"kind": "token", "id": "t-1", "secret_sha256": C, "device": "temp-09",
         "gateway": "gw1", "expires": "2026-12-01T00:00:00Z", "uses": 1}


@pytest.fixture
def ctl(tmp_path):
    ctl = Trustctl(tmp_path)
    ctl.yes("init")
    return ctl


@pytest.fixture(scope="module")
def root_pem(tmp_path_factory):
    folder = tmp_path_factory.mktemp("root")
    openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-keyout", "root.key",
            "-out", "root.pem", "-days", "3650", "-subj", "/CN=Factory Root")
    return (folder / "root.pem").read_text()


def ids(ctl, kind="device"):
    return [record["id"] for record in ctl.json("list", kind)]


# ---- init ----

def test_init_tells_what_next(tmp_path):
    ctl = Trustctl(tmp_path)
    out = ctl.yes("init")
    assert out.startswith("registry.db: an empty registry; trustctl put")
    assert ids(ctl) == []


def test_init_leaves_what_is_there(ctl):
    ctl.put(device("temp-01", A))
    assert "registry.db" in ctl.error("init")
    assert ids(ctl) == ["temp-01"]
    path = ctl.write("letter.txt", "dear Joe")
    assert "letter.txt" in ctl.error("init", "-r", "letter.txt")
    assert path.read_text() == "dear Joe"


def test_init_in_a_folder_that_is_not_there(tmp_path):
    assert "no/registry.db" in Trustctl(tmp_path).error(
        "init", "-r", "no/registry.db")


# ---- put ----

def test_put_and_list(ctl):
    assert ctl.put(device("temp-02", B), device("temp-01", A)) == (
        "put 2 records\n")
    assert ids(ctl) == ["temp-01", "temp-02"]


def test_put_from_a_file(ctl):
    ctl.write("devices.jsonl", lines(device("temp-01", A)))
    assert ctl.yes("put", "devices.jsonl") == "put 1 record\n"
    assert ids(ctl) == ["temp-01"]


def test_put_reads_standard_input_for_a_dash(ctl):
    assert ctl.yes("put", "-", input=lines(device("x", A))) == "put 1 record\n"


def test_put_replaces(ctl):
    ctl.put(device("temp-01", A, comment="old"))
    ctl.put(device("temp-01", B))
    [record] = ctl.json("list", "device")
    assert record["auth"]["primary"] == B
    assert "comment" not in record


def test_put_nothing(ctl):
    assert ctl.yes("put") == "put 0 records\n"
    assert ctl.yes("put", input="\n \t\n\r\n") == "put 0 records\n"


def test_put_ignores_blank_lines_and_takes_line_ends_of_windows(ctl):
    text = "\n" + lines(device("a", A)).replace("\n", "\r\n") + "\r\n  \n"
    assert ctl.yes("put", input=text) == "put 1 record\n"


def test_put_without_the_last_newline(ctl):
    ctl.yes("put", input=lines(device("a", A)).rstrip("\n"))
    assert ids(ctl) == ["a"]


def test_put_exchanges_thumbprints_in_one_go(ctl):
    ctl.put(device("a", A), device("b", B))
    ctl.put(device("a", B), device("b", A))
    assert [record["auth"]["primary"]
            for record in ctl.json("list", "device")] == [B, A]


@pytest.mark.parametrize("line, wanted", [
    ("nonsense", ""),
    ("[]", "object"),
    ("{}", "kind"),
    ('{"kind":"device"}', "id"),
    ('{"kind":"frob","id":"x"}', "kind"),
    ('{"kind":"device","id":"x"}', "auth"),
    ('{"kind":"device","id":"a b","auth":{"type":"ca","group":"g"}}', "id"),
    ('{"kind":"device","id":"a/b","auth":{"type":"ca","group":"g"}}', "id"),
    ('{"kind":"device","id":"","auth":{"type":"ca","group":"g"}}', "id"),
    ('{"kind":"device","id":"x","auth":{"type":"ca"}}', "auth.group"),
    ('{"kind":"device","id":"x","auth":{"type":"frob"}}', "auth.type"),
    ('{"kind":"device","id":"x","auth":{"type":"thumbprint","primary":"a1"}}',
     "auth.primary"),
    ('{"kind":"device","id":"x","auth":{"type":"ca","group":"g"},"x":1}', "x"),
    ('{"kind":"device","id":"x","id":"y","auth":{"type":"ca","group":"g"}}',
     "id"),
    ('{"kind":"device","id":"x","auth":{"type":"ca","group":"g"},'
     '"roles":"sensor"}', "roles"),
    ('{"kind":"device","id":"x","auth":{"type":"ca","group":"g"},'
     '"status":"on"}', "status"),
    ('{"kind":"device","id":"x","auth":{"type":"ca","group":"g"}} {}', ""),
    ('{"kind":"anchor","id":"x","pem":"none","purposes":["device"]}', "pem"),
    ('{"kind":"crl","id":"x","pem":"none"}', "pem"),
    ("\x00", ""),
    ('{"kind":"device","id":"\udcff"}', ""),
])
def test_a_bad_line_in_the_middle(ctl, line, wanted):
    ctl.put(device("there", C))
    ctl.write("devices.jsonl", (
        lines(device("a", A)) + "\n" + line + "\n" + lines(device("b", B))
    ).encode("utf-8", "surrogateescape"))
    message = ctl.error("put", "devices.jsonl")
    assert message.startswith("devices.jsonl:3: ")
    assert wanted in message
    assert ids(ctl) == ["there"]


def test_a_bad_line_on_standard_input(ctl):
    message = ctl.error("put", input="\n\nnonsense\n")
    assert message.startswith("standard input:3: ")


def test_a_line_too_long(ctl):
    text = lines(device("a", A)) + " " * (256 * 1024 + 1) + "\n"
    message = ctl.error("put", input=text)
    assert message == ("standard input:2: want at most 262128 octets in a "
                       "line, got more")
    assert ids(ctl) == []


def test_two_devices_with_one_thumbprint(ctl):
    text = lines(device("a", A), device("b", B), device("c", A))
    message = ctl.error("put", input=text)
    assert message.startswith("standard input:")
    assert "a" in message and "c" in message
    assert ids(ctl) == []
    ctl.put(device("a", A))
    message = ctl.error("put", input=lines(device("b", A)))
    assert re.search(r"\ba\b.*\bb\b|\bb\b.*\ba\b", message)
    assert ids(ctl) == ["a"]


def test_put_a_file_that_is_not_there(ctl):
    assert ctl.error("put", "gone.jsonl") == (
        "gone.jsonl: No such file or directory")


def test_put_a_folder(ctl):
    (ctl.folder / "folder").mkdir()
    assert "Is a directory" in ctl.error("put", "folder")


@pytest.mark.parametrize("command, damaged", [
    ("list device", "device a"),
    ("list anchor", "anchor root"),
    ("anchor list", "anchor root"),
    ("anchor list", "group g"),
    ("anchor remove root", "device a"),
    ("device add new --psk", "gateway gw1"),
])
def test_a_damaged_record_is_named(ctl, root_pem, command, damaged):
    """Whoever comes upon it."""
    ctl.put(device("a", A),
            {"kind": "anchor", "id": "root", "pem": root_pem,
             "purposes": ["device"]},
            {"kind": "group", "id": "g", "anchors": ["root"]},
            {"kind": "gateway", "id": "gw1", "pem": root_pem})
    kind, name = damaged.split()
    with sqlite3.connect(ctl.folder / "registry.db") as database:
        assert database.execute(
            "UPDATE record SET line = CAST('{}' AS BLOB) WHERE id = ?",
            (name,)).rowcount == 1
    database.close()
    message = ctl.error(*command.split())
    assert message.startswith("registry.db: ") and damaged in message


def test_put_into_a_damaged_registry(ctl):
    ctl.put(device("a", A))
    path = ctl.folder / "registry.db"
    damaged = path.read_bytes()[:4096] + b"\xff" * 4096
    path.write_bytes(damaged)
    for name in path.parent.glob("registry.db-*"):
        name.unlink()
    message = ctl.error("put", input=lines(device("b", B)))
    assert message.startswith("registry.db: ")
    assert path.read_bytes()[:4096 * 2] == damaged


def test_killed_in_the_middle(ctl):
    """A put that is killed has changed nothing, and is in nobody's way."""
    ctl.put(device("there", C))
    process = subprocess.Popen([PROGRAM, "put"], cwd=ctl.folder,
                               env=ctl.environment, stdin=subprocess.PIPE)
    process.stdin.write(lines(device("a", A)).encode() * 100)
    process.stdin.flush()
    time.sleep(0.2)
    process.kill()
    process.wait()
    assert ids(ctl) == ["there"]
    ctl.put(device("b", B))
    assert ids(ctl) == ["b", "there"]


def test_progress_on_a_terminal(ctl):
    def slowly():
        for i in range(3):
            yield lines(*(device(f"d{j}", f"{j:064x}")
                          for j in range(i * 1000, i * 1000 + 1000))).encode()
            time.sleep(0.3)

    status, shown = on_terminal(ctl, "put", feed=slowly())
    assert status == 0
    assert re.search(r"\r\d+ records", shown)
    assert shown.endswith("put 3000 records\r\n")


def test_no_progress_without_a_terminal(ctl):
    many = [device(f"d{i}", f"{i:064x}") for i in range(20000)]
    assert ctl.put(*many) == "put 20000 records\n"
    assert len(ids(ctl)) == 20000


def test_memory_does_not_grow_with_the_file(ctl):
    with open(ctl.folder / "many.jsonl", "w") as out:
        for i in range(100000):
            out.write('{"kind":"device","id":"d%d","auth":{"type":"thumbprint"'
                      ',"primary":"%064x"},"comment":"%s"}\n'
                      % (i, i, "x" * 500))
    done = subprocess.run(
        ["/usr/bin/env", "bash", "-c",
         f"ulimit -v 120000; exec {PROGRAM} put many.jsonl"],
        cwd=ctl.folder, env=ctl.environment, capture_output=True, text=True)
    if "failed to map" in done.stderr or "Sanitizer" in done.stderr:
        pytest.skip("a sanitizer needs more address space")
    assert (done.returncode, done.stdout) == (0, "put 100000 records\n"), done


def crl_notes(ctl, pki, *names, **more):
    """What is noted of CRLs of the root."""
    result = ctl.run("put", input=lines(*(
        {"kind": "crl", "id": name, "pem": pki.get_crl(name), **more}
        for name in names)))
    assert result.status == 0, result
    return [line.removeprefix("trustctl: note: ")
            for line in result.err.splitlines()]


def test_put_a_crl_that_breaks_the_profile(ctl, tmp_path):
    """It is in, and it is told what comes of it."""
    pki = Pki(tmp_path, int(time.time()))
    pki.certificate("root", ca="yes")
    pki.crl("good", issuer="root")
    bad = [f"bad-{n}" for n in range(7)]
    for name in bad:
        pki.crl(name, issuer="root", number="1 critical")
    text = ("cRLNumber is critical, want it not critical (RFC 5280 section "
            "5.2.3); until it is put "
            "right, gateways refuse every certificate of its issuer with "
            "revocation_unknown")
    assert crl_notes(ctl, pki, "good") == []
    assert crl_notes(ctl, pki, "good", "bad-0") == [f"crl bad-0: {text}"]
    assert crl_notes(ctl, pki, "bad-0", status="disabled") == []
    assert crl_notes(ctl, pki, *bad) == [
        f"crl {name}: {text}" for name in bad[:5]] + [
        "2 more crls are like that"]
    assert ids(ctl, "crl") == [*bad, "good"]


BAD_ANCHORS = {
    "rsa1024": (dict(ca="yes", key="rsa1024"), "key_too_weak",
                "subjectPublicKeyInfo is RSA of less than 2048 bits"),
    "p192": (dict(ca="yes", key="p192"), "key_too_weak",
             "its key has less than 112 bits of security"),
    "no-ca": (dict(ca="no"), "chain_invalid", "it is no CA"),
    "no-constraints": (dict(ca="absent", key_usage="key_cert_sign"),
                       "chain_invalid", "it is no CA"),
    "v1": (dict(version="1", ca="yes"), "chain_invalid", "it is no CA"),
    "mute": (dict(ca="yes", key_usage="digital_signature"), "chain_invalid",
             "it is no CA"),
    "not-critical": (dict(ca="yes", flip="ca"), "chain_invalid",
                     "basicConstraints is not critical"),
    "no-key-id": (dict(ca="yes", without="ski aki"), "chain_invalid",
                  "subjectKeyIdentifier is missing"),
    "critical": (dict(ca="yes", extension="1.3.6.1.4.1.55555.1"),
                 "chain_invalid", "it has an unknown critical extension"),
    "spelled-out": (dict(ca="yes", key="p256 explicit"), "chain_invalid",
                    "subjectPublicKeyInfo spells its curve out"),
}


@pytest.mark.parametrize("name", BAD_ANCHORS)
def test_put_an_anchor_that_breaks_the_profile(ctl, tmp_path, name):
    """It is in, and it is told what comes of it; which is what does."""
    fields, reason, text = BAD_ANCHORS[name]
    pki = Pki(tmp_path, int(time.time()))
    pki.certificate(name, **fields)
    pki.certificate("temp-01", issuer=name)
    anchor = {"kind": "anchor", "id": "root", "pem": pki.get(name).pem,
              "purposes": ["device"]}
    group = {"kind": "group", "id": "g", "anchors": ["root"],
             "enroll": "automatic"}
    result = ctl.run("put", input=lines(anchor, group))
    assert result.status == 0
    assert re.fullmatch(
        rf"trustctl: note: anchor root \(CN={name}\): {re.escape(text)}.*; "
        "until it is put right, gateways refuse every certificate below it "
        f"with {reason}\n", result.err), result
    checked = json.loads(ctl.run("check", "--json", pki.file("temp-01")).out)
    assert checked["reason"] == reason
    for other in {"purposes": ["bundle"]}, {"status": "disabled"}:
        assert ctl.run("put", input=lines(anchor | other)).err == ""


def test_put_anchors_that_keep_the_profile(ctl, tmp_path):
    """What signed an anchor is nobody's business, and a root need not have
    keyUsage; an intermediate is an anchor as well."""
    pki = Pki(tmp_path, int(time.time()))
    pki.certificate("md5", ca="yes", key="rsa2048", signature="md5")
    pki.certificate("plain", ca="yes", key_usage="absent")
    pki.certificate("serial", ca="yes", serial="0")
    pki.certificate("below", ca="yes", issuer="plain")
    for name in "md5", "plain", "serial", "below":
        pki.certificate(f"of-{name}", issuer=name)
        result = ctl.run("put", input=lines(
            {"kind": "anchor", "id": name, "pem": pki.get(name).pem,
             "purposes": ["device", "upstream"]},
            {"kind": "group", "id": name, "anchors": [name],
             "enroll": "automatic"}))
        assert (result.status, result.err) == (0, "")
        assert json.loads(ctl.run("check", "--json", pki.file(
            f"of-{name}")).out)["decision"] == "allow"


def test_put_many_bad_anchors(ctl, tmp_path):
    pki = Pki(tmp_path, int(time.time()))
    pki.certificate("no-ca")
    result = ctl.run("put", input=lines(*(
        {"kind": "anchor", "id": f"a{n}", "pem": pki.get("no-ca").pem,
         "purposes": ["device"]} for n in range(7))))
    assert result.err.splitlines()[5:] == [
        "trustctl: note: 2 more anchors are like that"]


# ---- list, show ----

def test_list_can_be_put_again(ctl, tmp_path):
    ctl.put(device("a", A, roles=["sensor"]), device("b", B, roles=[],
            attributes={"site": "B"}, scopes=["s1"]), ROLE, TOKEN)
    other = Trustctl(tmp_path, registry="other.db")
    other.yes("init")
    for kind in ("device", "role", "token"):
        text = ctl.yes("list", "--json", kind)
        other.yes("put", input=text)
        assert other.yes("list", "--json", kind) == text


def test_list_for_people(ctl, root_pem):
    ctl.put(
        device("temp-01", A, roles=["sensor", "meter"]),
        device("temp-02", B, status="disabled", roles=[]),
        {"kind": "device", "id": "temp-03",
         "auth": {"type": "ca", "group": "plant-7"}},
        {"kind": "device", "id": "k", "auth": {"type": "key", "pins": [C]}},
        {"kind": "group", "id": "plant-7", "anchors": ["factory"],
         "enroll": "automatic"},
        {"kind": "anchor", "id": "factory", "pem": root_pem,
         "purposes": ["device", "bundle"]},
        {"kind": "gateway", "id": "gw1", "pem": root_pem}, ROLE, TOKEN)
    assert ctl.yes("list", "device").splitlines() == [
        "ID       STATUS    AUTH        GROUP    ROLES",
        "k        enabled   key         -        -",
        "temp-01  enabled   thumbprint  -        sensor,meter",
        "temp-02  disabled  thumbprint  -        none",
        "temp-03  enabled   ca          plant-7  -",
    ]
    assert ctl.yes("list", "group").splitlines()[1].split() == [
        "plant-7", "enabled", "automatic", "cn", "factory", "-"]
    assert "CN=Factory Root" in ctl.yes("list", "anchor")
    assert "device,bundle" in ctl.yes("list", "anchor")
    assert "CN=Factory Root" in ctl.yes("list", "gateway")
    assert ctl.yes("list", "role").splitlines()[1].split() == [
        "sensor", "enabled", "1"]
    assert ctl.yes("list", "token").splitlines()[1].split() == [
        "t-1", "enabled", "temp-09", "gw1", "1", "-",
        "2026-12-01T00:00:00Z"]
    assert ctl.yes("list", "crl").splitlines() == [
        "ID  STATUS  NEXT UPDATE  ISSUER"]


@pytest.mark.parametrize("command", ["list", "show", "remove"])
@pytest.mark.parametrize("kind", ["devices", "", "DEVICE", "all"])
def test_unknown_kind(ctl, command, kind):
    given = [kind] if command == "list" else [kind, "x"]
    message = ctl.error(command, *given)
    assert "want a kind (device, anchor, group, crl, role, token, gateway)" \
        in message
    assert f'got "{kind}"' in message


def test_show(ctl):
    ctl.put(device("temp-01", A.upper(), comment="roof"))
    [record] = ctl.json("show", "device", "temp-01")
    assert record == device("temp-01", A, comment="roof")
    text = ctl.yes("show", "device", "temp-01")
    assert json.loads(text) == record
    assert text.count("\n") > 5


def test_show_a_certificate(ctl, root_pem):
    ctl.put({"kind": "anchor", "id": "factory", "pem": root_pem,
             "purposes": ["device"]})
    text = ctl.yes("show", "anchor", "factory")
    assert "certificate CN=Factory Root" in text
    thumbprint = openssl(ctl.folder, "x509", "-noout", "-fingerprint",
                         "-sha256", input=root_pem)
    assert thumbprint.split("=")[1].strip().replace(":", "").lower() in text
    assert re.search(r"valid +20\d\d-\d\d-\d\dT.*Z to 20\d\d-", text)


def test_a_crl(ctl):
    ctl.yes("pki", "init", "pki", "--hostname", "gw")
    ctl.yes("pki", "device", "pki", "temp-01")
    ctl.write("index.txt", "")
    ctl.write("ca.conf", "[ca]\ndefault_ca=x\n[x]\ndatabase=index.txt\n"
              "default_md=sha256\ndefault_crl_days=30\n")
    common = ("ca", "-config", "ca.conf", "-cert", "pki/edge-ca.pem",
              "-keyfile", "pki/edge-ca.key")
    for n, revoke in enumerate((False, True)):
        if revoke:
            openssl(ctl.folder, *common, "-revoke",
                    "pki/devices/temp-01.pem")
        pem = openssl(ctl.folder, *common, "-gencrl")
        ctl.put({"kind": "crl", "id": "edge-ca", "pem": pem})
        text = ctl.yes("show", "crl", "edge-ca")
        assert "\ncrl of CN=Development Edge CA\n" in text
        assert f"\n  revoked  {n}\n" in text
        assert re.search(r"\n  valid    20\d\d-.*Z to 20\d\d-.*Z\n", text)
    row = ctl.yes("list", "crl").splitlines()[1].split()
    assert row[:2] == ["edge-ca", "enabled"]
    assert row[3:] == ["CN=Development", "Edge", "CA"]


def test_a_crl_without_next_update(ctl):
    """It would count for ever (RFC 5280 section 5.1.2.5)."""
    ctl.yes("pki", "init", "pki", "--hostname", "gw")
    folder = ctl.folder / "pki"
    pem = bare_crl((folder / "edge-ca.pem").read_bytes(),
                   (folder / "edge-ca.key").read_bytes(), int(time.time()))
    message = ctl.error("put", input=lines(
        {"kind": "crl", "id": "edge-ca", "pem": pem}))
    assert "want a nextUpdate" in message
    assert ctl.json("list", "crl") == []


@pytest.mark.parametrize("place,field,section", [
    (1, "thisUpdate", "5.1.2.4"), (2, "nextUpdate", "5.1.2.5")])
def test_a_crl_whose_dates_cannot_be_read(ctl, tmp_path, place, field, section):
    """No gateway could tell whether it counts. What was there stays."""
    pki = Pki(tmp_path, int(time.time()))
    pki.certificate("root", ca="yes")
    pki.crl("root", issuer="root")
    good = pki.get_crl("root")
    begin, *middle, end = good.splitlines()
    parts = base64.b64decode("".join(middle)).split(b"\x17\x0d", maxsplit=2)
    parts[place] = b"soon" + parts[place][4:]
    odd = "\n".join((begin, base64.b64encode(
        b"\x17\x0d".join(parts)).decode(), end, ""))
    ctl.put({"kind": "crl", "id": "root", "pem": good})
    for status in "enabled", "disabled":
        message = ctl.error("put", input=lines(
            device("temp-01", A),
            {"kind": "crl", "id": "root", "status": status, "pem": odd}))
        assert (f"standard input:2: crl root: {field} is no time of the form "
                "YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ (RFC 5280 section "
                f"{section})") in message
    assert ctl.json("list", "crl")[0]["pem"] == good
    assert ids(ctl, "device") == []


def test_show_what_is_not_there(ctl):
    ctl.put(device("temp-01", A))
    assert ctl.no("show", "device", "temp-02") == (
        'registry.db: no device "temp-02"')
    assert ctl.no("show", "group", "temp-01") == (
        'registry.db: no group "temp-01"')


# ---- remove ----

def test_remove(ctl):
    ctl.put(device("temp-01", A), device("temp-02", B))
    assert ctl.yes("remove", "device", "temp-01") == "device temp-01 removed\n"
    assert ids(ctl) == ["temp-02"]
    assert ctl.no("remove", "device", "temp-01") == (
        'registry.db: no device "temp-01"')
    ctl.put(device("temp-03", A))


def test_remove_of_another_kind(ctl):
    ctl.put(device("temp-01", A))
    ctl.no("remove", "role", "temp-01")
    assert ids(ctl) == ["temp-01"]
