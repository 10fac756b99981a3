# SPDX-License-Identifier: Apache-2.0
"""What stands above a gateway: a broker with TLS both ways, an origin that
publishes there, and the line between them and the gateway, which can be
cut."""

import contextlib
import json
import os
import re
import select
import signal
import socket
import subprocess
import threading

from broker import (PATIENCE, TRUSTCTL, Listener, Registry, free_port,
                    wait_until)
from clients import Device

BRIDGED = (
    "topic notification in 1 $CONTROL/trust/v1/ trust/v1/{0}/",
    "topic content in 1 $CONTROL/trust/v1/ trust/v1/{0}/",
    "topic request out 1 trust/v1/ trust/v1/{0}/",
    "topic report out 1 trust/v1/ trust/v1/{0}/",
)


def describe(pki):
    """The certificates that sync needs: who signs, and who connects."""
    pki.certificate("upstream", subject="CN=upstream", issuer="server-root",
                    eku="serverAuth", san="dns:localhost ip:127.0.0.1")
    pki.certificate("registry-root", ca="yes")
    pki.certificate("signer", issuer="registry-root", eku="absent")
    pki.certificate("upstream-clients", ca="yes")
    for name in ("origin", "watcher", "bridge-gw1", "bridge-gw2"):
        pki.certificate(name, issuer="upstream-clients")


def tls_listener(pki):
    """A listener of the upstream broker: whoever the upstream's CA knows."""
    return Listener("tls", lines=(f"cafile {pki.file('upstream-clients')}",
                                  "use_identity_as_username true"))


class Link:
    """A line to a port, which can be cut and joined again."""

    def __init__(self, port):
        self.target = port
        self.listener = None
        self.pairs = []
        self.lock = threading.Lock()
        self.port = free_port()
        self.join()

    def join(self):
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.thread = threading.Thread(
            target=self.accept, args=(self.listener,), daemon=True)
        self.thread.start()

    def accept(self, listener):
        with contextlib.suppress(OSError):  # it was cut
            while True:
                below = listener.accept()[0]
                try:
                    above = socket.create_connection(
                        ("127.0.0.1", self.target), PATIENCE)
                except OSError:
                    below.close()
                    continue
                with self.lock:
                    self.pairs.append((below, above))
                threading.Thread(target=self.carry, args=(below, above),
                                 daemon=True).start()

    @staticmethod
    def carry(below, above):
        other = {below: above, above: below}
        with contextlib.suppress(OSError, ValueError):  # it was cut
            while True:
                for end in select.select(other, [], [])[0]:
                    octets = end.recv(65536)
                    if not octets:
                        raise OSError
                    other[end].sendall(octets)
        for end in other:
            end.close()

    def cut(self):
        """Nothing passes from now on, and no new connection comes about."""
        if self.listener is None:
            return
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()
        self.listener = None
        with self.lock:
            for end in (end for pair in self.pairs for end in pair):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            self.pairs.clear()


class Origin:
    """trustctl publish --follow, for one scope."""

    def __init__(self, log_path, arguments):
        self.log_path = log_path
        with open(log_path, "ab") as log:
            self.process = subprocess.Popen(
                [TRUSTCTL, "publish", *map(str, arguments), "--follow"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=dict(os.environ, LC_ALL="C"))

    def log(self):
        return self.log_path.read_text()

    def wait_log(self, pattern):
        return wait_until(lambda: re.search(pattern, self.log()),
                          lambda: f"{pattern!r} in:\n{self.log()}")

    def serial(self):
        """What it has published last; 0: nothing."""
        found = re.findall(r"published serial (\d+)", self.log())
        return int(found[-1]) if found else 0

    def wait_serial(self, serial):
        wait_until(lambda: self.serial() >= serial,
                   lambda: f"serial {serial} in:\n{self.log()}")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            assert self.process.wait(PATIENCE) == 0, self.log()


class Watcher(Device):
    """A client of the upstream broker that sees all that passes there."""

    def __init__(self, broker):
        super().__init__(broker, "watcher")
        self.passed = []  # scope, kind, payload

    def on_message(self, client, userdata, message):
        scope, kind = message.topic.split("/")[2:]
        payload = message.payload
        if kind in ("request", "report"):
            payload = json.loads(payload)
        self.passed.append((scope, kind, payload))

    def find(self, kind, scope, matches=lambda payload: True):
        return [payload for s, k, payload in self.passed
                if (s, k) == (scope, kind) and matches(payload)]

    def wait_for(self, kind, scope="gw1", matches=lambda payload: True):
        """The first of this kind for which `matches` holds."""
        self.wait(lambda: self.find(kind, scope, matches),
                  f"{kind} among {self.passed}")
        return self.find(kind, scope, matches)[0]


class Gateway:
    """A broker with the plugin, a replica, and a bridge to what is above."""

    def __init__(self, broker, registry, link):
        self.broker = broker
        self.registry = registry  # the replica
        self.link = link

    def wait_serial(self, serial, since=0):
        self.broker.wait_log(
            rf"registry is at serial {serial} now, ", since=since)
        return self

    def wait_refusal(self, reason, since=0):
        self.broker.wait_log(rf"sync refused {reason}: ", since=since)

    def restart(self):
        self.broker.stop()
        self.broker.start()

    def devices(self):
        return [record["id"] for record in self.list("device")]

    def list(self, kind):
        return [json.loads(line) for line in self.registry.run(
            "list", "--json", kind).splitlines()]


def bridge(pki, certificate, port, scope):
    """The bridge in a gateway's mosquitto.conf."""
    return [
        f"connection up-{scope}", f"address 127.0.0.1:{port}",
        f"remote_clientid {certificate}",
        f"bridge_cafile {pki.file('server-root')}",
        f"bridge_certfile {pki.file(certificate)}",
        f"bridge_keyfile {pki.key_file(certificate)}",
        "restart_timeout 1", "notifications false",
        *(line.format(scope) for line in BRIDGED)]


class Upstream:
    """An upstream broker, and what was started around it."""

    def __init__(self, site, port=None):
        self.site = site
        self.pki = site.pki
        self.links = []
        self.origins = []
        self.broker = None
        self.port = port  # of a broker that is there already
        if port is None:
            describe(site.pki)
            self.broker = site.start(plugin=False, server="upstream",
                                     listeners=[tls_listener(site.pki)])
            self.port = self.broker.port()

    def options(self, scope="gw1"):
        """Of trustctl publish."""
        pki = self.pki
        return ("-r", self.site.registry.path, "--scope", scope,
                "--signer", pki.file("signer"),
                "--key", pki.key_file("signer"),
                "--host", "localhost", "--port", self.port,
                "--cafile", pki.file("server-root"),
                "--cert", pki.file("origin"),
                "--tls-key", pki.key_file("origin"))

    def follow(self, *more, scope="gw1"):
        log = self.site.folder / f"origin-{len(self.origins)}.log"
        origin = Origin(log, (*self.options(scope), *more))
        self.origins.append(origin)
        return origin

    def watch(self):
        watcher = Watcher(self.broker)
        self.site.devices.append(watcher)
        assert watcher.connect() == 0
        watcher.subscribe("trust/v1/#")
        return watcher

    def link(self, port):
        link = Link(port)
        self.links.append(link)
        return link

    def new_gateway(self, name="gw1", scope=None, above=None, options=None,
                    after=(), **more):
        """A gateway that is not started yet. `above` is a port, else that of
        the upstream broker."""
        link = self.link(self.port if above is None else above)
        registry = Registry(
            self.site.folder / f"replica-{len(self.links)}.db", self.pki)
        broker = self.site.new_broker(
            registry=registry,
            options={"gateway": name, "scope": scope,
                     "registry_anchor": self.pki.file("registry-root"),
                     **(options or {})},
            after=[*bridge(self.pki, "bridge-" + name, link.port,
                           scope or name), *after], **more)
        return Gateway(broker, registry, link)

    def gateway(self, *arguments, **more):
        gateway = self.new_gateway(*arguments, **more)
        gateway.broker.start()
        return gateway

    def close(self):
        """Whatever is left; a test that wants to know stops it itself."""
        for link in self.links:
            link.cut()
        for origin in self.origins:
            if origin.process.poll() is None:
                origin.process.terminate()
            origin.process.wait(PATIENCE)
