# SPDX-License-Identifier: Apache-2.0
"""Tokens at CONNECT: who comes in, and what a newcomer reaches."""

import json
import signal
import socket
import ssl

import pytest

from broker import PLAIN, Listener, wait_until
from clients import V5, V311, Boss
from newcomers import ASKING, SECRET, Newcomers, device, token
from test_commands import BOSS
from test_topics import VERSIONS, will

REQUEST = "trust/v1/enroll/token:t-1/request"
RESPONSE = "trust/v1/enroll/token:t-1/response"
WATCHER = (
    '{"kind":"role","id":"watcher","rules":[{"effect":"allow","actions":'
    '["publish","subscribe"],"topics":["#","trust/v1/enroll/#",'
    '"trust/v1/bundle"]},{"effect":"allow","actions":["subscribe"],'
    '"topics":["trust/v1/%s"]}]}\n')


@pytest.fixture
def plant(site):
    return Newcomers(site)


# ---- Coming in ----

@pytest.mark.parametrize("listener", ["tls", "websockets"])
@pytest.mark.parametrize("maximum", [
    ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
@pytest.mark.parametrize("version", [V311, V5], ids=["3.1.1", "5"])
def test_comes_in(site, listener, maximum, version):
    plant = Newcomers(site, listeners=[
        ASKING, Listener("websockets", require=False, websockets=True)])
    newcomer = plant.come(
        listener=listener, maximum=maximum, version=version)
    assert newcomer.subscribe(RESPONSE) == 1
    assert newcomer.is_alive()


def test_wrong_secrets(plant):
    for secret in ("", "x", SECRET[:-1], SECRET + "x", SECRET.lower()):
        assert plant.refused(secret=secret) == "token_invalid"
    assert plant.refused("t-2") == "token_invalid"
    assert plant.refused("T-1") == "token_invalid"
    assert plant.refused("x" * 300) == "token_invalid"
    assert plant.refused("#") == "token_invalid"
    plant.broker.wait_log("token t-1: the secret is another one")
    plant.broker.wait_log("token t-2: there is no such token")
    assert SECRET[:20] not in plant.broker.log()


def test_a_certificate_comes_first(plant):
    """A token is looked at without one alone."""
    plant.site.add_sensor("temp-01")
    plant.site.pki.certificate("stranger")
    assert plant.site.connect(
        plant.broker, "temp-01", username="token:t-1", password="wrong")
    assert plant.site.device(
        plant.broker, "stranger", username="token:t-1",
        password=SECRET).connect() is None


def test_expired(plant):
    plant.site.registry.put(token(expires=-1))
    assert plant.refused() == "token_expired"


@pytest.mark.parametrize("records, reason", [
    (token(gateway="gw2"), "token_invalid"),
    (token(status="disabled"), "token_invalid"),
    (token(device="nobody"), "device_unknown"),
    (device(status="disabled"), "device_disabled"),
], ids=["another gateway's", "disabled", "of nobody", "of a disabled one"])
def test_tokens_that_do_not_count(plant, records, reason):
    plant.site.registry.put(records)
    assert plant.refused() == reason


def test_the_device_comes_with_certificates(plant):
    """One that is known by its thumbprint has nothing to enroll."""
    plant.site.registry.put(
        plant.site.sensor("temp-01") + token(device="temp-01"))
    assert plant.refused() == "token_invalid"


def test_not_in_the_clear(site):
    """Over a listener without TLS it is compromised, and told so."""
    plant = Newcomers(site, listeners=[ASKING, PLAIN],
                      conf=["allow_anonymous true"])
    assert plant.refused(listener="plain") == "token_invalid"
    plant.broker.wait_log("a token came without TLS")


def test_required(site):
    """Without the option nobody looks at a token."""
    plant = Newcomers(site, options={"client_certificates": "required"})
    assert plant.new().connect() == 5
    assert plant.broker.refusals() == []


# ---- Client ids ----

def test_client_ids(plant):
    plant.site.add_sensor("temp-01")
    for name in ("temp-09", "anything", "token:t-1"):
        plant.come(client_id=name).disconnect()
    assert plant.refused(client_id="temp-01") == "client_id_mismatch"


def test_takeovers(site):
    """Nobody who is connected has to go for a newcomer, but the same one."""
    plant = Newcomers(site, records=token("t-2"), listeners=[ASKING, PLAIN],
                      conf=["allow_anonymous true"])
    site.pki.certificate("leaf", issuer="edge-ca", subject="CN=temp-09")
    old = plant.come()
    new = plant.come()
    old.wait_closed()
    assert plant.refused("t-2") == "client_id_mismatch"
    assert site.device(plant.broker, client_id="newcomer",
                       listener="plain").connect() == 5
    assert new.is_alive()
    guest = site.connect(plant.broker, client_id="guest", listener="plain")
    assert plant.refused(client_id="guest") == "client_id_mismatch"
    assert guest.is_alive()
    sensor = site.connect(plant.broker, "leaf", client_id="temp-09")
    assert plant.refused(client_id="temp-09") == "client_id_mismatch"
    assert sensor.is_alive()


def test_the_device_takes_its_client_id(plant):
    plant.site.pki.certificate("leaf", issuer="edge-ca", subject="CN=temp-09")
    newcomer = plant.come(client_id="temp-09")
    sensor = plant.site.connect(plant.broker, "leaf", client_id="temp-09")
    newcomer.wait_closed()
    assert sensor.subscribe("devices/temp-09/#") == 1
    sensor.publish("devices/temp-09/t", "mine")
    sensor.expect("mine")


def test_nothing_was_kept_for_a_newcomer(plant):
    """Of what was queued for the device."""
    plant.site.pki.certificate("leaf", issuer="edge-ca", subject="CN=temp-09")
    sensor = plant.site.connect(
        plant.broker, "leaf", client_id="temp-09", clean=False)
    assert sensor.subscribe("devices/temp-09/#") == 1
    sensor.disconnect()
    assert plant.refused(
        client_id="temp-09", clean=False) == "client_id_mismatch"
    plant.come(client_id="temp-09")


# ---- Topics ----

@VERSIONS
def test_reaches_its_own_topics_alone(plant, version, refused):
    site = plant.site
    site.registry.put(
        WATCHER % "none" + site.sensor("boss", '"roles":["watcher"],'))
    boss = site.connect(plant.broker, "boss")
    assert boss.subscribe("#") == 1
    newcomer = plant.come(version=version)
    assert newcomer.subscribe(RESPONSE) == 1
    assert newcomer.subscribe("trust/v1/bundle") == 1
    for topic in ("#", "+", "trust/#", "trust/v1/#", "trust/v1/events",
                  "trust/v1/enroll/#", "trust/v1/enroll/+/response",
                  "trust/v1/enroll/+/+", "trust/v1/enroll/token:t-2/response",
                  "trust/v1/enroll/newcomer/response",
                  "trust/v1/enroll/temp-09/response", REQUEST,
                  "devices/temp-09/#", "devices/newcomer/#", "plant/t",
                  "$SYS/#", "$CONTROL/#", "$share/g/" + RESPONSE,
                  "$share/g/trust/v1/bundle", "$share/g/#"):
        assert newcomer.subscribe(topic) == refused, topic
    for topic in ("plant/t", "devices/temp-09/t", "devices/newcomer/t",
                  "trust/v1/bundle", "trust/v1/events", RESPONSE,
                  "trust/v1/enroll/token:t-2/request",
                  "trust/v1/enroll/newcomer/request",
                  "trust/v1/enroll/temp-09/request", "$CONTROL/trust/v1"):
        newcomer.publish(topic, "x", retain=True)
        newcomer.publish(topic, "x")
    boss.publish("plant/t", "the first that is delivered")
    boss.expect("the first that is delivered")
    newcomer.expect()


@pytest.mark.parametrize("version", [V311, V5], ids=["3.1.1", "5"])
@pytest.mark.parametrize("topic", ["plant/will", REQUEST, RESPONSE])
def test_leaves_no_will(plant, version, topic):
    site = plant.site
    site.registry.put(
        WATCHER % "none" + site.sensor("boss", '"roles":["watcher"],'))
    boss = site.connect(plant.broker, "boss")
    for wanted in ("#", "trust/v1/enroll/#"):
        assert boss.subscribe(wanted) == 1
    newcomer = plant.come(version=version, will=will(topic))
    assert newcomer.subscribe(RESPONSE) == 1
    newcomer.drop()
    plant.broker.wait_log("newcomer.*(disconnected|closed)")
    boss.publish("plant/t", "the first that is delivered")
    boss.expect("the first that is delivered")


def test_gets_the_bundle(site):
    site.pki.certificate("root", ca="yes")
    plant = Newcomers(site, records=(
        '{"kind":"anchor","id":"root","purposes":["bundle"],'
        '"pem":"{pem:root}"}\n'))
    newcomer = plant.come()
    assert newcomer.subscribe("trust/v1/bundle") == 1
    newcomer.expect(site.pki.get("root").pem)


def test_what_devices_send_is_not_taken_for_newcomers(site):
    """A guest of a listener without TLS connects in the very moment in which a
    device sends over one that asks for certificates."""
    site.pki.certificate("leaf", issuer="edge-ca", subject="CN=temp-09")
    plant = Newcomers(site, listeners=[ASKING, PLAIN],
                      conf=["allow_anonymous true"])
    sensor = site.connect(plant.broker, "leaf", client_id="temp-09")
    port = plant.broker.port("plain")
    with socket.create_connection(("127.0.0.1", port), timeout=20) as guest:
        sensor.is_alive()  # by now the broker has accepted the guest
        plant.broker.process.send_signal(signal.SIGSTOP)
        sensor.client.publish("devices/temp-09/x", "1", qos=0)
        guest.sendall(b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x0a\x00\x01g")
        plant.broker.process.send_signal(signal.SIGCONT)
        assert guest.recv(4) == b"\x20\x02\x00\x00"


# ---- Staying ----

@pytest.mark.parametrize("change", [
    lambda plant: plant.site.registry.remove("token", "t-1"),
    lambda plant: plant.site.registry.put(token(status="disabled")),
    lambda plant: plant.site.registry.put(token(secret="another")),
    lambda plant: plant.site.registry.put(token(expires=-1)),
    lambda plant: plant.site.registry.run("device", "disable", "temp-09"),
    lambda plant: plant.site.registry.remove("device", "temp-09"),
    lambda plant: plant.site.registry.put(
        device("newcomer")),  # its client id
], ids=["removed", "disabled", "another secret", "expired", "device disabled",
        "device removed", "client id registered"])
def test_has_to_go(plant, change):
    newcomer = plant.come()
    change(plant)
    newcomer.wait_closed()
    plant.broker.wait_log("closed client newcomer: ")


def test_stays(plant):
    """Other tokens and other devices are not its business."""
    newcomer = plant.come()
    plant.site.registry.put(token("t-2") + device("temp-10"))
    plant.site.registry.put(token(expires=7200))
    mark = plant.broker.mark()
    plant.site.registry.remove("token", "t-2")
    plant.site.registry.run("device", "disable", "temp-10")
    assert plant.site.device(plant.broker, client_id="x").connect() == 5
    plant.broker.wait_refusal(mark)
    assert newcomer.is_alive()


def test_ends_with_its_token(plant):
    plant.site.registry.put(token(expires=3))
    newcomer = plant.come()
    newcomer.wait_closed()
    plant.broker.wait_log("closed client newcomer: token_expired")


def test_reload(plant):
    newcomer = plant.come()
    assert newcomer.subscribe(RESPONSE) == 1
    for _ in range(2):
        plant.broker.reload()
        assert newcomer.is_alive()
    assert newcomer.subscribe("plant/#") == 0x80
    plant.site.registry.remove("token", "t-1")
    newcomer.wait_closed()


def test_what_is_told(site):
    """In events and counters; a newcomer is no device."""
    audit = site.folder / "audit.jsonl"
    plant = Newcomers(site, options={"audit_log": audit})
    site.registry.put(
        WATCHER % "events" + site.sensor("boss", '"roles":["watcher"],'))
    boss = site.connect(plant.broker, "boss")
    assert boss.subscribe("trust/v1/events") == 1
    newcomer = plant.come()
    assert newcomer.subscribe("plant/#") == 0x80
    newcomer.disconnect()
    plant.refused(secret="guess")

    def events():
        return [event for _, text, _ in boss.messages
                if (event := json.loads(text)).get("client") == "newcomer"]

    boss.wait(lambda: len(events()) == 4, "events")
    came, denied, went, refused = events()
    assert [came["event"], went["event"]] == ["connected", "disconnected"]
    assert came["device"] is None and went["device"] is None
    assert came["detail"] == (
        "a newcomer with token t-1, to enroll device temp-09")
    assert (denied["event"], denied["reason"]) == (
        "refused", "topic_not_allowed")
    assert (refused["event"], refused["reason"]) == (
        "refused", "token_invalid")
    wait_until(lambda: len(audit.read_text().splitlines()) >= 2, "audit")
    assert SECRET[:20] not in audit.read_text()


def test_an_operator_sees_how_many_there_are(plant):
    site = plant.site
    site.registry.put(BOSS + site.sensor("boss", '"roles":["boss"],'))
    boss = Boss(site, plant.broker)
    assert boss.ask("getStatus")["data"]["newcomers"] == 0
    newcomer = plant.come()
    status = boss.ask("getStatus")["data"]
    assert (status["sessions"], status["newcomers"]) == (1, 1)
    newcomer.disconnect()
    wait_until(lambda: boss.ask("getStatus")["data"]["newcomers"] == 0,
               "the newcomer's end")


@pytest.mark.parametrize("client_id", ["temp-09", "newcomer"])
def test_away_during_sighup(plant, client_id):
    """The broker keeps its queue, and does not let go of it twice."""
    newcomer = plant.new(client_id=client_id, version=V5)
    assert newcomer.connect(SessionExpiryInterval=600) == 0
    assert newcomer.subscribe("trust/v1/bundle") == 1
    newcomer.disconnect()
    gone = f"Client {client_id} disconnected"
    plant.broker.wait_log(gone)
    mark = plant.broker.mark()
    plant.broker.reload()
    plant.come(client_id="another")
    assert gone not in plant.broker.log(mark)
