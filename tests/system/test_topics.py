# SPDX-License-Identifier: Apache-2.0
"""Topics: what devices may publish and what reaches them."""

import socket

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from broker import PLAIN, TLS, Listener, wait_until
from clients import V5, V311
from newcomers import Key

VERSIONS = pytest.mark.parametrize(
    "version, refused", [(V311, 0x80), (V5, 0x87)], ids=["3.1.1", "5"])


@pytest.fixture
def plant(site):
    """Two sensors with the built-in role, and a supervisor who sees all."""
    site.registry.put(
        '{"kind":"role","id":"supervisor","rules":[{"effect":"allow",'
        '"actions":["publish","subscribe"],"topics":["devices/#","plant/#"]}]}'
        "\n" + site.sensor("boss", '"roles":["supervisor"],')
        + site.sensor("temp-01") + site.sensor("temp-02"))
    return site


def watch(site, broker, **more):
    """The supervisor, subscribed to all that it may see."""
    boss = site.connect(broker, "boss", **more)
    assert boss.subscribe("devices/#") == 1
    assert boss.subscribe("plant/#") == 1
    return boss


def barrier(device, boss, *before):
    """The supervisor gets these, and then what the device may publish."""
    device.publish(f"devices/{device.client_id}/barrier", "barrier")
    boss.expect(*before, "barrier")


def expect_only(client, *payloads):
    """These, and nothing else that the broker has sent by now."""
    client.expect(*payloads)
    assert client.is_alive()
    client.expect()


@VERSIONS
@pytest.mark.parametrize("topic", [
    "devices/temp-01", "devices/temp-01/t", "devices/temp-01/a/b/c/d",
    "devices/temp-01/$SYS"])
def test_own_topics(plant, version, refused, topic):
    broker = plant.start()
    boss = watch(plant, broker)
    device = plant.connect(broker, "temp-01", version=version)
    assert device.subscribe(topic) == 1
    device.publish(topic, "mine")
    device.expect("mine")
    boss.expect("mine")


@VERSIONS
def test_other_topics_publish(plant, version, refused):
    broker = plant.start()
    boss = watch(plant, broker)
    device = plant.connect(broker, "temp-01", version=version)
    for topic in ("devices", "devices/temp-02/t", "devices/temp-011/t",
                  "plant/t", "/devices/temp-01/t", "Devices/temp-01/t",
                  "devices//t", "$SYS/broker/uptime", "trust/v1/bundle",
                  "trust/v1/events", "$CONTROL/trust/v1"):
        for qos in (0, 1, 2):
            device.publish(topic, f"{topic} {qos}", qos)
            if version == V311:
                barrier(device, boss)
    barrier(device, boss)
    assert device.is_alive()


@VERSIONS
@pytest.mark.parametrize("topic", [
    "#", "+", "+/temp-01/#", "devices/#", "devices/+", "devices/+/t",
    "devices/temp-02/#", "plant/#", "/devices/temp-01",
    "$SYS/#", "$CONTROL/#", "$CONTROL/trust/v1", "trust/#", "trust/v1/events",
    "$share/g/#", "$share/g/devices/temp-02/#", "$share/devices/temp-01/#"])
def test_other_topics_subscribe(plant, version, refused, topic):
    broker = plant.start()
    device = plant.connect(broker, "temp-01", version=version)
    assert device.subscribe(topic) == refused
    assert device.subscribe("devices/temp-01/#") == 1


def test_shared_subscription(plant):
    broker = plant.start()
    device = plant.connect(broker, "temp-01", version=V5)
    assert device.subscribe("$share/g/devices/temp-01/#") == 1
    device.publish("devices/temp-01/t", "x")
    device.expect("x")


def test_bundle(plant):
    """Every device may subscribe to the anchors, and publish none."""
    broker = plant.start()
    device = plant.connect(broker, "temp-01")
    assert device.subscribe("trust/v1/bundle") == 1
    device.publish("trust/v1/bundle", "forged", retain=True)
    device.subscribe("devices/temp-01/#")
    device.publish("devices/temp-01/t", "x")
    device.expect("x")


@VERSIONS
def test_enrollment(plant, version, refused):
    """A module's own topics have its two levels."""
    plant.registry.put(
        '{"kind":"role","id":"edge-ca","rules":[{"effect":"allow","actions":'
        '["publish","subscribe"],"topics":["trust/v1/enroll/#"]}]}\n'
        + plant.sensor("ca", '"roles":["edge-ca"],')
        + plant.sensor("temp-03", '"client_id":"prefix","roles":[],'))
    broker = plant.start()
    ca = plant.connect(broker, "ca")
    assert ca.subscribe("trust/v1/enroll/+/+/request") == 1
    module = plant.connect(broker, "temp-03", client_id="temp-03/pump",
                           version=version)
    own, device = "trust/v1/enroll/temp-03/pump", "trust/v1/enroll/temp-03"
    assert module.subscribe(f"{own}/response") == 1
    for topic in (f"{own}/request", f"{device}/response", f"{device}/+",
                  f"{device}/#", "trust/v1/enroll/temp-03/other/response",
                  "trust/v1/enroll/temp-02/response"):
        assert module.subscribe(topic) == refused
    module.publish("trust/v1/enroll/temp-03/other/request", "another's")
    module.publish("trust/v1/enroll/temp-03//request", "nobody's")
    request = Key().pem()
    module.publish(f"{own}/request", request, retain=True)
    module.publish(f"{own}/request", request)
    ca.expect(request.decode())
    ca.publish(f"{own}/response", '{"error":"no"}')
    module.expect('{"error":"no"}')


MODEST = ('{"kind":"role","id":"modest","rules":[{"effect":"allow","actions":'
          '["publish"],"topics":["plant/#"],"max_qos":1,"retain":false}]}')


@VERSIONS
def test_qos_and_retain(plant, version, refused):
    """Beyond what the rule says the message is denied."""
    plant.registry.put(MODEST)
    plant.add_sensor("sender", '"roles":["modest"],')
    broker = plant.start()
    boss = watch(plant, broker)
    sender = plant.connect(broker, "sender", version=version)
    for qos, retain in ((2, False), (0, True), (1, True), (2, True)):
        sender.publish("plant/t", f"{qos} {retain}", qos, retain)
        if version == V311:  # ends what a denial has left of a handshake
            assert sender.is_alive()
    sender.publish("plant/t", "0", 0)
    sender.publish("plant/t", "1", 1)
    boss.expect("0", "1")
    boss.disconnect()
    boss = watch(plant, broker)
    barrier(plant.connect(broker, "temp-01"), boss)


def test_no_roles(site):
    """An explicit empty list grants nothing."""
    site.add_sensor("temp-01", '"roles":[],')
    broker = site.start()
    device = site.connect(broker, "temp-01")
    assert device.subscribe("devices/temp-01/#") == 0x80


def test_wildcard_gets_what_is_allowed(site):
    """A denied filter that only overlaps leaves the subscription."""
    site.registry.put(
        '{"kind":"role","id":"most","rules":[{"effect":"allow","actions":'
        '["subscribe"],"topics":["devices/#"]},{"effect":"deny","actions":'
        '["subscribe"],"topics":["devices/temp-02/#"]}]}')
    site.add_sensor("reader", '"roles":["most"],')
    site.add_sensor("temp-01")
    site.add_sensor("temp-02")
    broker = site.start()
    reader = site.connect(broker, "reader")
    first = site.connect(broker, "temp-01")
    second = site.connect(broker, "temp-02")
    assert reader.subscribe("devices/#") == 1
    assert reader.subscribe("devices/temp-02/t") == 0x80
    second.publish("devices/temp-02/t", "secret")
    first.publish("devices/temp-01/t", "public")
    reader.expect("public")


# Retained messages: the broker asks again whether their source may write.

@VERSIONS
@pytest.mark.parametrize("source", ["there", "gone", "gone, after SIGHUP"])
def test_retained(plant, version, refused, source):
    broker = plant.start()
    device = plant.connect(broker, "temp-01", version=version)
    device.publish("devices/temp-01/t", "kept", retain=True)
    if source != "there":
        device.disconnect()
    if "SIGHUP" in source:
        broker.reload()
    boss = watch(plant, broker, version=version)
    boss.expect("kept")


@pytest.mark.parametrize("away", [False, True], ids=["there", "gone"])
def test_retained_of_a_disabled_device(plant, away):
    broker = plant.start()
    device = plant.connect(broker, "temp-01")
    other = plant.connect(broker, "temp-02")
    device.publish("devices/temp-01/t", "kept", retain=True)
    other.publish("devices/temp-02/t", "other", retain=True)
    if away:
        device.disconnect()
    plant.registry.run("device", "disable", "temp-01")
    if away:  # the next to connect sees the registry as it is
        other.disconnect()
        plant.connect(broker, "temp-02")
    else:
        device.wait_closed()
    boss = watch(plant, broker)
    expect_only(boss, "other")
    boss.disconnect()
    plant.registry.run("device", "enable", "temp-01")
    boss = plant.connect(broker, "boss")
    boss.subscribe("devices/temp-01/#")
    boss.expect("kept")


def test_retained_of_a_removed_device(plant):
    broker = plant.start()
    device = plant.connect(broker, "temp-01")
    other = plant.connect(broker, "temp-02")
    device.publish("devices/temp-01/t", "kept", retain=True)
    other.publish("devices/temp-02/t", "other", retain=True)
    plant.registry.remove("device", "temp-01")
    device.wait_closed()
    expect_only(watch(plant, broker), "other")


def test_retained_after_a_restart(plant):
    """Also of a device that was enrolled without a record."""
    plant.add_group("auto", "factory-root", '"enroll":"automatic",')
    plant.pki.certificate("leaf-01", issuer="factory-root")
    conf = ["persistence true", f"persistence_location {plant.folder}/"]
    broker = plant.start(conf=conf)
    device = plant.connect(broker, "temp-01")
    device.publish("devices/temp-01/t", "kept", retain=True)
    enrolled = plant.connect(broker, "leaf-01")
    enrolled.publish("devices/leaf-01/t", "kept, too", retain=True)
    broker.stop()
    boss = watch(plant, plant.start(conf=conf))
    boss.wait(lambda: len(boss.messages) == 2, "messages")
    assert {text for _, text, _ in boss.messages} == {"kept", "kept, too"}


def test_retained_of_a_guest(plant):
    acl = plant.folder / "acl"
    acl.write_text("topic readwrite plant/#\n")
    broker = plant.start(
        listeners=[TLS, PLAIN],
        conf=["allow_anonymous true", f"acl_file {acl}"])
    guest = plant.connect(broker, client_id="guest", listener="plain")
    guest.publish("plant/t", "kept", retain=True)
    guest.disconnect()
    watch(plant, broker).expect("kept")


# Wills.

def will(topic, payload="farewell", retain=False, delay=None, qos=1):
    settings = {"topic": topic, "payload": payload, "qos": qos,
                "retain": retain}
    if delay is not None:
        settings["properties"] = Properties(PacketTypes.WILLMESSAGE)
        settings["properties"].WillDelayInterval = delay
    return settings


@VERSIONS
def test_will(plant, version, refused):
    broker = plant.start()
    boss = watch(plant, broker)
    device = plant.connect(broker, "temp-01", version=version,
                           will=will("devices/temp-01/will"))
    device.drop()
    boss.expect("farewell")


@VERSIONS
@pytest.mark.parametrize("topic", ["devices/temp-02/will", "plant/will"])
def test_will_elsewhere(plant, version, refused, topic):
    """It is not sent, or not even taken at CONNECT."""
    broker = plant.start()
    boss = watch(plant, broker)
    other = plant.connect(broker, "temp-02")
    device = plant.device(broker, "temp-01", version=version,
                          will=will(topic))
    if device.connect() == 0:
        mark = broker.mark()
        device.drop()
        broker.wait_log(r"Client temp-01 (closed|disconnected|\[)", mark)
    barrier(other, boss)


@VERSIONS
def test_will_at_a_takeover(plant, version, refused):
    """The old session's will is sent; the new one goes on."""
    broker = plant.start()
    boss = watch(plant, broker)
    old = plant.connect(broker, "temp-01", version=version,
                        will=will("devices/temp-01/will"))
    new = plant.connect(broker, "temp-01", version=version)
    old.wait_closed()
    barrier(new, boss, "farewell")


def test_will_retained(plant):
    broker = plant.start()
    boss = watch(plant, broker)
    device = plant.connect(broker, "temp-01", will=will(
        "devices/temp-01/will", retain=True))
    device.drop()
    boss.expect("farewell")
    boss.disconnect()
    watch(plant, broker).expect("farewell")


@VERSIONS
@pytest.mark.parametrize("qos, retain", [(1, False), (2, False), (1, True)])
def test_will_beyond_the_rule(plant, version, refused, qos, retain):
    plant.registry.put(MODEST)
    plant.add_sensor("sender", '"roles":["modest"],')
    broker = plant.start()
    boss = watch(plant, broker)
    other = plant.connect(broker, "temp-02")
    sender = plant.device(
        broker, "sender", version=version,
        will=will("plant/will", qos=qos, retain=retain))
    if sender.connect() == 0:
        mark = broker.mark()
        sender.drop()
        broker.wait_log(r"Client sender (closed|disconnected|\[)", mark)
    sent = ["farewell"] if (qos, retain) == (1, False) else []
    barrier(other, boss, *sent)


def leave_a_late_will(plant, broker, topic):
    device = plant.device(broker, "temp-01", version=V5, clean=True,
                          will=will(topic, delay=1))
    assert device.connect(SessionExpiryInterval=60) == 0
    device.drop()


def test_late_will(plant):
    """MQTT 5: the will comes when the session is long gone."""
    broker = plant.start()
    boss = watch(plant, broker)
    leave_a_late_will(plant, broker, "devices/temp-01/will")
    boss.expect("farewell")


def test_late_will_elsewhere(plant):
    broker = plant.start()
    boss = watch(plant, broker)
    leave_a_late_will(plant, broker, "devices/temp-02/will")
    second = plant.device(broker, "temp-02", version=V5,
                          will=will("devices/temp-02/late", "late", delay=2))
    assert second.connect(SessionExpiryInterval=60) == 0
    second.drop()
    boss.expect("late")


def test_late_will_of_a_disabled_device(plant):
    broker = plant.start()
    boss = watch(plant, broker)
    leave_a_late_will(plant, broker, "devices/temp-01/will")
    second = plant.device(broker, "temp-02", version=V5,
                          will=will("devices/temp-02/late", "late", delay=2))
    assert second.connect(SessionExpiryInterval=60) == 0
    second.drop()
    plant.registry.run("device", "disable", "temp-01")
    boss.expect("late")


# Queues of durable sessions.

@VERSIONS
@pytest.mark.parametrize("how", ["left", "vanished", "after SIGHUP"])
def test_queued(plant, version, refused, how):
    broker = plant.start()
    boss = watch(plant, broker)

    def connect():
        device = plant.device(broker, "temp-01", version=version, clean=False)
        more = {"SessionExpiryInterval": 600} if version == V5 else {}
        assert device.connect(**more) == 0
        return device

    device = connect()
    device.subscribe("devices/temp-01/#")
    mark = broker.mark()
    device.drop() if how == "vanished" else device.disconnect()
    broker.wait_log("temp-01", mark)
    if how == "after SIGHUP":
        broker.reload()
    for text in ("one", "two", "three"):
        boss.publish("devices/temp-01/t", text)
    boss.expect("one", "two", "three")
    device = connect()
    assert device.session_present
    device.expect("one", "two", "three")


def test_queued_after_a_restart(plant):
    conf = ["persistence true", f"persistence_location {plant.folder}/"]
    broker = plant.start(conf=conf)
    device = plant.connect(broker, "temp-01", clean=False)
    device.subscribe("devices/temp-01/#")
    device.disconnect()
    broker.stop()
    broker = plant.start(conf=conf)
    boss = watch(plant, broker)
    boss.publish("devices/temp-01/t", "queued")
    broker.reload()
    boss.publish("devices/temp-01/t", "queued, too")
    device = plant.connect(broker, "temp-01", clean=False)
    assert device.session_present
    device.expect("queued", "queued, too")


def test_queued_for_a_role_that_changed(plant):
    """What the device may not see when it is sent is not queued."""
    broker = plant.start()
    boss = watch(plant, broker, clean=False)
    device = plant.connect(broker, "temp-01")
    boss.disconnect()
    device.publish("devices/temp-01/t", "before")
    plant.registry.put(
        '{"kind":"role","id":"supervisor","rules":[{"effect":"allow",'
        '"actions":["subscribe"],"topics":["devices/temp-02/#"]}]}')
    other = plant.connect(broker, "temp-02")  # by now the change is seen
    device.publish("devices/temp-01/t", "after")
    other.publish("devices/temp-02/t", "other")
    boss = plant.connect(broker, "boss", clean=False)
    boss.wait(lambda: any(text == "other" for _, text, _ in boss.messages),
              "other")
    assert "after" not in [text for _, text, _ in boss.messages]


# Roles that change: what was agreed before is looked at again.

def set_role(plant, name, *topics, denied=()):
    rules = [f'{{"effect":"{effect}","actions":["publish","subscribe"],'
             f'"topics":["{topic}"]}}'
             for effect, all_of in (("allow", topics), ("deny", denied))
             for topic in all_of]
    plant.registry.put(f'{{"kind":"role","id":"{name}","rules":'
                       f'[{",".join(rules)}]}}')


@pytest.fixture
def moving(plant):
    """A sensor more, with a role of its own."""
    set_role(plant, "moving", "plant/#")
    plant.add_sensor("mover", '"roles":["moving"],')
    return plant


def change(plant, broker, name, *topics, **more):
    """Change a role, and return a sensor that came after it: by then it is
    seen for who is away."""
    set_role(plant, name, *topics, **more)
    return plant.connect(broker, "temp-02")


def change_for(client, plant, name, *topics, **more):
    """Change the role of a client that is connected, and wait until it has
    the new rules."""
    change_for.n += 1
    probe = f"probe/{change_for.n}"
    set_role(plant, name, *topics, probe, **more)
    wait_until(lambda: client.subscribe(probe) == 1, "new rules")


change_for.n = 0


@VERSIONS
def test_will_of_a_role_that_changed(moving, version, refused):
    """It is judged when it is sent."""
    broker = moving.start()
    boss = watch(moving, broker)
    mover = moving.connect(broker, "mover", version=version,
                           will=will("plant/will"))
    other = moving.connect(broker, "temp-02")
    change_for(mover, moving, "moving", "elsewhere/#")
    mark = broker.mark()
    mover.drop()
    broker.wait_log(r"Client mover (closed|disconnected|\[)", mark)
    barrier(other, boss)


@VERSIONS
def test_will_that_a_role_came_to_allow(moving, version, refused):
    broker = moving.start()
    boss = watch(moving, broker)
    set_role(moving, "moving", "elsewhere/#")
    mover = moving.device(broker, "mover", version=version,
                          will=will("plant/will"))
    if mover.connect() != 0:
        return  # a broker that judges it at CONNECT
    change_for(mover, moving, "moving", "plant/#")
    mover.drop()
    boss.expect("farewell")


def test_late_will_of_a_role_that_changed(moving):
    """The session is away when the role changes."""
    broker = moving.start()
    boss = watch(moving, broker)
    for name, topic, text, delay in (
            ("mover", "plant/will", "farewell", 5),
            ("temp-01", "devices/temp-01/late", "late", 6)):
        device = moving.device(broker, name, version=V5,
                               will=will(topic, text, delay=delay))
        assert device.connect(SessionExpiryInterval=60) == 0
        device.drop()
    change(moving, broker, "moving", "elsewhere/#")
    boss.expect("late")


@pytest.mark.parametrize("away", [False, True], ids=["there", "gone"])
@VERSIONS
def test_retained_of_a_role_that_changed(moving, version, refused, away):
    """It is delivered while its source may publish there."""
    broker = moving.start()
    mover = moving.connect(broker, "mover", version=version)
    mover.publish("plant/t", "kept", retain=True)
    if away:
        mover.disconnect()
    other = change(moving, broker, "moving", "elsewhere/#")
    other.publish("devices/temp-02/t", "other", retain=True)
    boss = watch(moving, broker)
    expect_only(boss, "other")
    boss.disconnect()
    change(moving, broker, "moving", "plant/#")
    boss = moving.connect(broker, "boss")
    boss.subscribe("plant/#")
    boss.expect("kept")


@VERSIONS
def test_subscription_of_a_role_that_changed(moving, version, refused):
    """It stays, and brings what is allowed now."""
    broker = moving.start()
    boss = watch(moving, broker, version=version)
    mover = moving.connect(broker, "mover")

    other = moving.connect(broker, "temp-02")

    def publish():
        for topic in ("plant/t", "plant/secret/t"):
            mover.publish(topic, topic)
        other.publish("devices/temp-02/t", "other")

    publish()
    boss.expect("plant/t", "plant/secret/t", "other")
    change_for(boss, moving, "supervisor", "devices/#")
    publish()
    boss.expect("other")
    change_for(boss, moving, "supervisor", "devices/#", "plant/#",
               denied=["plant/secret/#"])
    publish()
    boss.expect("plant/t", "other")
    change_for(boss, moving, "supervisor", "devices/#", "plant/#")
    publish()
    boss.expect("plant/t", "plant/secret/t", "other")


@VERSIONS
@pytest.mark.parametrize("restart", [False, True], ids=["running", "restart"])
def test_queue_of_a_role_that_changed(moving, version, refused, restart):
    """What was queued before is judged again when the device comes for it."""
    conf = ["persistence true", f"persistence_location {moving.folder}/"]
    broker = moving.start(conf=conf)

    def connect():
        boss = moving.device(broker, "boss", version=version, clean=False)
        more = {"SessionExpiryInterval": 600} if version == V5 else {}
        assert boss.connect(**more) == 0
        return boss

    boss = connect()
    assert boss.subscribe("devices/#") == boss.subscribe("plant/#") == 1
    boss.disconnect()
    mover = moving.connect(broker, "mover")
    other = moving.connect(broker, "temp-02")
    mover.publish("plant/t", "before")
    other.publish("devices/temp-02/t", "other")
    if restart:
        broker.stop()
        set_role(moving, "supervisor", "devices/#")
        broker = moving.start(conf=conf)
    else:
        change(moving, broker, "supervisor", "devices/#")
    expect_only(connect(), "other")


def test_queue_that_was_restored(moving):
    """Nobody has seen its client yet: what it may have is in the registry."""
    conf = ["persistence true", f"persistence_location {moving.folder}/"]
    broker = moving.start(conf=conf)
    mover = moving.connect(broker, "mover", clean=False)
    assert mover.subscribe("plant/#") == 1
    mover.disconnect()
    broker.stop()
    set_role(moving, "moving", "elsewhere/#")
    broker = moving.start(conf=conf)
    boss = watch(moving, broker)
    boss.publish("plant/t", "denied")
    change(moving, broker, "moving", "plant/#")
    boss.publish("plant/t", "allowed")
    mover = moving.connect(broker, "mover", clean=False)
    assert mover.session_present
    expect_only(mover, "allowed")


# Bridges: only they and the broker itself are exempt.

def start_bridged(plant, **settings):
    """An upstream without the plugin, and the gateway bridged to it."""
    upstream = plant.new_broker(
        plugin=False, listeners=[PLAIN], conf=["allow_anonymous true"])
    upstream.start()
    conf = ["persistence true", f"persistence_location {plant.folder}/",
            "connection up", f"address 127.0.0.1:{upstream.port('plain')}",
            "topic plant/# in 1", "topic devices/# out 1",
            "restart_timeout 1", "bridge_attempt_unsubscribe false"]
    return upstream, lambda: plant.start(
        listeners=[TLS], after=conf, **settings)


@pytest.mark.parametrize("seen", [True, False], ids=["seen", "unseen"])
def test_bridge(plant, seen):
    """Also where the plugin does not find mosquitto.conf, behind so many
    arguments."""
    upstream, start = start_bridged(
        plant, arguments=() if seen else ["-v"] * 5000)
    above = plant.connect(upstream, client_id="above", listener="plain")
    above.subscribe("devices/#")
    above.publish("plant/setpoint", "retained", retain=True)
    broker = start()
    boss = watch(plant, broker)
    boss.expect("retained")
    above.publish("plant/setpoint", "live", retain=True)
    boss.expect("live")
    device = plant.connect(broker, "temp-01")
    device.publish("devices/temp-01/t", "up")
    above.expect("up")
    boss.expect("up")
    boss.disconnect()
    boss = watch(plant, broker)
    boss.expect("live")
    # The same from disk, with the bridge down.
    boss.disconnect()
    upstream.stop()
    broker.stop()
    boss = watch(plant, start())
    boss.expect("live")


STATE = "$SYS/broker/connection/{}/state"


def start_with_state(plant, topic, *lines, **settings):
    """A gateway whose bridge has told a supervisor here that it is up."""
    set_role(plant, "supervisor", "devices/#", "plant/#", "$SYS/broker/#")
    upstream = plant.start(
        plugin=False, listeners=[PLAIN], conf=["allow_anonymous true"])
    broker = plant.start(after=[
        "connection up", f"address 127.0.0.1:{upstream.port('plain')}",
        "topic devices/# out 1", "restart_timeout 1", *lines], **settings)
    boss = plant.connect(broker, "boss")
    assert boss.subscribe(topic) == 1
    boss.wait(lambda: any(text == "1" for _, text, _ in boss.messages),
              "the bridge is up")
    return broker


def seen_retained(plant, broker, topic):
    """What a supervisor that comes now finds there."""
    boss = plant.connect(broker, "boss")
    assert boss.subscribe(topic) == 1
    assert boss.subscribe("devices/#") == 1
    plant.connect(broker, "temp-01").publish("devices/temp-01/t", "last")
    boss.wait(lambda: any(text == "last" for _, text, _ in boss.messages),
              "last")
    return [(where, text) for where, text, retain in boss.messages if retain]


@pytest.mark.parametrize("lines, topic", [
    ([], STATE.format(f"{socket.gethostname()}.up")),
    (["clientid gw 1"], STATE.format("gw 1")),
    (["remote_clientid gw1"], STATE.format("gw1")),
    (["local_clientid near"], STATE.format(f"{socket.gethostname()}.up")),
    (["remote_clientid gw1", "local_clientid near"], STATE.format("gw1")),
    (["notification_topic plant/line"], "plant/line")],
    ids=["default", "clientid", "remote", "local", "both", "topic"])
def test_bridge_state(plant, lines, topic):
    """Also for who comes later: the broker asks whether the bridge may write
    it."""
    broker = start_with_state(plant, topic, *lines)
    assert seen_retained(plant, broker, topic) == [(topic, "1")]


@pytest.mark.parametrize("source", ["guest", "local.elsewhere", "mover"])
def test_state_that_is_no_bridges(moving, source):
    """It is there while its source may write it: a device by its role, others
    by the acl_file, whatever they are called."""
    topic = STATE.format("elsewhere")
    acl = moving.folder / "acl"
    acl.write_text("topic readwrite $SYS/broker/connection/+/state\n")
    broker = start_with_state(
        moving, STATE.format("+"), listeners=[TLS, PLAIN],
        conf=["allow_anonymous true", f"acl_file {acl}"])
    if source == "mover":
        set_role(moving, "moving", "$SYS/broker/connection/#")
        client = moving.connect(broker, source)
    else:
        client = moving.connect(broker, client_id=source, listener="plain")
    client.publish(topic, "forged", retain=True)
    assert seen_retained(moving, broker, topic) == [(topic, "forged")]
    set_role(moving, "moving", "plant/#")
    acl.write_text("topic readwrite plant/#\n")
    broker.reload()
    moving.connect(broker, "temp-02")  # by now the role is seen
    if source == "mover":
        client.disconnect()
    assert seen_retained(moving, broker, topic) == []
    state = STATE.format(f"{socket.gethostname()}.up")
    assert seen_retained(moving, broker, state) == [(state, "1")]


UPSTREAM = Listener("tls", require=False)


def start_bridged_with_tls(plant, anchor):
    upstream = plant.start(plugin=False, listeners=[UPSTREAM],
                           conf=["allow_anonymous true"])
    broker = plant.start(after=[
        "connection up", f"address 127.0.0.1:{upstream.port()}",
        "topic devices/# out 1", "restart_timeout 1",
        f"bridge_cafile {plant.pki.file(anchor)}"])
    return upstream, broker


def test_bridge_checks_its_upstream(plant):
    """The broker's own connections keep OpenSSL's check."""
    upstream, broker = start_bridged_with_tls(plant, "server-root")
    above = plant.connect(upstream, client_id="above")
    above.subscribe("devices/#")
    device = plant.connect(broker, "temp-01")
    upstream.wait_log(r"connected from \S+ as \S+\.up ")
    device.publish("devices/temp-01/t", "up")
    above.expect("up")


@pytest.mark.parametrize("wrong", ["anchor", "name", "registered"])
def test_bridge_refuses_its_upstream(plant, wrong):
    """A server of another CA, of another name, and one whose certificate is
    that of a registered sensor."""
    if wrong == "name":
        plant.pki.described["server"]["san"] = "dns:elsewhere"
    if wrong == "registered":
        plant.registry.put(
            '{"kind":"device","id":"server","auth":{"type":"thumbprint",'
            '"primary":"{thumbprint:server}"}}')
    upstream, broker = start_bridged_with_tls(
        plant, "server-root" if wrong == "name" else "stranger-root")
    broker.wait_log("certificate verify failed")
    assert "connected from" not in upstream.log()
    # Mosquitto 2.0.11 frees such a bridge twice when it ends, also without
    # the plugin.
    broker.kill()
