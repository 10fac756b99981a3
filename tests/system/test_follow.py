# SPDX-License-Identifier: Apache-2.0
"""The registry changes while the broker runs: seen within a second, without
SIGHUP, and felt by those alone whom it concerns."""

import os
import sqlite3
import time

import pytest

from broker import Registry, wait_until
from test_topics import will

# "Seen within a second", with room for a slow machine.
SOON = 5


def let_in(site, broker, *chain, **more):
    """Whether the client is let in now."""
    device = site.device(broker, *chain, **more)
    code = device.connect()
    device.drop()
    return code == 0


def soon(condition, what):
    wait_until(condition, what, SOON)


@pytest.fixture
def watched(site):
    """A broker with two sensors and a witness of what they publish."""
    site.registry.put(
        '{"kind":"role","id":"witness","rules":[{"effect":"allow","actions":'
        '["subscribe"],"topics":["devices/#"]}]}\n'
        + site.sensor("witness", '"roles":["witness","default"],')
        + site.sensor("temp-01") + site.sensor("temp-02"))
    site.broker = site.start()
    site.witness = site.connect(site.broker, "witness")
    site.witness.subscribe("devices/#")
    site.first = site.connect(site.broker, "temp-01",
                              will=will("devices/temp-01/will"))
    site.second = site.connect(site.broker, "temp-02",
                               will=will("devices/temp-02/will"))
    yield site
    # Whatever happened to temp-01, nobody else noticed, and its will was
    # not sent.
    assert site.second.is_alive()
    site.second.publish("devices/temp-02/t", "last")
    site.witness.expect("last")


def test_added(watched):
    watched.pki.certificate("temp-03")
    assert not let_in(watched, watched.broker, "temp-03")
    watched.registry.run("device", "add", "temp-03", "--thumbprint",
                         watched.pki.get("temp-03").thumbprint)
    soon(lambda: let_in(watched, watched.broker, "temp-03"), "let in")
    watched.first.disconnect()


def test_disabled(watched):
    watched.registry.run("device", "disable", "temp-01")
    watched.first.wait_closed()
    watched.broker.wait_log("closed client temp-01: device_disabled")
    assert not let_in(watched, watched.broker, "temp-01")
    watched.registry.run("device", "enable", "temp-01")
    soon(lambda: let_in(watched, watched.broker, "temp-01"), "let in")


def test_removed(watched):
    watched.registry.remove("device", "temp-01")
    watched.first.wait_closed()
    watched.broker.wait_log("closed client temp-01: unknown_certificate")


def test_other_thumbprint(watched):
    watched.pki.certificate("temp-01-new", subject="CN=temp-01")
    watched.registry.put(
        '{"kind":"device","id":"temp-01","auth":{"type":"thumbprint",'
        '"primary":"{thumbprint:temp-01-new}"}}')
    watched.first.wait_closed()
    watched.broker.wait_log("closed client temp-01: thumbprint_mismatch")
    assert let_in(watched, watched.broker, "temp-01-new",
                  client_id="temp-01")


def test_thumbprint_becomes_secondary(watched):
    """Rolling two pins: the session goes on."""
    watched.pki.certificate("temp-01-new", subject="CN=temp-01")
    watched.registry.put(
        '{"kind":"device","id":"temp-01","auth":{"type":"thumbprint",'
        '"primary":"{thumbprint:temp-01-new}",'
        '"secondary":"{thumbprint:temp-01}"}}')
    watched.add_sensor("temp-03")
    soon(lambda: let_in(watched, watched.broker, "temp-03"), "let in")
    assert watched.first.is_alive()
    watched.first.disconnect()


def test_thumbprint_moves_to_another_device(watched):
    """The certificate is good, and stands for somebody else now."""
    watched.registry.put(
        '{"kind":"device","id":"temp-01","auth":{"type":"psk","identity":"x",'
        '"key":"eA=="}}\n'
        '{"kind":"device","id":"temp-09","auth":{"type":"thumbprint",'
        '"primary":"{thumbprint:temp-01}"}}')
    watched.first.wait_closed()
    assert let_in(watched, watched.broker, "temp-01", client_id="temp-09")


def test_roles_change(watched):
    """A live session gets the new rules at once."""
    watched.registry.put(
        '{"kind":"role","id":"talker","rules":[{"effect":"allow","actions":'
        '["publish","subscribe"],"topics":["plant/#"]}]}')
    assert watched.first.subscribe("plant/#") == 0x80
    watched.registry.put(
        '{"kind":"device","id":"temp-01","roles":["talker"],"auth":{"type":'
        '"thumbprint","primary":"{thumbprint:temp-01}"}}')
    soon(lambda: watched.first.subscribe("plant/#") == 1, "new rules")
    assert watched.first.subscribe("devices/temp-01/#") == 0x80
    watched.registry.remove("role", "talker")
    soon(lambda: watched.first.subscribe("plant/x") == 0x80, "no rules")
    watched.first.disconnect()


def test_client_id_rule_changes(watched):
    watched.add_sensor("mod-01", '"client_id":"prefix",')
    module = watched.connect(watched.broker, "mod-01", client_id="mod-01/a")
    watched.registry.put(
        '{"kind":"device","id":"mod-01","auth":{"type":"thumbprint",'
        '"primary":"{thumbprint:mod-01}"}}')
    module.wait_closed()
    watched.broker.wait_log("closed client mod-01/a: client_id_mismatch")
    watched.first.disconnect()


# Chains.

@pytest.fixture
def chained(site):
    """Two sensors of one group, enrolled by their chains."""
    site.add_group("plant", "factory-root", '"enroll":"automatic",')
    site.pki.certificate("leaf-01", issuer="line-ca")
    site.pki.certificate("leaf-02", issuer="factory-root")
    site.broker = site.start()
    site.first = site.connect(site.broker, "leaf-01", "line-ca")
    site.second = site.connect(site.broker, "leaf-02")
    return site


def test_revoked(chained):
    chained.pki.crl("line-ca", revoked="leaf-01")
    chained.registry.put('{"kind":"crl","id":"line","pem":"{crl:line-ca}"}')
    chained.first.wait_closed()
    chained.broker.wait_log("closed client leaf-01: certificate_revoked")
    assert chained.second.is_alive()


def test_intermediate_revoked(chained):
    chained.pki.crl("factory-root", revoked="line-ca")
    chained.registry.put(
        '{"kind":"crl","id":"root","pem":"{crl:factory-root}"}')
    chained.first.wait_closed()
    chained.broker.wait_log("closed client leaf-01: certificate_revoked")
    assert chained.second.is_alive()


@pytest.mark.parametrize("how", ["removed", "disabled", "replaced"])
def test_anchor(chained, how):
    if how == "removed":
        chained.registry.remove("anchor", "plant")
    else:
        name = "other-root" if how == "replaced" else "factory-root"
        status = "enabled" if how == "replaced" else "disabled"
        chained.registry.put(
            f'{{"kind":"anchor","id":"plant","purposes":["device"],"status":'
            f'"{status}","pem":"{{pem:{name}}}"}}')
    chained.first.wait_closed()
    chained.second.wait_closed()
    chained.broker.wait_log("closed client leaf-02: chain_untrusted")


def test_group_wants_records(chained):
    """Enrollment ends: who has a record stays."""
    chained.registry.put(
        '{"kind":"device","id":"leaf-02","auth":{"type":"ca",'
        '"group":"plant"}}\n'
        '{"kind":"group","id":"plant","anchors":["plant"]}')
    chained.first.wait_closed()
    chained.broker.wait_log("closed client leaf-01: device_unknown")
    assert chained.second.is_alive()


def test_enrolled_device_is_disabled(chained):
    chained.registry.put(
        '{"kind":"device","id":"leaf-01","status":"disabled","auth":{"type":'
        '"ca","group":"plant"}}')
    chained.first.wait_closed()
    chained.broker.wait_log("closed client leaf-01: device_disabled")
    assert chained.second.is_alive()


def test_name_becomes_a_pinned_device(chained):
    """A record with a thumbprint: the chain does not rescue its namesake."""
    chained.pki.certificate("new-01")
    chained.registry.put(
        '{"kind":"device","id":"leaf-01","auth":{"type":"thumbprint",'
        '"primary":"{thumbprint:new-01}"}}')
    chained.first.wait_closed()
    chained.broker.wait_log("closed client leaf-01: thumbprint_mismatch")
    assert chained.second.is_alive()


# Time.

def test_certificate_expires(site):
    site.add_sensor("temp-02")
    broker = site.start()
    other = site.connect(broker, "temp-02")
    site.pki.now = int(time.time())
    site.add_sensor("temp-01", until="+5s")
    device = site.connect(broker, "temp-01")
    device.wait_closed()
    broker.wait_log("closed client temp-01: certificate_expired")
    assert not let_in(site, broker, "temp-01")
    assert broker.wait_refusal()[0] == "certificate_expired"
    assert other.is_alive()


def test_intermediate_expires(site):
    site.add_group("plant", "factory-root", '"enroll":"automatic",')
    site.pki.certificate("leaf-02", issuer="factory-root")
    broker = site.start()
    other = site.connect(broker, "leaf-02")
    site.pki.now = int(time.time())
    site.pki.certificate("short-ca", issuer="factory-root", ca="yes",
                         until="+5s")
    site.pki.certificate("leaf-01", issuer="short-ca")
    device = site.connect(broker, "leaf-01", "short-ca")
    device.wait_closed()
    broker.wait_log("closed client leaf-01: certificate_expired")
    assert other.is_alive()


# The file.

def other_registry(site, name):
    """Another registry, which has temp-02 instead of temp-01."""
    registry = Registry(site.folder / name, site.pki, "")
    registry.put(
        '{"kind":"device","id":"temp-02","auth":{"type":"thumbprint",'
        '"primary":"{thumbprint:temp-02}"}}')
    return registry


def test_missing_at_start(site):
    """It starts, and works as soon as there is a registry."""
    late = site.folder / "late.db"
    site.registry.path = late
    site.pki.certificate("temp-02")
    broker = site.start()
    assert not let_in(site, broker, "temp-02")
    assert broker.wait_refusal()[0] == "registry_missing"
    other_registry(site, "late.db")
    soon(lambda: let_in(site, broker, "temp-02"), "let in")


def test_deleted_and_made_again(site):
    site.add_sensor("temp-01")
    site.pki.certificate("temp-02")
    broker = site.start()
    assert let_in(site, broker, "temp-01")
    for path in site.folder.glob("registry.db*"):
        path.unlink()
    soon(lambda: not let_in(site, broker, "temp-01"), "refused")
    assert broker.wait_refusal()[0] == "registry_missing"
    other_registry(site, "registry.db")
    soon(lambda: let_in(site, broker, "temp-02"), "let in")
    assert not let_in(site, broker, "temp-01")


def test_replaced(site):
    """Another registry is moved over the one that is there."""
    site.add_sensor("temp-01")
    site.pki.certificate("temp-02")
    broker = site.start()
    device = site.connect(broker, "temp-01")
    other = other_registry(site, "other.db")
    os.replace(other.path, site.registry.path)
    soon(lambda: let_in(site, broker, "temp-02"), "let in")
    device.wait_closed()
    assert not let_in(site, broker, "temp-01")


@pytest.mark.parametrize("content", [
    b"", b"not a database at all\n" * 100, b"SQLite format 3\0" + b"\0" * 4080],
    ids=["empty", "text", "header"])
def test_foreign_at_start(site, content):
    path = site.folder / "foreign.db"
    path.write_bytes(content)
    site.registry.path = path
    log = site.new_broker().refuse_to_start()
    assert str(path) in log
    assert path.read_bytes() == content


def test_another_database_at_start(site):
    path = site.folder / "foreign.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE device (id TEXT)")
    database.close()
    content = path.read_bytes()
    site.registry.path = path
    assert str(path) in site.new_broker().refuse_to_start()
    assert path.read_bytes() == content


def test_damaged_at_start(site):
    for number in range(50):
        site.pki.certificate(f"temp-{number}")
    site.registry.put("\n".join(
        f'{{"kind":"device","id":"temp-{n}","auth":{{"type":"thumbprint",'
        f'"primary":"{{thumbprint:temp-{n}}}"}}}}' for n in range(50)))
    content = bytearray(site.registry.path.read_bytes())
    content[1000:] = b"\xa5" * (len(content) - 1000)
    site.registry.path.write_bytes(content)
    assert str(site.registry.path) in site.new_broker().refuse_to_start()
    assert site.registry.path.read_bytes() == content


def test_foreign_while_running(site):
    """Nothing fails open: nobody new gets in. And it comes back."""
    site.add_sensor("temp-01")
    broker = site.start()
    good = site.registry.path.read_bytes()
    assert let_in(site, broker, "temp-01")
    foreign = site.folder / "foreign"
    foreign.write_bytes(b"not a database at all\n" * 100)
    os.replace(foreign, site.registry.path)
    soon(lambda: not let_in(site, broker, "temp-01"), "refused")
    foreign.write_bytes(good)
    os.replace(foreign, site.registry.path)
    soon(lambda: let_in(site, broker, "temp-01"), "let in")


def test_floor_ends_certificates(site):
    """The clock is behind what the registry proves the time to be."""
    site.add_sensor("brief-01", until="+20d")
    site.add_sensor("long-01", until="+40d")
    broker = site.start()
    brief = site.connect(broker, "brief-01")
    long = site.connect(broker, "long-01")
    with sqlite3.connect(f"{site.registry.path}.local") as local:
        local.execute("INSERT INTO floor VALUES(1, ?)",
                      (int(time.time()) + 21 * 86400,))
    brief.wait_closed()
    broker.wait_log("closed client brief-01: certificate_expired")
    assert long.is_alive()
