# SPDX-License-Identifier: Apache-2.0
"""The option provenance: whose word the properties of a message are."""

import re

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from broker import PLAIN, TLS
from clients import V5, V311
from test_topics import will

ON = {"provenance": "true"}
FORGED = [("trust-device", "boss"), ("trust-thumbprint", "00"),
          ("trust-gateway", "gw9"), ("trust-device", "again")]


def is_2_0(broker):
    return re.search(r"mosquitto version 2\.0\.", broker.log()) is not None


def user(*pairs, kind=PacketTypes.PUBLISH):
    properties = Properties(kind)
    properties.UserProperty = list(pairs)
    return properties


class Watcher:
    """Reads with MQTT 5 what comes with messages."""

    def __init__(self, site, broker, *chain, topic="#", **more):
        self.device = site.device(broker, *chain, version=V5, **more)
        self.got = []
        self.device.client.on_message = self.on_message
        assert self.device.connect() == 0
        assert self.device.subscribe(topic) == 1

    def on_message(self, client, userdata, message):
        self.got.append((message.payload.decode(), message.properties))

    def next(self, payload):
        """The properties of the next message, which has this payload."""
        self.device.wait(lambda: self.got, payload)
        got, properties = self.got.pop(0)
        assert got == payload
        return properties

    def pairs(self, payload):
        return getattr(self.next(payload), "UserProperty", [])


def stamps(site, name, certificate=None, gateway="gw1"):
    thumbprint = site.pki.get(certificate or name).thumbprint
    return [("trust-device", name), ("trust-thumbprint", thumbprint),
            ("trust-gateway", gateway)]


@pytest.fixture
def plant(site):
    """A sensor with the built-in role, and a reader who sees all."""
    site.registry.put(
        '{"kind":"role","id":"reader","rules":[{"effect":"allow","actions":'
        '["subscribe"],"topics":["#"]}]}\n'
        + site.sensor("reader", '"roles":["reader"],')
        + site.sensor("temp-01"))
    return site


@pytest.mark.parametrize("version", [V311, V5], ids=["3.1.1", "5"])
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_stamped(plant, version, qos):
    broker = plant.start(options=ON)
    reader = Watcher(plant, broker, "reader")
    device = plant.connect(broker, "temp-01", version=version,
                           username="boss", password="x")
    device.publish("devices/temp-01/t", "mine", qos=qos)
    assert reader.pairs("mine") == stamps(plant, "temp-01")


def test_off(plant):
    """Nothing is stamped, and nothing taken away."""
    broker = plant.start()
    reader = Watcher(plant, broker, "reader")
    device = plant.connect(broker, "temp-01", version=V5)
    device.publish("devices/temp-01/t", "mine")
    assert reader.pairs("mine") == []
    device.publish("devices/temp-01/t", "mine", properties=user(*FORGED))
    assert reader.pairs("mine") == FORGED


def test_of_the_certificate_that_came(plant):
    """A module of a device that a group enrolls: the id is the device's, the
    thumbprint that of its leaf."""
    plant.add_group("plant", "factory-root", '"enroll":"automatic",'
                    '"client_id":"prefix",')
    plant.pki.certificate("leaf-01", issuer="line-ca")
    plant.registry.put(
        '{"kind":"role","id":"default","rules":[{"effect":"allow","actions":'
        '["publish"],"topics":["devices/{client}"]}]}')
    broker = plant.start(options={**ON, "gateway": "gw-7"})
    reader = Watcher(plant, broker, "reader")
    module = plant.connect(broker, "leaf-01", "line-ca",
                           client_id="leaf-01/pump")
    module.publish("devices/leaf-01/pump", "mine")
    assert reader.pairs("mine") == stamps(plant, "leaf-01", gateway="gw-7")


OWN = [("unit", "°C"), ("trust-devices", "1"), ("Trust-Device", "2"),
       ("unit", "K")]


@pytest.mark.parametrize("sent", [
    OWN, FORGED, FORGED + OWN, OWN + FORGED, FORGED[:1] + OWN + FORGED[1:],
    [pair for both in zip(OWN, FORGED) for pair in both]],
    ids=["own", "forged", "forged first", "forged last", "around", "mixed"])
def test_claims_are_taken_away(plant, sent):
    """And what else the message has stays, in its order."""
    broker = plant.start(options=ON)
    reader = Watcher(plant, broker, "reader")
    device = plant.connect(broker, "temp-01", version=V5)
    properties = user(*sent)
    properties.PayloadFormatIndicator = 1
    properties.MessageExpiryInterval = 3600
    properties.ContentType = "text/plain"
    properties.ResponseTopic = "devices/temp-01/answer"
    properties.CorrelationData = b"\0\1\2"
    device.publish("devices/temp-01/t", "mine", properties=properties)
    device.publish("devices/temp-01/t", "next")
    if is_2_0(broker) or sent == OWN:
        got = reader.next("mine")
        own = [pair for pair in sent if pair in OWN]
        assert got.UserProperty == own + stamps(plant, "temp-01")
        assert got.PayloadFormatIndicator == 1
        assert 3000 < got.MessageExpiryInterval <= 3600
        assert got.ContentType == "text/plain"
        assert got.ResponseTopic == "devices/temp-01/answer"
        assert got.CorrelationData == b"\0\1\2"
    assert reader.pairs("next") == stamps(plant, "temp-01")


def start_with_guests(plant):
    acl = plant.folder / "acl"
    acl.write_text("topic readwrite plant/#\n")
    return plant.start(
        options=ON, listeners=[TLS, PLAIN],
        conf=["allow_anonymous true", f"acl_file {acl}"])


def test_guest(plant):
    """Others govern it: it is not stamped, and claims nothing."""
    broker = start_with_guests(plant)
    reader = Watcher(plant, broker, "reader")
    guest = plant.connect(broker, client_id="guest", listener="plain",
                          version=V5)
    guest.publish("plant/t", "mine", properties=user(*FORGED, *OWN))
    guest.publish("plant/t", "next")
    if is_2_0(broker):
        assert reader.pairs("mine") == OWN
    assert reader.pairs("next") == []


def test_retained(plant):
    """Stamped once, and kept: also when the device is gone, and on disk."""
    conf = ["persistence true", f"persistence_location {plant.folder}/"]
    broker = plant.start(options=ON, conf=conf)
    device = plant.connect(broker, "temp-01", version=V5)
    device.publish("devices/temp-01/t", "kept", retain=True)
    reader = Watcher(plant, broker, "reader")
    assert reader.pairs("kept") == stamps(plant, "temp-01")
    device.disconnect()
    broker.stop()
    broker = plant.start(options=ON, conf=conf)
    reader = Watcher(plant, broker, "reader")
    assert reader.pairs("kept") == stamps(plant, "temp-01")


def test_queued(plant):
    broker = plant.start(options=ON)
    reader = plant.connect(broker, "reader", clean=False, version=V5)
    reader.disconnect()
    reader = plant.device(broker, "reader", clean=False, version=V5)
    assert reader.connect(SessionExpiryInterval=600) == 0
    reader.subscribe("#")
    reader.disconnect()
    device = plant.connect(broker, "temp-01")
    device.publish("devices/temp-01/t", "queued")
    reader = Watcher(plant, broker, "reader", clean=False)
    assert reader.pairs("queued") == stamps(plant, "temp-01")


def test_bridge(plant):
    """What is stamped here is read upstream; what an upstream brings is its
    own word."""
    upstream = plant.start(
        plugin=False, listeners=[PLAIN], conf=["allow_anonymous true"])
    broker = plant.start(options=ON, after=[
        "connection up", f"address 127.0.0.1:{upstream.port('plain')}",
        "bridge_protocol_version mqttv50", "topic devices/# out 1",
        "topic plant/# in 1", "restart_timeout 1"])
    above = Watcher(plant, upstream, client_id="above", listener="plain",
                    topic="devices/#")
    reader = Watcher(plant, broker, "reader", topic="plant/#")
    upstream.wait_log(r"Received SUBSCRIBE from \S+\.up")
    device = plant.connect(broker, "temp-01")
    device.publish("devices/temp-01/t", "up")
    assert above.pairs("up") == stamps(plant, "temp-01")
    for retain in (False, True):
        above.device.publish("plant/t", "down", retain=retain,
                             properties=user(*FORGED))
        assert reader.pairs("down") == FORGED


# Wills: no plugin sees them when they are sent.

def claiming_will(version, topic, *pairs, delay=None):
    settings = will(topic, delay=delay)
    if version == V5:
        properties = settings.setdefault(
            "properties", Properties(PacketTypes.WILLMESSAGE))
        if pairs:
            properties.UserProperty = list(pairs)
    return settings


def leave(plant, broker, version, *pairs, delay=None, guest=False):
    """A client that leaves a will, and is gone with all that it left."""
    topic = "plant/will" if guest else "devices/temp-01/will"
    settings = claiming_will(version, topic, *pairs, delay=delay)
    if guest:
        client = plant.device(broker, client_id="guest", listener="plain",
                              version=version, will=settings)
    else:
        client = plant.device(broker, "temp-01", version=version,
                              will=settings)
    late = {} if delay is None else {"SessionExpiryInterval": delay + 1}
    if client.connect(**late) != 0:
        return
    mark = broker.mark()
    client.drop()
    name = client.client_id
    broker.wait_log(rf"Client {name} (closed|disconnected|\[)", mark)
    if late:
        broker.wait_log(f"Expiring client {name}", mark)


@pytest.mark.parametrize("guest", [False, True], ids=["device", "guest"])
@pytest.mark.parametrize("version", [V311, V5], ids=["3.1.1", "5"])
def test_will(plant, version, guest):
    """One without properties; with 2.0 and MQTT 5 nobody can tell."""
    broker = start_with_guests(plant)
    reader = Watcher(plant, broker, "reader")
    leave(plant, broker, version, guest=guest)
    last = plant.connect(broker, "temp-01")
    last.publish("devices/temp-01/t", "last")
    if version == V311 or not is_2_0(broker):
        assert reader.pairs("farewell") == []
    assert reader.pairs("last") == stamps(plant, "temp-01")


@pytest.mark.parametrize("guest", [False, True], ids=["device", "guest"])
@pytest.mark.parametrize("delay", [None, 1], ids=["at once", "late"])
def test_will_that_claims(plant, guest, delay):
    broker = start_with_guests(plant)
    reader = Watcher(plant, broker, "reader")
    leave(plant, broker, V5, *FORGED, delay=delay, guest=guest)
    last = plant.connect(broker, "temp-01")
    last.publish("devices/temp-01/t", "last")
    assert reader.pairs("last") == stamps(plant, "temp-01")


@pytest.mark.parametrize("guest", [False, True], ids=["device", "guest"])
def test_will_that_claims_at_a_takeover(plant, guest):
    """The broker sends it before it tells that the old client is gone."""
    broker = start_with_guests(plant)
    reader = Watcher(plant, broker, "reader")
    topic = "plant/will" if guest else "devices/temp-01/will"
    name, where = ("guest", "plain") if guest else ("temp-01", "tls")
    chain = () if guest else (name,)
    old = plant.device(broker, *chain, client_id=name, listener=where,
                       version=V5, will=claiming_will(V5, topic, *FORGED))
    if old.connect() != 0:
        return
    plant.connect(broker, *chain, client_id=name, listener=where, version=V5)
    old.wait_closed()
    last = plant.connect(broker, "temp-01", version=V5)
    last.publish("devices/temp-01/t", "last")
    assert reader.pairs("last") == stamps(plant, "temp-01")
