# SPDX-License-Identifier: Apache-2.0
"""Ways past the plugin: another plugin that lets everybody in, and SIGHUP,
when the broker asks again for clients that it knows."""

import pathlib
import shutil
import sqlite3
import subprocess
import time

import pytest

from broker import PLAIN, TLS
from clients import V5

SOURCE = pathlib.Path(__file__).parent / "other_plugin.c"
REFUSED = 0x87
NOT_ALLOWED = 0x80


@pytest.fixture
def other(site):
    """The line of mosquitto.conf for other_plugin.c."""
    if shutil.which("gcc") is None:
        pytest.skip("no gcc, and so no second plugin")
    library = site.folder / "other_plugin.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, SOURCE],
                   check=True)
    return f"plugin {library}"


def add_talker(site):
    """A sensor that may publish to all others."""
    site.registry.put(
        '{"kind":"role","id":"talker","rules":[{"effect":"allow","actions":'
        '["publish"],"topics":["devices/#"]}]}\n'
        + site.sensor("talker", '"roles":["talker"],'))


def wait_until_seen(site, broker):
    """Until the plugin has looked at all sessions, and at the registry as it
    was when this began: a witness is closed."""
    if "witness" not in site.pki.described:
        site.add_sensor("witness")
    site.registry.run("device", "enable", "witness")
    witness = site.connect(broker, "witness")
    site.registry.run("device", "disable", "witness")
    witness.wait_closed()


# ---- Another plugin ----

@pytest.mark.parametrize("client_id", ["temp-01", "temp-02", "temp-03/x"])
def test_enhanced_authentication_of_a_guest(site, other, client_id):
    """It takes no device's name, whether or not the device is there."""
    site.add_sensor("temp-01")
    site.add_sensor("temp-02", '"status":"disabled",')
    site.add_sensor("temp-03", '"client_id":"prefix",')
    broker = site.start(listeners=[TLS, PLAIN], after=[other])
    device = site.connect(broker, "temp-01")
    guest = site.device(broker, client_id=client_id, listener="plain",
                        version=V5, username="temp-01")
    assert guest.connect(AuthenticationMethod="X") == REFUSED
    assert broker.wait_refusal() == ("no_certificate", None)
    assert device.is_alive()


def test_enhanced_authentication_of_an_ordinary_guest(site, other):
    site.add_sensor("temp-01")
    acl = site.folder / "acl"
    acl.write_text("topic readwrite plant/#\n")
    broker = site.start(listeners=[TLS, PLAIN], conf=[f"acl_file {acl}"],
                        after=[other])
    guest = site.device(broker, client_id="guest", listener="plain",
                        version=V5)
    assert guest.connect(AuthenticationMethod="X") == 0
    assert guest.subscribe("plant/#") == 1
    assert guest.is_alive()
    assert broker.refusals() == []


def test_a_plugin_line_before_ours(site, other):
    """It lets a guest in as a device, and nobody asks this plugin. The guest
    reaches no topic, and is closed."""
    site.add_sensor("temp-01")
    add_talker(site)
    broker = site.start(listeners=[TLS, PLAIN], conf=[other])
    talker = site.connect(broker, "talker")
    device = site.connect(broker, "temp-01", clean=False)
    device.subscribe("devices/temp-01/#")
    guest = site.device(broker, client_id="temp-01", listener="plain",
                        username="temp-01", password="secret", clean=False)
    assert guest.connect() == 0
    device.wait_closed()
    talker.publish("devices/temp-01/t", "for the sensor")
    answer = guest.answer(guest.client.subscribe("devices/temp-01/#")[1])
    assert answer in (None, [NOT_ALLOWED])  # closed before, or refused
    guest.wait_closed()
    assert guest.messages == []
    broker.wait_log("client temp-01 came in ")
    device = site.connect(broker, "temp-01")
    assert device.subscribe("devices/temp-01/#") == 1
    talker.publish("devices/temp-01/t", "genuine")
    device.expect("genuine")
    assert device.is_alive()


def test_a_plugin_behind_ours_is_told_of_sighup(site, other):
    broker = site.start(after=[other])
    for _ in range(2):
        mark = broker.reload()
        broker.wait_log("other_plugin: reload", since=mark)


# ---- A device's name ----

def test_a_guest_before_the_device(site):
    """A guest that the broker refuses in the end leaves nothing behind that
    counts when its name turns out to be a device's."""
    site.add_group("plant", "factory-root", '"enroll":"automatic",')
    site.pki.certificate("auto-01", issuer="factory-root")
    broker = site.start(listeners=[TLS, PLAIN])
    guest = site.device(broker, client_id="auto-01", listener="plain")
    assert guest.connect() == 5
    for _ in range(2):  # the guest's place in memory is theirs
        site.raw(broker, "auto-01")
    device = site.connect(broker, "auto-01")
    site.registry.put('{"kind":"role","id":"unrelated","rules":[]}')
    wait_until_seen(site, broker)
    assert device.is_alive()
    assert "closed client auto-01" not in broker.log()


def test_a_guest_gives_way_to_the_device(site):
    """A guest is connected under a name that nobody has registered when the
    first certificate with that name comes."""
    site.add_group("plant", "factory-root", '"enroll":"automatic",')
    site.pki.certificate("auto-01", issuer="factory-root")
    broker = site.start(listeners=[TLS, PLAIN], conf=["allow_anonymous true"])
    guest = site.connect(broker, client_id="auto-01", listener="plain")
    device = site.connect(broker, "auto-01")
    guest.wait_closed()
    assert device.is_alive()
    assert site.device(
        broker, client_id="auto-01", listener="plain").connect() == 5


@pytest.mark.parametrize("taken, client_id", [
    ("auto-01/other", "auto-01"), ("auto-01", "auto-01/one")])
def test_a_guest_with_a_name_of_a_device_that_enrolls(site, taken, client_id):
    """Nobody takes over the guest's connection, and its client id has become
    that of a device's module all the same."""
    site.add_group("plant", "factory-root",
                   '"enroll":"automatic","client_id":"prefix",')
    site.pki.certificate("auto-01", issuer="factory-root")
    broker = site.start(listeners=[TLS, PLAIN], conf=["allow_anonymous true"])
    guest = site.connect(broker, client_id=taken, listener="plain")
    other = site.connect(broker, client_id="auto-02", listener="plain")
    device = site.connect(broker, "auto-01", client_id=client_id)
    guest.wait_closed()
    broker.wait_log(f"closed client {taken}: no_certificate: its client id "
                    "has become a device's")
    assert device.is_alive()
    assert other.is_alive()


def test_guests_of_a_registry_that_cannot_be_read(site):
    """Nobody can tell whose their names are, and they are told so."""
    site.registry.put('{"kind":"role","id":"odd","rules":[]}')
    broker = site.start(listeners=[TLS, PLAIN], conf=["allow_anonymous true"])
    guest = site.connect(broker, client_id="guest", listener="plain")
    mark = broker.mark()
    database = sqlite3.connect(site.registry.path)
    with database:
        database.execute("UPDATE record SET line = CAST('{}' AS BLOB) "
                         "WHERE id = 'odd'")
        database.execute("UPDATE meta SET value = value + 1 "
                         "WHERE key = 'generation'")
        database.execute("INSERT INTO change(generation, kind, id) "
                         "SELECT value, 5, 'odd' FROM meta "
                         "WHERE key = 'generation'")
    database.close()
    guest.wait_closed()
    broker.wait_log("closed client guest: internal_error: nobody can tell "
                    "whether its client id is a device's: .*odd", since=mark)
    assert site.device(
        broker, client_id="guest", listener="plain").connect() == 5
    broker.wait_log("refused internal_error: .*nobody can tell whether the "
                    "client id is a device's: .*odd", since=mark)


# ---- SIGHUP ----

def test_another_certificate_after_sighup(site):
    """The broker gives a client the place in memory of one that has gone; with
    per_listener_settings no tick of Mosquitto 2.0 comes in between."""
    site.add_sensor("temp-01")
    site.add_sensor("temp-02")
    broker = site.start(per_listener_settings=True)
    broker.reload()
    for _ in range(20):
        site.connect(broker, "temp-01").drop()
        time.sleep(0.02)  # for the broker to notice
        other = site.device(broker, "temp-02", client_id="temp-01")
        assert other.connect() == 5


@pytest.fixture
def away(site):
    """A device that is away, with a clean start and a queue that expires, and
    a talker that is there."""
    site.add_sensor("temp-01")
    add_talker(site)
    site.broker = site.start()
    site.talker = site.connect(site.broker, "talker")
    return site


def leave(site, expiry):
    """Connect, subscribe and disconnect; the broker has noticed."""
    device = site.device(site.broker, "temp-01", version=V5, clean=True)
    assert device.connect(SessionExpiryInterval=expiry) == 0
    assert device.subscribe("devices/temp-01/#") == 1
    device.disconnect()
    wait_until_seen(site, site.broker)


def come_back(site):
    device = site.device(site.broker, "temp-01", version=V5, clean=False)
    assert device.connect(SessionExpiryInterval=600) == 0, site.broker.log()
    return device


def disable(site):
    """Disable the device, and wait until the broker knows."""
    site.registry.run("device", "disable", "temp-01")
    wait_until_seen(site, site.broker)


def test_away_during_sighup(away):
    leave(away, 600)
    away.talker.publish("devices/temp-01/t", "before")
    away.broker.reload()
    away.talker.publish("devices/temp-01/t", "after")
    device = come_back(away)
    assert device.session_present
    device.expect("before", "after")
    assert away.broker.refusals() == []


def test_disabled_while_away(away):
    """Its queue gets nothing more, also when SIGHUP comes."""
    leave(away, 600)
    disable(away)
    away.talker.publish("devices/temp-01/t", "disabled")
    away.broker.reload()
    away.talker.publish("devices/temp-01/t", "disabled still")
    away.registry.run("device", "enable", "temp-01")
    device = come_back(away)
    assert device.session_present and device.is_alive()
    assert device.messages == []
    assert away.broker.refusals() == []


@pytest.mark.parametrize("disabled", [False, True])
def test_expired_after_sighup(away, disabled):
    """The broker frees the client that is away, once."""
    leave(away, 3)
    if disabled:
        disable(away)
    away.broker.reload()
    away.broker.wait_log("Expiring client temp-01 ")
    away.talker.publish("devices/temp-01/t", "too late")
    assert away.talker.is_alive()
    assert away.broker.refusals() == []
    if not disabled:
        assert not come_back(away).session_present


def test_a_guest_keeps_no_name_after_a_refused_newcomer(site):
    """Somebody came with the guest's client id and was refused by others;
    when the id becomes a device's, the guest goes all the same."""
    passwords = site.folder / "passwords"
    passwords.write_text("")
    subprocess.run(["mosquitto_passwd", "-b", passwords, "bob", "secret"],
                   check=True)
    site.pki.certificate("temp-09")
    site.registry.put(site.sensor("temp-01"))
    broker = site.start(listeners=[TLS, PLAIN], conf=[
        "allow_anonymous true", f"password_file {passwords}"])
    guest = site.connect(broker, client_id="temp-09", listener="plain")
    newcomer = site.device(broker, client_id="temp-09", listener="plain",
                           username="bob", password="wrong")
    assert newcomer.connect() == 5
    assert guest.is_alive()
    site.registry.put(
        '{"kind":"device","id":"temp-09","auth":{"type":"thumbprint",'
        '"primary":"{thumbprint:temp-09}"}}')
    guest.wait_closed()
