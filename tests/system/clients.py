# SPDX-License-Identifier: Apache-2.0
"""Clients: paho as a sensor; mosquitto_pub, openssl and gnutls-cli."""

import contextlib
import ctypes
import dataclasses
import json
import re
import socket
import ssl
import subprocess
import time

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from broker import PATIENCE

V31 = paho.MQTTv31
V311 = paho.MQTTv311
V5 = paho.MQTTv5
LIBCRYPTO = ctypes.CDLL("libcrypto.so.3")


def new_paho(client_id, version, transport, clean):
    """paho 1.x and 2.x."""
    first = ()
    if hasattr(paho, "CallbackAPIVersion"):
        first = (paho.CallbackAPIVersion.VERSION1,)
    if version == V5:
        clean = None
    return paho.Client(*first, client_id=client_id, clean_session=clean,
                       protocol=version, transport=transport)


def tls_context(pki, names, maximum=None):
    """A client's TLS: checks the server, shows the chain `names`. Weak keys
    are for the broker to refuse, not for the client."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.load_verify_locations(pki.file("server-root"))
    if maximum is not None:
        context.maximum_version = maximum
    if names:
        context.load_cert_chain(pki.file(*names), pki.key_file(names[0]))
    return context


def forget_tls_error():
    """Python 3.13 takes an error that the system reports (a reset) from
    OpenSSL without removing it, and then every other connection of the thread
    seems to have it."""
    LIBCRYPTO.ERR_clear_error()


class Device:
    """A sensor. One thread: whoever waits for something runs the network."""

    def __init__(self, broker, *chain, client_id=None, listener="tls",
                 version=V311, clean=True, username=None, password=None,
                 will=None, maximum=None):
        self.broker = broker
        where = broker.listeners[listener]
        self.client_id = chain[0] if client_id is None else client_id
        transport = "websockets" if where.websockets else "tcp"
        self.client = new_paho(self.client_id, version, transport, clean)
        self.version = version
        self.clean = clean
        self.port = where.port
        if where.tls:
            self.client.tls_set_context(
                tls_context(broker.pki, chain, maximum))
        if username is not None:
            self.client.username_pw_set(username, password)
        if will is not None:
            self.client.will_set(**will)
        self.code = None  # of CONNACK
        self.closed = False
        self.messages = []  # topic, payload, retain
        self.answers = {}  # by packet id
        self.client.on_connect = self.on_connect
        self.client.on_disconnect = self.on_disconnect
        self.client.on_message = self.on_message
        self.client.on_subscribe = self.on_subscribe
        self.client.on_unsubscribe = self.on_unsubscribe
        self.client.on_publish = self.on_publish
        self.client.suppress_exceptions = False

    def end(self):
        """The connection is gone."""
        self.closed = True
        forget_tls_error()

    # Called by paho

    def on_connect(self, client, userdata, flags, code, properties=None):
        self.session_present = bool(flags["session present"])
        self.code = getattr(code, "value", code)

    def on_disconnect(self, client, userdata, code, properties=None):
        self.end()
        self.close_code = getattr(code, "value", code)

    def on_message(self, client, userdata, message):
        self.messages.append(
            (message.topic, message.payload.decode(), message.retain))

    def on_subscribe(self, client, userdata, number, codes, properties=None):
        self.answers[number] = [getattr(code, "value", code)
                                for code in codes]

    def on_unsubscribe(self, client, userdata, number, *more):
        self.answers[number] = True

    def on_publish(self, client, userdata, number):
        self.answers[number] = True

    # Used by tests

    def connect(self, **properties):
        """Connect. The code of CONNACK, or None when TLS refused. `properties`
        are those of MQTT 5's CONNECT."""
        more = {}
        if self.version == V5:
            more["clean_start"] = self.clean
            more["properties"] = self.properties(properties)
        try:
            self.client.connect(
                "127.0.0.1", self.port, KEEP_ALIVE_S, **more)
        except OSError:  # ssl.SSLError is one, too
            self.end()
            return None
        self.wait(lambda: self.code is not None or self.closed, "CONNACK")
        return self.code

    @staticmethod
    def properties(values):
        properties = Properties(PacketTypes.CONNECT)
        for name, value in values.items():
            setattr(properties, name, value)
        return properties

    def wait(self, condition, what):
        """Run the network until the condition holds."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, f"no {what}"
            if self.closed:
                time.sleep(0.01)
            else:
                self.step(0.05)

    def step(self, timeout):
        """Run the network once; a connection that broke is closed."""
        try:
            if self.client.loop(timeout) != paho.MQTT_ERR_SUCCESS:
                self.end()
        except OSError:  # a TLS alert that paho lets through
            self.end()

    def answer(self, number):
        self.wait(lambda: number in self.answers or self.closed, "answer")
        return self.answers.get(number)

    def subscribe(self, topic, qos=1):
        """The code of SUBACK."""
        return self.answer(self.client.subscribe(topic, qos)[1])[0]

    def publish(self, topic, payload="x", qos=1, retain=False,
                properties=None):
        """Publish and, with QoS 1, wait for PUBACK. `properties` are those of
        MQTT 5's PUBLISH."""
        info = self.client.publish(topic, payload, qos, retain, properties)
        if qos > 0:
            self.answer(info.mid)

    def expect(self, *payloads):
        """Wait for these messages, and no others before them."""
        self.wait(lambda: len(self.messages) >= len(payloads), payloads)
        got = [payload for _, payload, _ in self.messages]
        assert got == list(payloads)
        self.messages.clear()

    def is_alive(self):
        """Whether the broker still answers: an unsubscription's round trip,
        which comes behind everything that the broker had sent before."""
        if not self.closed:
            self.answer(self.client.unsubscribe("devices/nothing")[1])
        return not self.closed

    def wait_closed(self):
        self.wait(lambda: self.closed, "end of the connection")

    def disconnect(self):
        """Leave as MQTT wants it, and wait for the broker to close."""
        self.client.disconnect()
        self.wait_closed()

    def drop(self):
        """Vanish without DISCONNECT."""
        sock = self.client.socket()
        if sock is not None:
            sock.close()
        self.closed = True


class Boss:
    """An operator's client: sends commands and reads their responses."""

    TOPIC = "$CONTROL/trust/v1"

    def __init__(self, site, broker, name="boss", **more):
        self.device = site.connect(broker, name, **more)
        self.subscribed = self.device.subscribe(self.TOPIC + "/response")

    def send(self, *commands):
        self.device.publish(self.TOPIC, json.dumps({"commands": commands}))

    def ask(self, command, **more):
        """The response to one command."""
        self.send({"command": command, "correlationData": "c7", **more})
        self.device.wait(lambda: self.device.messages, "response")
        (topic, text, retained), = self.device.messages
        self.device.messages.clear()
        assert (topic, retained) == (self.TOPIC + "/response", False)
        response, = json.loads(text)["responses"]
        assert response.pop("command") == command
        assert response.pop("correlationData") == "c7"
        return response


def connect_packet(client_id):
    """An MQTT 3.1.1 CONNECT (section 3.1), clean session."""
    body = b"\x00\x04MQTT\x04\x02\x00\x3c"
    body += len(client_id).to_bytes(2, "big") + client_id.encode()
    return bytes([0x10, len(body)]) + body


PINGREQ = b"\xc0\x00"
DISCONNECT = b"\xe0\x00"
# A client answers when a test wants something of it, and not before.
KEEP_ALIVE_S = 3600


class Raw:
    """A connection of TLS alone; MQTT comes when a test says so."""

    def __init__(self, broker, *chain, session=None, maximum=None,
                 context=None, listener="tls"):
        self.context = context or tls_context(broker.pki, chain, maximum)
        self.socket = self.context.wrap_socket(
            socket.create_connection(("127.0.0.1", broker.port(listener)),
                                     PATIENCE),
            session=session, server_hostname="127.0.0.1")

    def ask(self, packet, length):
        """Send a packet; the answer has this length, or is less at an end."""
        answer = b""
        try:
            self.socket.sendall(packet)
            while len(answer) < length:
                more = self.socket.recv(length - len(answer))
                if not more:
                    break
                answer += more
        except OSError:
            forget_tls_error()
        return answer

    def connect(self, client_id):
        """The code of CONNACK, or None."""
        answer = self.ask(connect_packet(client_id), 4)
        return answer[3] if len(answer) == 4 else None

    def is_alive(self):
        return self.ask(PINGREQ, 2) == b"\xd0\x00"

    def close(self):
        self.socket.close()


class Pieces:
    """A connection of TLS that sends its records as a test cuts them."""

    def __init__(self, broker, listener="tls", maximum=None):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = tls_context(broker.pki, (), maximum).wrap_bio(
            self.incoming, self.outgoing, server_hostname="127.0.0.1")
        self.socket = socket.create_connection(
            ("127.0.0.1", broker.port(listener)), PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.until_done(self.tls.do_handshake)

    def until_done(self, step):
        """Run a step of TLS, and the network for it."""
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                self.send(self.outgoing.read())
                if not self.incoming.write(self.socket.recv(65536)):
                    self.incoming.write_eof()
            finally:
                self.send(self.outgoing.read())

    def send(self, octets):
        self.socket.sendall(octets)

    def seal(self, data):
        """One record, which is not sent."""
        self.tls.write(data)
        return self.outgoing.read()

    def read(self):
        """What comes next."""
        return self.until_done(lambda: self.tls.read(4096))

    def close(self):
        self.socket.close()


@dataclasses.dataclass
class Spoken:
    """How a TLS tool fared that speaks MQTT through its standard input."""
    text: str  # all that it printed
    code: int  # of CONNACK, or None

    @property
    def alert(self):
        """The number of the TLS alert that it got, or None."""
        found = re.search(r"SSL alert number (\d+)", self.text)
        return found and int(found[1])

    @property
    def resumed(self):
        return re.search(r"^Reused, ", self.text, re.M) is not None


def speak(command, client_id):
    """Connect with MQTT through a tool that carries its standard input over
    TLS, and disconnect."""
    process = subprocess.Popen(
        list(map(str, command)), bufsize=0, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output, code = b"", None

    def say(packet):
        with contextlib.suppress(BrokenPipeError):  # it has ended
            process.stdin.write(packet)

    with process:
        say(connect_packet(client_id))
        while more := process.stdout.read(65536):
            output += more
            connack = re.search(rb"\x20\x02[\x00\x01](.)", output, re.S)
            if code is None and connack:
                code = connack[1][0]
                say(DISCONNECT)
                process.stdin.close()
    return Spoken(output.decode(errors="replace"), code)


def s_client(broker, *chain, client_id=None, listener="tls", key=None,
             more=()):
    """openssl s_client. Only the leaf is a file of its own."""
    command = ["openssl", "s_client", "-connect",
               f"127.0.0.1:{broker.port(listener)}", "-ign_eof",
               "-CAfile", broker.pki.file("server-root"),
               "-verify_return_error", "-cipher", "ALL:@SECLEVEL=0"]
    if chain:
        command += ["-cert", broker.pki.file(chain[0]),
                    "-key", key or broker.pki.key_file(chain[0])]
    if chain[1:]:
        command += ["-cert_chain", broker.pki.file(*chain[1:])]
    return speak([*command, *more], client_id or chain[0])


def gnutls_cli(broker, *chain):
    return speak(
        ["gnutls-cli", "--port", broker.port(), "127.0.0.1",
         "--x509cafile", broker.pki.file("server-root"),
         "--x509certfile", broker.pki.file(*chain),
         "--x509keyfile", broker.pki.key_file(chain[0])], chain[0])


def mosquitto_client(tool, broker, *chain, topic, more=()):
    """The command line of mosquitto_pub or mosquitto_sub."""
    return [tool, "-h", "127.0.0.1", "-p", str(broker.port()), "-q", "1",
            "--cafile", broker.pki.file("server-root"),
            "--cert", broker.pki.file(*chain),
            "--key", broker.pki.key_file(chain[0]),
            "-i", chain[0], "-t", topic, *more]
