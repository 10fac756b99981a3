# SPDX-License-Identifier: Apache-2.0
"""The same situation with Mosquitto as it comes and with the plugin, and what
clients see of it."""

import dataclasses

from broker import PATIENCE
from clients import V5, Device

ANCHOR = "factory-root"
# What both sides let everybody do: stock, which has no acl_file, at least.
RECORDS = """\
{"kind":"role","id":"default","rules":[{"effect":"allow","actions":\
["publish","subscribe"],"topics":["plant/#",\
"$SYS/broker/connection/bridge/state"]}]}
"""
NAMES = ("one", "two", "three", "four", "bridge")
FENCE = "plant/fence"


def register(site):
    """Clients that stock Mosquitto knows by a cafile, the plugin by an
    anchor."""
    for name in NAMES:
        site.pki.certificate(name, issuer=ANCHOR)
    site.add_group("plant", ANCHOR, '"enroll":"automatic",')
    site.registry.put(RECORDS)


class Client(Device):
    """One that notes the QoS, too."""

    def on_message(self, client, userdata, message):
        self.messages.append((message.topic, message.payload.decode(),
                              message.qos, message.retain))

    def take(self):
        """What has come since the last time. MQTT orders what is of one topic
        and one QoS alone (3.1.1 section 4.6)."""
        taken = sorted((message for message in self.messages
                        if not message[0].startswith(FENCE)),
                       key=lambda message: (message[0], message[2]))
        self.messages.clear()
        return taken

    def wait_payload(self, payload):
        self.wait(lambda: any(text == payload
                              for _, text, *_ in self.messages), payload)


class Side:
    """One of the two."""

    def __init__(self, site, plugin):
        self.site = site
        self.pki = site.pki
        self.plugin = plugin
        self.folder = site.folder / ("plugin" if plugin else "stock")
        self.folder.mkdir(exist_ok=True)
        self.brokers = []
        self.fences = 0

    def new_broker(self, listeners, conf=(), **more):
        """Not started yet."""
        if not self.plugin:
            listeners = [self.with_cafile(each) for each in listeners]
        broker = self.site.new_broker(
            plugin=self.plugin, listeners=listeners, conf=conf, **more)
        self.brokers.append(broker)
        return broker

    def with_cafile(self, listener):
        """The names that clients have with the plugin, they have here."""
        if not listener.tls:
            return listener
        return dataclasses.replace(listener, lines=(
            *listener.lines, f"cafile {self.pki.file(ANCHOR)}",
            "use_identity_as_username true"))

    def start(self, listeners, conf=(), **more):
        return self.new_broker(listeners, conf, **more).start()

    def client(self, broker, name, listener="tls", **more):
        """One that is not connected; by TLS it shows its certificate."""
        chain = [name] if broker.listeners[listener].tls else []
        client = Client(broker, *chain, client_id=name, listener=listener,
                        **more)
        self.site.devices.append(client)
        return client

    def connect(self, broker, name, expiry=None, **more):
        client = self.client(broker, name, **more)
        properties = {}
        if expiry is not None and client.version == V5:
            properties["SessionExpiryInterval"] = expiry
        assert client.connect(**properties) == 0, broker.log()
        return client

    @staticmethod
    def leave(client):
        """Disconnect, and wait until the broker knows: paho hangs up at
        once, which may be all that the broker sees."""
        mark = client.broker.mark()
        client.disconnect()
        client.broker.wait_log(
            f"Received DISCONNECT from {client.client_id}\n|"
            rf"Client {client.client_id}\b.*(disconnected|closed)", since=mark)

    def settle(self, publisher, *subscribers):
        """All that was published before has come to who subscribed to all of
        plant/# with QoS 2: what is of QoS 2 comes in order, and what is not
        comes at once."""
        self.fences += 1
        payload = f"fence {self.fences}"
        publisher.publish(FENCE, payload, 2)
        for subscriber in subscribers:
            subscriber.wait_payload(payload)

    def close(self):
        for broker in self.brokers:
            broker.stop()


class Wire:
    """A client by its octets."""

    PINGREQ, PINGRESP = b"\xc0\x00", b"\xd0\x00"

    def __init__(self, side, broker, name):
        self.raw = side.site.raw(broker, name)
        self.raw.socket.settimeout(PATIENCE)

    def send(self, *packets):
        self.raw.socket.sendall(b"".join(packets))

    def octets(self, n):
        """So many, or fewer at the end."""
        return self.raw.ask(b"", n)

    def packet(self):
        """The next, or nothing at the end."""
        whole = self.octets(2)
        length, shift = 0, 0
        while whole:
            length |= (whole[-1] & 0x7F) << shift
            if whole[-1] < 0x80:
                return whole + self.octets(length)
            shift += 7
            whole += self.octets(1)
        return whole

    def packets(self):
        """Those that the broker has sent by now; b"" is the end."""
        self.send(self.PINGREQ)
        return self.until(self.PINGRESP)

    def rest(self):
        """All until the end."""
        return self.until(None)

    def until(self, last):
        packets = []
        while packets[-1:] != [b""]:
            packet = self.packet()
            if packet == last:
                break
            packets.append(packet)
        return packets

    def close(self):
        self.raw.close()
