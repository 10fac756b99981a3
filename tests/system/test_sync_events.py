# SPDX-License-Identifier: Apache-2.0
"""What sync does, as events: seen in the audit log of a gateway that follows
an upstream."""

import json
import re

import pytest

from broker import trustctl, wait_until


class Audited:
    """A gateway with an audit log."""

    def __init__(self, site, upstream, **options):
        self.path = site.folder / "audit.jsonl"
        self.gw = upstream.gateway(
            options={"audit_log": self.path, **options})

    def wait(self, event):
        """The first of these events."""
        def found():
            lines = self.path.read_text().splitlines()
            return [e for e in map(json.loads, lines) if e["event"] == event]
        return wait_until(found, f"{event} in the audit log")[0]


@pytest.fixture
def published(site, upstream):
    site.registry.put(site.sensor("temp-01") + site.sensor("temp-02"))
    return upstream


def test_applied(site, published):
    published.follow()
    event = Audited(site, published).wait("applied")
    assert event["detail"] == "registry is at serial 1 now, 2 records"
    assert event["reason"] is None and event["device"] is None


def test_sync_refused(site, published):
    site.pki.certificate("strange-root", ca="yes")
    site.pki.certificate("strange-signer", issuer="strange-root", eku="absent")
    options = list(published.options())
    for name, value in (("--signer", site.pki.file("strange-signer")),
                        ("--key", site.pki.key_file("strange-signer"))):
        options[options.index(name) + 1] = value
    assert trustctl("publish", *options).returncode == 0
    event = Audited(site, published).wait("sync_refused")
    assert event["reason"] == "signer_untrusted"
    assert event["detail"]


def test_mass_removal_held(site, published):
    many = "".join(f'{{"kind":"device","id":"d{i}","auth":{{"type":'
                   f'"thumbprint","primary":"{i:064x}"}}}}\n'
                   for i in range(1, 31))
    site.registry.put(many)
    published.follow()
    audited = Audited(site, published)
    audited.gw.wait_serial(1)
    site.registry.put(re.sub('"auth"', '"status":"disabled","auth"', many))
    event = audited.wait("mass_removal_held")
    assert event["reason"] == "mass_removal_held"


def test_stale(site, published):
    origin = published.follow("--next-update", "2s")
    audited = Audited(site, published, max_offline="4s", on_stale="deny_all")
    audited.gw.wait_serial(1)
    temp = site.connect(audited.gw.broker, "temp-01")
    origin.stop()
    event = audited.wait("stale")
    assert event["reason"] == "registry_stale"
    assert "on_stale deny_all" in event["detail"]
    temp.wait_closed()
    assert audited.wait("disconnected")["reason"] == "registry_stale"
    # The step is told before it is taken.
    names = [json.loads(line)["event"] for line in
             audited.path.read_text().splitlines()]
    assert names.index("stale") < names.index("disconnected")


def test_status_of_a_stale_gateway(site, published):
    """It goes on with on_stale warn, and says so."""
    site.registry.put(
        '{"kind":"role","id":"ops","rules":[{"effect":"allow","actions":'
        '["publish","subscribe"],"topics":["$CONTROL/trust/v1",'
        '"$CONTROL/trust/v1/response"]}]}\n'
        + site.sensor("ops", '"roles":["ops"],'))
    origin = published.follow("--next-update", "2s")
    audited = Audited(site, published, max_offline="4s", on_stale="warn")
    audited.gw.wait_serial(1)
    origin.stop()
    audited.wait("stale")
    result = trustctl(
        "status", "--host", "127.0.0.1", "--port", audited.gw.broker.port(),
        "--cafile", site.pki.file("server-root"),
        "--cert", site.pki.file("ops"), "--key", site.pki.key_file("ops"))
    assert result.returncode == 1, result.stderr
    assert "ready, older than max_offline" in result.stdout
    assert "role      replica of scope gw1" in result.stdout
