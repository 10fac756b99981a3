# SPDX-License-Identifier: Apache-2.0
"""Many simulated gateways in one thread: each has a line of its own to the
upstream broker and does what docs/PROTOCOL.md says of a gateway. It checks the
signature and its anchor, the order of serials, the digest of each part, the
state digest and the number of records. It has no replica on a disk and judges
no record. What a part says is parsed once for all who get it."""

import collections
import contextlib
import functools
import hashlib
import json
import random
import selectors
import socket
import ssl
import time

import mqtt

KEEPALIVE_S = 60
WANT_MAX = 64
# docs/PROTOCOL.md, "Requests" and "Reports".
ASK_AGAIN_S, ASK_AGAIN_MAX_S = 5, 300
REPORT_JOIN_S = 1
CONNECT_AGAIN_S = 1
ZEROS = "0" * 64


def sha256(octets):
    return hashlib.sha256(octets).hexdigest()


@functools.lru_cache(maxsize=None)
def lines_of(part):
    """[(kind and id, the number of its canonical line; None: removed)]"""
    lines = []
    for line in part.splitlines():
        what, record = json.loads(line).popitem()
        canonical = json.dumps(record, sort_keys=True, ensure_ascii=False,
                               separators=(",", ":")).encode()
        lines.append(((record["kind"], record["id"]),
                      int(sha256(canonical), 16) if what == "put" else None))
    return lines


class Line:
    """TLS over a socket that does not wait, with its octets counted."""

    def __init__(self, port, context):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing,
                                    server_hostname="localhost")
        self.shaken = False
        self.unsent = b""
        self.octets = collections.Counter()

    def receive(self):
        """What came, decrypted. ConnectionError: it is closed."""
        with contextlib.suppress(BlockingIOError):
            octets = self.socket.recv(1 << 18)
            if not octets:
                raise ConnectionError
            self.octets["down"] += len(octets)
            self.incoming.write(octets)
        plain = b""
        with contextlib.suppress(ssl.SSLWantReadError):
            if not self.shaken:
                self.tls.do_handshake()
                self.shaken = True
            while True:
                octets = self.tls.read(1 << 18)
                if not octets:
                    raise ConnectionError
                plain += octets
        self.flush()
        return plain

    def write(self, octets):
        self.tls.write(octets)
        self.flush()

    def flush(self):
        self.unsent += self.outgoing.read()
        with contextlib.suppress(BlockingIOError):
            n = self.socket.send(self.unsent) if self.unsent else 0
            self.octets["up"] += n
            self.unsent = self.unsent[n:]

    def close(self):
        self.socket.close()


def cut_packet(octets):
    """The first whole packet, and the rest; None where it is not whole."""
    length = 0
    for i, octet in enumerate(octets[1:5]):
        length |= (octet & 0x7F) << 7 * i
        if octet < 0x80:
            end = i + 2 + length
            if len(octets) < end:
                return None, octets
            return (octets[0], octets[i + 2:end]), octets[end:]
    return None, octets


class Gateway:
    """One of them."""

    def __init__(self, fleet, name, scope, at):
        self.at = at  # which of the ports
        self.fleet, self.name, self.scope = fleet, name, scope
        self.line = None
        self.octets = b""
        self.subscribed = 0
        self.connect_at = 0
        self.number = 0
        self.wire = collections.Counter()  # of lines that are closed
        # What it holds, and the newest that it accepted.
        self.session, self.serial, self.state = None, 0, 0
        self.records = {}
        self.applied_at = None
        self.newest = self.newest_der = None
        self.parts = {}
        self.asked = set()
        self.ask_at, self.wait_s = 0, ASK_AGAIN_S
        self.refused = collections.Counter()
        self.report_at = 0
        self.started = False

    # The line

    def connect(self):
        self.octets, self.subscribed = b"", 0
        try:
            self.line = Line(self.port(), self.fleet.context)
        except OSError:
            self.lose()
            return
        self.fleet.selector.register(
            self.line.socket, selectors.EVENT_READ, self)
        self.take_octets()

    def port(self):
        return self.fleet.ports[self.at % len(self.fleet.ports)]

    def lose(self):
        self.at += 1
        if self.line is not None:
            self.wire.update(self.line.octets)
            self.fleet.selector.unregister(self.line.socket)
            self.line.close()
            self.line = None
        self.connect_at = (time.monotonic() +
                           CONNECT_AGAIN_S * random.uniform(1, 2))

    def is_up(self):
        return self.line is not None and self.subscribed == 2

    def take_octets(self):
        try:
            before = self.line.shaken
            self.octets += self.line.receive()
            if self.line.shaken and not before:
                self.send(mqtt.packet(
                    0x10, "MQTT", bytes((4, 2 if self.fleet.clean else 0)) +
                    KEEPALIVE_S.to_bytes(2, "big"), self.name))
            while True:
                packet, self.octets = cut_packet(self.octets)
                if packet is None:
                    break
                self.take(*packet)
        except (OSError, ssl.SSLError):
            self.lose()

    def send(self, octets):
        self.line.write(octets)

    def publish(self, what, message):
        self.number = self.number % 60000 + 10
        self.send(mqtt.packet(
            0x32, f"trust/v1/{self.scope}/{what}",
            self.number.to_bytes(2, "big"),
            json.dumps(message, separators=(",", ":")).encode()))

    def take(self, first, body):
        kind = first & 0xF0
        if kind == 0x20:
            for number, what in enumerate(("notification", "content"), 1):
                self.send(mqtt.packet(
                    0x82, number.to_bytes(2, "big"),
                    f"trust/v1/{self.scope}/{what}", b"\1"))
        elif kind == 0x90:
            self.subscribed += 1
            if self.is_up() and not self.started:
                self.started = True
                self.report()
        elif kind == 0x30:
            end = 2 + int.from_bytes(body[:2], "big")
            topic, number = body[2:end].decode(), body[end:end + 2]
            self.send(b"\x40\2" + number)
            self.fleet.last_message = time.monotonic()
            if topic.endswith("/notification"):
                self.take_notification(body[end + 2:])
            else:
                self.take_part(body[end + 2:])

    # The protocol

    def refuse(self, reason):
        self.refused[reason] += 1
        if self.report_at == 0:
            self.report_at = time.monotonic() + REPORT_JOIN_S

    def take_notification(self, der):
        if der == self.newest_der:
            self.ask(again=True)
            return
        content = self.fleet.verifier.content(der)
        if content is None:
            self.refuse("signature_invalid")
            return
        n = json.loads(content)
        if n["scope"] != self.scope:
            self.refuse("wrong_scope")
            return
        if (self.newest is not None and n["session"] == self.newest["session"]
                and n["serial"] < self.newest["serial"]):
            self.refuse("serial_regressed")
            return
        self.newest, self.newest_der = n, der
        self.parts = {name: octets for name, octets in self.parts.items()
                      if name in self.path()}
        self.ask()
        self.apply()

    def path(self):
        """The parts that lead from what is held to the newest."""
        n, lists = self.newest, []
        since = self.serial
        first = n["serial"] - len(n["deltas"])
        if self.session != n["session"] or self.serial < first:
            lists.append(n["snapshot"])
            since = n["snapshot"]["serial"]
        lists += [each for each in n["deltas"] if each["serial"] > since]
        return [part["sha256"] for each in lists for part in each["parts"]]

    def ask(self, again=False):
        if again:
            self.asked.clear()
        missing = [name for name in self.path() if name not in self.parts]
        self.asked &= set(missing)
        want = [name for name in missing if name not in self.asked]
        want = want[:WANT_MAX - len(self.asked)]
        if not want:
            return
        self.asked.update(want)
        self.ask_at = time.monotonic() + self.wait_s * random.uniform(1, 1.5)
        self.publish("request", {
            "type": "trust-request", "gateway": self.name,
            "scope": self.scope, "session": self.session,
            "have": self.serial, "want": want})

    def take_part(self, part):
        name = sha256(part)
        if self.newest is None or name not in self.path() or (
                name in self.parts):
            self.refuse("unsolicited")
            return
        self.parts[name] = part
        self.asked.discard(name)
        self.wait_s = ASK_AGAIN_S
        self.ask()
        self.apply()

    def apply(self):
        """Whole or not at all."""
        n, path = self.newest, self.path()
        if (self.session, self.serial) == (n["session"], n["serial"]) or (
                any(name not in self.parts for name in path)):
            return
        whole = path[:len(n["snapshot"]["parts"])] == [
            part["sha256"] for part in n["snapshot"]["parts"]] and path
        whole = whole and self.session != n["session"]
        records = {} if whole else dict(self.records)
        for name in path:
            for key, number in lines_of(self.parts[name]):
                if number is None:
                    records.pop(key, None)
                else:
                    records[key] = number
        state = sum(records.values()) % 2**256
        if f"{state:064x}" != n["state"] or len(records) != n["records"]:
            self.refuse("state_mismatch")
            return
        self.records, self.state, self.parts = records, state, {}
        self.session, self.serial = n["session"], n["serial"]
        self.applied_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self.report()

    def report(self):
        self.report_at = 0
        self.publish("report", {
            "type": "trust-report", "gateway": self.name,
            "scope": self.scope, "session": self.session,
            "serial": self.serial, "state": f"{self.state:064x}",
            "records": len(self.records), "applied_at": self.applied_at,
            "stale": self.session is None, "refused": dict(self.refused),
            "version": "0.1.0", "format": 1})

    def tick(self, now):
        if self.line is None:
            if now >= self.connect_at:
                self.connect()
            return
        with contextlib.suppress(OSError, ssl.SSLError):
            if self.line.unsent:
                self.line.flush()
            if not self.is_up():
                return
            if self.asked and now >= self.ask_at:
                self.wait_s = min(2 * self.wait_s, ASK_AGAIN_MAX_S)
                self.ask(again=True)
            if self.report_at and now >= self.report_at:
                self.report()

    def octets_on_line(self):
        """Octets of TLS so far."""
        return self.wire + (self.line.octets if self.line is not None
                            else collections.Counter())


class Fleet:
    """All of them."""

    def __init__(self, ports, context, verifier, names, clean=False):
        """`names` are pairs of gateway and scope. Each begins with another of
        the ports, and goes on to the next when it loses one. `clean`: no
        session stays upstream."""
        self.ports, self.context, self.verifier = ports, context, verifier
        self.clean = clean
        self.selector = selectors.DefaultSelector()
        self.last_message = time.monotonic()
        self.gateways = [Gateway(self, *each, at)
                         for at, each in enumerate(names)]
        self.ticked = 0

    def run(self, is_done, what, patience_s):
        deadline = time.monotonic() + patience_s
        while not is_done():
            if time.monotonic() > deadline:
                raise RuntimeError(f"fleet, want {what}, got "
                                   f"{sum(g.is_up() for g in self.gateways)} "
                                   "gateways connected")
            self.turn()

    def turn(self):
        for key, _ in self.selector.select(0.05):
            if key.data.line is not None:
                key.data.take_octets()
        now = time.monotonic()
        if now - self.ticked > 0.05:
            self.ticked = now
            for gateway in self.gateways:
                gateway.tick(now)

    def ping(self):
        for gateway in self.gateways:
            if gateway.is_up():
                gateway.send(mqtt.PINGREQ)

    def report(self):
        """As every quarter of an hour, each as soon as it is connected."""
        for gateway in self.gateways:
            gateway.report_at = time.monotonic()

    def octets_on_lines(self):
        return sum((g.octets_on_line() for g in self.gateways),
                   collections.Counter())

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        for gateway in self.gateways:
            if gateway.line is not None:
                gateway.line.close()
        self.selector.close()
