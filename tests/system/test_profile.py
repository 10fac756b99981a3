# SPDX-License-Identifier: Apache-2.0
"""The cases of the profile once more, through trustctl verify: path
validation without a registry comes out as it does with one."""

import json
import re
import time

import pytest

import cases
from broker import ROOT, trustctl
from pki import Pki

THEME = next(t for t in cases.read_all() if t.name == "profile")
CONFORMANCE = (ROOT / "docs" / "CONFORMANCE.md").read_text()


class Registry:
    """Anchors and CRLs of a registry of the table, as files."""

    def __init__(self, pki, name):
        lines = pki.fill(THEME.records(name)).splitlines()
        records = [json.loads(line) for line in lines if line.strip()]
        self.anchors = pki.write(f"{name}-anchors.pem", "".join(
            r["pem"] for r in records if r["kind"] == "anchor"))
        self.crls = [pki.write(f"{name}-{r['id']}.crl", r["pem"])
                     for r in records if r["kind"] == "crl"]

    def arguments(self):
        yield from ("--anchor", self.anchors)
        for crl in self.crls:
            yield from ("--crl", crl)


class Table:
    def __init__(self, folder):
        self.pki = Pki(folder, int(time.time()))
        THEME.describe(self.pki)
        self.registries = {}

    def registry(self, name):
        if name not in self.registries:
            self.registries[name] = Registry(self.pki, name)
        return self.registries[name]

    def verify(self, case, *options):
        result = trustctl(
            "verify", "--json", "--at", self.pki.now, *options,
            *self.registry(case.registry).arguments(),
            self.pki.file(*case.chain))
        assert result.returncode in (0, 1), result.stderr
        answer = json.loads(result.stdout)
        assert answer["valid"] == (result.returncode == 0)
        return answer


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return Table(tmp_path_factory.mktemp("profile"))


# What gateways take all the same.
STRICTER = {"a CRL without a number":
            "its issuer's CRL: cRLNumber is missing (RFC 5280 section 5.2.3)"}


@pytest.mark.parametrize("name", STRICTER)
def test_stricter_than_a_gateway(table, name):
    [case] = [case for case in THEME.cases if case.name == name]
    answer = table.verify(case)
    assert (answer["valid"], answer["reason"]) == (
        False, "revocation_unknown")
    assert STRICTER[name] in answer["detail"]


@pytest.mark.parametrize("purpose", ["client", "any"])
@pytest.mark.parametrize(
    "case", [case for case in THEME.cases if case.name not in STRICTER],
    ids=lambda case: case.name)
def test_verify(table, case, purpose):
    answer = table.verify(case, "--purpose", purpose)
    if case.outcome == "allow":
        assert answer["valid"], answer
        return
    assert (answer["valid"], answer["reason"]) == (False, case.reason), answer
    assert case.says in answer["detail"]
    assert answer["subject"] or "subject" in answer["detail"]


def test_every_rule_is_documented():
    """The table of rules has the field and section of each."""
    source = (ROOT / "policy" / "profile.c").read_text()
    table = source[source.index("rules[N_RULES]"):source.index("\n};")]
    fields = set(re.findall(r"\{(?:INVALID|WEAK|UNKNOWN),\s+\"(\w+)", table))
    source = (ROOT / "policy" / "profile_extension.c").read_text()
    fields |= set(re.findall(r'ROW\("(\w+)"', source))
    assert len(fields) > 25
    assert [f for f in sorted(fields) if f"`{f}`" not in CONFORMANCE] == []
