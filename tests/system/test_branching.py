# SPDX-License-Identifier: Apache-2.0
"""Paths that branch, made by chance and in number, through trustctl verify.
The ways in which they branch one by one are in tests/cases/branching.ini."""

import json
import random
import time

import pytest

from branching import FLAWS, Mesh
from broker import trustctl
from pki import Pki

MESHES = 150
ORDERS = 4
SIBLINGS = 30


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    return Pki(tmp_path_factory.mktemp("branching"), int(time.time()))


def ask(pki, anchors, sent, crls=(), options=()):
    arguments = ["--at", pki.now, *options]
    for anchor in anchors:
        arguments += ["--anchor", pki.file(anchor)]
    if crls:
        arguments += ["--crl", pki.write(
            "crls.pem", "".join(map(pki.get_crl, crls)))]
    sent_file = pki.write("sent.pem", "".join(
        pki.get(name).pem for name in sent))
    result = trustctl("verify", "--json", *arguments, sent_file)
    assert result.returncode in (0, 1), result.stderr
    return json.loads(result.stdout)


# ---- Meshes ----

@pytest.mark.parametrize("seed", range(MESHES))
def test_mesh(pki, seed):
    mesh = Mesh(pki, seed)
    anchors = [ca.root for ca in mesh.anchors]
    shortest = mesh.shortest()
    answers = [ask(pki, anchors, mesh.shuffled(), mesh.crls)
               for _ in range(ORDERS)]
    for answer in answers:
        assert answer["valid"] == (shortest is not None), answer
        if shortest is not None:
            assert len(answer["path"]) == shortest
        assert answer == answers[0]


def test_meshes_are_of_both_kinds(tmp_path):
    valid = [Mesh(Pki(tmp_path, 0), seed).shortest() is not None
             for seed in range(MESHES)]
    assert MESHES // 4 < sum(valid) < MESHES * 3 // 4


# ---- Many of one name ----

def siblings(pki, kind, **fields):
    """A root, SIBLINGS CAs of one name, and a leaf of the last of them. Half
    of the kinds say whose key is whose."""
    root = f"{kind}-root"
    pki.certificate(root, ca="yes")
    names = [f"{kind}-{i}" for i in range(SIBLINGS)]
    *others, right = names
    pki.certificate(right, subject=f"CN={kind}", issuer=root, ca="yes",
                    **{k: v for k, v in fields.items() if k == "key_ids"})
    for name in others:
        pki.certificate(name, **{
            "subject": f"CN={kind}", "issuer": root, "ca": "yes", **fields})
    pki.crl(f"{kind}-crl", issuer=root, revoked=" ".join(
        others if kind.endswith("revoked") else []))
    leaf = f"{kind}-leaf"
    pki.certificate(leaf, issuer=right, **{
        k: v for k, v in fields.items() if k == "key_ids"})
    return root, leaf, others, right


def shuffled(chance, leaf, names):
    names = list(names)
    chance.shuffle(names)
    return [leaf, *names]


@pytest.mark.parametrize("flaw", ["", *FLAWS])
@pytest.mark.parametrize("whose", ["same-key", "other-key", "unknown-key"])
def test_thirty_of_one_name(pki, flaw, whose):
    kind = f"{whose}-{flaw.replace(' ', '-')}"
    fields = {k.rstrip("_"): v for k, v in FLAWS.get(flaw, {}).items()}
    if whose == "same-key":
        fields["key"] = f"of {kind}-{SIBLINGS - 1}"
    elif whose == "unknown-key":
        fields["key_ids"] = "shared"
    root, leaf, others, right = siblings(pki, kind, **fields)
    chance = random.Random(kind)
    crls = [f"{kind}-crl"]
    for _ in range(3):
        answer = ask(pki, [root], shuffled(chance, leaf, [*others, right]),
                     crls)
        assert answer["valid"], answer
        assert len(answer["path"]) == 3
    answers = [ask(pki, [root], shuffled(chance, leaf, others), crls)
               for _ in range(3)]
    for answer in answers:
        bad = flaw not in ("", "names") or whose != "same-key"
        assert answer["valid"] != bad, answer
        assert answer["reason"] == answers[0]["reason"]
        assert answer["detail"] == answers[0]["detail"]


# ---- The work is bounded ----

def test_one_path_is_verified_once(pki):
    pki.certificate("plain-root", ca="yes")
    pki.certificate("plain-1", issuer="plain-root", ca="yes")
    pki.certificate("plain-2", issuer="plain-1", ca="yes")
    pki.certificate("plain-leaf", issuer="plain-2")
    answer = ask(pki, ["plain-root"], ["plain-leaf", "plain-2", "plain-1"])
    assert (answer["signatures"], answer["paths"]) == (3, 1)


def test_an_expired_leaf_is_the_end(pki):
    pki.certificate("end-root", ca="yes")
    pki.certificate("end-ca", issuer="end-root", ca="yes")
    pki.certificate("end-ca-too", subject="CN=end-ca", key="of end-ca",
                    issuer="end-root", ca="yes")
    pki.certificate("end-leaf", issuer="end-ca", until="-1h")
    answer = ask(pki, ["end-root"], ["end-leaf", "end-ca", "end-ca-too"])
    assert answer["reason"] == "certificate_expired"
    assert answer["paths"] == 1


def forged_mesh(pki, kind, key, n):
    """n CAs that nobody vouches for, of one name, each by the one before,
    which all could be the issuer of each and of the leaf."""
    pki.certificate(f"{kind}-root", subject="CN=mesh", ca="yes", key=key,
                    key_ids="shared")
    pki.certificate(f"{kind}-own", subject="CN=mesh", ca="yes", key=key,
                    key_ids="shared")
    names = [f"{kind}-own"]
    for i in range(n - 1):
        names.append(f"{kind}-{i}")
        pki.certificate(names[-1], subject="CN=mesh", ca="yes", key=key,
                        issuer=names[-2], key_ids="shared")
    pki.certificate(f"{kind}-leaf", issuer=names[-1], key_ids="shared")
    return [f"{kind}-leaf", *names]


@pytest.mark.parametrize("key", ["p256", "rsa3072", "p384"])
def test_keys_that_nobody_vouches_for_are_not_used(pki, key):
    sent = forged_mesh(pki, f"forged-{key}", key, 16)
    answer = ask(pki, [f"forged-{key}-root"], sent)
    assert not answer["valid"]
    # Each of them, and the leaf, by the anchor's key alone.
    assert answer["signatures"] <= 17
    assert answer["paths"] == 0


def test_the_work_has_an_end(pki):
    """CAs that certify each other, all of them, with paths that fail for a
    rule of the whole path alone."""
    n = 11
    pki.certificate("clique-root", ca="yes")
    for i in range(n):
        pki.certificate(f"clique-{i}", ca="yes")
    sent = []
    for i in range(n):
        for j in range(n):
            if i != j:
                sent.append(f"clique-{i}-by-{j}")
                pki.certificate(sent[-1], subject=f"CN=clique-{i}", ca="yes",
                                key=f"of clique-{i}", issuer=f"clique-{j}")
    pki.certificate("clique-top", subject="CN=clique-0", key="of clique-0",
                    issuer="clique-root", ca="yes", names="dns:x.example")
    pki.certificate("clique-leaf", issuer=f"clique-{n - 1}",
                    san="dns:y.example")
    chance = random.Random(1)
    answers = [ask(pki, ["clique-root"], shuffled(
        chance, "clique-leaf", [*sent, "clique-top"]))
        for _ in range(3)]
    for answer in answers:
        assert answer["reason"] == "chain_invalid"
        assert "given up" in answer["detail"]
        assert answer["paths"] < 150
        assert answer["signatures"] < 150
        assert answer == answers[0]
