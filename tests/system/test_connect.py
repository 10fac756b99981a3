# SPDX-License-Identifier: Apache-2.0
"""CONNECT: client ids, usernames, other listeners, ways around."""

import json
import pathlib
import re
import ssl
import subprocess

import pytest

from broker import PLAIN, TLS, Listener, free_port, wait_until
from clients import V5, V31, V311, Boss

VERSIONS = pytest.mark.parametrize(
    "version, refused", [(V311, 5), (V5, 0x87)], ids=["3.1.1", "5"])
OPEN = Listener("open", require=False)


@VERSIONS
def test_client_id(site, version, refused):
    site.add_sensor("temp-01")
    broker = site.start()
    site.connect(broker, "temp-01", version=version)
    other = site.device(broker, "temp-01", client_id="temp-02",
                        version=version)
    assert other.connect() == refused
    assert broker.wait_refusal() == (
        "client_id_mismatch", site.pki.get("temp-01").thumbprint)


@VERSIONS
def test_empty_client_id(site, version, refused):
    """The broker would make one up."""
    site.add_sensor("temp-01")
    broker = site.start()
    nameless = site.device(broker, "temp-01", client_id="", version=version)
    assert nameless.connect() == refused
    assert broker.wait_refusal()[0] == "client_id_mismatch"


@VERSIONS
def test_modules(site, version, refused):
    """A device whose modules connect each for itself."""
    site.add_sensor("temp-01", '"client_id":"prefix",')
    broker = site.start()
    first = site.connect(broker, "temp-01", client_id="temp-01/first",
                         version=version)
    second = site.connect(broker, "temp-01", client_id="temp-01/second",
                          version=version)
    second.subscribe("devices/temp-01/#")
    first.publish("devices/temp-01/first", "both")
    second.expect("both")
    third = site.device(broker, "temp-01", client_id="temp-01/a/b",
                        version=version)
    assert third.connect() == refused


@VERSIONS
def test_username_is_the_device(site, version, refused):
    """What the client says is ignored."""
    site.add_sensor("temp-01")
    broker = site.start()
    for username in (None, "temp-02", "admin", "token:x"):
        device = site.connect(broker, "temp-01", version=version,
                              username=username, password="secret")
        device.disconnect()
    assert broker.log().count("u'temp-01'") == 4
    assert "u'temp-02'" not in broker.log()


def test_mqtt_3_1(site):
    """The protocol's oldest version."""
    site.add_sensor("temp-01")
    broker = site.start()
    device = site.connect(broker, "temp-01", version=V31)
    assert device.subscribe("devices/temp-01/#") == 1
    other = site.device(broker, "temp-01", client_id="temp-02", version=V31)
    assert other.connect() == 5


def test_enhanced_authentication(site):
    """MQTT 5's authentication method goes past the broker's usual check."""
    site.add_sensor("temp-01")
    broker = site.start()
    device = site.device(broker, "temp-01", version=V5)
    assert device.connect(AuthenticationMethod="EXTERNAL") not in (None, 0)
    assert "as temp-01" not in broker.log()


@pytest.mark.parametrize("setting", ["use_identity_as_username",
                                     "use_subject_as_username"])
@pytest.mark.parametrize("where", ["main", "included"])
def test_settings_that_bypass(site, setting, where):
    site.add_sensor("temp-01")
    lines = (f"{setting} true",)
    if where == "main":
        broker = site.new_broker(listeners=[Listener(lines=lines)])
    else:
        extra = site.folder / "conf.d"
        extra.mkdir()
        (extra / "extra.conf").write_text(f"{setting} true\n")
        broker = site.new_broker(listeners=[Listener(
            lines=(f"include_dir {extra}",))])
    log = broker.refuse_to_start()
    assert f"{setting}: want false, got true" in log


def test_settings_that_do_not_bypass(site):
    site.add_sensor("temp-01")
    broker = site.start(listeners=[Listener(lines=(
        "use_identity_as_username false",))])
    site.connect(broker, "temp-01")


UNASKED = ("want require_certificate true, got false: nobody is asked for a "
           "certificate there, so no device can come in over it")


def test_listeners_that_ask_for_no_certificate(site):
    """Each with TLS is warned of, by file and line."""
    extra = site.folder / "conf.d"
    extra.mkdir()
    port = free_port()
    server = site.pki.get("server")
    (extra / "server.pem").write_text(server.pem)
    (extra / "server.key").write_text(server.key_pem())
    (extra / "extra.conf").write_text(
        f"# one more\nlistener {port} 127.0.0.1\n"
        f"certfile {extra}/server.pem\nkeyfile {extra}/server.key\n")
    broker = site.start(listeners=[
        TLS, PLAIN, Listener("open", require=False),
        Listener("numbers", require=False, lines=("require_certificate 1",)),
        Listener("included", tls=False, lines=(f"include_dir {extra}",))])
    conf = broker.folder / "mosquitto.conf"
    line = 1 + conf.read_text().splitlines().index(
        f"listener {broker.port('open')} 127.0.0.1")
    assert set(re.findall(rf"mosquitto_trust: (.*): {UNASKED}",
                          broker.log())) == {
        f"{extra}/extra.conf:2: listener {port}",
        f"{conf}:{line}: listener {broker.port('open')}"}


def test_a_listener_without_a_line(site):
    """The settings before the first listener are of one at port 1883. This
    one has no certificate to start with."""
    log = site.new_broker(
        conf=["certfile /nonexistent", "keyfile /nonexistent"]
    ).refuse_to_start()
    assert re.search(rf"mosquitto.conf:\d+: listener 1883: {UNASKED}", log)


def test_a_configuration_that_cannot_be_read(site):
    """The broker goes on with what it read, maybe as another user. One line
    for all of it."""
    extra = site.folder / "conf.d"
    extra.mkdir()
    (extra / "a.conf").symlink_to("nowhere")
    (extra / "b.conf").symlink_to("nowhere")
    broker = site.start()
    conf = broker.folder / "mosquitto.conf"
    mark = broker.mark()
    conf.write_text(conf.read_text() + f"include_dir {extra}\n")
    broker.reload()
    unread = re.compile("mosquitto_trust: (.*): No such file or directory; "
                        "want it readable for user .* nobody sees whether "
                        "use_identity_as_username .* is on there")
    told = wait_until(lambda: unread.findall(broker.log(mark)), "a warning")
    assert told in ([f"{extra}/a.conf"], [f"{extra}/b.conf"])
    mark = broker.mark()
    conf.unlink()
    broker.reload()
    wait_until(lambda: unread.findall(broker.log(mark)) == [str(conf)],
               "another")


@pytest.mark.parametrize("version, refused", [(V311, 0x80), (V5, 0x87)],
                         ids=["3.1.1", "5"])
def test_settings_that_cannot_be_seen(site, version, refused):
    """Whoever came in past the plugin reaches no topic, and is closed. The
    plugin does not find mosquitto.conf behind so many arguments."""
    site.add_sensor("temp-01")
    broker = site.start(arguments=["-v"] * 5000, listeners=[Listener(lines=(
        "use_identity_as_username true",))])
    device = site.connect(broker, "temp-01", client_id="anything",
                          version=version)
    answer = device.answer(device.client.subscribe("devices/temp-01/#")[1])
    assert answer in (None, [refused])  # closed before, or refused
    device.wait_closed()
    broker.wait_log("client anything came in .* use_identity_as_username")


@VERSIONS
def test_takeover_by_the_same_device(site, version, refused):
    site.add_sensor("temp-01")
    broker = site.start()
    first = site.connect(broker, "temp-01", version=version)
    second = site.connect(broker, "temp-01", version=version)
    first.wait_closed()
    assert second.subscribe("devices/temp-01/#") in (0, 1)
    second.publish("devices/temp-01/t", "still here")
    second.expect("still here")
    third = site.connect(broker, "temp-01", version=version)
    second.wait_closed()
    assert third.subscribe("devices/temp-01/#") in (0, 1)


def test_takeover_of_another_device(site):
    site.add_sensor("temp-01")
    site.add_sensor("temp-02")
    broker = site.start()
    first = site.connect(broker, "temp-01")
    assert site.device(broker, "temp-02", client_id="temp-01").connect() == 5
    assert first.is_alive()


# Between the handshake and CONNECT. TLS 1.2, where the client's handshake is
# over when the server's is.

@pytest.mark.parametrize("change, code", [("disable", 5), ("remove", 5),
                                          ("other", 0)])
def test_registry_changes_before_connect(site, change, code):
    site.add_sensor("temp-01")
    broker = site.start()
    raw = site.raw(broker, "temp-01", maximum=ssl.TLSVersion.TLSv1_2)
    if change == "other":
        site.add_sensor("temp-02")
    else:
        site.registry.run("device", change, "temp-01")
    assert raw.connect("temp-01") == code
    if code:
        reason, thumbprint = broker.wait_refusal()
        assert reason == {"disable": "device_disabled",
                          "remove": "unknown_certificate"}[change]
        assert thumbprint == site.pki.get("temp-01").thumbprint


@pytest.mark.parametrize("change, code", [("anchor", 5), ("role", 0)])
def test_chain_changes_before_connect(site, change, code):
    """The chain that was sent is not forgotten."""
    site.add_group("plant", "factory-root", '"enroll":"automatic",')
    site.pki.certificate("leaf-01", issuer="edge-ca")
    broker = site.start()
    raw = site.raw(broker, "leaf-01", "edge-ca", "line-ca",
                   maximum=ssl.TLSVersion.TLSv1_2)
    if change == "anchor":
        site.registry.remove("anchor", "plant")
    else:
        site.registry.put('{"kind":"role","id":"x","rules":[]}')
    assert raw.connect("leaf-01") == code


# Listeners that this plugin does not govern.

def start_open_house(site, conf=(), listeners=(TLS, PLAIN, OPEN), **more):
    return site.start(listeners=listeners,
                      conf=["allow_anonymous true", *conf], **more)


@pytest.mark.parametrize("listener", ["plain", "open"])
@VERSIONS
def test_guest(site, version, refused, listener):
    """A client without a certificate is others' business, as long as it does
    not take a device's name."""
    site.add_sensor("temp-01")
    site.add_sensor("temp-02", '"client_id":"prefix",')
    site.add_sensor("temp-03", '"status":"disabled",')
    broker = start_open_house(site)
    device = site.connect(broker, "temp-01")
    site.connect(broker, client_id="guest", listener=listener,
                 version=version)
    for name in ("temp-01", "temp-02", "temp-02/x", "temp-03"):
        mark = broker.mark()
        guest = site.device(broker, client_id=name, listener=listener,
                            version=version)
        assert guest.connect() == refused, name
        assert broker.wait_refusal(mark) == ("no_certificate", None)
    assert device.is_alive()


@pytest.mark.parametrize("username", ["temp-01", "token:x"])
def test_guest_with_a_device_as_username(site, username):
    """The username of a device grants nothing of the device's."""
    site.add_sensor("temp-01")
    passwords = site.folder / "passwords"
    passwords.write_text("")
    broker = start_open_house(site)
    guest = site.device(broker, client_id="guest", listener="plain",
                        username=username, password="x")
    if guest.connect() == 0:
        assert guest.subscribe("devices/temp-01/#") == 0x80


def test_guest_without_a_registry(site):
    """Nobody can tell whether the client id is a device's."""
    site.registry.path = site.folder / "none.db"
    broker = start_open_house(site)
    guest = site.device(broker, client_id="guest", listener="plain")
    assert guest.connect() == 5
    assert broker.wait_refusal() == ("registry_missing", None)


RESERVED = ["trust/v1/bundle", "trust/#", "trust/v1/#", "trust/v1", "trust/+",
            "trust/+/events", "$CONTROL/trust/v1", "$CONTROL/trust/#",
            "$CONTROL/trust", "$share/g/trust/#", "$share/g/trust/v1/#",
            "$share/g/$CONTROL/trust/v1/response"]


@pytest.mark.parametrize("topic", RESERVED)
def test_guest_and_the_gateways_topics(site, topic):
    acl = site.folder / "acl"
    acl.write_text("topic readwrite #\ntopic readwrite trust/#\n"
                   "topic readwrite $CONTROL/#\n")
    broker = start_open_house(site, conf=[f"acl_file {acl}"])
    guest = site.connect(broker, client_id="guest", listener="plain")
    assert guest.subscribe(topic) == 0x80
    assert guest.subscribe("plant/#") == 1


def test_guest_and_what_is_beside_the_gateways_topics(site):
    """The rest of its topics is others' business."""
    acl = site.folder / "acl"
    acl.write_text("topic readwrite #\ntopic readwrite $CONTROL/#\n")
    broker = start_open_house(site, conf=[f"acl_file {acl}"])
    guest = site.connect(broker, client_id="guest", listener="plain")
    for topic in ("trust", "trust/v2/#", "trusty/v1/#", "$CONTROL/other/v1",
                  "$CONTROL/trusty/v1", "$share/g/trust/v10"):
        assert guest.subscribe(topic) == 1, topic
    for topic in ("trust", "trust/v2/x", "trusty/v1/x", "trust/v10"):
        guest.publish(topic, topic)
        guest.expect(topic)


def test_guest_does_not_publish_for_the_gateway(site):
    """Nor does its wildcard subscription get what is the gateway's."""
    site.registry.put(
        '{"kind":"role","id":"gateway","rules":[{"effect":"allow","actions":'
        '["publish","subscribe"],"topics":["trust/v1/#","plant/#"]}]}')
    site.add_sensor("temp-01", '"roles":["gateway"],')
    acl = site.folder / "acl"
    acl.write_text("topic readwrite #\n")
    broker = start_open_house(site, conf=[f"acl_file {acl}"])
    device = site.connect(broker, "temp-01")
    guest = site.connect(broker, client_id="guest", listener="plain")
    assert device.subscribe("trust/v1/#") == 1
    assert device.subscribe("plant/#") == 1
    assert guest.subscribe("#") == guest.subscribe("+/v1/#") == 1
    guest.publish("trust/v1/bundle", "forged")
    guest.publish("trust/v1", "forged")
    guest.publish("plant/x", "allowed")
    device.expect("allowed")
    guest.expect("allowed")
    device.publish("trust/v1/plant", "genuine")
    device.publish("plant/x", "last")
    device.expect("genuine", "last")
    guest.expect("last")


def test_guest_commands_nothing(site):
    """Whatever others allow it."""
    site.registry.put(
        '{"kind":"role","id":"boss","rules":[{"effect":"allow","actions":'
        '["publish","subscribe"],"topics":["$CONTROL/trust/v1/#"]}]}')
    site.add_sensor("boss", '"roles":["boss"],')
    acl = site.folder / "acl"
    acl.write_text("topic readwrite #\ntopic readwrite $CONTROL/#\n")
    broker = start_open_house(site, conf=[f"acl_file {acl}"])
    boss = Boss(site, broker)
    guest = site.connect(broker, client_id="guest", listener="plain")
    assert guest.subscribe("$CONTROL/#") == 1
    guest.publish(Boss.TOPIC, json.dumps({"commands": [
        {"command": "block", "device": "boss"}]}))
    assert "data" in boss.ask("getStatus")
    assert guest.is_alive()
    assert guest.messages == []


@pytest.mark.parametrize("client_id", ["Fühler 7", "a/b/c", "x" * 1000])
def test_guest_with_any_client_id(site, client_id):
    """Only devices have to keep to the alphabet of device ids."""
    acl = site.folder / "acl"
    acl.write_text("topic readwrite plant/#\n")
    broker = start_open_house(site, conf=[f"acl_file {acl}"])
    guest = site.connect(broker, client_id=client_id, listener="plain")
    assert guest.subscribe("plant/#") == 1
    assert guest.subscribe("trust/v1/bundle") == 0x80
    guest.publish("plant/t", "x")
    guest.expect("x")


def test_guest_with_an_acl_file(site):
    """What an acl_file allows to others, and to no device."""
    site.add_sensor("temp-01")
    acl = site.folder / "acl"
    acl.write_text("topic readwrite plant/#\n"
                   "user temp-01\ntopic readwrite plant/#\n")
    broker = start_open_house(site, conf=[f"acl_file {acl}"])
    guest = site.connect(broker, client_id="guest", listener="plain")
    device = site.connect(broker, "temp-01")
    assert guest.subscribe("plant/#") == 1
    assert device.subscribe("plant/#") == 0x80
    device.publish("plant/x", "no")
    guest.publish("plant/x", "yes")
    guest.expect("yes")


def test_guest_with_a_password_file(site):
    """Users of a password_file on their own listener."""
    site.add_sensor("temp-01")
    passwords = site.folder / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "alice",
                    "secret"], check=True)
    broker = site.start(listeners=[TLS, PLAIN],
                        conf=[f"password_file {passwords}"])
    site.connect(broker, client_id="alice-1", listener="plain",
                 username="alice", password="secret")
    for username, password in (("alice", "wrong"), ("mallory", "secret"),
                               (None, None)):
        guest = site.device(broker, client_id="mallory", listener="plain",
                            username=username, password=password)
        assert guest.connect() == 5
    site.connect(broker, "temp-01")


def dynamic_security(site):
    """The lines of mosquitto.conf for that plugin, where "admin" with the
    password "secret" may do everything."""
    path = site.folder / "dynamic-security.json"
    subprocess.run(["mosquitto_ctrl", "dynsec", "init", path, "admin",
                    "secret"], check=True, stdout=subprocess.DEVNULL)
    settings = json.loads(path.read_text())
    settings["roles"].append({"rolename": "all", "acls": [
        {"acltype": kind, "topic": topic, "allow": True, "priority": 1}
        for kind in ("publishClientSend", "publishClientReceive",
                     "subscribePattern")
        for topic in ("#", "$CONTROL/#", "trust/#")]})
    settings["clients"][0]["roles"].append({"rolename": "all"})
    path.write_text(json.dumps(settings))
    library, = pathlib.Path("/usr/lib").glob(
        "*/mosquitto_dynamic_security.so")
    return [f"plugin {library}", f"plugin_opt_config_file {path}"]


def test_guest_with_dynamic_security(site):
    """Another plugin for the clients that this one does not govern."""
    site.add_sensor("temp-01")
    broker = site.start(listeners=[TLS, PLAIN], after=dynamic_security(site))
    device = site.connect(broker, "temp-01")
    admin = site.connect(broker, client_id="admin", listener="plain",
                         username="admin", password="secret")
    wrong = site.device(broker, client_id="other", listener="plain",
                        username="admin", password="wrong")
    assert wrong.connect() == 5
    as_device = site.device(broker, client_id="temp-01", listener="plain",
                            username="admin", password="secret")
    assert as_device.connect() == 5
    assert admin.subscribe("#") == 1
    for topic in RESERVED:
        assert admin.subscribe(topic) == 0x80
    assert device.subscribe("plant/#") == 0x80
    assert device.subscribe("devices/temp-01/#") == 1
    admin.publish("trust/v1/bundle", "forged")
    admin.publish("devices/temp-01/t", "hello")
    device.expect("hello")
    admin.expect("hello")


def test_no_anonymous_guest(site):
    broker = site.start(listeners=[TLS, PLAIN])
    guest = site.device(broker, client_id="guest", listener="plain")
    assert guest.connect() == 5


def test_per_listener_settings(site):
    """Each listener has its own plugins and its own allow_anonymous."""
    site.add_sensor("temp-01")
    site.pki.certificate("nobody-01")
    broker = site.start(
        listeners=[Listener("plain", tls=False,
                            lines=("allow_anonymous true",)), TLS],
        per_listener_settings=True)
    device = site.connect(broker, "temp-01")
    assert device.subscribe("devices/temp-01/#") == 1
    assert device.subscribe("plant/#") == 0x80
    assert site.device(broker, "nobody-01").connect() is None
    guest = site.device(broker, client_id="guest", listener="plain")
    assert guest.connect() == 0
    assert guest.subscribe("plant/#") == 1


def test_guest_whose_name_becomes_a_device(site):
    site.add_sensor("temp-01")
    broker = start_open_house(site)
    guest = site.connect(broker, client_id="temp-02", listener="plain")
    other = site.connect(broker, client_id="temp-03", listener="plain")
    site.add_sensor("temp-02")
    guest.wait_closed()
    assert other.is_alive()
    site.connect(broker, "temp-02")


def test_after_sighup(site):
    """SIGHUP asks again for every client."""
    site.add_sensor("temp-01")
    site.add_sensor("temp-02")
    broker = start_open_house(site)
    device = site.connect(broker, "temp-01", clean=False)
    away = site.connect(broker, "temp-02", clean=False)
    away.subscribe("devices/temp-02/#")
    away.disconnect()
    guest = site.connect(broker, client_id="guest", listener="plain")
    broker.reload()
    assert device.is_alive() and guest.is_alive()
    device.subscribe("devices/temp-01/#")
    device.publish("devices/temp-01/t", "x")
    device.expect("x")
    back = site.connect(broker, "temp-02", clean=False)
    assert back.session_present
    wait_until(lambda: broker.refusals() == [], "no refusal")
