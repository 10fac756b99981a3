# SPDX-License-Identifier: Apache-2.0
"""NIST's path validation suite (PKITS), through trustctl verify."""

import json
import os
import pathlib
import re

import pytest

from broker import ROOT, trustctl

FOLDER = pathlib.Path(
    os.environ.get("TRUST_PKITS", ROOT.parent / "shared" / "pkits"))

# Where we differ from the suite on purpose or cannot do better; the reasons
# are in docs/CONFORMANCE.md. Section to what comes out instead.
EXCEPTIONS = {
    "4.1.4": "revocation_unknown",  # DSA 1024, and a CRL with SHA-1
    "4.1.5": "key_too_weak",  # the same CA, whose key cannot be read
    "4.14.30": "revocation_unknown",  # its CRL vouches for its own signer
}


def read():
    path = FOLDER / "pkits.json"
    return json.loads(path.read_text())["cases"] if path.exists() else []


CASES = read()
needs_suite = pytest.mark.skipif(not CASES, reason=f"{FOLDER} is not there")


def arguments(case):
    policy = case["policy"]
    yield from ("--at", case["time"], "--purpose", "any", "--require-crl")
    for option, kind in (("--anchor", "anchors"), ("--crl", "crls"),
                         ("--untrusted", "intermediates")):
        for item in case[kind]:
            yield from (option, FOLDER / item["file"])
    for oid in policy["initial"]:
        yield from ("--policy", oid)
    for option, field in (("--require-policy", "explicit"),
                          ("--no-policy-mapping", "inhibit_map"),
                          ("--no-any-policy", "inhibit_any")):
        if policy.get(field):
            yield option
    yield FOLDER / case["leaf"]["file"]


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_pkits(case):
    result = trustctl("verify", "--json", *arguments(case))
    assert result.returncode in (0, 1), result.stderr
    answer = json.loads(result.stdout)
    assert answer["valid"] == (result.returncode == 0)
    exception = EXCEPTIONS.get(case["id"].split()[0])
    if exception:
        assert (answer["valid"], answer["reason"]) == (False, exception)
    else:
        assert answer["valid"] == (case["expected"] == "accept"), answer


@needs_suite
def test_suite_is_whole():
    assert len(CASES) == 249
    assert len({case["id"] for case in CASES}) == 249


def test_exceptions_are_documented():
    text = (ROOT / "docs" / "CONFORMANCE.md").read_text()
    documented = re.findall(r"^\| (4\.\d+\.\d+) .*\| `(\w+)` \|", text, re.M)
    assert dict(documented) == EXCEPTIONS
