# SPDX-License-Identifier: Apache-2.0
"""An origin in Python, a gateway that follows it, and a sensor that stays
connected to the gateway: what each attack has to leave as it was."""

import collections
import contextlib

import python_origin
from python_origin import PythonOrigin
from sync_faults import dump

HEX = "a5" * 32


def device(name, primary, **more):
    return {"kind": "device", "id": name,
            "auth": {"type": "thumbprint", "primary": primary}, **more}


def devices(first, last, **more):
    return [device(f"d{i}", f"{i:064x}", **more)
            for i in range(first, last + 1)]


class Line:
    """Everything of one scope, gw1."""

    def __init__(self, upstream, options=None):
        self.site, self.pki = upstream.site, upstream.pki
        self.pki.certificate("python", issuer="upstream-clients")
        self.pki.certificate("sensor")
        self.mqtt = python_origin.Mqtt(
            upstream.port, python_origin.tls_context(
                self.pki.file("server-root"), self.pki.file("python"),
                self.pki.key_file("python")), "python")
        self.origin = PythonOrigin(self.mqtt, "gw1", self.signer("signer"))
        self.gw = upstream.gateway(options=options)
        self.counted = collections.Counter()  # refusals, in the last report
        self.sensor = None

    def close(self):
        self.mqtt.close()

    def signer(self, name):
        """Certificate and key of one that signs."""
        return self.pki.file(name), self.pki.key_file(name)

    def record(self, **more):
        """Of the sensor."""
        return device("sensor", self.pki.get("sensor").thumbprint, **more)

    # Without any attack

    def publish(self, *arguments, **more):
        """A change, whole, all the way down; the report that says so."""
        self.origin.announce(self.origin.change(*arguments, **more))
        return self.origin.wait_serial()

    def begin(self, *puts):
        """The first state, with the sensor, which connects."""
        self.publish(self.record(), *puts)
        assert self.connect()

    def connect(self):
        """Connect the sensor; whether it was let in."""
        self.sensor = self.site.device(self.gw.broker, "sensor")
        return self.sensor.connect() == 0

    def go_on(self):
        """The next honest notification, whatever was announced and withheld
        before. The report of it is right."""
        origin = self.origin
        origin.withheld.clear()
        origin.serial += 1
        origin.records["device", "sensor"] = self.record(
            comment=f"honest {origin.serial}")
        origin.announce(origin.rebuild())
        report = origin.wait_serial()
        assert report["state"] == python_origin.state_of(
            origin.records.values())
        assert not report["stale"]
        self.counted = collections.Counter(report["refused"])

    # Under attack

    def wait_counted(self, reason, n=1):
        """Wait for a report of n more refusals than at the last honest
        notification. Of many the log tells some."""
        self.origin.wait_report(
            lambda report: report["refused"].get(reason, 0)
            >= self.counted[reason] + n, f"{n} more {reason}")

    def dump(self):
        """All that the gateway holds."""
        return dump(self.gw.registry.path)

    @contextlib.contextmanager
    def unmoved(self):
        """What is done within changes nothing of what the gateway holds, the
        sensor stays connected, and the next honest notification comes down
        all the same."""
        held = self.dump()
        yield
        assert self.dump() == held
        assert self.sensor.is_alive()
        self.go_on()
        assert self.sensor.is_alive()

    @contextlib.contextmanager
    def refused(self, reason):
        """The same, and the gateway says this reason and counts it."""
        counted = self.counted
        with self.unmoved():
            yield
            self.wait_counted(reason)
        self.gw.wait_refusal(reason)
        new = self.counted - counted
        if reason != "unsolicited":
            # A gateway that was kept waiting by a busy machine asks twice,
            # and what comes for the second time is unsolicited.
            del new["unsolicited"]
        assert set(new) == {reason}

    def attack(self, reason, content, *signers, options=()):
        """One notification that was made up: a dict or octets to sign, or
        octets as they are when nobody signs."""
        if not isinstance(content, bytes) or signers:
            content = python_origin.sign(
                content, *map(self.signer, signers or ("signer",)),
                options=options)
        with self.refused(reason):
            self.origin.announce_octets(content)

    def ahead(self, **other):
        """A notification that would be next, but for what is other."""
        return self.origin.notification(
            **{"serial": self.origin.serial + 1,
               "snapshot": {**self.origin.snapshot,
                            "serial": self.origin.serial + 1},
               "deltas": [], **other})

    def plot(self, *puts, remove=(), more=(), **other):
        """A signer is in the plot. He announces a change, which is accepted;
        the gateway asks for its part, which is not sent but returned. The
        honest registry does not have the change."""
        origin, records = self.origin, dict(self.origin.records)
        origin.change(*puts, remove=remove, more=more)
        name = origin.deltas[-1]["parts"][0]["sha256"]
        origin.withheld.add(name)
        origin.announce(origin.notification(**other))
        origin.records = records
        self.wait_wanted(name)
        return origin.parts[name]

    def wait_wanted(self, *names):
        """Until the gateway asks for all of these at once."""
        self.origin.serve(
            lambda: any(set(names) <= set(request["want"])
                        for request in self.origin.requests), "request")
