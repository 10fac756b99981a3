# SPDX-License-Identifier: Apache-2.0
"""The whole way: a sensor without identity, a token, a gateway, its Edge CA."""

import hashlib
import json
import subprocess

import pytest

import edge_ca
from broker import PATIENCE, TRUSTCTL, Listener, trustctl
from edge_ca import EdgeCa, certificates

SECRET = "s" * 43


def records(site):
    def pem(name):
        return site.pki.get(name).pem

    yield {"kind": "anchor", "id": "root", "purposes": ["device"],
           "pem": pem("enroll-root")}
    yield {"kind": "anchor", "id": "maker", "purposes": ["device"],
           "pem": pem("maker")}
    yield {"kind": "group", "id": "plant", "anchors": ["root"]}
    yield {"kind": "group", "id": "made", "anchors": ["maker"],
           "identity": "serial_number", "roles": [], "enroll": "automatic"}
    yield {"kind": "device", "id": "temp-09",
           "auth": {"type": "ca", "group": "plant"}}
    yield {"kind": "token", "id": "t-1", "device": "temp-09", "gateway": "gw1",
           "secret_sha256": hashlib.sha256(SECRET.encode()).hexdigest(),
           "expires": "2099-01-01T00:00:00Z", "uses": 1}


@pytest.fixture
def plant(site):
    edge_ca.describe(site.pki)
    site.pki.certificate("maker", ca="yes")
    site.pki.certificate("idevid", issuer="maker",
                         subject="CN=model-7\nserialNumber=SN-1")
    site.registry.put(
        edge_ca.ROLE + site.sensor("edge", '"roles":["ca"],')
        + '{"kind":"role","id":"witness","rules":[{"effect":"allow",'
        '"actions":["subscribe"],"topics":["devices/#"]}]}\n'
        + site.sensor("witness", '"roles":["witness"],')
        + "".join(json.dumps(record) + "\n" for record in records(site)))
    site.broker = site.start(
        options={"client_certificates": "optional"},
        listeners=[Listener("tls", require=False)])
    site.authority = EdgeCa(site, cert=site.pki.file("edge"),
                            key=site.pki.key_file("edge"))
    site.token = edge_ca.private(
        site.pki.write("token", f"token:t-1\n{SECRET}\n"))
    yield site
    site.authority.stop()


def enroll(site, *arguments, status=0, out="dev"):
    done = trustctl(
        "enroll", "--host", "127.0.0.1", "--port", site.broker.port(),
        "--cafile", site.pki.file("server-root"), "-o", site.folder / out,
        *arguments)
    assert done.returncode == status, (done, site.broker.end(),
                                       site.authority.log())
    return done.stdout or done.stderr


def by_token(site, *arguments, **more):
    return enroll(site, "--token-file", site.token, *arguments, **more)


def renew(site, *arguments, **more):
    return enroll(site, "--cert", site.folder / "dev" / "temp-09-chain.pem",
                  "--key", site.folder / "dev" / "temp-09.key", *arguments,
                  **more)


def publish(site, printed):
    """The line that enroll prints, in a shell."""
    command = printed.partition("try:  ")[2].replace("\\\n", "")
    return subprocess.run(["sh", "-c", command], capture_output=True,
                          text=True, timeout=PATIENCE)


def test_from_no_identity_to_a_message(plant):
    witness = plant.connect(plant.broker, "witness")
    witness.subscribe("devices/#")
    out = by_token(plant)
    done = publish(plant, out)
    assert (done.returncode, done.stderr) == (0, ""), plant.broker.end()
    witness.expect("hello")
    # The token is of no use any more.
    refused = by_token(plant, status=1)
    assert "the broker's log says why" in refused
    assert "wants a new one, trustctl token create" in refused
    plant.broker.wait_log("refused token_invalid")
    # It renews, with its key, and with another.
    for arguments in (), ("--new-key",), ("--new-key",):
        before = (plant.folder / "dev" / "temp-09.pem").read_text()
        done = publish(plant, renew(plant, *arguments))
        assert (done.returncode, done.stderr) == (0, ""), plant.broker.end()
        witness.expect("hello")
        assert (plant.folder / "dev" / "temp-09.pem").read_text() != before
    assert [line["client"] for line in plant.authority.audit()] == [
        "token:t-1", "temp-09", "temp-09", "temp-09"]


def test_the_loser_of_two(plant):
    """It hears why, from the gateway."""
    by_token(plant, "temp-09")
    assert by_token(plant, status=1, out="other") == (
        "trustctl: the gateway refuses: token_invalid: every use of the token "
        "is spent on another key\n")


def two_at_once(plant):
    """What both say on standard error, and their exit statuses."""
    arguments = [TRUSTCTL, "enroll", "--host", "127.0.0.1",
                 "--port", str(plant.broker.port()),
                 "--cafile", plant.pki.file("server-root"),
                 "--token-file", plant.token, "-o"]
    both = [subprocess.Popen([*arguments, plant.folder / out],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             text=True, start_new_session=True)
            for out in ("dev", "other")]
    return sorted((process.communicate(timeout=PATIENCE)[1],
                   process.returncode) for process in both)


def test_two_at_once(plant):
    """One gets its certificate, and the other hears why it does not."""
    assert two_at_once(plant) == [("", 0), (
        "trustctl: the gateway refuses: token_invalid: every use of the token "
        "is spent on another key\n", 1)], plant.broker.end()


def test_two_uses_at_once(plant):
    """Both get theirs."""
    record = next(record for record in records(plant)
                  if record["kind"] == "token")
    plant.registry.put(json.dumps({**record, "uses": 2}))
    assert two_at_once(plant) == [("", 0), ("", 0)], plant.broker.end()
    keys = {(plant.folder / out / "temp-09.key").read_text()
            for out in ("dev", "other")}
    assert len(keys) == 2
    assert len(plant.authority.audit()) == 2


def restart_edge_ca(site, **more):
    site.authority.stop()
    site.authority = EdgeCa(site, cert=site.pki.file("edge"),
                            key=site.pki.key_file("edge"), **more)


def test_beyond_the_edge_cas_bounds(plant):
    """A refusal costs no token: the same key asks again when the bounds are
    right, after a crash as well."""
    restart_edge_ca(plant, match="other-*")
    for _ in range(2):
        assert "identity_not_in_group: temp-09: want a device that this CA " \
            "may issue to" in by_token(plant, "temp-09", status=1)
    key = (plant.folder / "dev" / "temp-09.key").read_text()
    plant.broker.kill()
    plant.broker.start()
    restart_edge_ca(plant, match="temp-*")
    assert "every use of the token is spent on another key" in by_token(
        plant, "temp-09", status=1, out="another")
    done = publish(plant, by_token(plant, "temp-09"))
    assert (done.returncode, done.stderr) == (0, ""), plant.broker.end()
    assert (plant.folder / "dev" / "temp-09.key").read_text() == key


def test_with_a_manufacturers_certificate(plant):
    """It may do nothing but ask, and comes back under its own name."""
    plant.registry.put(json.dumps(
        {"kind": "group", "id": "plant", "anchors": ["root"],
         "identity": "serial_number", "match": ["SN-*"],
         "enroll": "automatic"}))
    with_idevid = ("--cert", plant.pki.file("idevid"), "--key",
                   plant.pki.key_file("idevid"), "--new-key")
    assert "we came as model-7, is that the device" in enroll(
        plant, *with_idevid, status=1)
    out = enroll(plant, *with_idevid, "SN-1")
    witness = plant.connect(plant.broker, "witness")
    witness.subscribe("devices/#")
    done = publish(plant, out)
    assert (done.returncode, done.stderr) == (0, ""), plant.broker.end()
    witness.expect("hello")
    leaf = certificates(
        (plant.folder / "dev" / "SN-1-chain.pem").read_text())[0]
    assert "SN-1" in leaf.subject.rfc4514_string()


def test_an_edge_ca_that_is_away(plant):
    plant.authority.stop()
    assert "no Edge CA is connected there" in by_token(
        plant, "--timeout", "1s", "temp-09", status=2)
    key = (plant.folder / "dev" / "temp-09.key").read_text()
    restart_edge_ca(plant)
    by_token(plant, "temp-09")
    assert (plant.folder / "dev" / "temp-09.key").read_text() == key
