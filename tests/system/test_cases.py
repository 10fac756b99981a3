# SPDX-License-Identifier: Apache-2.0
"""The case table at its three levels: library, trustctl, broker."""

import json
import re
import subprocess
import time

import pytest

import cases
from broker import BUILD, PATIENCE, Broker, Registry, trustctl
from clients import Device
from pki import Pki

THEMES = {theme.name: theme for theme in cases.read_all()}
CASES = [case for theme in THEMES.values() for case in theme.cases]


class Table:
    """What the cases need, made once: certificates by theme, registries by
    name, and one broker at a time."""

    def __init__(self, folder):
        self.folder = folder
        self.now = int(time.time())
        self.pkis = {}
        self.registries = {}
        self.broker = None
        self.key = None  # what the broker was started for
        self.admitted = set()  # leaves that it let in
        self.refusals = []  # when, lately

    def pki(self, theme):
        if theme not in self.pkis:
            folder = self.folder / theme
            folder.mkdir()
            self.pkis[theme] = Pki(folder, self.now)
            THEMES[theme].describe(self.pkis[theme])
        return self.pkis[theme]

    def registry(self, case):
        key = case.theme, case.registry
        if key not in self.registries:
            pki = self.pki(case.theme)
            records = None
            if case.registry != "none":
                records = THEMES[case.theme].records(case.registry)
            self.registries[key] = Registry(
                pki.folder / f"{case.registry}.db", pki, records)
        return self.registries[key]

    def cold_broker(self, case):
        """A broker with the case's registry and options that has not let
        this certificate in before: a cached allowance would stand whatever
        is sent with the certificate."""
        key = case.theme, case.registry, case.revocation, case.crl_grace
        if key != self.key or case.chain[0] in self.admitted:
            self.stop()
            folder = self.folder / f"broker-{time.monotonic_ns()}"
            folder.mkdir()
            self.key = key
            self.broker = Broker(
                folder, self.pki(case.theme), self.registry(case),
                options={"revocation": case.revocation,
                         "crl_grace": case.crl_grace}).start()
        if case.outcome == "allow":
            self.admitted.add(case.chain[0])
        return self.broker

    def pace_refusals(self):
        """Of one reason 20 in a second are written out, the rest counted."""
        now = time.monotonic()
        self.refusals = [when for when in self.refusals if now - when < 2]
        if len(self.refusals) >= 10:
            time.sleep(2 - (now - self.refusals[0]))
        self.refusals.append(time.monotonic())

    def stop(self):
        broker, self.broker, self.key = self.broker, None, None
        self.admitted.clear()
        if broker is not None:
            broker.stop()


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    table = Table(tmp_path_factory.mktemp("cases"))
    yield table
    table.stop()


def ask_library(table, case, chain):
    result = subprocess.run(
        [BUILD / "tests/cases/decide", table.registry(case).path,
         str(table.now), case.revocation, case.crl_grace, case.client_id,
         table.pki(case.theme).file(*chain)],
        text=True, capture_output=True, timeout=PATIENCE)
    assert result.returncode == 0, result.stderr
    return tuple(result.stdout.rstrip("\n").split(" ", 2))


def ask_trustctl(table, case, chain):
    result = trustctl(
        "check", "--json", "--at", table.now, "--client-id", case.client_id,
        "--revocation", case.revocation, "--crl-grace", case.crl_grace,
        table.pki(case.theme).file(*chain),
        registry=table.registry(case).path)
    assert result.returncode in (0, 1), result.stderr
    answer = json.loads(result.stdout)
    assert (answer["decision"] == "allow") == (result.returncode == 0)
    assert case.says in (answer["detail"] or "")
    return answer["decision"], answer["reason"], answer["device"] or "-"


def ask_broker(table, case, chain):
    broker = table.cold_broker(case)
    if case.outcome == "deny":
        table.pace_refusals()
    mark = broker.mark()
    device = Device(broker, *chain, client_id=case.client_id)
    code = device.connect()
    device.drop()
    if code == 0:
        assert broker.refusals(mark) == []
        return "allow", None, broker.wait_log(
            rf"as {re.escape(case.client_id)} \(.*u'(.*)'\)", mark)[1]
    # Only a client id is refused after the handshake.
    assert code == (5 if case.reason == "client_id_mismatch" else None)
    reason, thumbprint = broker.wait_refusal(mark)
    assert case.says in broker.log(mark)
    leaf = table.pki(case.theme).get(case.chain[0])
    assert thumbprint == leaf.thumbprint
    return "deny", reason, None


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(table, case):
    chains = case.orders()
    for chain in chains:
        library = ask_library(table, case, chain)
        assert library[:2] == (case.outcome, case.reason), chain
        if case.device:
            assert library[2] == case.device
    # The glue has no part in the order: the first and the last are enough.
    for chain in {tuple(chains[0]), tuple(chains[-1])}:
        assert ask_trustctl(table, case, chain) == library
        if not case.broker:
            continue
        outcome, reason, device = ask_broker(table, case, chain)
        assert outcome == case.outcome
        if outcome == "deny":
            assert reason == case.reason
        else:
            assert device == library[2]


def test_every_reason_has_a_case():
    """Those that need neither sync nor a client without a certificate."""
    assert {case.reason for case in CASES} == {
        "thumbprint_match", "key_match", "chain_registered",
        "chain_enrolled", "unknown_certificate", "thumbprint_mismatch",
        "device_disabled", "device_unknown", "certificate_expired",
        "certificate_not_yet_valid", "certificate_revoked",
        "revocation_unknown", "chain_untrusted", "chain_invalid",
        "chain_too_deep", "purpose_not_allowed", "key_too_weak",
        "signature_too_weak", "validity_too_long", "identity_missing",
        "identity_ambiguous", "identity_malformed", "identity_not_in_group",
        "client_id_mismatch", "registry_missing"}
