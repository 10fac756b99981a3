# SPDX-License-Identifier: Apache-2.0
"""trustctl check and verify as a person sees them. What they decide is the
business of the case table and of PKITS."""

import re
import time

import pytest
from pki import bare_crl
from trustctl import Trustctl, device, on_terminal, openssl

STATUSES = {"allow": 0, "deny": 1}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A PKI with devices, in a folder that tests copy nothing into."""
    ctl = Trustctl(tmp_path_factory.mktemp("made"))
    ctl.yes("pki", "init", "pki", "--hostname", "gw")
    ctl.yes("pki", "device", "pki", "self", "--self-signed")
    ctl.yes("pki", "device", "pki", "stranger", "--self-signed")
    ctl.yes("pki", "device", "pki", "temp-02")
    ctl.yes("pki", "init", "other", "--hostname", "gw")
    ctl.yes("pki", "device", "other", "temp-02")
    return ctl


@pytest.fixture
def ctl(made, tmp_path):
    ctl = Trustctl(made.folder, registry=tmp_path / "registry.db")
    ctl.yes("init")
    ctl.yes("put", "pki/records.jsonl")
    ctl.yes("device", "add", "self", "--certificate", "pki/devices/self.pem")
    ctl.yes("device", "add", "temp-02", "--group", "development")
    return ctl


SELF = "pki/devices/self.pem"
CHAIN = "pki/devices/temp-02-chain.pem"


# ---- check ----

def test_allow(ctl):
    text = ctl.yes("check", SELF).splitlines()
    assert text[0].startswith("--  ")
    assert any(line.startswith("ok  ") for line in text)
    assert not any(line.startswith("no  ") for line in text)
    assert "allow: thumbprint_match: self" in text
    assert "  roles: default (built in)" in text
    assert re.fullmatch(r"  until: 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", text[-1])


def test_deny(ctl):
    ctl.yes("device", "disable", "self")
    text = ctl.no("check", SELF)
    assert "\nno  " in text
    assert re.search(r"^deny: device_disabled: .*self", text, re.M)
    assert "until:" not in text and "roles:" not in text


def test_both_groups_are_named(ctl):
    ctl.yes("device", "remove", "temp-02")
    ctl.yes("device", "add", "temp-02", "--group", "elsewhere")
    assert ("device temp-02 is registered for group elsewhere, not for "
            "development, which vouches for the chain") in ctl.no(
                "check", CHAIN)


def test_roles_of_an_allowance(ctl):
    thumbprint = ctl.json("thumbprint", SELF)[0]["thumbprint"]
    ctl.put(device("self", thumbprint, roles=[]))
    assert "roles: none, so no topic is allowed" in ctl.yes("check", SELF)
    assert ctl.json("check", SELF)[0]["roles"] == []
    ctl.put(device("self", thumbprint, roles=["a", "b"]))
    assert "  roles: a, b\n" in ctl.yes("check", SELF)
    assert ctl.json("check", SELF)[0]["roles"] == ["a", "b"]


def test_json(ctl):
    [answer] = ctl.json("check", CHAIN)
    [facts, *_] = ctl.json("thumbprint", CHAIN)
    steps = answer.pop("steps")
    assert re.fullmatch(r"20\d\d-.*Z", answer.pop("valid_until"))
    assert isinstance(answer.pop("detail"), (str, type(None)))
    assert answer == {
        "decision": "allow", "reason": "chain_registered", "device": "temp-02",
        "group": "development", "roles": ["default"], "subject": "CN=temp-02",
        "thumbprint": facts["thumbprint"], "pin": facts["pin"]}
    assert {step["result"] for step in steps} == {"fact", "passed"}
    assert all(step["text"] for step in steps)


def test_json_of_a_denial(ctl):
    ctl.yes("device", "disable", "temp-02")
    [answer] = ctl.json("check", CHAIN, status=1)
    assert (answer["decision"], answer["reason"]) == ("deny",
                                                      "device_disabled")
    assert (answer["roles"], answer["valid_until"]) == ([], None)
    assert "failed" in {step["result"] for step in answer["steps"]}


@pytest.mark.parametrize("options, reason", [
    ([], "chain_registered"),
    (["--client-id", "temp-02"], "chain_registered"),
    (["--client-id", "temp-03"], "client_id_mismatch"),
    (["--client-id", ""], "client_id_mismatch"),
    (["--client-id", "temp-02/module"], "client_id_mismatch"),
    (["--at", "2001-01-01T00:00:00Z"], "certificate_not_yet_valid"),
    (["--at", "2090-01-01T00:00:00+02:00"], "certificate_expired"),
    (["--at", "4000000000"], "certificate_expired"),
    (["--revocation", "require"], "revocation_unknown"),
    (["--revocation", "if_present", "--crl-grace", "0s"], "chain_registered"),
    (["--gateway", "gw1"], "chain_registered"),
])
def test_options(ctl, options, reason):
    expected = reason == "chain_registered"
    [answer] = ctl.json("check", *options, CHAIN, status=0 if expected else 1)
    assert answer["reason"] == reason
    assert (answer["decision"] == "allow") == expected
    text = (ctl.yes if expected else ctl.no)("check", *options, CHAIN)
    assert re.search(rf"^(allow|deny): {reason}: ", text, re.M)


@pytest.mark.parametrize("chain, reason", [
    ("pki/devices/stranger.pem", "unknown_certificate"),
    ("other/devices/temp-02-chain.pem", "chain_untrusted"),
])
def test_strangers(ctl, chain, reason):
    [answer] = ctl.json("check", chain, status=1)
    assert answer["reason"] == reason


def test_the_first_certificate_is_the_leaf(ctl, tmp_path):
    leaf = (ctl.folder / "pki/devices/temp-02.pem").read_text()
    edge_ca = (ctl.folder / "pki/edge-ca.pem").read_text()
    wrong = tmp_path / "wrong.pem"
    wrong.write_text(edge_ca + leaf)
    [answer] = ctl.json("check", wrong, status=1)
    assert answer["subject"] == "CN=Development Edge CA"


def test_no_registry_yet(made, tmp_path):
    ctl = Trustctl(made.folder, registry=tmp_path / "gone.db")
    result = ctl.run("check", SELF)
    assert result.status == 1
    assert "deny: registry_missing: " in result.out
    assert result.err == (f"trustctl: {tmp_path}/gone.db: there is no "
                          "registry; make one with trustctl init\n")
    assert not (tmp_path / "gone.db").exists()


def test_check_leaves_no_file(ctl, tmp_path):
    before = sorted(tmp_path.iterdir())
    ctl.yes("check", CHAIN)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("name", ["gone.pem", "pki", "pki/root.key"])
def test_no_certificate(ctl, name):
    assert ctl.error("check", name).startswith(f"{name}: ")


def test_marks_on_a_terminal(ctl):
    status, text = on_terminal(ctl, "check", SELF)
    assert status == 0
    assert "\u2713  " in text and "\u00b7  " in text
    ctl.yes("device", "disable", "self")
    status, text = on_terminal(ctl, "check", SELF)
    assert status == 1
    assert "\u2717  " in text


# ---- verify ----

ANCHOR = ("--anchor", "pki/root.pem")


def test_verify(made):
    text = made.yes("verify", *ANCHOR, CHAIN).splitlines()
    assert re.fullmatch(r"valid: path of 4 certificates, until 20\d\d-.*Z",
                        text[0])
    assert [line.split("  ")[-1] for line in text[1:]] == [
        "CN=temp-02", "CN=Development Edge CA", "CN=Development Intermediate",
        "CN=Development Root"]


def test_verify_json(made):
    [answer] = made.json("verify", *ANCHOR, CHAIN)
    found = made.json("thumbprint", CHAIN, "pki/root.pem")
    assert answer["valid"] is True and answer["reason"] is None
    assert answer["path"] == [item["thumbprint"] for item in found]
    [answer] = made.json("verify", *ANCHOR, "other/devices/temp-02-chain.pem",
                         status=1)
    assert (answer["valid"], answer["reason"], answer["path"]) == (
        False, "chain_untrusted", [])
    assert answer["detail"] and isinstance(answer["depth"], int)


@pytest.mark.parametrize("options, reason", [
    (["--untrusted", "pki/edge-ca.pem", "--untrusted", "pki/intermediate.pem"],
     None),
    (["--untrusted", CHAIN], None),
    ([], "chain_untrusted"),
    (["--untrusted", "pki/edge-ca.pem"], "chain_untrusted"),
    (["--untrusted", CHAIN, "--purpose", "server"], "purpose_not_allowed"),
    (["--untrusted", CHAIN, "--purpose", "any"], None),
    (["--untrusted", CHAIN, "--max-depth", "2"], None),
    (["--untrusted", CHAIN, "--max-depth", "1"], "chain_too_deep"),
    (["--untrusted", CHAIN, "--max-depth", "0"], "chain_too_deep"),
    (["--untrusted", CHAIN, "--require-crl"], "revocation_unknown"),
    (["--untrusted", CHAIN, "--at", "2001-01-01T00:00:00Z"],
     "certificate_not_yet_valid"),
    (["--untrusted", CHAIN, "--at", "2090-01-01T00:00:00Z"],
     "certificate_expired"),
    (["--untrusted", CHAIN, "--require-policy"], "chain_invalid"),
    (["--untrusted", CHAIN, "--policy", "1.2.3.4"], None),
    (["--untrusted", CHAIN, "--policy", "1.2.3.4", "--require-policy"],
     "chain_invalid"),
])
def test_verify_options(made, options, reason):
    leaf = "pki/devices/temp-02.pem"
    run = made.yes if reason is None else made.no
    text = run("verify", *ANCHOR, *options, leaf)
    assert text.startswith(f"{reason or 'valid'}: ")


def test_verify_an_intermediate_as_anchor(made):
    text = made.yes("verify", "--anchor", "pki/edge-ca.pem", CHAIN)
    assert text.startswith("valid: path of 2 certificates")


def test_verify_self_signed(made):
    """An anchor vouches for others; a pin is what vouches for this one."""
    assert made.no("verify", "--anchor", SELF, SELF).startswith(
        "chain_invalid: CN=self: ")
    assert made.no("verify", *ANCHOR, SELF).startswith("chain_untrusted: ")


@pytest.fixture(scope="module")
def revoked(made):
    """CRLs of the Edge CA, with temp-02 on the first of them."""
    folder = made.folder
    (folder / "index.txt").write_text("")
    (folder / "number").write_text("01\n")
    (folder / "ca.conf").write_text(
        "[ca]\ndefault_ca=x\n[x]\ndatabase=index.txt\ncrlnumber=number\n"
        "default_md=sha256\ndefault_crl_days=30\n")
    common = ("ca", "-config", "ca.conf", "-cert", "pki/edge-ca.pem",
              "-keyfile", "pki/edge-ca.key")
    openssl(folder, *common, "-gencrl", "-out", "empty.pem")
    openssl(folder, *common, "-revoke", "pki/devices/temp-02.pem")
    openssl(folder, *common, "-gencrl", "-out", "full.pem")
    openssl(folder, "ca", "-config", "ca.conf", "-cert",
            "pki/intermediate.pem", "-keyfile", "pki/intermediate.key",
            "-gencrl", "-out", "intermediate-crl.pem")
    openssl(folder, "crl", "-in", "full.pem", "-outform", "DER", "-out",
            "full.der")
    return made


@pytest.mark.parametrize("name", ["full.pem", "full.der"])
def test_verify_with_a_crl(revoked, name):
    assert revoked.no("verify", *ANCHOR, "--crl", name, CHAIN).startswith(
        "certificate_revoked: CN=temp-02: ")
    text = revoked.yes("verify", *ANCHOR, "--crl", "empty.pem", CHAIN)
    assert text.startswith("valid: ")


def test_verify_with_several_crls_in_a_file(revoked):
    text = "".join((revoked.folder / name).read_text()
                   for name in ("intermediate-crl.pem", "full.pem"))
    revoked.write("both.pem", text)
    [answer] = revoked.json("verify", *ANCHOR, "--crl", "both.pem", CHAIN,
                            status=1)
    assert answer["reason"] == "certificate_revoked"


DAY = 86400


def make_crl(ctl, ca, *times):
    """A CRL of a CA of pki/, with times relative to now."""
    return bare_crl(
        *((ctl.folder / f"pki/{ca}.{kind}").read_bytes()
          for kind in ("pem", "key")),
        *(int(time.time()) + when for when in times))


@pytest.mark.parametrize("times, reason", [
    ((-DAY, DAY), None),
    ((-DAY, -1), "revocation_unknown"),
    ((DAY, 2 * DAY), "revocation_unknown"),
    ((-DAY,), "revocation_unknown"),
    ((DAY,), "revocation_unknown"),
], ids=["current", "past", "not yet", "endless", "endless and not yet"])
@pytest.mark.parametrize("ca", ["edge-ca", "intermediate", "root"])
def test_verify_with_a_current_crl(made, ca, times, reason):
    """--require-crl wants each CRL of the path to be current."""
    crls = {name: make_crl(made, name, -DAY, DAY)
            for name in ("edge-ca", "intermediate", "root")}
    crls[ca] = make_crl(made, ca, *times)
    made.write("crls.pem", "".join(crls.values()))
    run = made.yes if reason is None else made.no
    text = run("verify", *ANCHOR, "--crl", "crls.pem", "--require-crl", CHAIN)
    assert text.startswith(f"{reason or 'valid'}: ")


@pytest.mark.parametrize("name, content", [
    ("gone.crl", None),
    ("empty.crl", b""),
    ("text.crl", b"hello"),
    ("half.crl", b"-----BEGIN X509 CRL-----\nMIIB\n"),
    ("bad.crl", b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"),
    ("der.crl", b"\x30\x03\x02\x01\x01"),
])
def test_verify_with_no_crl(made, name, content):
    if content is not None:
        made.write(name, content)
    message = made.error("verify", *ANCHOR, "--crl", name, CHAIN)
    assert message.startswith(f"{name}: ")


def test_verify_with_a_crl_and_a_broken_one(revoked):
    text = (revoked.folder / "empty.pem").read_text()
    revoked.write("broken.pem", text + text.replace("M", "A", 1))
    assert revoked.error("verify", *ANCHOR, "--crl", "broken.pem",
                         CHAIN).startswith("broken.pem: ")
    certificate = (revoked.folder / "pki/root.pem").read_text()
    revoked.write("certificate.pem", certificate)
    assert revoked.error("verify", *ANCHOR, "--crl", "certificate.pem",
                         CHAIN).startswith("certificate.pem: ")


@pytest.mark.parametrize("option", ["--anchor", "--untrusted"])
@pytest.mark.parametrize("name", ["gone.pem", "pki", "pki/root.key"])
def test_verify_with_no_certificate(made, option, name):
    assert made.error("verify", *ANCHOR, option, name, CHAIN).startswith(
        f"{name}: ")


def test_verify_with_no_leaf(made):
    assert made.error("verify", *ANCHOR, "gone.pem") == (
        "gone.pem: No such file or directory")


@pytest.mark.parametrize("oid", ["", "abc", "9.9.9"])
def test_verify_with_no_oid(made, oid):
    message = made.error("verify", *ANCHOR, "--policy", oid, CHAIN)
    assert "OID" in message and f'"{oid}"' in message
