# SPDX-License-Identifier: Apache-2.0
"""trustctl publish, sign, inspect, apply: the origin's end of sync."""

import hashlib
import json
import shutil
import signal
import sqlite3
import subprocess
import time

import broker
import pytest
from broker import Listener, wait_until
from clients import Device
from trustctl import PROGRAM, Trustctl, device, lines, openssl

A, B, C = "a1" * 32, "b2" * 32, "c3" * 32
SCOPE = "gw1"
TOPIC = f"trust/v1/{SCOPE}/"
SIGNER = ("--scope", SCOPE, "--signer", "pki/registry-signer.pem",
          "--key", "pki/registry-signer.key")
ANCHOR = ("--anchor", "pki/registry-root.pem")
GATEWAY = ("-r", "replica.db", *ANCHOR, "--gateway", SCOPE)


@pytest.fixture
def ctl(tmp_path):
    """An origin with a few devices, and a signer."""
    folder = tmp_path / "origin"
    folder.mkdir()
    ctl = Trustctl(folder)
    ctl.yes("init")
    ctl.yes("pki", "init", "pki", "--hostname", "localhost")
    ctl.put(*(device(f"temp-{i:02}", f"{i:064x}") for i in range(20)))
    return ctl


def ids(ctl, *more):
    return [record["id"] for record in ctl.json("list", *more, "device")]


def content(ctl, path="out/notification.der"):
    """What a notification says, read by openssl alone."""
    openssl(ctl.folder, "cms", "-verify", "-inform", "DER", "-in", path,
            "-CAfile", "pki/registry-root.pem", "-purpose", "any", "-binary",
            "-out", "content.json")
    return json.loads((ctl.folder / "content.json").read_bytes())


# ---- sign, inspect, apply ----

def test_sign_inspect_apply(ctl):
    out = ctl.yes("sign", *SIGNER, "out")
    assert out.startswith("scope gw1: serial 1, 20 records, fresh until ")
    assert ctl.yes("inspect", *ANCHOR, "out/notification.der").endswith(
        "\naccepted\n")
    assert ctl.yes("apply", *GATEWAY, "out") == (
        "replica.db: serial 1, 20 records\n")
    assert ids(ctl, "-r", "replica.db") == ids(ctl)
    assert ctl.yes("apply", *GATEWAY, "out") == (
        "replica.db: serial 1, nothing new\n")
    assert "replica" in ctl.error("put", "-r", "replica.db",
                                  input=lines(device("x", A)))


def test_a_change_is_signed_as_a_delta(ctl):
    ctl.yes("sign", *SIGNER, "out")
    ctl.yes("apply", *GATEWAY, "out")
    ctl.yes("device", "disable", "temp-07")
    ctl.yes("remove", "device", "temp-08")
    assert ctl.yes("sign", *SIGNER, "out").startswith(
        "scope gw1: serial 2, 19 records")
    said = content(ctl)
    assert said["snapshot"]["serial"] == 1
    assert [delta["serial"] for delta in said["deltas"]] == [2]
    assert ctl.yes("apply", *GATEWAY, "out") == (
        "replica.db: serial 2, 19 records\n")
    for kind in ("device", "group", "role"):
        assert (ctl.json("list", "-r", "replica.db", kind)
                == ctl.json("list", kind))


def test_the_files_are_what_the_protocol_says(ctl):
    ctl.put(device("only-gw1", A, scopes=[SCOPE]),
            device("only-gw2", B, scopes=["gw2"]),
            device("disabled", C, status="disabled"))
    ctl.yes("sign", *SIGNER, "--next-update", "2h", "out")
    said = content(ctl)
    assert (said["type"], said["version"]) == ("trust-notification", 1)
    assert (said["scope"], said["serial"], said["records"]) == (SCOPE, 1, 22)
    state, found = 0, set()
    for part in said["snapshot"]["parts"]:
        octets = (ctl.folder / f"out/{part['sha256']}.part").read_bytes()
        assert hashlib.sha256(octets).hexdigest() == part["sha256"]
        assert len(octets) == part["bytes"] <= 256 * 1024
        assert octets.endswith(b"\n")
        for line in octets.splitlines():
            record = json.loads(line)["put"]
            found.add(record["id"])
            assert "scopes" not in record
            canonical = json.dumps(record, sort_keys=True,
                                   separators=(",", ":"), ensure_ascii=False)
            state += int(hashlib.sha256(canonical.encode()).hexdigest(), 16)
    assert found == {*ids(ctl)} - {"only-gw2"}
    assert said["state"] == f"{state % 2**256:064x}"


def test_many_records_make_many_parts(ctl):
    ctl.put(*(device(f"more-{i}", f"{i + 1000:064x}", comment="x" * 300)
              for i in range(3000)))
    ctl.yes("sign", *SIGNER, "out")
    assert len(content(ctl)["snapshot"]["parts"]) > 4
    ctl.yes("apply", *GATEWAY, "out")
    assert ids(ctl, "-r", "replica.db") == ids(ctl)


def test_a_second_signer(ctl):
    two = (*SIGNER, "--signer", "two/registry-signer.pem",
           "--key", "two/registry-signer.key")
    anchors = (*ANCHOR, "--anchor", "two/registry-root.pem",
               "--signatures", "2")
    ctl.yes("pki", "init", "two", "--hostname", "localhost")
    ctl.yes("sign", *SIGNER, "one-signed")
    ctl.yes("sign", *two, "two-signed")
    assert "refused: too_few_signers: " in ctl.no(
        "inspect", *anchors, "one-signed/notification.der")
    shown = ctl.json("inspect", *anchors, "two-signed/notification.der")[0]
    assert shown["reason"] == "accepted"
    assert len(shown["signers"]) == 2


def test_signing_wants_a_key_for_each_signer(ctl):
    assert "want a --key for each --signer" in ctl.error(
        "sign", *SIGNER, "--signer", "pki/registry-signer.pem", "out")
    assert "want the private key of" in ctl.error(
        "sign", "--scope", SCOPE, "--signer", "pki/registry-signer.pem",
        "--key", "pki/edge-ca.key", "out")
    assert "--scope: want an id" in ctl.error(
        "sign", "--scope", "a/b", *SIGNER[2:], "out")


def anchor(ctl, name):
    """An anchor record of a certificate of the pki."""
    pem = (ctl.folder / f"pki/{name}.pem").read_text()
    return {"kind": "anchor", "id": name, "pem": pem, "purposes": ["device"]}


@pytest.mark.parametrize("name", ["registry-root", "registry-signer"])
def test_an_anchor_that_stands_for_a_signer_is_refused(ctl, name):
    """By put where somebody signs, and by sign where it is there."""
    record = anchor(ctl, name)
    ctl.put(anchor(ctl, "root"), record)
    message = ctl.error("sign", *SIGNER, "out")
    assert message.count("\n") <= 1
    for word in (f"anchor {name}: ", "signer", "another key"):
        assert word in message
    assert not (ctl.folder / "out").exists()
    ctl.yes("remove", "anchor", name)
    ctl.yes("sign", *SIGNER, "out")
    message = ctl.error("put", input=lines(device("x", A), record))
    for word in (":2: ", f"anchor {name}: ", "scope gw1"):
        assert word in message
    assert "x" not in ids(ctl)
    ctl.put(anchor(ctl, "root"))


def test_another_signer_frees_the_anchor(ctl):
    """Only who signs now counts: for each scope the last ones."""
    ctl.yes("pki", "init", "two", "--hostname", "localhost")
    ctl.yes("sign", *SIGNER, "out")
    ctl.error("put", input=lines(anchor(ctl, "registry-root")))
    ctl.yes("sign", "--scope", SCOPE, "--signer", "two/registry-signer.pem",
            "--key", "two/registry-signer.key", "out-two")
    ctl.put(anchor(ctl, "registry-root"))
    assert "anchor registry-root" in ctl.error("sign", *SIGNER, "out")


def test_publish_refuses_an_anchor_of_its_signer(upstream):
    ctl = upstream.ctl
    ctl.put(anchor(ctl, "registry-root"))
    assert "anchor registry-root: " in ctl.error(
        "publish", *upstream.options())


# For what takes its time by itself.
PATIENCE = 3 * broker.PATIENCE

# What no gateway takes, and words of what was wanted.
NO_SIGNERS = {
    "usage": ({"key_usage": "key_agreement"}, "digitalSignature"),
    "no-usage": ({"key_usage": "absent"}, "digitalSignature"),
    "ca": ({"ca": "yes", "key_usage": "digital_signature key_cert_sign"},
           "end-entity"),
    "half-ca": ({"ca": "yes", "key_usage": "digital_signature"},
                "end-entity"),
    "ended": ({"from": "-9d", "until": "-1d"}, "want one valid at 20"),
    "early": ({"from": "+1d", "until": "+9d"}, "want one valid at 20"),
    "weak": ({"key": "rsa1024"}, "a key of 112 bits"),
    "sha1": ({"signature": "sha1"}, "SHA-256 or better"),
    "itself": ({"issuer": None}, "not self-signed"),
    "extension": ({"extension": "1.3.6.1.4.1.55555.1"}, "critical extension"),
}


def signed_by(pki, name):
    return ("--scope", SCOPE, "--signer", pki.file(name),
            "--key", pki.key_file(name))


@pytest.mark.parametrize("name", NO_SIGNERS)
def test_a_signer_that_no_gateway_takes_does_not_sign(site, ctl, name):
    """And a gateway does not, by the same rule: whatever is signed by openssl
    here is refused there."""
    fields, words = NO_SIGNERS[name]
    pki = site.pki
    pki.certificate("registry-root", ca="yes")
    fields = {"issuer": "registry-root", "eku": "absent", **fields}
    if fields["issuer"] is None:
        del fields["issuer"]
    pki.certificate(name, **fields)
    message = ctl.error("sign", *signed_by(pki, name), "out")
    assert message.startswith(f"{pki.file(name)}: signer CN={name}: want ")
    assert words in message
    assert not (ctl.folder / "out").exists()
    pki.certificate("good", issuer="registry-root", eku="absent")
    ctl.yes("sign", *signed_by(pki, "good"), "out")
    openssl(ctl.folder, "cms", "-verify", "-inform", "DER", "-in",
            "out/notification.der", "-noverify", "-binary", "-out", "said")
    openssl(ctl.folder, "cms", "-sign", "-in", "said", "-binary", "-nodetach",
            "-nosmimecap", "-signer", pki.file(name), "-inkey",
            pki.key_file(name), "-outform", "DER", "-out", "theirs.der")
    assert reason(ctl, "--anchor", pki.file("registry-root"),
                  "theirs.der") == "signer_untrusted"


def test_a_signer_of_another_anchor_does_not_sign(ctl):
    """Where the anchors are known, the whole rule is asked."""
    message = ctl.error("sign", *SIGNER, "--anchor", "pki/root.pem", "out")
    for words in ("pki/registry-signer.pem: signer CN=", "registry anchor",
                  "chain_untrusted"):
        assert words in message
    ctl.yes("sign", *SIGNER, *ANCHOR, "out")


def test_every_signer_has_to_be_one(site, ctl):
    site.pki.certificate("registry-root", ca="yes")
    site.pki.certificate("ended", issuer="registry-root", eku="absent",
                         **{"from": "-9d", "until": "-1d"})
    assert "ended" in ctl.error("sign", *SIGNER,
                                *signed_by(site.pki, "ended")[2:], "out")


def test_publish_sends_nothing_by_a_signer_that_no_gateway_takes(upstream):
    pki = upstream.site.pki
    pki.certificate("registry-root", ca="yes")
    pki.certificate("usage", issuer="registry-root", eku="absent",
                    key_usage="key_agreement")
    options = (*signed_by(pki, "usage"), *upstream.options()[len(SIGNER):])
    for more in ((), ("--follow",)):
        assert "digitalSignature" in upstream.ctl.error(
            "publish", *options, *more)
    gateway = upstream.gateway()
    gateway.step(1)
    assert gateway.notifications == []


def test_follow_ends_when_its_signer_does(site, upstream):
    """Nobody would take what it signs from then on."""
    site.pki.certificate("registry-root", ca="yes")
    site.pki.certificate("brief", issuer="registry-root", eku="absent",
                         until="+15s")
    options = (*signed_by(site.pki, "brief"),
               *upstream.options()[len(SIGNER):], "--next-update", "4s")
    publisher = Publisher(upstream.ctl, *options)
    upstream.publishers.append(publisher)
    assert publisher.process.wait(PATIENCE) == 2
    assert "signer CN=brief: want one valid at " in publisher.log()


def test_a_replica_is_not_signed(ctl):
    ctl.yes("sign", *SIGNER, "out")
    ctl.yes("apply", *GATEWAY, "out")
    assert "replica" in ctl.error(
        "sign", "-r", "replica.db", *SIGNER, "out2")


# ---- What would not be taken ----

def reason(ctl, *arguments):
    """Of a refusal, as inspect tells it."""
    return ctl.json("inspect", *arguments, status=1)[0]["reason"]


def test_inspect_names_each_refusal(ctl):
    der = "out/notification.der"
    ctl.yes("sign", *SIGNER, "out")
    octets = (ctl.folder / der).read_bytes()
    ctl.write("trailing.der", octets + b"\0")
    assert reason(ctl, *ANCHOR, "trailing.der") == "malformed"
    ctl.write("large.der", octets + bytes(3 * 512 * 1024))
    assert reason(ctl, *ANCHOR, "large.der") == "too_large"
    place = octets.index(b'"serial":1,') + len('"serial":')
    ctl.write("altered.der", octets[:place] + b"2" + octets[place + 1:])
    assert reason(ctl, "altered.der") == "signature_invalid"
    assert reason(ctl, "--anchor", "pki/root.pem", der) == "signer_untrusted"
    assert reason(ctl, *ANCHOR, "--scope", "gw2", der) == "wrong_scope"
    assert reason(ctl, *ANCHOR, "--at", str(int(time.time()) - 120),
                  "--clock-skew", "10s", der) == "from_future"
    ctl.yes("apply", *GATEWAY, "out")
    shutil.copytree(ctl.folder / "out", ctl.folder / "old")
    ctl.yes("device", "disable", "temp-07")
    ctl.yes("sign", *SIGNER, "out")
    ctl.yes("apply", *GATEWAY, "out")
    assert reason(ctl, *ANCHOR, "-r", "replica.db",
                  "old/notification.der") == "serial_regressed"
    assert reason(ctl, *ANCHOR, "-r", "replica.db", "--at",
                  str(int(time.time()) + 2 * 86400), der) == "expired"


def test_apply_tells_why_not(ctl):
    ctl.yes("sign", *SIGNER, "out")
    assert "refused: wrong_scope" in ctl.no(
        "apply", *GATEWAY, "--scope", "gw2", "out")
    ctl.yes("apply", *GATEWAY, "out")
    for i in range(12):
        ctl.yes("remove", "device", f"temp-{i:02}")
    ctl.yes("sign", *SIGNER, "out")
    assert "refused: mass_removal_held" in ctl.no("apply", *GATEWAY, "out")
    assert len(ids(ctl, "-r", "replica.db")) == 20
    time.sleep(1)
    ctl.yes("sign", *SIGNER, "--mass-removal", "out")
    assert ctl.yes("apply", *GATEWAY, "out") == (
        "replica.db: serial 2, 8 records\n")


@pytest.mark.parametrize("proof", ["beside it", "what is held"])
def test_check_goes_by_the_floor(ctl, proof):
    """A clock behind what the replica has proof of is wrong, and the gateway
    knows: also who has lost what lies beside the replica."""
    ctl.yes("pki", "device", "pki", "brief", "--days", "20")
    ctl.yes("device", "add", "brief", "--certificate",
            "pki/devices/brief.pem")
    ctl.yes("sign", *SIGNER, "out")
    ctl.yes("apply", *GATEWAY, "out")
    check = ("check", "-r", "replica.db", "pki/devices/brief.pem")
    assert "behind" not in ctl.yes(*check)
    later = int(time.time()) + 21 * 86400
    path = ctl.folder / "replica.db"
    if proof == "beside it":
        path = ctl.folder / "replica.db.local"
        change = "UPDATE floor SET time = ?"
    else:
        (ctl.folder / "replica.db.local").unlink()
        change = "UPDATE replica SET this_update = ?"
    with sqlite3.connect(path) as database:
        database.execute(change, (later,))
    text = ctl.no(*check)
    assert "deny: certificate_expired" in text
    assert "which is behind what there is proof of" in text
    ctl.yes(*check, "--at", str(int(time.time())))


def test_apply_names_the_file_that_is_missing(ctl):
    ctl.yes("sign", *SIGNER, "out")
    part, = (ctl.folder / "out").glob("*.part")
    octets = part.read_bytes()
    part.unlink()
    assert part.name in ctl.error("apply", *GATEWAY, "out")
    part.write_bytes(octets)
    ctl.yes("apply", *GATEWAY, "out")


def test_sign_refuses_behind_its_own_files(ctl):
    shutil.copy(ctl.folder / "registry.db", ctl.folder / "backup.db")
    ctl.yes("sign", *SIGNER, "out")
    ctl.yes("device", "disable", "temp-07")
    ctl.yes("sign", *SIGNER, "out")
    ctl.yes("apply", *GATEWAY, "out")
    before = (ctl.folder / "out/notification.der").read_bytes()
    message = ctl.no("sign", "-r", "backup.db", *SIGNER, "out")
    assert "ahead of this registry" in message
    assert (ctl.folder / "out/notification.der").read_bytes() == before
    ctl.yes("sign", "-r", "backup.db", *SIGNER, "--new-session", "out")
    assert ctl.yes("apply", *GATEWAY, "out") == (
        "replica.db: serial 1, 20 records\n")


# ---- publish ----

class Gateway(Device):
    """A client of the upstream broker that acts as a gateway's bridge."""

    def __init__(self, broker, name="gateway"):
        super().__init__(broker, name)
        self.notifications = []
        self.retained = []
        self.parts = {}

    def on_message(self, client, userdata, message):
        if message.topic == TOPIC + "notification":
            self.notifications.append(message.payload)
            self.retained.append(message.retain)
        elif message.topic == TOPIC + "content":
            assert not message.retain
            name = hashlib.sha256(message.payload).hexdigest()
            self.parts.setdefault(name, []).append(message.payload)

    def join(self):
        assert self.connect() == 0
        self.subscribe(TOPIC + "content")
        self.subscribe(TOPIC + "notification")
        return self

    def ask(self, *want, gateway=SCOPE):
        self.publish(TOPIC + "request", json.dumps({
            "type": "trust-request", "gateway": gateway, "scope": SCOPE,
            "session": None, "have": 0, "want": want}))

    def report(self, **more):
        self.publish(TOPIC + "report", json.dumps({
            "type": "trust-report", "gateway": SCOPE, "scope": SCOPE,
            "session": None, "serial": 0, "state": "0" * 64, "records": 0,
            "applied_at": None, "stale": False, "refused": {},
            "version": "0.1.0", "format": 1, **more}))

    def wait_notification(self, n):
        """Notification number n, from 1."""
        self.wait(lambda: len(self.notifications) >= n, "notification")
        return self.notifications[n - 1]


class Publisher:
    """trustctl publish --follow."""

    def __init__(self, ctl, *arguments):
        self.log_path = ctl.folder / "publish.log"
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [PROGRAM, "publish", *map(str, arguments), "--follow"],
                cwd=ctl.folder, env=ctl.environment, stdout=log, stderr=log,
                stdin=subprocess.DEVNULL)

    def log(self):
        return self.log_path.read_text()

    def wait_log(self, text, patience=broker.PATIENCE):
        wait_until(lambda: text in self.log(),
                   lambda: f"{text!r} in {self.log()}", patience)

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(10)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


class Upstream:
    """A broker for origin and gateways, with TLS both ways, and a folder
    with the origin's registry."""

    def __init__(self, site, ctl):
        self.site = site
        self.ctl = ctl
        site.pki.certificate("clients", ca="yes")
        for name in ("origin", "gateway", "gateway-2"):
            site.pki.certificate(name, issuer="clients")
        listener = Listener("tls", lines=(
            f"cafile {site.pki.file('clients')}",
            "use_identity_as_username true"))
        self.rules = site.folder / "upstream.acl"
        self.rules.write_text("pattern readwrite #\n")
        self.broker = site.start(plugin=False, listeners=(listener,),
                                 conf=(f"acl_file {self.rules}",))
        self.publishers = []

    def restrict(self, rules):
        """What clients may do there from now on."""
        self.rules.write_text(rules)
        self.broker.reload()

    def options(self, name="origin"):
        pki = self.site.pki
        return (*SIGNER, "--host", "localhost", "--port", self.broker.port(),
                "--cafile", pki.file("server-root"),
                "--cert", pki.file(name),
                "--tls-key", pki.key_file(name))

    def gateway(self, name="gateway"):
        gateway = Gateway(self.broker, name)
        self.site.devices.append(gateway)
        return gateway.join()

    def follow(self, *more):
        publisher = Publisher(self.ctl, *self.options(), *more)
        self.publishers.append(publisher)
        return publisher

    def read(self, der):
        """What a notification says."""
        self.ctl.write("notification.der", der)
        return content(self.ctl, "notification.der")


@pytest.fixture
def upstream(site, ctl):
    upstream = Upstream(site, ctl)
    yield upstream
    for publisher in upstream.publishers:
        publisher.kill()


def digests(parts):
    return [part["sha256"] for part in parts]


def test_publish_once(upstream):
    ctl = upstream.ctl
    out = ctl.yes("publish", *upstream.options())
    assert out.startswith("scope gw1: published serial 1, 20 records")
    assert "only while somebody answers" in out
    gateway = upstream.gateway()
    said = upstream.read(gateway.wait_notification(1))
    assert gateway.retained == [True]
    assert (said["serial"], said["records"]) == (1, 20)
    ctl.yes("device", "disable", "temp-07")
    assert "published serial 2, " in ctl.yes("publish", *upstream.options())
    gateway.wait_notification(2)


def test_publish_answers_requests(upstream):
    publisher = upstream.follow()
    gateway = upstream.gateway()
    said = upstream.read(gateway.wait_notification(1))
    part, = digests(said["snapshot"]["parts"])
    gateway.ask(part)
    gateway.wait(lambda: part in gateway.parts, "part")
    assert gateway.parts[part][0].count(b"\n") == 20
    # What nobody has, and what is no request, is not answered.
    gateway.ask(A)
    gateway.publish(TOPIC + "request", "{}")
    time.sleep(1)
    gateway.ask(part)
    gateway.wait(lambda: len(gateway.parts[part]) == 2, "part again")
    assert list(gateway.parts) == [part]
    assert publisher.stop() == 0


def test_equal_requests_are_joined(upstream):
    publisher = upstream.follow()
    gateway = upstream.gateway()
    said = upstream.read(gateway.wait_notification(1))
    part, = digests(said["snapshot"]["parts"])
    start = time.monotonic()
    for i in range(20):
        gateway.ask(part, gateway=f"gw-{i}")
    gateway.wait(lambda: part in gateway.parts, "part")
    # Once for those before the sending, once for those who may have missed
    # it, and whoever took longer than a second to ask is none of them.
    time.sleep(2)
    assert len(gateway.parts[part]) <= 1 + time.monotonic() - start
    assert publisher.stop(signal.SIGINT) == 0


def test_two_gateways_ask_within_a_second(upstream):
    """The second may have missed what the first got: it asks once, and is
    not left to ask again."""
    upstream.follow()
    first, second = upstream.gateway(), upstream.gateway("gateway-2")
    said = upstream.read(first.wait_notification(1))
    part, = digests(said["snapshot"]["parts"])
    first.ask(part, gateway="gw-1")
    for gateway in (first, second):
        gateway.wait(lambda: part in gateway.parts, "part")
        gateway.parts.clear()
    second.ask(part, gateway="gw-2")
    for gateway in (first, second):
        gateway.wait(lambda: part in gateway.parts, "part again")


def test_a_gateway_far_behind_asks_for_each_part_once(upstream):
    """More deltas than fit into one request: the next request goes out when
    the parts of the one before are there, and no wish is lost."""
    ctl = upstream.ctl
    ctl.put(*(device(f"more-{i}", f"{i + 1000:064x}") for i in range(2000)))
    for i in range(200):
        ctl.put(device("temp-00", A, comment=f"change {i}"))
        ctl.yes("sign", *SIGNER, "out")
    upstream.follow()
    gateway = upstream.gateway()
    said = upstream.read(gateway.wait_notification(1))
    wanted = [digest for delta in said["deltas"]
              for digest in digests(delta["parts"])]
    assert len(wanted) == 199
    for i in range(0, len(wanted), 64):
        batch = wanted[i:i + 64]
        gateway.ask(*batch)
        gateway.wait(lambda: gateway.parts.keys() >= set(batch), "parts")


def test_many_parts_come_all(upstream):
    ctl = upstream.ctl
    ctl.put(*(device(f"more-{i}", f"{i + 1000:064x}", comment="x" * 900)
              for i in range(12000)))
    upstream.follow()
    gateway = upstream.gateway()
    parts = digests(upstream.read(
        gateway.wait_notification(1))["snapshot"]["parts"])
    assert len(parts) > 40
    gateway.ask(*parts[:64])
    gateway.wait(lambda: gateway.parts.keys() >= set(parts[:64]), "parts")


def test_follow_waits_for_another_writer(upstream):
    """Who writes for long while the first snapshot is built, which is after
    the scope has got its place in the registry."""
    ctl = upstream.ctl
    ctl.put(*(device(f"more-{i}", f"{i + 1000:064x}", comment="x" * 900)
              for i in range(12000)))
    publisher = upstream.follow()
    database = sqlite3.connect(
        ctl.folder / "registry.db", isolation_level=None)
    wait_until(lambda: database.execute(
        "SELECT count(*) FROM publication").fetchone()[0], lambda: "a place")
    database.execute("BEGIN IMMEDIATE")
    wait_until(lambda: "somebody else is writing it, try again"
               in publisher.log() or publisher.process.poll() is not None,
               publisher.log, 60)
    database.execute("ROLLBACK")
    database.close()
    publisher.wait_log("published serial 1,", 60)
    assert publisher.stop() == 0


def test_a_change_is_published_within_a_second(upstream):
    """Also when it is another process that edits the registry."""
    upstream.follow()
    gateway = upstream.gateway()
    gateway.wait_notification(1)
    for n in range(2, 5):
        upstream.ctl.put(device(f"new-{n}", f"{n + 100:064x}"))
        start = time.monotonic()
        said = upstream.read(gateway.wait_notification(n))
        assert time.monotonic() - start < 1
        assert said["serial"] == n
        delta = said["deltas"][-1]
        assert delta["serial"] == n
        gateway.ask(*digests(delta["parts"]))
        gateway.wait(lambda: delta["parts"][0]["sha256"] in gateway.parts,
                     "delta")


def test_a_change_of_another_scope_is_not_published(upstream):
    ctl = upstream.ctl
    publisher = upstream.follow()
    gateway = upstream.gateway()
    gateway.wait_notification(1)
    ctl.put(device("elsewhere", A, scopes=["gw2"]))
    ctl.put(device("here", B, scopes=[SCOPE]))
    gateway.wait_notification(2)
    time.sleep(0.5)
    gateway.step(0.1)
    assert len(gateway.notifications) == 2
    assert publisher.stop() == 0


def test_the_signature_is_refreshed(upstream):
    upstream.follow("--next-update", "4s")
    gateway = upstream.gateway()
    first = upstream.read(gateway.wait_notification(1))
    second = upstream.read(gateway.wait_notification(2))
    assert first["this_update"] < second["this_update"] < first["next_update"]
    for field in ("session", "serial", "state", "snapshot", "deltas"):
        assert first[field] == second[field]


def test_publish_tells_what_gateways_report(upstream):
    publisher = upstream.follow()
    gateway = upstream.gateway()
    said = upstream.read(gateway.wait_notification(1))
    gateway.report(stale=True)  # as gateways say that hold nothing
    publisher.wait_log("gateway gw1: holds nothing yet, last heard 20")
    gateway.report(session=said["session"], serial=1, state=said["state"],
                   records=20, refused={"unsolicited": 2})
    publisher.wait_log("gateway gw1: serial 1, up to date, "
                       "refused unsolicited 2, last heard 20")
    upstream.ctl.yes("device", "disable", "temp-07")
    gateway.wait_notification(2)
    gateway.report(session=said["session"], serial=1, state=said["state"],
                   records=20, stale=True)
    publisher.wait_log("gateway gw1: serial 1, behind by 1, stale, last")
    gateway.report(session=said["session"], serial=2, state=A, records=20)
    publisher.wait_log("its records are not those of serial 2")


def test_a_gateway_that_missed_what_is_out_is_reminded(upstream):
    """As where it came to a node of a cluster that retains nothing of what
    was published at another."""
    upstream.follow()
    gateway = upstream.gateway()
    first = gateway.wait_notification(1)
    said = upstream.read(first)
    gateway.report(session=said["session"], serial=1, state=said["state"],
                   records=20)
    gateway.report(stale=True, gateway="gw2")
    # Half a minute later it is passed on as it is: nobody signs again.
    deadline = time.monotonic() + 120
    while len(gateway.notifications) < 2 and time.monotonic() < deadline:
        gateway.step(0.05)
    assert gateway.wait_notification(2) == first
    upstream.ctl.yes("device", "disable", "temp-07")
    assert upstream.read(gateway.wait_notification(3))["serial"] == 2


def test_an_origin_restored_from_a_backup_does_not_sign(upstream):
    ctl = upstream.ctl
    shutil.copy(ctl.folder / "registry.db", ctl.folder / "backup.db")
    ctl.yes("publish", *upstream.options())
    ctl.yes("device", "disable", "temp-07")
    ctl.yes("publish", *upstream.options())
    restored = ("-r", "backup.db", *upstream.options())
    assert "ahead of this registry" in ctl.no("publish", *restored)
    assert "ahead of this registry" in ctl.no(
        "publish", *restored, "--follow")
    gateway = upstream.gateway()
    old = upstream.read(gateway.wait_notification(1))
    assert old["serial"] == 2
    ctl.yes("publish", *restored, "--new-session")
    new = upstream.read(gateway.wait_notification(2))
    assert new["session"] != old["session"]
    assert new["this_update"] > old["this_update"]


def test_follow_ends_when_somebody_else_is_ahead(upstream):
    ctl = upstream.ctl
    shutil.copy(ctl.folder / "registry.db", ctl.folder / "other.db")
    publisher = upstream.follow()
    gateway = upstream.gateway()
    gateway.wait_notification(1)
    ctl.yes("publish", "-r", "other.db", *upstream.options(), "--new-session")
    assert publisher.process.wait(10) == 1
    assert "another and later session" in publisher.log()


def test_a_stranger_cannot_stop_an_origin_that_has_an_anchor(upstream):
    """Who may write to the topic signs something that looks ahead."""
    ctl = upstream.ctl
    ctl.yes("init", "-r", "strange.db")
    ctl.yes("pki", "init", "strange", "--hostname", "localhost")
    strange = list(upstream.options())
    strange[strange.index("--signer") + 1] = "strange/registry-signer.pem"
    strange[strange.index("--key") + 1] = "strange/registry-signer.key"
    publisher = upstream.follow(*ANCHOR)
    gateway = upstream.gateway()
    gateway.wait_notification(1)
    time.sleep(1)
    ctl.yes("publish", "-r", "strange.db", *strange, "--new-session")
    said = upstream.read(gateway.wait_notification(3))
    assert (said["serial"], said["records"]) == (1, 20)
    publisher.wait_log("replacing what is retained there: signer "
                       "CN=Development Registry Signer")
    assert publisher.stop() == 0


def test_a_mass_removal_beside_one_that_follows(upstream):
    publisher = upstream.follow()
    gateway = upstream.gateway()
    assert not upstream.read(gateway.wait_notification(1))["mass_removal"]
    upstream.ctl.yes("publish", *upstream.options(), "--mass-removal")
    said = upstream.read(gateway.wait_notification(2))
    assert (said["mass_removal"], said["serial"]) == (True, 1)
    upstream.ctl.yes("device", "disable", "temp-07")
    said = upstream.read(gateway.wait_notification(3))
    assert (said["mass_removal"], said["serial"]) == (True, 2)
    assert publisher.stop() == 0


def test_a_mass_removal_reaches_a_gateway_that_was_away(ctl):
    """It hears of it together with the next serial, which removes nothing."""
    ctl.yes("sign", *SIGNER, "out")
    ctl.yes("apply", *GATEWAY, "out")
    for i in range(12):
        ctl.yes("remove", "device", f"temp-{i:02}")
    ctl.yes("sign", *SIGNER, "--mass-removal", "out")
    ctl.put(device("temp-20", A))
    ctl.yes("sign", *SIGNER, "out")
    assert ctl.yes("apply", *GATEWAY, "out") == (
        "replica.db: serial 3, 9 records\n")


def test_rubbish_that_is_retained_is_replaced(upstream):
    gateway = upstream.gateway()
    gateway.publish(TOPIC + "notification", "rubbish", retain=True)
    gateway.wait_notification(1)
    publisher = upstream.follow()
    assert upstream.read(gateway.wait_notification(2))["serial"] == 1
    gateway.publish(TOPIC + "notification", "rubbish", retain=True)
    gateway.wait_notification(3)
    assert upstream.read(gateway.wait_notification(4))["serial"] == 1
    publisher.wait_log("replacing what is retained there")


def test_publish_comes_back_after_the_broker(upstream, monkeypatch):
    publisher = upstream.follow()
    gateway = upstream.gateway()
    gateway.wait_notification(1)
    port = upstream.broker.port()
    upstream.broker.stop()
    publisher.wait_log("; trying again in ")
    upstream.ctl.yes("device", "disable", "temp-07")
    monkeypatch.setattr(broker, "free_port", lambda: port)
    upstream.broker.start()
    again = upstream.gateway()
    said = upstream.read(again.wait_notification(1))
    assert said["serial"] == 2
    publisher.wait_log(": connected again\n")
    assert publisher.stop() == 0


def test_a_broker_that_is_not_there(upstream):
    ctl = upstream.ctl
    options = [*upstream.options()]
    options[options.index("--port") + 1] = 1
    assert ctl.error("publish", *options).startswith(
        "localhost:1: MQTT: Connection refused")
    for words, got in ((["--cert"], "no --cafile"),
                       (["--cafile", "x.pem", "--cert"], "certificate alone"),
                       (["--cafile", "x.pem", "--tls-key"], "a key alone")):
        message = ctl.error("publish", *SIGNER, "--host", "localhost",
                            *words, "x.pem")
        assert "want --cafile" in message and got in message


def test_files_for_tls_that_are_none(upstream):
    """Each is named, with what is wrong, before anything is sent."""
    pki = upstream.site.pki
    ctl = upstream.ctl
    ctl.write("text.pem", "no certificate")
    root, cert = pki.file("server-root"), pki.file("origin")
    for files, words in (
            (["no.pem"], ["no.pem: "]),
            (["text.pem"], ["text.pem: ", "certificate"]),
            ([root, "no.pem", pki.key_file("origin")], ["no.pem: "]),
            ([root, cert, "no.key"], ["no.key: "]),
            ([root, cert, "text.pem"], ["text.pem: ", "private key"]),
            ([root, cert, pki.key_file("gateway")],
             ["want the private key of", "got another"])):
        message = ctl.error(
            "publish", *SIGNER, "--host", "localhost", "--port", 1,
            *(word for pair in zip(("--cafile", "--cert", "--tls-key"), files)
              for word in pair))
        assert message.count("\n") <= 1
        for word in words:
            assert word in message


def test_a_broker_of_another_ca(upstream):
    options = [*upstream.options()]
    options[options.index("--cafile") + 1] = upstream.site.pki.file("clients")
    assert (f"localhost:{upstream.broker.port()}: TLS: certificate "
            "verify failed; compare the broker's certificate with --cafile"
            ) in upstream.ctl.error("publish", *options)


def test_a_broker_that_speaks_tls_and_one_that_does_not(upstream, site):
    """Each spoken to in the other's way: the reason is the option."""
    plain = site.start(plugin=False, listeners=(broker.PLAIN,))
    cafile = site.pki.file("server-root")
    for port, more, words in (
            (upstream.broker.port(), (), "anchors with --cafile"),
            (plain.port("plain"), ("--cafile", cafile),
             "does the broker speak TLS on this port?")):
        message = upstream.ctl.error("publish", *SIGNER, "--host", "localhost",
                                     "--port", port, *more)
        assert message.startswith(f"localhost:{port}: ")
        assert words in message


# ---- Published is what comes back ----

NOTIFICATION = TOPIC + "notification"
READ = f"user origin\ntopic read {TOPIC}#\n"
WRITE = f"user origin\ntopic write {TOPIC}#\n"
OTHERS = "user gateway\ntopic readwrite #\n"


def test_publish_that_the_broker_drops(upstream):
    """It acknowledges what its access rules drop."""
    ctl = upstream.ctl
    upstream.restrict(READ + OTHERS)
    message = ctl.error("publish", *upstream.options(), timeout=PATIENCE)
    for words in (NOTIFICATION, "want the broker to retain", "got nothing",
                  "access rules"):
        assert words in message
    assert "published serial 1, " in ctl.yes(
        "publish", *upstream.options("gateway"))
    ctl.yes("device", "disable", "temp-07")
    assert "got what was there before" in ctl.error(
        "publish", *upstream.options(), timeout=PATIENCE)
    gateway = upstream.gateway()
    assert upstream.read(gateway.wait_notification(1))["serial"] == 1


def test_publish_by_a_client_that_may_not_read(upstream):
    """Nobody can say, and so it does not; those who may read have it."""
    upstream.restrict(WRITE + OTHERS)
    message = upstream.ctl.error("publish", *upstream.options(),
                                 timeout=PATIENCE)
    for words in (NOTIFICATION, "got nothing", "or not read it back"):
        assert words in message
    gateway = upstream.gateway()
    assert upstream.read(gateway.wait_notification(1))["serial"] == 1


def test_follow_publishes_again_what_the_broker_dropped(upstream):
    upstream.restrict(READ + OTHERS)
    publisher = upstream.follow()
    publisher.wait_log(f"{NOTIFICATION}: want the broker to retain",
                       PATIENCE)
    publisher.wait_log("; trying again in 10 seconds\n")
    assert "published serial" not in publisher.log()
    upstream.restrict("pattern readwrite #\n")
    publisher.wait_log("published serial 1, ", PATIENCE)
    gateway = upstream.gateway()
    assert upstream.read(gateway.wait_notification(1))["serial"] == 1
    assert publisher.stop() == 0
