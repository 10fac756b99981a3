# SPDX-License-Identifier: Apache-2.0
"""The option client_certificates: who is asked for a certificate, and what
becomes of those who have none."""

import contextlib
import signal
import socket
import ssl

import pytest

from broker import PATIENCE, PLAIN, Listener
from clients import V5, V311, Pieces, connect_packet, s_client
from newcomers import Newcomers
from test_provenance import is_2_0
from test_resumption import Traveller

OPTIONAL = {"client_certificates": "optional"}
ASKING = Listener(require=False)
BOTH = [ASKING, Listener("websockets", require=False, websockets=True)]
LISTENERS = pytest.mark.parametrize("listener", ["tls", "websockets"])
VERSIONS = pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
MAXIMA = pytest.mark.parametrize("maximum", [
    ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])


@LISTENERS
@MAXIMA
def test_devices_are_decided_about_as_ever(site, listener, maximum):
    site.add_sensor("temp-01")
    site.pki.certificate("stranger")
    broker = site.start(options=OPTIONAL, listeners=BOTH)
    device = site.connect(broker, "temp-01", maximum=maximum,
                          listener=listener)
    assert device.subscribe("devices/temp-01/#") == 1
    device.publish("devices/temp-01/t", "mine")
    device.expect("mine")
    assert site.device(
        broker, "stranger", maximum=maximum,
        listener=listener).connect() is None
    assert broker.wait_refusal()[0] == "unknown_certificate"
    assert "no device can come in" not in broker.log()


@LISTENERS
@MAXIMA
@pytest.mark.parametrize("version, refused", [(V311, 5), (V5, 0x87)],
                         ids=["3.1.1", "5"])
def test_nothing_to_show(site, listener, maximum, version, refused):
    """Not even where the broker would let everybody in."""
    broker = site.start(options=OPTIONAL, listeners=BOTH,
                        after=["allow_anonymous true"])
    for more in ({}, {"username": "boss", "password": "x"}):
        mark = broker.mark()
        guest = site.device(broker, client_id="guest", maximum=maximum,
                            version=version, listener=listener, **more)
        assert guest.connect() == refused
        assert broker.wait_refusal(mark) == ("no_certificate", None)


def test_required_is_what_listeners_say(site):
    """Without the option nobody is asked on such a listener."""
    site.add_sensor("temp-01")
    broker = site.start(listeners=[ASKING])
    assert site.device(broker, "temp-01").connect() == 5
    broker.wait_log("want require_certificate true, got false: .*"
                    "plugin_opt_client_certificates optional")


def test_who_requires_one_still_does(site):
    broker = site.start(options=OPTIONAL)
    spoken = s_client(broker, client_id="nobody")
    assert spoken.code is None and spoken.alert == 116  # certificate_required


def test_guests_of_other_listeners_stay_guests(site):
    """Also while somebody without a certificate is connecting."""
    acl = site.folder / "acl"
    acl.write_text("topic readwrite plant/#\n")
    broker = site.start(
        options=OPTIONAL, listeners=[ASKING, PLAIN],
        conf=["allow_anonymous true", f"acl_file {acl}"])
    for _ in range(5):
        raw = site.raw(broker)  # through with TLS, and silent
        guest = site.connect(broker, client_id="guest", listener="plain")
        assert guest.subscribe("plant/t") == 1
        guest.publish("plant/t", "mine")
        guest.expect("mine")
        guest.disconnect()
        assert raw.connect("nobody") == 5
    assert {reason for reason, _ in broker.refusals()} == {"no_certificate"}


@VERSIONS
def test_resumed(site, version):
    """A ticket is as good there as elsewhere, if it has a certificate."""
    site.add_sensor("temp-01")
    broker = site.start(options=OPTIONAL, listeners=[ASKING])
    traveller = Traveller(site, broker, "temp-01", version=version)
    assert traveller.first().code == 0
    spoken = traveller.again()
    assert spoken.resumed and spoken.code == 0


@VERSIONS
def test_a_ticket_without_a_certificate_is_declined(site, version):
    broker = site.start(options=OPTIONAL, listeners=[ASKING])
    session = site.folder / "session.pem"
    first = s_client(broker, client_id="nobody",
                     more=[version, "-sess_out", session])
    assert first.code == 5
    if version == "-tls1_3":
        assert "New Session Ticket arrived" not in first.text
        return
    again = s_client(broker, client_id="nobody",
                     more=[version, "-sess_in", session])
    assert not again.resumed and again.code == 5


def test_reload(site):
    """New contexts ask as well, and connections stay."""
    site.add_sensor("temp-01")
    broker = site.start(options=OPTIONAL, listeners=[ASKING])
    device = site.connect(broker, "temp-01")
    broker.reload()
    assert device.is_alive()
    assert site.connect(broker, "temp-01", client_id="temp-01").is_alive()
    assert site.device(broker, client_id="guest").connect() == 5
    assert broker.wait_refusal()[0] == "no_certificate"


def test_who_comes_during_a_reload(site):
    """The broker asks again about those who are in; who comes meanwhile is no
    guest of theirs, also where the plugin hears of no tick."""
    site.add_sensor("temp-01")
    broker = site.start(
        options=OPTIONAL, per_listener_settings=True, listeners=[
            Listener(require=False, lines=("allow_anonymous true",))])
    device = site.connect(broker, "temp-01")
    for _ in range(3):
        broker.reload()
        assert site.device(broker, client_id="guest").connect() == 5
    assert device.is_alive()


UPGRADE = (b"GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
           b"Connection: Upgrade\r\nSec-WebSocket-Key: "
           b"dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqtt\r\n"
           b"Sec-WebSocket-Version: 13\r\n\r\n")


def frame(opcode, payload):
    """Of a client of WebSockets (RFC 6455 section 5.2)."""
    assert len(payload) < 126
    return bytes([0x80 | opcode, 0x80 | len(payload), 0, 0, 0, 0]) + payload


@pytest.mark.parametrize("padding", [0, 3000])
def test_nothing_to_show_in_one_record(site, padding):
    """The request for WebSockets comes with CONNECT behind it, and the broker
    may read that later; Mosquitto 2.1 does not read it at all."""
    broker = site.start(options=OPTIONAL, listeners=BOTH,
                        after=["allow_anonymous true"])
    raw = site.raw(broker, listener="websockets")
    answer = raw.ask(
        UPGRADE[:-2] + b"Cookie: " + b"x" * padding
        + b"\r\n\r\n" + frame(10, b"") * (padding // 10)
        + frame(2, connect_packet("guest")), 4096)
    assert b"\x20\x02\x00\x00" not in answer
    if is_2_0(broker):
        assert broker.wait_refusal() == ("no_certificate", None)
    else:
        broker.wait_log("disconnected: malformed packet")


# ---- Whose CONNECT it is ----

def enhanced_packet(client_id):
    """An MQTT 5.0 CONNECT with an authentication method (section 3.1.2.11.9),
    for enhanced authentication."""
    body = (b"\x00\x04MQTT\x05\x02\x00\x3c\x04\x15\x00\x01x"
            + len(client_id).to_bytes(2, "big") + client_id.encode())
    return bytes([0x10, len(body)]) + body


BEFORE_A_GUEST = {
    "a header": lambda pieces: pieces.seal(connect_packet("nobody"))[:5],
    "a part of a record":
        lambda pieces: pieces.seal(connect_packet("nobody"))[:-1],
    "a part of a packet":
        lambda pieces: pieces.seal(connect_packet("nobody")[:1]),
    "a packet but for its end":
        lambda pieces: pieces.seal(connect_packet("nobody")[:-1]),
    "what is no CONNECT": lambda pieces: pieces.seal(b"\xc0\x00"),
    "enhanced authentication":
        lambda pieces: pieces.seal(enhanced_packet("nobody")),
}


@contextlib.contextmanager
def stopped(broker):
    """What is sent meanwhile is read at once."""
    broker.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        broker.process.send_signal(signal.SIGCONT)


def plain_guest(broker, address="127.0.0.1"):
    """One whose connection the broker has taken."""
    mark = broker.mark()
    guest = socket.create_connection(
        ("127.0.0.1", broker.port("plain")), PATIENCE, (address, 0))
    broker.wait_log("New connection from", since=mark)
    return guest


@MAXIMA
@pytest.mark.parametrize("sent", BEFORE_A_GUEST)
def test_guests_are_not_taken_for_who_sends_parts(site, sent, maximum):
    """Who sent something over TLS right before is not who connects."""
    broker = site.start(options=OPTIONAL, listeners=[ASKING, PLAIN],
                        conf=["allow_anonymous true"])
    for number in range(3):
        pieces = Pieces(broker, maximum=maximum)
        octets = BEFORE_A_GUEST[sent](pieces)
        guest = plain_guest(broker)
        with stopped(broker):
            pieces.send(octets)
            guest.sendall(connect_packet(f"guest-{number}"))
        assert guest.recv(4) == b"\x20\x02\x00\x00", broker.log()
        guest.close()
        pieces.close()


def test_guests_are_not_taken_for_newcomers(site):
    """That are in, and send."""
    plant = Newcomers(site, listeners=[ASKING, PLAIN],
                      conf=["allow_anonymous true"])
    newcomer = plant.come()
    for number in range(3):
        guest = plain_guest(plant.broker)
        with stopped(plant.broker):
            newcomer.client.subscribe("trust/v1/bundle")
            guest.sendall(connect_packet(f"guest-{number}"))
        assert guest.recv(4) == b"\x20\x02\x00\x00", plant.broker.log()
        guest.close()
    assert newcomer.is_alive()


@MAXIMA
def test_guests_are_not_taken_for_who_has_another_address(site, maximum):
    """libwebsockets does not say what it waits for."""
    broker = site.start(options=OPTIONAL, listeners=BOTH + [PLAIN],
                        conf=["allow_anonymous true"])
    if not is_2_0(broker):
        pytest.skip("this Mosquitto may have the address from a proxy")
    pieces = Pieces(broker, "websockets", maximum)
    pieces.send(pieces.seal(UPGRADE))
    assert b" 101 " in pieces.read()
    for number in range(3):
        guest = plain_guest(broker, "127.0.0.2")
        with stopped(broker):
            pieces.send(pieces.seal(frame(9, b"")))
            guest.sendall(connect_packet(f"guest-{number}"))
        assert guest.recv(4) == b"\x20\x02\x00\x00", broker.log()
        guest.close()
    pieces.close()


@LISTENERS
@MAXIMA
@pytest.mark.parametrize("cut", [4, 5, 6, -1])
def test_nothing_to_show_in_parts(site, listener, maximum, cut):
    """However long the broker has other things to do in between."""
    broker = site.start(options=OPTIONAL, listeners=BOTH + [PLAIN],
                        after=["allow_anonymous true"])
    pieces = Pieces(broker, listener, maximum)
    packet = connect_packet("nobody")
    if listener == "websockets":
        pieces.send(pieces.seal(UPGRADE))
        assert b" 101 " in pieces.read()
        packet = frame(2, packet)
    octets = pieces.seal(packet)
    pieces.send(octets[:cut])
    for _ in range(3):
        site.connect(broker, client_id="guest", listener="plain").disconnect()
    pieces.send(octets[cut:])
    answer = b""
    with contextlib.suppress(OSError, ssl.SSLError):
        while more := pieces.read():
            answer += more
    assert b"\x20\x02\x00\x00" not in answer
    assert broker.wait_refusal() == ("no_certificate", None)
    pieces.close()
