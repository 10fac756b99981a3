# SPDX-License-Identifier: Apache-2.0
"""An origin as docs/PROTOCOL.md alone tells to write it, in Python with its
standard library and `openssl cms`. It does as an attack wants it, too."""

import hashlib
import json
import socket
import ssl
import subprocess
import time
import uuid

PATIENCE = 120
PART_MAX = 262144


class Mqtt:
    """As much of MQTT 3.1.1 as an origin needs: QoS 1, one thread."""

    def __init__(self, port, context, client_id):
        self.socket = context.wrap_socket(
            socket.create_connection(("localhost", port), PATIENCE),
            server_hostname="localhost")
        self.octets = b""
        self.arrived = []  # topic, payload
        self.number = 0
        self.send(0x10, b"\x00\x04MQTT\x04\x02\x00\x00" + text(client_id))
        assert self.wait_packet(0x20) == b"\x00\x00"

    def send(self, kind, body):
        length, n = b"", len(body)
        while True:
            n, digit = divmod(n, 128)
            length += bytes([digit | 0x80 if n else digit])
            if not n:
                break
        self.socket.sendall(bytes([kind]) + length + body)

    def read_packet(self, timeout):
        """The next packet, or None."""
        deadline = time.monotonic() + timeout
        while True:
            packet = self.cut_packet()
            if packet is not None:
                return packet
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            self.socket.settimeout(left)
            try:
                more = self.socket.recv(1 << 20)
            except TimeoutError:
                return None
            finally:
                self.socket.settimeout(PATIENCE)
            assert more, "the broker closed the connection"
            self.octets += more

    def cut_packet(self):
        length = 0
        for i, octet in enumerate(self.octets[1:5]):
            length |= (octet & 0x7F) << 7 * i
            if octet < 0x80:
                start, end = i + 2, i + 2 + length
                if len(self.octets) < end:
                    return None
                packet = self.octets[0], self.octets[start:end]
                self.octets = self.octets[end:]
                return packet
        return None

    def take(self, packet):
        """What was published arrives, and is acknowledged."""
        kind, body = packet
        if kind & 0xF0 != 0x30:
            return
        end = 2 + int.from_bytes(body[:2], "big")
        topic = body[2:end].decode()
        if kind & 0x06:
            self.send(0x40, body[end:end + 2])
            end += 2
        self.arrived.append((topic, body[end:]))

    def wait_packet(self, kind):
        while True:
            packet = self.read_packet(PATIENCE)
            assert packet is not None, "no answer of the broker"
            if packet[0] == kind:
                return packet[1]
            self.take(packet)

    def next_number(self):
        self.number = self.number % 65535 + 1
        return self.number.to_bytes(2, "big")

    def subscribe(self, topic):
        number = self.next_number()
        self.send(0x82, number + text(topic) + b"\x01")
        assert self.wait_packet(0x90) == number + b"\x01"

    def publish(self, topic, payload, retain=False):
        number = self.next_number()
        self.send(0x33 if retain else 0x32, text(topic) + number + payload)
        assert self.wait_packet(0x40) == number

    def receive(self, timeout):
        """What has arrived: a list of topics and payloads."""
        packet = self.read_packet(timeout)
        if packet is not None:
            self.take(packet)
        arrived, self.arrived = self.arrived, []
        return arrived

    def close(self):
        self.socket.close()


def text(value):
    octets = value.encode()
    return len(octets).to_bytes(2, "big") + octets


def tls_context(cafile, certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile)
    context.load_cert_chain(certificate, key)
    return context


# ---- What is signed ----

def canonical(record):
    return json.dumps(record, sort_keys=True, separators=(",", ":"),
                      ensure_ascii=False).encode()


def sha256(octets):
    return hashlib.sha256(octets).hexdigest()


def state_of(records):
    """The state digest."""
    total = sum(int(sha256(canonical(record)), 16) for record in records)
    return f"{total % 2**256:064x}"


def line(what, value):
    return canonical({what: value}) + b"\n"


def cut(lines):
    """Lines to parts."""
    parts = [b""]
    for one in lines:
        if len(parts[-1]) + len(one) > PART_MAX:
            parts.append(b"")
        parts[-1] += one
    return [part for part in parts if part]


def moment(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def sign(content, *signers, options=()):
    """A notification: `content` is a dict or octets; signers are pairs of
    files, certificate and key."""
    if isinstance(content, dict):
        content = json.dumps(content, separators=(",", ":")).encode()
    named = []
    for certificate, key in signers:
        named += ["-signer", certificate, "-inkey", key]
    return subprocess.run(
        ["openssl", "cms", "-sign", "-binary", "-nodetach", "-md", "sha256",
         "-nosmimecap", "-outform", "DER", *named, *options], input=content,
        capture_output=True, check=True).stdout


class PythonOrigin:
    """The registry of one scope, and its history."""

    def __init__(self, mqtt, scope, *signers):
        self.mqtt = mqtt
        self.scope = scope
        self.signers = signers
        self.records = {}
        self.parts = {}  # by their names
        self.deltas = []
        self.snapshot = None
        self.requests = []
        self.reports = []
        self.withheld = set()  # parts that are not answered
        # In the past, so that each change can have a later one.
        self.clock = int(time.time()) - 3600
        for kind in ("request", "report"):
            mqtt.subscribe(f"trust/v1/{scope}/{kind}")
        self.begin()

    # The registry

    def begin(self):
        """Begin a session."""
        self.session = str(uuid.uuid4())
        self.serial = 0
        self.deltas = []

    def change(self, *puts, remove=(), more=()):
        """The next serial. `more` are octets that pass for lines."""
        lines = [line("put", record) for record in puts]
        for record in puts:
            self.records[record["kind"], record["id"]] = record
        for kind, name in remove:
            lines.append(line("remove", {"kind": kind, "id": name}))
            del self.records[kind, name]
        self.serial += 1
        if self.serial == 1:
            return self.rebuild()
        self.deltas.append({"serial": self.serial,
                            "parts": self.list_parts([*lines, *more])})
        return self.notification()

    def rebuild(self):
        """A snapshot of the present serial, without deltas."""
        self.snapshot = {"serial": self.serial, "parts": self.list_parts(
            [line("put", record) for record in self.records.values()])}
        self.deltas = []
        return self.notification()

    def list_parts(self, lines):
        listed = []
        for part in cut(lines):
            self.parts[sha256(part)] = part
            listed.append({"sha256": sha256(part), "bytes": len(part)})
        return listed

    def notification(self, **other):
        """Its content now; `other` is what is not true of it."""
        self.clock += 1
        return {
            "type": "trust-notification", "version": 1, "scope": self.scope,
            "session": self.session, "serial": self.serial,
            "this_update": moment(self.clock),
            "next_update": moment(time.time() + 86400),
            "records": len(self.records),
            "state": state_of(self.records.values()),
            "snapshot": self.snapshot, "deltas": self.deltas, **other}

    # The line

    def announce(self, content, signers=None, retain=True):
        """Sign and publish; returns the octets."""
        der = sign(content, *(self.signers if signers is None else signers))
        self.announce_octets(der, retain)
        return der

    def announce_octets(self, der, retain=False):
        self.mqtt.publish(f"trust/v1/{self.scope}/notification", der, retain)

    def send_part(self, part):
        self.mqtt.publish(f"trust/v1/{self.scope}/content", part)

    def answer(self, request):
        for name in request["want"]:
            if name in self.parts and name not in self.withheld:
                self.send_part(self.parts[name])

    def serve(self, is_done, what):
        """Answer gateways until something has come about."""
        deadline = time.monotonic() + PATIENCE
        while not is_done():
            assert time.monotonic() < deadline, f"no {what}"
            for topic, payload in self.mqtt.receive(0.02):
                message = json.loads(payload)
                if topic.endswith("/report"):
                    self.reports.append(message)
                else:
                    self.requests.append(message)
                    self.answer(message)

    def wait_report(self, matches, what="report"):
        """The newest report for which `matches` holds."""
        def found():
            return [report for report in self.reports if matches(report)]
        self.serve(found, f"{what} among {self.reports}")
        return found()[-1]

    def wait_serial(self):
        """Until a gateway reports that it holds what was published."""
        return self.wait_report(
            lambda report: (report["session"], report["serial"])
            == (self.session, self.serial), f"serial {self.serial}")
