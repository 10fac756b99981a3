# SPDX-License-Identifier: Apache-2.0
"""trustctl anchor: what is shown before it is trusted, what is refused, and
who is told to use one that goes."""

import json
import os
import pathlib
import pty
import re
import subprocess
import time

import pytest

from pki import Pki
from trustctl import PATIENCE, PROGRAM, Trustctl

DEBIAN = pathlib.Path("/usr/share/ca-certificates/mozilla")
NAMES = ["amazon-root-ca-1", "amazon-root-ca-2", "amazon-root-ca-3",
         "amazon-root-ca-4", "starfield-services-g2",
         "digicert-global-root-g2", "microsoft-rsa-root-2017",
         "isrg-root-x1", "isrg-root-x2"]


@pytest.fixture
def ctl(tmp_path):
    ctl = Trustctl(tmp_path)
    ctl.yes("init")
    ctl.pki = Pki(tmp_path, int(time.time()))
    ctl.pki.certificate("factory-root", ca="yes", until="+100d")
    ctl.pki.certificate("new-root", ca="yes", until="+1000d")
    ctl.pki.certificate("plant-ca", ca="yes", issuer="factory-root",
                        path_len="0", names="dns:plant.example -ip:10.0.0.0/8",
                        until="+50d")
    return ctl


def add(ctl, name, *more, purpose="device"):
    return ctl.yes("anchor", "add", ctl.pki.file(name), "--purpose", purpose,
                   *more)


def refuse(ctl, name, *more, purpose="device"):
    """What it says; and the registry is as it was."""
    before = ctl.json("list", "anchor")
    result = ctl.run("anchor", "add", ctl.pki.file(name), "--purpose", purpose,
                     *more)
    assert result.status == 1 and result.err.count("\n") == 1, result
    assert ctl.json("list", "anchor") == before
    return result.err


def group(name, *anchors, **more):
    return {"kind": "group", "id": name, "anchors": list(anchors), **more}


def member(name, of):
    return {"kind": "device", "id": name, "auth": {"type": "ca", "group": of}}


# ---- add ----

def test_it_is_shown_and_trusted(ctl):
    out = add(ctl, "factory-root")
    certificate = ctl.pki.get("factory-root")
    assert out.splitlines()[0] == "anchor factory-root"
    assert re.search(r"^  subject +CN=factory-root$", out, re.M)
    assert re.search(r"^  issuer +itself$", out, re.M)
    assert f"  thumbprint   {certificate.thumbprint}\n" in out
    assert re.search(r"^  key +EC P-256$", out, re.M)
    assert re.search(r"^  valid .* \((99|100) days left\)$", out, re.M)
    assert "yes, with any number of CAs below it" in out
    assert re.search(r"^  constraints  none$", out, re.M)
    assert out.endswith("anchor factory-root added, for device\n")
    record, = ctl.json("show", "anchor", "factory-root")
    assert record == {"kind": "anchor", "id": "factory-root",
                      "pem": certificate.pem, "purposes": ["device"]}


def test_an_intermediate_and_its_bounds(ctl):
    out = add(ctl, "plant-ca", "--id", "plant")
    assert re.search(r"^  issuer +CN=factory-root$", out, re.M)
    assert "yes, with no other CA below it" in out
    assert "names permitted: DNS:plant.example" in out
    assert "names excluded: IP:10.0.0.0/255.0.0.0" in out
    assert ctl.json("show", "anchor", "plant")


@pytest.mark.parametrize("purpose, kept", [
    ("device", ["device"]),
    ("upstream", ["upstream"]),
    ("bundle,device", ["device", "bundle"]),
    ("device,upstream,bundle", ["device", "upstream", "bundle"]),
    ("bundle,bundle", ["bundle"]),
])
def test_purposes(ctl, purpose, kept):
    add(ctl, "factory-root", purpose=purpose)
    assert ctl.json("show", "anchor", "factory-root")[0]["purposes"] == kept


def test_purposes_may_be_repeated(ctl):
    add(ctl, "factory-root", "--purpose", "bundle")
    assert ctl.json("show", "anchor", "factory-root")[0]["purposes"] == [
        "device", "bundle"]


def test_where_it_is_used_from_now_on(ctl):
    assert "no group names it yet" in add(ctl, "factory-root")
    ctl.put(group("plant-7", "new-root"), group("plant-8", "new-root"))
    out = add(ctl, "new-root", purpose="device,upstream,bundle")
    assert "used for     the devices of group plant-7, plant-8\n" in out
    assert "the servers of bridges" in out and "trust/v1/bundle" in out
    out = add(ctl, "plant-ca", purpose="bundle")
    assert "used for     the bundle" in out and "group" not in out


def test_der_and_standard_input(ctl):
    ctl.write("root.der", ctl.pki.get("factory-root").der)
    assert "anchor root added" in ctl.yes(
        "anchor", "add", "root.der", "--purpose", "device")
    assert "anchor other added" in ctl.yes(
        "anchor", "add", "-", "--id", "other", "--purpose", "device",
        input=ctl.pki.get("new-root").pem)


def test_json(ctl):
    ctl.put(group("plant-7", "plant-ca"))
    command = ("anchor", "add", ctl.pki.file("plant-ca"), "--purpose",
               "device,bundle", "--at", ctl.pki.now)
    shown, = ctl.json(*command, "--dry-run")
    added, = ctl.json(*command)
    assert (shown.pop("added"), added.pop("added")) == (False, True)
    for answer in shown, added:  # a day may end in between
        assert answer.pop("days_left") in (49, 50)
    assert shown == added
    assert added.pop("not_before") < added.pop("not_after")
    assert added == {
        "id": "plant-ca", "subject": "CN=plant-ca",
        "issuer": "CN=factory-root", "self_signed": False,
        "thumbprint": ctl.pki.get("plant-ca").thumbprint, "key": "EC P-256",
        "ca": True, "path_len": 0,
        "constraints": ["names permitted: DNS:plant.example",
                        "names excluded: IP:10.0.0.0/255.0.0.0"],
        "purposes": ["device", "bundle"], "groups": ["plant-7"]}


def test_dry_run_changes_nothing(ctl):
    out = add(ctl, "factory-root", "--dry-run")
    assert out.endswith("nothing changed (--dry-run)\n")
    assert ctl.json("list", "anchor") == []


def test_twice_and_with_another_purpose(ctl):
    add(ctl, "factory-root")
    record, = ctl.json("show", "anchor", "factory-root")
    ctl.put({**record, "comment": "kept", "scopes": ["gw1"]})
    assert add(ctl, "factory-root").endswith(
        "anchor factory-root is there already, for device\n")
    assert add(ctl, "factory-root", purpose="bundle").endswith(
        "anchor factory-root is for device,bundle now\n")
    assert ctl.json("show", "anchor", "factory-root")[0] == {
        **record, "purposes": ["device", "bundle"], "comment": "kept",
        "scopes": ["gw1"]}


def test_the_same_under_another_id(ctl):
    add(ctl, "factory-root")
    result = ctl.run("anchor", "add", ctl.pki.file("factory-root"), "--id",
                     "again", "--purpose", "device")
    assert result.status == 0
    assert result.err == (
        "trustctl: note: anchor factory-root has the same certificate\n")


def test_one_that_is_disabled(ctl):
    add(ctl, "factory-root")
    record, = ctl.json("show", "anchor", "factory-root")
    ctl.put({**record, "status": "disabled"})
    result = ctl.run("anchor", "add", ctl.pki.file("factory-root"),
                     "--purpose", "bundle")
    assert result.status == 0 and "nobody trusts it" in result.err
    assert ctl.json(
        "show", "anchor", "factory-root")[0]["status"] == "disabled"


def test_one_to_come(ctl):
    ctl.pki.certificate("to-come", ca="yes", from_="+10d", until="+90d")
    result = ctl.run("anchor", "add", ctl.pki.file("to-come"), "--purpose",
                     "device")
    assert result.status == 0 and "until then" in result.err


# ---- What is refused ----

FLAWS = {
    "leaf": ({"issuer": "factory-root"}, "it is no CA's"),
    "self-signed leaf": ({}, "it is no CA's"),
    "version 1": ({"version": "1"}, "it is no CA's"),
    "no basicConstraints": ({"ca": "absent"}, "it is no CA's"),
    "no keyCertSign": ({"ca": "yes", "key_usage": "crl_sign"},
                       "want keyCertSign"),
    "ended": ({"ca": "yes", "from_": "-90d", "until": "-1d"}, "it ended at"),
    "rsa1024": ({"ca": "yes", "key": "rsa1024"}, "got RSA 1024"),
    "p192": ({"ca": "yes", "key": "p192"}, "its key is too weak"),
}


@pytest.mark.parametrize("flaw", FLAWS)
@pytest.mark.parametrize("purpose", ["device", "upstream", "bundle"])
def test_what_nobody_should_trust(ctl, flaw, purpose):
    fields, words = FLAWS[flaw]
    ctl.pki.certificate("bad", **fields)
    said = refuse(ctl, "bad", purpose=purpose)
    assert words in said and "--force" in said
    assert "bad.pem: " in said


@pytest.mark.parametrize("flaw", FLAWS)
def test_force(ctl, flaw):
    fields, words = FLAWS[flaw]
    ctl.pki.certificate("bad", **fields)
    result = ctl.run("anchor", "add", ctl.pki.file("bad"), "--purpose",
                     "device", "--force")
    assert result.status == 0 and result.out.endswith(
        "anchor bad added, for device\n")
    assert result.err.startswith("trustctl: note: ") and words in result.err


@pytest.mark.parametrize("fields, words", [
    ({"flip": "ca"}, "basicConstraints is not critical"),
    ({"without": "ski"}, "subjectKeyIdentifier"),
    ({"flip": "ski"}, "subjectKeyIdentifier"),
    ({"names": "dns:plant.example", "flip": "names"},
     "nameConstraints is not critical"),
    ({"extension": "1.2.3.4"}, "critical"),
    ({"subject": "-"}, "subject"),
])
def test_what_breaks_rfc_5280(ctl, fields, words):
    ctl.pki.certificate("bad", ca="yes", **fields)
    said = refuse(ctl, "bad")
    assert "gateways refuse every chain that ends at it: " in said
    assert words in said


def test_every_flaw_is_told(ctl):
    ctl.pki.certificate("bad", key="rsa1024", from_="-90d", until="-1d")
    said = refuse(ctl, "bad")
    for words in "it is no CA's", "it ended at", "too weak":
        assert words in said


def test_it_ended_by_then(ctl):
    assert "it ended at" in refuse(
        ctl, "factory-root", "--at", ctl.pki.when("+101d"))


def test_another_certificate_under_the_id(ctl):
    add(ctl, "factory-root")
    for more in [], ["--force"], ["--yes"]:
        assert "with another certificate" in refuse(
            ctl, "new-root", "--id", "factory-root", *more)


def test_the_anchor_of_a_signer(ctl):
    ctl.yes("pki", "init", "pki", "--hostname", "gw")
    ctl.yes("sign", "--scope", "gw1", "--signer", "pki/registry-signer.pem",
            "--key", "pki/registry-signer.key", "out")
    for more in [], ["--force"]:
        result = ctl.run("anchor", "add", "pki/registry-root.pem",
                         "--purpose", "device", *more)
        assert result.status == 2
        assert "stands for signers of the registry" in result.err
    assert ctl.json("list", "anchor") == []


@pytest.mark.parametrize("arguments, words", [
    (["x.pem"], "want --purpose"),
    (["--purpose", "device"], "want one of FILE and --well-known"),
    (["x.pem", "--purpose", "device", "--well-known", "isrg"],
     "want one of FILE and --well-known"),
    (["x.pem", "--purpose", "device", "--from", "."], "--from goes with"),
    (["x.pem", "--purpose", ""], "want device, upstream or bundle"),
    (["x.pem", "--purpose", "device,"], "want device, upstream or bundle"),
    (["x.pem", "--purpose", ",device"], "want device, upstream or bundle"),
    (["x.pem", "--purpose", "Device"], "want device, upstream or bundle"),
    (["x.pem", "--purpose", "client"], "want device, upstream or bundle"),
    (["x.pem", "--purpose", "device"], "x.pem: "),
    (["factory-root.pem", "--purpose", "device", "--id", "a/b"], "--id"),
    (["two.pem", "--purpose", "device"], "want one certificate"),
    (["a b.pem", "--purpose", "device"], "want --id"),
    (["-", "--purpose", "device"], "want --id"),
    (["empty.pem", "--purpose", "device"], "empty.pem"),
    (["factory-root.key", "--purpose", "device"], "factory-root.key"),
    (["--well-known", "nobody", "--purpose", "device"],
     'no root is known by the name "nobody"'),
    (["--well-known", "", "--purpose", "device"], "no root is known"),
    (["factory-root.pem", "--purpose", "device", "-r", "gone.db"],
     "there is no registry"),
])
def test_what_is_wrong(ctl, arguments, words):
    ctl.pki.file("factory-root")
    ctl.pki.key_file("factory-root")
    ctl.write("two.pem", ctl.pki.get("factory-root").pem
              + ctl.pki.get("new-root").pem)
    ctl.write("a b.pem", ctl.pki.get("factory-root").pem)
    ctl.write("empty.pem", "")
    assert words in ctl.error("anchor", "add", *arguments,
                              input=ctl.pki.get("new-root").pem)
    assert ctl.json("list", "anchor") == []


# ---- On a terminal ----

def answer(ctl, text, *arguments):
    """With a terminal as standard input, on which somebody types `text`."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [PROGRAM, *map(str, arguments)], cwd=ctl.folder, env=ctl.environment,
        stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True)
    os.close(theirs)
    os.write(ours, text)
    out, err = process.communicate(timeout=PATIENCE)
    os.close(ours)
    return process.returncode, out, err


@pytest.mark.parametrize("text, status", [
    (b"y\n", 0), (b"Yes\n", 0), (b"n\n", 1), (b"\n", 1), (b"no y\n", 1),
    (b"\x04", 1)])
def test_it_asks_on_a_terminal(ctl, text, status):
    got, out, err = answer(ctl, text, "anchor", "add",
                           ctl.pki.file("factory-root"), "--purpose", "device")
    assert got == status and "trust it? [y/N] " in err
    assert "thumbprint" in out
    assert len(ctl.json("list", "anchor")) == (status == 0)
    assert ("nothing changed" in err) == (status == 1)


@pytest.mark.parametrize("more", [["--yes"], ["-y"], ["--dry-run"], ["--json"]])
def test_it_does_not_ask(ctl, more):
    got, out, err = answer(ctl, b"n\n", "anchor", "add",
                           ctl.pki.file("factory-root"), "--purpose", "device",
                           *more)
    assert (got, err) == (0, "")


# ---- Roots that are known by name ----

needs_debian = pytest.mark.skipif(
    not DEBIAN.exists(), reason="without Debian's ca-certificates")


@needs_debian
@pytest.mark.parametrize("name", NAMES)
def test_known_by_name(ctl, name):
    added, = ctl.json("anchor", "add", "--well-known", name, "--purpose",
                      "upstream")
    assert added["id"] == name and added["purposes"] == ["upstream"]
    known = {known["name"]: known for known in
             ctl.json("anchor", "list", "--well-known")}
    assert known[name]["here"] == "yes"
    assert known[name]["thumbprint"] == added["thumbprint"]


@needs_debian
def test_another_id_for_one(ctl):
    add = ["anchor", "add", "--purpose", "upstream", "--id", "cloud"]
    ctl.yes(*add, "--well-known", "isrg-root-x1")
    assert [a["id"] for a in ctl.json("anchor", "list")] == ["cloud"]
    assert ctl.error(*add, "--well-known", "isrg") == (
        "want --id with one anchor, got 2")


@needs_debian
def test_a_family(ctl):
    out = ctl.yes("anchor", "add", "--well-known", "aws-iot", "--well-known",
                  "isrg", "--purpose", "upstream")
    assert out.count(" added, for upstream\n") == 7
    assert [anchor["id"] for anchor in ctl.json("anchor", "list")] == [
        "amazon-root-ca-1", "amazon-root-ca-2", "amazon-root-ca-3",
        "amazon-root-ca-4", "isrg-root-x1", "isrg-root-x2",
        "starfield-services-g2"]


def test_none_is_trusted_by_default(ctl):
    assert ctl.json("anchor", "list") == []
    known = ctl.json("anchor", "list", "--well-known")
    assert [k["name"] for k in known if k["family"]] == NAMES
    assert all(re.fullmatch("[0-9a-f]{64}", k["thumbprint"]) for k in known)
    assert ctl.json("anchor", "list") == []


def test_the_package_is_missing(ctl):
    (ctl.folder / "none").mkdir()
    said = ctl.error("anchor", "add", "--well-known", "isrg-root-x1",
                     "--from", "none", "--purpose", "upstream")
    assert said == ("isrg-root-x1: want ISRG_Root_X1.crt in none, there is "
                    "none")
    known = ctl.json("anchor", "list", "--well-known", "--from", "none")
    assert {k["here"] for k in known} == {"no"}


def test_another_certificate_by_that_name(ctl):
    """Whatever the file is called, and whatever it says of itself."""
    ctl.pki.certificate("fake", subject="CN=ISRG Root X1", ca="yes")
    ctl.write("ISRG_Root_X1.crt", ctl.pki.get("fake").pem)
    for more in [], ["--force"]:
        said = ctl.no("anchor", "add", "--well-known", "isrg-root-x1",
                      "--from", ".", "--purpose", "upstream", *more)
        assert "is not isrg-root-x1: want the thumbprint 96bcec06" in said
    assert ctl.json("anchor", "list") == []
    known = {k["name"]: k["here"] for k in ctl.json(
        "anchor", "list", "--well-known", "--from", ".")}
    assert known["isrg-root-x1"] == "another"
    assert known["isrg-root-x2"] == "no"


@needs_debian
def test_one_of_several_is_missing(ctl):
    """All or nothing."""
    for name in "ISRG_Root_X1", "ISRG_Root_X2":
        (ctl.folder / f"{name}.crt").write_text(
            (DEBIAN / f"{name}.crt").read_text())
    (ctl.folder / "ISRG_Root_X2.crt").unlink()
    assert "isrg-root-x2" in ctl.error(
        "anchor", "add", "--well-known", "isrg", "--from", ".", "--purpose",
        "upstream")
    assert ctl.json("anchor", "list") == []


# ---- list ----

def test_list(ctl):
    add(ctl, "factory-root")
    add(ctl, "new-root", purpose="upstream,bundle")
    ctl.put(group("plant-7", "factory-root"), group("plant-8", "factory-root"))
    head, *rows = ctl.yes("anchor", "list").splitlines()
    assert re.split("  +", head) == ["ID", "STATUS", "PURPOSES", "DAYS LEFT",
                                     "GROUPS", "SUBJECT"]
    first, second = (re.split("  +", row) for row in rows)
    assert first[:3] == ["factory-root", "enabled", "device"]
    assert first[3] in ("99", "100")
    assert first[4:] == ["plant-7, plant-8", "CN=factory-root"]
    assert second[2] == "upstream,bundle" and second[4] == "-"
    listed = ctl.json("anchor", "list")
    assert [a["groups"] for a in listed] == [["plant-7", "plant-8"], []]
    assert [a["status"] for a in listed] == ["enabled", "enabled"]


def test_days_left(ctl):
    add(ctl, "factory-root")
    end = ctl.pki.when("+100d")

    def left(at):
        listed, = ctl.json("anchor", "list", "--at", at)
        return listed["days_left"]

    assert left(end) == left(end - 86399) == 0
    assert left(end - 86400) == 1
    assert left(end + 1) == -1
    assert " ended " in ctl.yes("anchor", "list", "--at", end + 1)


def test_list_is_empty(ctl):
    assert ctl.yes("anchor", "list").count("\n") == 1
    assert ctl.json("anchor", "list") == []


# ---- remove ----

def remove(ctl, *arguments, status=0):
    result = ctl.run("anchor", "remove", *arguments)
    assert result.status == status, result
    return result


def test_one_that_nobody_uses(ctl):
    add(ctl, "factory-root")
    result = remove(ctl, "factory-root")
    assert (result.out, result.err) == ("anchor factory-root removed\n", "")
    assert ctl.json("anchor", "list") == []


def test_one_that_a_group_needs(ctl):
    add(ctl, "factory-root")
    ctl.put(group("plant-7", "factory-root"),
            *(member(f"temp-{n}", "plant-7") for n in range(8)))
    result = remove(ctl, "factory-root", status=1)
    assert result.err == (
        "trustctl: note: group plant-7 trusts no other anchor: 8 devices "
        "would be refused: temp-0, temp-1, temp-2, temp-3, temp-4 and 3 more\n"
        "trustctl: anchor factory-root is still used; --force removes it all "
        "the same\n")
    assert len(ctl.json("anchor", "list")) == 1
    result = remove(ctl, "factory-root", "--force")
    assert "8 devices" in result.err
    assert result.out == "anchor factory-root removed\n"


@pytest.mark.parametrize("other, needed", [
    (["new-root"], False), (["gone"], True), (["disabled"], True),
    (["for-upstream"], True)])
def test_whether_another_stands_in(ctl, other, needed):
    add(ctl, "factory-root")
    add(ctl, "new-root")
    add(ctl, "plant-ca", "--id", "for-upstream", purpose="upstream,bundle")
    record, = ctl.json("show", "anchor", "new-root")
    ctl.put({**record, "id": "disabled", "status": "disabled"},
            group("plant-7", "factory-root", *other))
    result = remove(ctl, "factory-root", "--dry-run", status=int(needed))
    assert ("trusts no other anchor" in result.err) == needed
    assert ("beside others" in result.err) == (not needed)


def test_a_group_without_devices(ctl):
    """Whom it enrolls by itself the registry does not know."""
    add(ctl, "factory-root")
    ctl.put(group("plant-7", "factory-root", enroll="automatic"))
    assert ("no device is registered for it, and whom it enrolls by itself a "
            "gateway tells") in remove(ctl, "factory-root", status=1).err


def test_a_group_that_is_disabled_needs_nobody(ctl):
    add(ctl, "factory-root")
    ctl.put(group("plant-7", "factory-root", status="disabled"))
    remove(ctl, "factory-root")


@pytest.mark.parametrize("purpose, words", [
    ("upstream", "bridges would trust nobody"),
    ("bundle", "it would be empty")])
def test_the_last_one_for_a_purpose(ctl, purpose, words):
    add(ctl, "factory-root", purpose=purpose)
    add(ctl, "new-root", purpose=purpose)
    remove(ctl, "factory-root")
    assert words in remove(ctl, "new-root", status=1).err
    remove(ctl, "new-root", "--force")


def test_remove_notes_the_groups(ctl):
    add(ctl, "factory-root")
    ctl.put(group("plant-7", "factory-root"))
    result = ctl.run("remove", "anchor", "factory-root")
    assert result.status == 0 and result.err == (
        "trustctl: note: group plant-7 trusts no other anchor: nobody comes "
        "in by it now\n")


@pytest.mark.parametrize("arguments, status, words", [
    (["gone"], 1, 'no anchor "gone"'),
    ([], 2, "want ID"),
    (["a", "b"], 2, "want ID"),
    (["gone", "-r", "gone.db"], 2, "there is no registry"),
])
def test_remove_what_is_wrong(ctl, arguments, status, words):
    assert words in remove(ctl, *arguments, status=status).err


# ---- remove, with a gateway ----

def test_a_gateway_is_asked(site):
    """Who came by it is named, and keeps coming until somebody insists."""
    pki = site.pki
    for root in "first-root", "second-root":
        pki.certificate(root, ca="yes")
    for name, root in ("temp-1", "first-root"), ("temp-2", "second-root"):
        pki.certificate(name, issuer=root)
    site.registry.put(
        '{"kind":"role","id":"ops","rules":[{"effect":"allow","actions":'
        '["publish","subscribe"],"topics":["$CONTROL/trust/v1",'
        '"$CONTROL/trust/v1/response"]}]}\n'
        + site.sensor("ops", '"roles":["ops"],') + json.dumps(
            group("plant", "first-root", "second-root", enroll="automatic")))
    ctl = Trustctl(site.folder)
    for name in "first-root", "second-root":
        ctl.yes("anchor", "add", pki.file(name), "--purpose", "device")
    broker = site.start()
    device = site.connect(broker, "temp-1")
    site.connect(broker, "temp-2")
    gateway = ["--host", "127.0.0.1", "--port", broker.port(), "--cafile",
               pki.file("server-root"), "--cert", pki.file("ops"), "--key",
               pki.key_file("ops")]
    result = remove(ctl, "first-root", *gateway, status=1)
    assert result.err == (
        "trustctl: note: at 127.0.0.1 1 device came by it last: temp-1\n"
        "trustctl: note: at 127.0.0.1 1 client is connected by it now: temp-1\n"
        "trustctl: anchor first-root is still used; --force removes it all "
        "the same\n")
    assert device.is_alive()
    remove(ctl, "first-root", *gateway, "--force")
    device.wait_closed()


def test_a_module_that_stayed(site):
    """Its device has come by the new anchor since: who has to go is named."""
    pki = site.pki
    for root in "first-root", "second-root":
        pki.certificate(root, ca="yes")
        pki.certificate(f"{root}-leaf", subject="CN=temp-1", issuer=root)
    site.registry.put(
        '{"kind":"role","id":"ops","rules":[{"effect":"allow","actions":'
        '["publish","subscribe"],"topics":["$CONTROL/trust/v1",'
        '"$CONTROL/trust/v1/response"]}]}\n'
        + site.sensor("ops", '"roles":["ops"],') + json.dumps(
            group("plant", "first-root", "second-root", enroll="automatic",
                  client_id="prefix")))
    ctl = Trustctl(site.folder)
    for name in "first-root", "second-root":
        ctl.yes("anchor", "add", pki.file(name), "--purpose", "device")
    broker = site.start()
    module = site.connect(
        broker, "first-root-leaf", client_id="temp-1/module")
    site.connect(broker, "second-root-leaf", client_id="temp-1")
    gateway = ["--host", "127.0.0.1", "--port", broker.port(), "--cafile",
               pki.file("server-root"), "--cert", pki.file("ops"), "--key",
               pki.key_file("ops")]
    assert remove(ctl, "first-root", *gateway, status=1).err == (
        "trustctl: note: at 127.0.0.1 1 client is connected by it now: "
        "temp-1/module\n"
        "trustctl: anchor first-root is still used; --force removes it all "
        "the same\n")
    assert module.is_alive()


def test_a_gateway_that_is_away(ctl):
    """Nothing is removed on a guess."""
    add(ctl, "factory-root")
    remove(ctl, "factory-root", "--host", "127.0.0.1", "--port", "1",
           status=2)
    assert len(ctl.json("anchor", "list")) == 1
