# SPDX-License-Identifier: Apache-2.0
"""Of a chain that breaks a rule the log, the event and trustctl check name the
certificate and the rule."""

import json

import pytest

from broker import trustctl, wait_until

# What is sent, the reason, whose certificate it is about, and the rule.
CASES = {
    "critical": (["critical"], "chain_invalid",
                 "the device's certificate (CN=critical)", "4.2"),
    "path length": (["far", "below-narrow", "narrow"], "chain_invalid",
                    "the CA certificate at depth 2 (CN=narrow)", "6.1.4 (l)"),
    "names": (["outside", "named"], "chain_invalid",
              "the device's certificate (CN=outside)", "6.1.3 (b)"),
    "no CA": (["below-leaf", "no-ca"], "chain_invalid",
              "the CA certificate at depth 1 (CN=no-ca)", "6.1.4 (k)"),
    "forged": (["forged"], "chain_invalid",
               "the device's certificate (CN=forged)", "6.1.3 (a)(1)"),
    "expired CA": (["below-late", "late"], "certificate_expired",
                   "the CA certificate at depth 1 (CN=late)", "4.1.2.5"),
    "revoked": (["revoked"], "certificate_revoked",
                "the device's certificate (CN=revoked)", "6.3.3"),
    "server": (["server-like"], "purpose_not_allowed",
               "the device's certificate (CN=server-like)", "4.2.1.12"),
    "CA as a device": (["a-ca"], "purpose_not_allowed",
                       "the device's certificate (CN=a-ca)", "4.2.1.9"),
    "no EKU": (["no-eku"], "purpose_not_allowed",
               "the device's certificate (CN=no-eku)", "4.2.1.12"),
    "too long": (["long"], "validity_too_long",
                 "the device's certificate (CN=long)", "4.1.2.5"),
}


def describe(pki):
    for name, fields in {
            "critical": {"extension": "1.3.6.1.4.1.55555.1"},
            "narrow": {"ca": "yes", "path_len": "0"},
            "named": {"ca": "yes", "names": "dns:plant7.example"},
            "no-ca": {"key_usage": "digital_signature key_cert_sign"},
            "forged": {"signature": "sha256 broken"},
            "late": {"ca": "yes", "until": "-1h"}, "revoked": {},
            "server-like": {"eku": "serverAuth"},
            "a-ca": {"ca": "yes", "eku": "clientAuth",
                     "key_usage": "digital_signature key_cert_sign crl_sign"},
            "no-eku": {"eku": "absent"}, "long": {"until": "+900d"}}.items():
        pki.certificate(name, issuer="factory-root", **fields)
    pki.certificate("below-narrow", issuer="narrow", ca="yes")
    for name, issuer, san in (("far", "below-narrow", ""),
                              ("outside", "named", "dns:x.example"),
                              ("below-leaf", "no-ca", ""),
                              ("below-late", "late", "")):
        pki.certificate(name, issuer=issuer, **({"san": san} if san else {}))
    pki.crl("factory-root", revoked="revoked")


@pytest.mark.parametrize("name", CASES)
def test_a_rule_is_named(site, name):
    chain, reason, whose, rule = CASES[name]
    describe(site.pki)
    site.add_group("plant", "factory-root", '"enroll":"automatic",'
                   '"require_client_auth_eku":true,"max_validity":"825d",')
    site.registry.put('{"kind":"crl","id":"root","pem":"{crl:factory-root}"}')
    audit = site.folder / "audit.jsonl"
    broker = site.start(options={"audit_log": audit})
    assert site.device(broker, *chain).connect() is None
    assert broker.wait_refusal()[0] == reason
    checked = trustctl("check", site.pki.file(*chain),
                       registry=site.registry.path)
    assert checked.returncode == 1
    wait_until(lambda: "\n" in audit.read_text(), "the event")
    event = json.loads(audit.read_text().splitlines()[0])
    assert event["reason"] == reason
    for text in (broker.log(), event["detail"], checked.stdout):
        assert whose in text and f"{rule})" in text, text
