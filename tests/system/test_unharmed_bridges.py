# SPDX-License-Identifier: Apache-2.0
"""Bridges carry what they carry without the plugin: those that the gateway
has to its upstream, and those that brokers below have to the gateway, which
are devices there."""

import dataclasses

import pytest

from alike import Side, register
from broker import TLS
from upstream import Link

STATE = "$SYS/broker/connection/bridge/state"


@dataclasses.dataclass
class Way:
    """What a bridge is to do."""
    gateway: str  # is "below" of the bridge, or "above"
    direction: str  # in, out, both
    qos: int

    def carries(self, direction):
        return self.direction in (direction, "both")


class Line:
    """Two brokers with a bridge over a line that can be cut; a client at
    each sees all that passes."""

    def __init__(self, side, way):
        self.side = side
        self.way = way
        stock = Side(side.site, False)
        self.above = (side if way.gateway == "above" else stock).start([TLS])
        self.link = Link(self.above.port())
        self.far = self.watch(self.above, "two")
        self.far.publish("plant/far/kept", "kept above", 1, True)
        self.below = (side if way.gateway == "below" else stock).new_broker(
            [TLS], after=self.bridge())
        if way.gateway == "below":
            stock.brokers.append(self.above)
        self.others = stock
        mark = self.above.mark()
        self.below.start()
        self.near = self.watch(self.below, "three")
        self.wait_joined(mark)

    def bridge(self):
        pki = self.side.pki
        return ["connection up", f"address 127.0.0.1:{self.link.port}",
                "remote_clientid bridge", "cleansession false",
                f"bridge_cafile {pki.file('server-root')}",
                f"bridge_certfile {pki.file('bridge')}",
                f"bridge_keyfile {pki.key_file('bridge')}",
                "restart_timeout 1", "keepalive_interval 60",
                f"topic plant/# {self.way.direction} {self.way.qos}"]

    def watch(self, broker, name):
        client = self.side.connect(broker, name)
        client.subscribe("plant/#", 2)
        client.subscribe(STATE, 1)
        return client

    def wait_joined(self, since):
        """It is there, with its subscriptions."""
        self.above.wait_log("Sending CONNACK to bridge ", since)
        if self.way.carries("in"):
            self.above.wait_log("Sending SUBACK to bridge\n", since)

    def cut(self):
        """And both ends know."""
        marks = self.above.mark(), self.below.mark()
        self.link.cut()
        for broker, mark in zip((self.above, self.below), marks):
            broker.wait_log(r"(?i)\bbridge\b.*(clos|disconnect|error)", mark)

    def join(self):
        mark = self.above.mark()
        self.link.join()
        self.wait_joined(mark)

    def say(self, *texts):
        """At both ends."""
        for text in texts:
            self.near.publish("plant/near", text, self.way.qos)
            self.far.publish("plant/far", text, self.way.qos)

    def settle(self):
        """Whatever goes round has come by twice."""
        for _ in range(2):
            self.side.settle(self.near, self.near, *(
                [self.far] if self.way.carries("out") else []))
            self.side.settle(self.far, self.far, *(
                [self.near] if self.way.carries("in") else []))

    def take(self):
        """What has passed, here and there."""
        self.settle()
        return [self.plant(self.near), self.plant(self.far)]

    @staticmethod
    def plant(client):
        """Whether what is retained is older than a subscription here depends
        on when the bridge was there."""
        return [message for message in client.take()
                if message[0] in ("plant/near", "plant/far")]

    def late(self, broker):
        """What is retained, for who comes late."""
        late = self.side.connect(broker, "four")
        late.subscribe("plant/#", 2)
        self.side.settle(late, late)
        taken = late.take()
        self.side.leave(late)
        return taken

    def close(self):
        self.link.cut()
        self.others.close()


def over_a_line(side, way):
    line = Line(side, way)
    line.near.publish("plant/near/kept", "kept below", 1, True)
    line.say("a", "b", "c")
    seen = [line.take()]
    line.cut()
    line.far.wait_payload("0")  # the bridge's will, as to its state
    line.say("d", "e", "f")
    line.near.publish("plant/near/kept", "kept later", 1, True)
    line.join()
    seen += [line.take(), line.late(line.below), line.late(line.above)]
    line.say("g")
    seen.append(line.take())
    line.close()
    return seen


WAYS = [Way(gateway, *way) for gateway in ("below", "above") for way in [
    ("in", 2), ("out", 1), ("both", 1), ("both", 2)]]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: "-".join(
    map(str, dataclasses.astuple(way))))
def test_bridge(site, way):
    """Everything once, in order, on both ends, also what was said while the
    line was down; nothing comes back to where it was said."""
    register(site)
    seen = {}
    for plugin in (False, True):
        side = Side(site, plugin)
        seen[plugin] = over_a_line(side, way)
        side.close()
    assert seen[True] == seen[False]
    live, queued, below, above, last = seen[True]
    for where, (near, far) in (("abc", live), ("def", queued), ("g", last)):
        assert texts(near, "plant/near") == list(where)
        assert texts(far, "plant/far") == list(where)
        assert texts(near, "plant/far") == list(
            where if way.carries("in") else "")
        assert texts(far, "plant/near") == list(
            where if way.carries("out") else "")
    assert (("plant/far/kept", "kept above", 1, 1) in below) \
        == way.carries("in")
    assert (("plant/near/kept", "kept later", 1, 1) in above) \
        == way.carries("out")


def texts(messages, topic):
    return [text for where, text, *_ in messages if where == topic]
