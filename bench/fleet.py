# SPDX-License-Identifier: Apache-2.0
"""Live sensors that publish with QoS 1, come and go, and are thrown out: many
of them in one thread, and a watcher that sees whether all arrives."""

import collections
import contextlib
import selectors
import socket
import ssl
import threading
import time

import lab
import mqtt

# Between two looks at what is due.
TURN_S = 0.005


def context_of(sensor):
    """One for all sessions of a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.load_cert_chain(sensor.chain, sensor.key)
    return context


class Session:
    """An MQTT connection that does not block once it is there."""

    def __init__(self, port, context, client_id):
        self.client_id = client_id
        self.read, self.unsent = bytearray(), bytearray()
        plain = socket.create_connection(
            ("127.0.0.1", port), lab.PATIENCE_S)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.socket = context.wrap_socket(plain)
        except BaseException:
            plain.close()
            raise
        self.socket.sendall(mqtt.connect(client_id))
        connack = self.socket.recv(4)
        if connack != b"\x20\x02\0\0":
            self.socket.close()
            raise ConnectionError(f"{client_id}: want a CONNACK that "
                                  f"accepts, got {connack.hex() or 'an end'}")
        self.socket.setblocking(False)

    def send(self, octets=b""):
        self.unsent += octets
        with contextlib.suppress(ssl.SSLWantWriteError):
            while self.unsent:
                del self.unsent[:self.socket.send(self.unsent)]

    def receive(self):
        """The packets that have come; None behind the last one."""
        ended = False
        try:
            while octets := self.socket.recv(65536):
                self.read += octets
            ended = True
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        except OSError:
            ended = True
        yield from mqtt.packets(self.read)
        if ended:
            yield None

    def close(self):
        self.socket.close()


class Member:
    """A sensor of the fleet, there or away."""

    def __init__(self, sensor, context, good):
        self.client_id = sensor.client_id
        self.device = sensor.client_id.partition("/")[0]
        self.topic = f"devices/{sensor.client_id}"
        self.context = context
        self.good = good  # nobody throws it out
        self.session = None
        self.published = 0
        self.waiting = False  # for a PUBACK


class Fleet:
    """`watcher` may subscribe to devices/# and to counters. `others` are
    topics on which somebody else counts, too."""

    def __init__(self, port, watcher, members, others, rate, connects):
        self.port = port
        self.members = members
        # Who is thrown out may be so before he is heard.
        self.counted = {member.topic for member in members
                        if member.good}.union(others)
        self.by_device = collections.defaultdict(list)
        for member in members:
            self.by_device[member.device].append(member)
        self.rate, self.connects = rate, connects  # in a second
        self.selector = selectors.DefaultSelector()
        self.turns = {"publish": 0, "connect": 0}  # whose it is
        self.seen = collections.Counter()  # by topic
        self.counters = {}  # of the broker, by topic
        self.lost = self.repeated = self.dropped = self.reconnects = 0
        self.missing = 0  # at the end
        self.lock = threading.Lock()
        self.back = []  # devices that may come again
        self.watcher = Session(port, context_of(watcher), watcher.client_id)
        self.selector.register(self.watcher.socket, selectors.EVENT_READ)
        for topic in ("devices/#", "$SYS/broker/trust/connections/#"):
            self.watcher.send(mqtt.packet(0x82, b"\0\1", topic, b"\1"))

    # ---- Coming and going ----

    def come(self, member):
        member.session = Session(self.port, member.context, member.client_id)
        member.waiting = False
        self.selector.register(
            member.session.socket, selectors.EVENT_READ, member)

    def leave(self, member):
        self.selector.unregister(member.session.socket)
        member.session.close()
        member.session = None

    def come_all(self):
        for number, member in enumerate(self.members):
            lab.show(f"{number} of {len(self.members)} sensors are there")
            self.come(member)
            if number % 100 == 0:
                self.read(0)
        lab.show("")

    def admit(self, device):
        """From another thread: the device is to try again."""
        with self.lock:
            self.back.append(device)

    def live(self, device):
        return sum(member.session is not None
                   for member in self.by_device[device])

    def return_all(self):
        with self.lock:
            back, self.back = self.back, []
        for device in back:
            for member in self.by_device[device]:
                if member.session is None:
                    try:
                        self.come(member)
                    except OSError:  # the gateway does not know yet
                        self.admit(device)
                        break

    # ---- What they say ----

    def due(self, what, began, rate):
        """Members whose turn it is."""
        for _ in range(int((time.monotonic() - began) * rate)
                       - self.turns[what]):
            member = self.members[self.turns[what] % len(self.members)]
            self.turns[what] += 1
            if member.session is not None and not member.waiting:
                yield member

    def publish(self, member):
        member.session.send(mqtt.packet(
            0x32, member.topic, b"\0\1", b"%d" % member.published))
        member.published += 1
        member.waiting = True

    def reconnect(self, member):
        if member.good:
            with contextlib.suppress(OSError):
                member.session.send(b"\xe0\0")
            self.leave(member)
            self.come(member)
            self.reconnects += 1

    def run(self, until):
        """Until that moment."""
        now = time.monotonic()
        publishing = now - self.turns["publish"] / self.rate
        connecting = now - self.turns["connect"] / self.connects
        while (now := time.monotonic()) < until:
            for member in self.due("publish", publishing, self.rate):
                self.publish(member)
            for member in self.due("connect", connecting, self.connects):
                self.reconnect(member)
            self.return_all()
            self.read(max(0, min(TURN_S, until - now)))

    def settle(self, more):
        """Wait until all has arrived, and more() is so."""
        deadline = time.monotonic() + lab.PATIENCE_S
        good = [member for member in self.members if member.good]
        while time.monotonic() < deadline:
            for _ in range(10):
                self.read(TURN_S)
            self.missing = sum(member.published - self.seen[member.topic]
                               for member in good)
            if more() and not self.missing:
                return

    # ---- What they hear ----

    def read(self, timeout):
        for key, _ in self.selector.select(timeout):
            if key.data is None:
                self.read_watcher()
            else:
                self.read_member(key.data)
        if self.watcher.unsent:
            self.watcher.send()

    def read_member(self, member):
        for packet in member.session.receive():
            if packet is None:
                self.leave(member)
                self.dropped += member.good
                return
            if packet[0] == 0x40:
                member.waiting = False

    def read_watcher(self):
        acknowledgements = bytearray()
        for packet in self.watcher.receive():
            if packet is None:
                raise RuntimeError("the broker closed the watcher")
            if packet[0] & 0xF0 == 0x30:
                topic, number, payload = mqtt.read_publish(packet)
                self.hear(topic, payload)
                if number:
                    acknowledgements += b"\x40\2" + number
        if acknowledgements:
            self.watcher.send(acknowledgements)

    def hear(self, topic, payload):
        if topic.startswith("$SYS/"):
            self.counters[topic] = int(payload)
            return
        if topic not in self.counted:
            return
        number, next_one = int(payload), self.seen[topic]
        self.lost += max(0, number - next_one)
        self.repeated += number < next_one
        self.seen[topic] = max(next_one, number + 1)

    def close(self):
        for member in self.members:
            if member.session is not None:
                self.leave(member)
        self.watcher.close()
        self.selector.close()
