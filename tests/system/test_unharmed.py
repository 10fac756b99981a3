# SPDX-License-Identifier: Apache-2.0
"""The broker unharmed: what clients see of it is what they see without the
plugin, in situations that have nothing to do with trust. Each is driven twice,
and what was seen has to be equal, and right."""

import json
import signal
import time

import pytest

from alike import FENCE, Client, Side, Wire, register
from broker import PLAIN, TLS, WEBSOCKETS, Listener, wait_until
from clients import V5, V311
from test_connect import dynamic_security
from test_live import packet, string

OPEN = Listener("plain", tls=False, lines=("allow_anonymous true",))
VERSIONS = pytest.mark.parametrize("version", [V311, V5], ids=["3.1.1", "5"])
# Seconds that a session outlives its connection, where it is to.
LASTING = 600


def guests(side):
    """What guests of a plain listener may do is said by an acl_file."""
    acl = side.folder / "acl"
    acl.write_text("topic readwrite plant/#\npattern readwrite plant/#\n")
    return ["allow_anonymous true", f"acl_file {acl}"]


@pytest.fixture
def alike(site):
    """Drives a situation without the plugin and with it: what was seen."""
    register(site)

    def alike(situation, *arguments):
        seen = {}
        for plugin in (False, True):
            side = Side(site, plugin)
            seen[plugin] = situation(side, *arguments)
            side.close()
        assert seen[True] == seen[False]
        return seen[True]

    return alike


# ---- What clients say to each other ----

def name_of(number, listener):
    """Guests have names that are no device's."""
    names = ["one", "two", "three"]
    return names[number] if listener != "plain" else f"guest-{number}"


def talk(side, broker, first, second, version):
    """A session that lasts, a publisher and a will; on two listeners."""
    def come(number, listener, **more):
        return side.connect(broker, name_of(number, listener),
                            listener=listener, version=version, **more)

    def say(*qualities):
        for qos in qualities:
            two.publish(f"plant/{qos}", f"{qos} of {qualities}", qos)

    lasting = {"clean": False, "expiry": LASTING}
    two = come(1, second)
    two.publish("plant/kept", "kept", 1, True)
    one = come(0, first, **lasting)
    seen = [one.session_present]
    seen.append([one.subscribe("plant/#", 2), one.subscribe("plant/1", 0),
                 one.subscribe("$share/s/plant/0", 1)])
    say(0, 1, 2)
    side.settle(two, one)
    seen.append(one.take())
    side.leave(one)
    say(0, 1, 2, 1)
    one = come(0, first, **lasting)
    side.settle(two, one)
    seen += [one.session_present, one.take()]
    again = come(0, first, **lasting)  # takes the other's place
    one.wait_closed()
    come(2, second, will={"topic": "plant/will", "payload": "farewell",
                          "qos": 1, "retain": True}).drop()
    again.wait_payload("farewell")
    seen += [again.session_present, again.take()]
    again.answer(again.client.unsubscribe("plant/#")[1])
    again.answer(again.client.unsubscribe("$share/s/plant/0")[1])
    say(2, 0)
    seen += [again.is_alive(), again.take()]
    # Nothing is left of it.
    for topic in ("plant/kept", "plant/will"):
        two.publish(topic, "", 1, True)
    side.leave(again)
    side.leave(come(0, first))
    side.leave(two)
    return seen


def talked(seen):
    """As MQTT wants it."""
    fresh, codes, live, present, queued, after, will, alive, none = seen
    assert (fresh, present, after, alive) == (False, True, True, True)
    assert codes == [2, 0, 1]
    assert ("plant/kept", "kept", 1, True) in live
    assert ("plant/2", "2 of (0, 1, 2)", 2, False) in live
    assert [message[1] for message in queued
            if message[0] == "plant/2"] == ["2 of (0, 1, 2, 1)"]
    assert ("plant/will", "farewell", 1, False) in will
    assert none == []


PLACES = [("tls", "tls"), ("tls", "plain"), ("plain", "tls")]
WITH_WEBSOCKETS = [("websockets", "tls"), ("plain", "websockets")]


def beside_each_other(side, per_listener_settings, version):
    """With per_listener_settings a plugin is of the listener above it."""
    if per_listener_settings:
        broker = side.start([OPEN, TLS], per_listener_settings=True)
        places = PLACES
    else:
        broker = side.start([TLS, WEBSOCKETS, PLAIN], guests(side))
        places = PLACES + WITH_WEBSOCKETS
    seen = []
    for number, listeners in enumerate(places):
        if number == 2:
            broker.reload()
        seen.append(talk(side, broker, *listeners, version))
    return seen


@VERSIONS
@pytest.mark.parametrize("per_listener_settings", [False, True])
def test_listeners_beside_each_other(alike, per_listener_settings, version):
    for seen in alike(beside_each_other, per_listener_settings, version):
        talked(seen)


# ---- Reload ----

def reload_under_load(side):
    """Sensors by TLS, by WebSockets and without either publish as fast as
    they may, and are in the midst of it when SIGHUP comes."""
    rounds, each = 200, 20
    broker = side.start([TLS, WEBSOCKETS, PLAIN],
                        [*guests(side), "max_queued_messages 0"])
    reader = side.connect(broker, "four", clean=False)
    reader.subscribe("plant/#", 2)
    sensors = [side.connect(broker, name, listener=listener)
               for name, listener in [
                   ("one", "tls"), ("two", "websockets"), ("guest", "plain")]]
    for number in range(rounds):
        for sensor in sensors:
            sensor.client.publish(
                f"plant/{sensor.client_id}", f"{number}", 1)
            sensor.step(0)
        if number % each == 0:
            broker.process.send_signal(signal.SIGHUP)
        reader.step(0)
    clients = [reader, *sensors]

    def all_is_there():
        for sensor in sensors:
            sensor.step(0)
        return len(reader.messages) >= rounds * len(sensors)

    reader.wait(lambda: all_is_there() or reader.closed, "all messages")
    for sensor in sensors:
        sensor.wait(lambda: len(sensor.answers) >= rounds or sensor.closed,
                    "every PUBACK")
    broker.wait_log("Reloading config")
    return [reader.take(), [client.is_alive() for client in clients]]


def test_reload_under_load(alike):
    """Nothing is lost or comes twice, and nobody is disconnected."""
    messages, alive = alike(reload_under_load)
    assert alive == [True] * 4
    assert messages == [(f"plant/{name}", f"{number}", 1, False)
                        for name in ("guest", "one", "two")
                        for number in range(200)]


# ---- Two plugins ----

class Administrator:
    """Of dynamic-security, at the plain listener."""

    def __init__(self, side, broker):
        self.client = side.connect(broker, "admin", listener="plain",
                                   username="admin", password="secret")
        self.client.subscribe("$CONTROL/dynamic-security/v1/response", 1)

    def order(self, command, **more):
        """Its response."""
        self.client.publish("$CONTROL/dynamic-security/v1", json.dumps(
            {"commands": [{"command": command, **more}]}))
        self.client.wait(lambda: self.client.messages, command)
        (_, response, _, _), = self.client.messages
        self.client.messages.clear()
        return response


def with_dynamic_security(side, first):
    """Orders of an administrator, and a plain client who feels them. Where
    that plugin comes `first`, it is asked first."""
    lines = dynamic_security(side)
    listeners = [TLS, PLAIN]
    broker = side.start(listeners, **{"conf" if first else "after": lines})
    admin = Administrator(side, broker)
    seen = [
        admin.order("createRole", rolename="meters", acls=[
            {"acltype": kind, "topic": "plant/meters/#", "allow": True}
            for kind in ("publishClientSend", "publishClientReceive",
                         "subscribePattern")]),
        admin.order("createClient", username="meter", password="pw",
                    roles=[{"rolename": "meters"}]),
        admin.order("createGroup", groupname="all"),
        admin.order("addGroupClient", groupname="all", username="meter"),
        admin.order("getClient", username="meter"),
        admin.order("deleteRole", rolename="nobody")]
    who = {"listener": "plain", "username": "meter", "version": V5}
    wrong = side.client(broker, "wrong", password="no", **who)
    seen.append(wrong.connect())
    meter = side.connect(broker, "meter-1", password="pw", **who)
    seen += [meter.subscribe("plant/meters/#", 2), meter.subscribe("#", 2),
             meter.subscribe("plant/other", 2)]
    meter.publish("plant/meters/m", "allowed")
    meter.publish("plant/other", "denied")
    admin.client.publish("plant/meters/m", "from above")
    meter.wait_payload("from above")
    seen += [meter.take(),
             admin.order("disableClient", username="meter")]
    meter.wait_closed()
    seen += [side.client(broker, "meter-1", password="pw", **who).connect(),
             admin.order("enableClient", username="meter")]
    meter = side.connect(broker, "meter-1", password="pw", **who)
    broker.reload()
    seen += [meter.is_alive(), meter.subscribe("plant/meters/#", 1)]
    admin.client.disconnect()
    meter.disconnect()
    # What was ordered is kept, and still felt.
    broker.stop()
    broker.start()
    meter = side.connect(broker, "meter-1", password="pw", **who)
    seen += [meter.subscribe("plant/meters/#", 1),
             meter.subscribe("plant/other", 1)]
    return seen


@pytest.mark.parametrize("first", [True, False], ids=["first", "last"])
def test_dynamic_security(alike, first):
    seen = alike(with_dynamic_security, first)
    assert ["error" in response for response in seen[:6]] == [
        False] * 5 + [True]
    wrong, granted, all_of_it, other, messages = seen[6:11]
    assert wrong >= 0x80 and granted == 2
    assert all_of_it >= 0x80 and other >= 0x80
    assert [text for _, text, *_ in messages] == ["allowed", "from above"]
    assert seen[12] >= 0x80
    assert seen[14:16] == [True, 1]
    assert seen[16] == 1 and seen[17] >= 0x80


# ---- Persistence ----

def connect5(name, keep_alive=0, clean=False, properties=b"", will=b""):
    """CONNECT of MQTT 5 (section 3.1)."""
    flags = (0x02 if clean else 0) | (0x04 if will else 0)
    return packet(0x10, string("MQTT") + bytes([5, flags])
                  + keep_alive.to_bytes(2, "big")
                  + bytes([len(properties)]) + properties + string(name)
                  + will)


def subscribe5(topic, qos):
    return packet(0x82, b"\x00\x07\x00" + string(topic) + bytes([qos]))


def publish5(number, topic, payload, qos):
    return packet(0x30 | qos << 1, string(topic)
                  + number.to_bytes(2, "big") + b"\x00" + payload)


LASTING5 = b"\x11" + LASTING.to_bytes(4, "big")


def start_persistent(side):
    return side.start([TLS], [
        "persistence true", f"persistence_location {side.folder}/",
        "autosave_interval 1", "autosave_on_changes true"])


def end_broker(side, broker, how, publisher):
    """SIGTERM, after which the broker writes, or SIGKILL, before which it
    has written by itself."""
    if how == "stopped":
        broker.stop()
        return
    path = side.folder / "mosquitto.db"

    def which():
        return path.exists() and (path.stat().st_ino, path.stat().st_mtime_ns)

    before = which()
    publisher.publish(f"{FENCE}/last", "changed", 1, True)
    wait_until(lambda: which() != before, "the database is written")
    broker.kill()


def over_restarts(side, how, version):
    """Sessions, their queues, what was on its way, and what is retained."""
    broker = start_persistent(side)
    lasting = {"version": version, "clean": False, "expiry": LASTING}
    one = side.connect(broker, "one", **lasting)
    one.subscribe("plant/#", 2)
    side.leave(one)
    wire = Wire(side, broker, "two")
    wire.send(connect5("two", properties=LASTING5))
    seen = [wire.packet()]
    wire.send(subscribe5("plant/way/#", 2))
    seen.append(wire.packet())
    # MQTT 5 alone has sessions that end.
    side.leave(side.connect(broker, "four", version=V5, clean=False,
                            expiry=1))
    three = side.connect(broker, "three")
    for number, qos in enumerate((0, 1, 2, 1, 2)):
        three.publish("plant/queued", f"{number}", qos, number == 4)
    three.publish("plant/way/1", "on its way", 1)
    three.publish("plant/way/2", "on its way", 2)
    seen.append(wire.packets())  # and does not answer them
    wire.close()
    end_broker(side, broker, how, three)
    broker.start()
    time.sleep(3)  # the shorter session's, after all of it
    wire = Wire(side, broker, "two")
    wire.send(connect5("two", properties=LASTING5))
    seen += [wire.packet(), wire.packets()]
    one = side.connect(broker, "one", **lasting)
    three = side.connect(broker, "three", clean=True)
    three.subscribe("plant/queued", 2)
    three.publish("plant/later", "later", 1)
    side.settle(three, one)
    four = side.connect(broker, "four", version=V5, clean=False, expiry=0)
    seen += [one.session_present, one.take(), three.take(),
             four.session_present]
    return seen


@VERSIONS
@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_over_restarts(alike, how, version):
    seen = alike(over_restarts, how, version)
    # Mosquitto 2.0 lets the shorter session live on after a restart.
    _, suback, way, connack, again, present, queued, kept, _ = seen
    assert suback[-1] == 2
    assert [each[0] for each in way] == [0x32, 0x34]
    assert connack[2] == 1  # session present
    assert [each[0] & 0xF7 for each in again] == [0x32, 0x34]
    assert present
    assert [message[1] for message in queued
            if message[0] == "plant/queued"] == ["1", "3", "2", "4"]
    assert ("plant/later", "later", 1, False) in queued
    assert kept == [("plant/queued", "4", 2, True)]


# ---- Time ----

def silence(side, version):
    """A client that says nothing in its keep alive, and has a will."""
    broker = side.start([TLS])
    watcher = side.connect(broker, "one")
    watcher.subscribe("plant/#", 2)
    will = string("plant/will") + string("silent")
    wire = Wire(side, broker, "two")
    if version == V5:
        wire.send(connect5("two", 1, True, will=b"\x00" + will))
    else:
        wire.send(packet(0x10, string("MQTT") + b"\x04\x06\x00\x01"
                         + string("two") + will))
    seen = [wire.packet(), wire.rest()]
    watcher.wait_payload("silent")
    seen.append(watcher.take())
    return seen


@VERSIONS
def test_keep_alive(alike, version):
    connack, rest, will = alike(silence, version)
    assert connack[0] == 0x20 and rest[-1] == b""
    assert will == [("plant/will", "silent", 0, False)]


def late_wills(side):
    """Of two that vanish one comes back in time."""
    broker = side.start([TLS])
    watcher = side.connect(broker, "one")
    watcher.subscribe("plant/#", 2)

    def come(name, delay):
        wire = Wire(side, broker, name)
        wire.send(connect5(
            name, 60, properties=LASTING5,
            will=b"\x05\x18" + delay.to_bytes(4, "big")
            + string(f"plant/{name}") + string("vanished")))
        return wire

    gone, back = come("two", 1), come("three", 2)
    seen = [gone.packet(), back.packet()]
    gone.close()
    back.close()
    back = come("three", 0)
    seen.append(back.packet())
    watcher.wait_payload("vanished")
    time.sleep(3)
    side.settle(watcher, watcher)
    seen.append(watcher.take())
    return seen


def test_will_delay(alike):
    *_, back, wills = alike(late_wills)
    assert back[2] == 1
    assert wills == [("plant/two", "vanished", 0, False)]


# ---- Limits ----

def inflight(side, properties):
    """What a client gets that acknowledges nothing, and then one message."""
    broker = side.start([TLS], ["max_inflight_messages 3"])
    wire = Wire(side, broker, "one")
    wire.send(connect5("one", 60, True, properties=properties))
    seen = [wire.packet()]
    wire.send(subscribe5("plant/#", 1))
    seen.append(wire.packet())
    two = side.connect(broker, "two")
    for number in range(6):
        two.publish("plant/t", f"{number}", 1)
    first = wire.packets()
    number = first[0][2 + 2 + len("plant/t"):][:2]
    wire.send(packet(0x40, number))
    return [*seen, first, wire.packets()]


@pytest.mark.parametrize("properties, n", [
    (b"", 3), (b"\x21\x00\x02", 2)], ids=["the broker's", "the client's"])
def test_max_inflight_messages(alike, properties, n):
    *_, first, then = alike(inflight, properties)
    assert [each[-1:] for each in first] == [b"0", b"1", b"2"][:n]
    assert then[0][-1:] == b"%d" % n


def sizes(side, conf):
    """Messages below and beyond a limit."""
    broker = side.start([TLS], [conf])
    watcher = side.connect(broker, "one")
    watcher.subscribe("plant/#", 2)
    wire = Wire(side, broker, "two")
    wire.send(connect5("two", 60, True))
    seen = [wire.packet()]
    for number, length in enumerate((50, 500, 51), 1):
        wire.send(publish5(number, "plant/t", b"x" * length, 1))
        seen.append(wire.packet())
    side.settle(watcher, watcher)
    seen.append([len(text) for _, text, *_ in watcher.take()])
    return seen


@pytest.mark.parametrize("conf, arrived", [
    ("message_size_limit 100", [50, 51]), ("max_packet_size 100", [50])])
def test_message_size(alike, conf, arrived):
    *_, messages = alike(sizes, conf)
    assert messages == arrived


def crowded(side, strangers):
    """A listener with two places, after some were refused in the
    handshake."""
    broker = side.start(
        [Listener(lines=("max_connections 2",)), PLAIN], guests(side))
    for _ in range(strangers):
        stranger = Client(broker, "stranger-1")
        side.site.devices.append(stranger)
        assert stranger.connect() is None
    one = side.connect(broker, "one")
    two = side.connect(broker, "two")
    seen = [side.client(broker, "three").connect(),
            side.client(broker, "guest", listener="plain").connect(),
            one.is_alive(), two.is_alive()]
    side.leave(two)
    seen.append(side.client(broker, "three").connect())
    return seen


@pytest.mark.parametrize("strangers", [0, 5])
def test_max_connections(alike, site, strangers):
    """Mosquitto 2.0 takes more than that once somebody was refused."""
    site.pki.certificate("stranger-1", issuer="stranger-root")
    third, *others = alike(crowded, strangers)
    assert strangers or third is None
    assert others == [0, True, True, 0]


def queue_limit(side):
    broker = side.start([TLS], ["max_queued_messages 3",
                                "max_inflight_messages 1",
                                "queue_qos0_messages true"])
    one = side.connect(broker, "one", clean=False)
    one.subscribe("plant/#", 2)
    side.leave(one)
    two = side.connect(broker, "two")
    for number in range(10):
        two.publish("plant/t", f"{number}", number % 3)
    one = side.connect(broker, "one", clean=False)
    for _ in range(12):  # turns to say a word: more than the queue takes
        assert one.is_alive()
    return one.take()


def test_max_queued_messages(alike):
    """The oldest stay."""
    queued = alike(queue_limit)
    assert queued and {text for _, text, *_ in queued} <= {"0", "1", "2", "3"}


def announced(side, conf):
    """What CONNACK of MQTT 5 says of the broker's limits, and what becomes of
    a client that asks for more."""
    broker = side.start([TLS], after=conf)
    wire = Wire(side, broker, "one")
    wire.send(connect5("one", 3600, True))
    seen = [wire.packet()]
    wire.send(packet(0x31, string("plant/t") + b"\x00x"))  # retained
    seen.append(wire.packets())
    return seen


@pytest.mark.parametrize("conf", [
    [], ["retain_available false"], ["max_keepalive 30"],
    ["max_topic_alias 3", "max_inflight_messages 7"]])
def test_what_is_announced(alike, conf):
    connack, *_ = alike(announced, conf)
    assert connack[0] == 0x20 and connack[3] == 0
