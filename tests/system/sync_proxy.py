# SPDX-License-Identifier: Apache-2.0
"""A bad line between a bridge and its upstream broker: what comes down on
notification and content is lost, repeated or comes out of order."""

import collections
import socket
import threading

from broker import PATIENCE, free_port

PUBLISH, PUBACK = 3, 4  # MQTT 3.1.1, section 2.2.1
DUP = 0x08
HELD_S = 0.5  # the longest that a message is held back


def read_exactly(stream, length):
    octets = stream.read(length)
    if len(octets) < length:
        raise EOFError
    return octets


def read_packet(stream):
    """One control packet, whole, and how long its fixed header is."""
    head = read_exactly(stream, 2)
    while head[-1] & 0x80:
        head += read_exactly(stream, 1)
    length = sum((octet & 0x7F) << 7 * place
                 for place, octet in enumerate(head[1:]))
    return head + read_exactly(stream, length), len(head)


class Line:
    """One connection through the proxy."""

    def __init__(self, proxy, below):
        self.proxy = proxy
        self.below = below
        self.above = socket.create_connection(
            ("127.0.0.1", proxy.upstream), PATIENCE)
        self.above.settimeout(None)
        self.lock = threading.Lock()  # of all below
        self.superfluous = collections.Counter()  # PUBACKs, by their number
        self.held = None
        for run in (self.run_up, self.run_down):
            threading.Thread(target=self.guard, args=[run],
                             daemon=True).start()

    def guard(self, run):
        """When one direction ends, the other does."""
        try:
            run()
        except (EOFError, OSError):
            self.close()

    def close(self):
        for end in self.above, self.below:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it is down already

    def run_up(self):
        stream = self.below.makefile("rb")
        while True:
            packet, head = read_packet(stream)
            with self.lock:
                if packet[0] >> 4 == PUBACK:
                    number = packet[head:head + 2]
                    if self.superfluous[number]:
                        self.superfluous[number] -= 1
                        continue
                self.above.sendall(packet)

    def run_down(self):
        stream = self.above.makefile("rb")
        while True:
            packet, head = read_packet(stream)
            with self.lock:
                if packet[0] >> 4 == PUBLISH and packet[0] & 0x06:
                    self.treat(packet, head)
                else:
                    self.below.sendall(packet)

    def treat(self, packet, head):
        """Let a message of QoS 1 have its fate."""
        end = head + 2 + int.from_bytes(packet[head:head + 2], "big")
        topic = packet[head + 2:end].decode()
        fate = self.proxy.choose(topic.rpartition("/")[2])
        if fate == "lost":
            self.above.sendall(bytes([PUBACK << 4, 2]) + packet[end:end + 2])
            return
        if fate == "swapped" and self.held is None:
            self.held = packet
            timer = threading.Timer(HELD_S, self.release_later)
            timer.daemon = True
            timer.start()
            return
        self.below.sendall(packet)
        if fate == "repeated":
            self.superfluous[packet[end:end + 2]] += 1
            self.below.sendall(bytes([packet[0] | DUP]) + packet[1:])
        self.release()

    def release(self):
        if self.held is not None:
            held, self.held = self.held, None
            self.below.sendall(held)

    def release_later(self):
        with self.lock:
            try:
                self.release()
            except OSError:
                pass  # the line is down


class Proxy:
    """Listens for bridges. `fates` has by the last level of a topic what
    happens to one message after another, over and over; all else passes."""

    def __init__(self, upstream, fates):
        self.upstream = upstream
        self.fates = fates
        self.done = collections.Counter()  # messages, by topic
        self.port = free_port()
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.lines = []
        threading.Thread(target=self.run, daemon=True).start()

    def choose(self, topic):
        fates = self.fates.get(topic, ["passed"])
        self.done[topic] += 1
        return fates[self.done[topic] % len(fates)]

    def run(self):
        while True:
            try:
                below, _ = self.listener.accept()
            except OSError:
                return  # closed
            self.lines.append(Line(self, below))

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for line in self.lines:
            line.close()
