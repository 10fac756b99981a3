# SPDX-License-Identifier: Apache-2.0
"""CRLs: a revoked intermediate, and CRLs past their nextUpdate, which are told
in the log, as events, in the status and the counters, and after crl_grace what
the option revocation says."""

import base64
import json
import re
import sqlite3
import time

import pytest

from broker import trustctl, wait_until
from test_counters import MONITOR, read
from test_events import OPERATOR


class Plant:
    """A broker whose group has one CA, the root, with a CRL that is put anew
    again and again."""

    def __init__(self, site, **options):
        self.site = site
        self.n_crls = 0
        self.audit = site.folder / "audit.jsonl"
        for name in ("good-01", "good-02", "lost-01"):
            site.pki.certificate(name, issuer="factory-root")
        site.add_group("plant", "factory-root", '"enroll":"automatic",')
        site.registry.put(
            OPERATOR + site.sensor("operator", '"roles":["operator"],')
            + MONITOR + site.sensor("monitor", '"roles":["monitor"],'))
        self.put("+30d")
        self.broker = site.start(
            options={"audit_log": self.audit, **options})
        self.operator = site.connect(self.broker, "operator")
        assert self.operator.subscribe("$CONTROL/trust/v1/response") == 1

    def put(self, until, name="root", start="-60d", **more):
        """A CRL that ends so long after now, or before."""
        self.n_crls += 1
        crl = f"crl-{self.n_crls}"
        now = int(time.time()) - self.site.pki.now
        end = now + int(until[:-1]) * {"s": 1, "m": 60, "h": 3600,
                                         "d": 86400}[until[-1]]
        self.site.pki.crl(crl, issuer="factory-root", revoked="lost-01",
                          from_=start, until=f"{end}s", **more)
        self.site.registry.put(
            f'{{"kind":"crl","id":"{name}","pem":"{{crl:{crl}}}"}}')

    def told(self):
        """The events about CRLs."""
        if not self.audit.exists():
            return []
        return [event for event in map(
            json.loads, self.audit.read_text().splitlines())
            if event["event"] == "stale"]

    def wait_told(self, n):
        wait_until(lambda: len(self.told()) >= n, "the event")
        assert len(self.told()) == n
        return self.told()[-1]

    def crls(self):
        """What getStatus says of them."""
        def answers():
            return [json.loads(payload)["responses"][0]["data"]["crls"]
                    for topic, payload, _ in self.operator.messages
                    if topic.endswith("/response")]
        n = len(answers())
        self.operator.publish("$CONTROL/trust/v1", json.dumps(
            {"commands": [{"command": "getStatus"}]}))
        self.operator.wait(lambda: len(answers()) > n, "the status")
        return answers()[-1]

    def wait_crls(self, **numbers):
        wait_until(lambda: self.crls() == numbers, numbers)

    def refused(self, name):
        mark = self.broker.mark()
        assert self.site.device(self.broker, name).connect() is None
        return self.broker.wait_refusal(mark)[0]


def test_within_the_grace(site):
    """Who is in stays, who comes is let in, whom it lists is not."""
    plant = Plant(site, revocation="require")
    good = site.connect(plant.broker, "good-01")
    plant.wait_crls(current=1, stale=0, overdue=0)
    plant.put("-1h")
    event = plant.wait_told(1)
    assert event["reason"] == "revocation_unknown" and event["device"] is None
    assert re.fullmatch(
        r"CRL root of .*Factory Root.* is past its nextUpdate \S+Z; it counts "
        r"until \S+Z", event["detail"])
    plant.wait_crls(current=0, stale=1, overdue=0)
    site.connect(plant.broker, "good-02")
    assert plant.refused("lost-01") == "certificate_revoked"
    assert good.is_alive()
    assert event["detail"] in plant.broker.log()
    counters = wait_until(
        lambda: (found := read(site, plant.broker)).get("crls/stale") == 1
        and found, "the counter")
    assert counters["crls/current"] == counters["crls/overdue"] == 0


def test_told_once_and_renewed(site):
    plant = Plant(site)
    plant.put("-1h")
    plant.wait_told(1)
    plant.put("-1m")  # another one, as late
    plant.wait_crls(current=0, stale=1, overdue=0)
    plant.put("+1h")
    plant.broker.wait_log("CRL root is late no more")
    plant.wait_crls(current=1, stale=0, overdue=0)
    assert len(plant.told()) == 1
    plant.put("-2h")
    plant.wait_told(2)
    plant.site.registry.remove("crl", "root")
    wait_until(lambda: plant.broker.log().count("root is late no more") == 2,
               "the log")
    plant.wait_crls(current=0, stale=0, overdue=0)


def test_it_becomes_stale_by_itself(site):
    """Nobody touches the registry; and the grace ends by itself too."""
    plant = Plant(site, crl_grace="2s")
    plant.put("2s")
    wait_until(lambda: len(plant.told()) == 2, "both events")
    first, second = (event["detail"] for event in plant.told())
    assert "it counts until" in first and "revocation if_present" in second


def test_after_the_grace_and_required(site):
    """The sessions below that CA end, at that second, and nobody comes in
    until there is another CRL."""
    plant = Plant(site, revocation="require", crl_grace="1h")
    good = site.connect(plant.broker, "good-01")
    plant.put("-3597s")  # 3 seconds are left
    good.wait_closed()
    plant.broker.wait_log("closed client good-01: revocation_unknown: ")
    wait_until(lambda: "revocation require" in plant.told()[-1]["detail"],
               "the event")
    plant.wait_crls(current=0, stale=0, overdue=1)
    assert plant.refused("good-01") == "revocation_unknown"
    assert plant.operator.is_alive()  # a pin asks for no CRL
    plant.put("+1h")
    site.connect(plant.broker, "good-01")


def test_after_the_grace_and_if_present(site):
    """It goes on, and says so; whom the CRL lists stays out."""
    plant = Plant(site, crl_grace="1h")
    good = site.connect(plant.broker, "good-01")
    plant.put("-2h")
    assert "going on as if" in plant.wait_told(1)["detail"]
    plant.wait_crls(current=0, stale=0, overdue=1)
    site.connect(plant.broker, "good-02")
    assert plant.refused("lost-01") == "certificate_revoked"
    assert good.is_alive()


def test_the_newest_counts(site):
    """Older CRLs of the same CA and key, under ids of their own, need not be
    cleaned up, and do not hide that the newest is late; one to come does
    neither."""
    plant = Plant(site)
    plant.put("-1h", name="older", start="-70d")
    plant.put("-30d", name="oldest", start="-80d")
    plant.wait_crls(current=1, stale=0, overdue=0)
    assert plant.told() == []
    plant.put("-1h")
    plant.put("+60d", name="older", start="-70d")
    plant.put("+60d", name="to-come", start="+10d")
    assert "CRL root " in plant.wait_told(1)["detail"]
    plant.wait_crls(current=0, stale=1, overdue=0)
    plant.put("+1h", name="newer", start="-1d")
    plant.broker.wait_log("CRL root is late no more")
    plant.wait_crls(current=1, stale=0, overdue=0)


def test_the_newest_counts_in_whatever_form(site):
    """It does not name its key, and the older one does."""
    plant = Plant(site)
    plant.put("-1h")
    plant.wait_told(1)
    plant.put("+60d", name="newer", start="-1d", aki="absent")
    plant.broker.wait_log("CRL root is late no more")
    plant.wait_crls(current=1, stale=0, overdue=0)


def test_an_end_that_cannot_be_read(site):
    """Then no grace can be told, either."""
    plant = Plant(site)
    site.pki.crl("odd", issuer="factory-root", from_="-1h")
    begin, *lines, end = site.pki.get_crl("odd").splitlines()
    head, start, until = base64.b64decode("".join(lines)).split(
        b"\x17\x0d", maxsplit=2)  # UTCTime, 13 octets
    encoded = b"\x17\x0d".join((head, start, b"soon" + until[4:]))
    pem = "\\n".join((begin, base64.b64encode(encoded).decode(), end, ""))
    line = f'{{"id":"root","kind":"crl","pem":"{pem}"}}'
    plant.operator.disconnect()
    plant.broker.stop()
    # Put refuses it, and did not always.
    with sqlite3.connect(site.registry.path) as database:
        done = database.execute(
            "UPDATE record SET line = ? WHERE id = 'root'",
            (line.encode(),))
        assert done.rowcount == 1
    plant.broker.start()
    assert re.fullmatch(
        r"CRL root of .*Factory Root.* has no nextUpdate that can be read "
        r"\(RFC 5280 section 5\.1\.2\.5\); devices below that CA are refused",
        plant.wait_told(1)["detail"])
    assert plant.refused("good-01") == "revocation_unknown"
    plant.operator = site.connect(plant.broker, "operator")
    plant.operator.subscribe("$CONTROL/trust/v1/response")
    plant.wait_crls(current=0, stale=0, overdue=1)


def test_told_again_after_a_restart(site):
    """And before anybody connects."""
    plant = Plant(site)
    plant.put("-1h")
    plant.wait_told(1)
    plant.operator.disconnect()
    plant.broker.stop()
    plant.broker.start()
    plant.wait_told(2)


@pytest.mark.parametrize("revocation", ["if_present", "require"])
def test_a_revoked_intermediate_ends_what_is_below_it(site, revocation):
    """At once, by the root's CRL alone."""
    site.pki.certificate("below", issuer="edge-ca")
    for name, revoked in ("root-1", ""), ("root-2", "line-ca"):
        site.pki.crl(name, issuer="factory-root", revoked=revoked)
    site.pki.crl("line", issuer="line-ca")
    site.pki.crl("edge", issuer="edge-ca")
    site.add_group("plant", "factory-root", '"enroll":"automatic",')
    record = '{{"kind":"crl","id":"{0}","pem":"{{crl:{1}}}"}}\n'
    site.registry.put("".join(map(record.format, ("root", "line", "edge"),
                                  ("root-1", "line", "edge"))))
    site.pki.certificate("beside", issuer="factory-root")
    broker = site.start(options={"revocation": revocation})
    below = site.connect(broker, "below", "edge-ca", "line-ca")
    beside = site.connect(broker, "beside")
    site.registry.put(record.format("root", "root-2"))
    below.wait_closed()
    broker.wait_log("closed client below: certificate_revoked: the CA "
                    r"certificate at depth 2 \(.*line-ca.*\)")
    assert beside.is_alive()


@pytest.mark.parametrize("field, words", [
    ({"delta_of": "1"}, "want a complete one, got a delta CRL (RFC 5280 "
                        "section 5.2.4)"),
    ({"indirect": "yes"}, "want that of one CA, got an indirect CRL (RFC 5280 "
                          "section 5.2.5)"),
])
def test_what_no_registry_takes(site, field, words):
    """Better refused with a reason than passed over."""
    site.pki.crl("odd", issuer="line-ca", **field)
    result = trustctl(
        "put", registry=site.registry.path, input=site.pki.fill(
            '{"kind":"crl","id":"odd","pem":"{crl:odd}"}'))
    assert result.returncode == 2
    assert f"pem: CRL: {words}" in result.stderr
