# SPDX-License-Identifier: Apache-2.0
"""A cluster of three RabbitMQ nodes as the upstream, and one of them killed
while all gateways sync: they come back by another node, as their bridges list
all three, and end at the right state. Simulated gateways are spread over the
nodes; a real one begins at the node that is killed. `held` counts gateways,
`after` is in seconds."""

import contextlib
import json
import time

import broker
import cms
import gateways
import lab
import pki
import rabbit
import report
import scale
import table_scale

NODES = 3
# Whose gateways go on to the last, where nothing was published.
VICTIM = 1
GATEWAYS, SCOPES = (30, 5) if lab.QUICK else (150, 5)
DEVICES_EACH = 100
REAL = table_scale.REAL


class Scene:
    def __init__(self, stack, site):
        self.site, self.client = site, site.sensor("client")
        self.folder = lab.WORK / "cluster"
        self.folder.mkdir()
        self.registry = self.folder / "origin.db"
        self.replica = self.folder / "replica.db"
        self.scopes = [scale.scope_name(i) for i in range(SCOPES)]
        lines = self.folder / "devices.jsonl"
        scale.write_devices(lines, SCOPES * DEVICES_EACH, SCOPES)
        lab.trustctl("init", "-r", self.registry)
        lab.trustctl("put", "-r", self.registry, lines)
        self.cluster = stack.enter_context(rabbit.Cluster(site, NODES))
        ports = self.cluster.ports()
        # Where origins connect: the first node that is there.
        self.relay = scale.Relay(*ports)
        stack.callback(self.relay.close)
        self.origins = stack.enter_context(scale.Origins(
            self.relay, site, self.client, self.registry, self.scopes))
        self.fleet = stack.enter_context(gateways.Fleet(
            ports, scale.tls_context(site, self.client),
            cms.Verifier(site.folder / "registry-root.pem"),
            [(f"gsim-{i:04}", self.scopes[i % SCOPES])
             for i in range(GATEWAYS)], clean=True))
        self.real = broker.Broker(
            "real", site, "log_type notice", *table_scale.gateway_lines(
                site, self.client, self.scopes[0], self.replica,
                [*ports[VICTIM:], *ports[:VICTIM]], "cleansession true",
                "try_private false"), cores=lab.CORES)

    def held(self, serial):
        return sum(g.serial >= serial for g in self.fleet.gateways)

    def run_for(self, seconds):
        end = time.monotonic() + seconds
        self.fleet.run(lambda: time.monotonic() > end, "time", seconds + 60)

    def wait_held(self, serial):
        """Seconds until all hold it, the real one as well."""
        began = time.monotonic()
        self.fleet.run(lambda: self.held(serial) == GATEWAYS,
                       f"all at serial {serial}", scale.PATIENCE_S)
        said = f"registry is at serial {serial} now, "
        log = self.real.folder / "log"
        self.fleet.run(lambda: said in log.read_text("utf-8"),
                       f"the real gateway at serial {serial}",
                       scale.PATIENCE_S)
        return time.monotonic() - began

    def forge(self):
        """What nobody signed, and not by the origin; all of a scope get it."""
        of_it = [g for g in self.fleet.gateways
                 if g.scope == self.scopes[0]]
        of_it[0].publish("notification", {"serial": 99})
        end = time.monotonic() + lab.PATIENCE_S
        self.fleet.run(lambda: time.monotonic() > end or all(
            g.refused["signature_invalid"] for g in of_it), "time",
                       2 * lab.PATIENCE_S)

    def put(self, comment):
        lab.trustctl("put", "-r", self.registry,
                     stdin=table_scale.role(comment))


def is_right(scene):
    """Every gateway holds what the origin's registry has: the state digest of
    the notification, and the real one the role's last comment."""
    states = {(g.scope, g.session, g.serial, g.state)
              for g in scene.fleet.gateways}
    shown = json.loads(lab.trustctl(
        "show", "-r", scene.replica, "--json", "role", "sensor"))
    return len(states) == SCOPES and shown["comment"] == "while one dies"


def refused(scene):
    """By gateways of the scope that was sent what nobody signed, and by the
    others."""
    counted = [0, 0]
    for gateway in scene.fleet.gateways:
        counted[gateway.scope != scene.scopes[0]] += sum(
            n for reason, n in gateway.refused.items()
            if reason != "unsolicited")
    return counted


def run():
    table = report.Table(
        "cluster", f"{GATEWAYS} simulated gateways and a real one below "
        f"{NODES} nodes of RabbitMQ, of which one is killed")
    if not rabbit.SERVER.exists():
        table.title = "Debian's package rabbitmq-server is not installed"
        table.add("nodes", "", [0])
        return table
    table.add("nodes", "", [NODES])
    with contextlib.ExitStack() as stack:
        scene = Scene(stack, pki.Pki("cluster", "p256", "p256"))
        stack.enter_context(scene.real)
        table.add("first.after", "s", [scene.wait_held(1)])
        victim = scene.cluster.nodes[VICTIM]
        on_it = [g for g in scene.fleet.gateways
                 if g.at % NODES == VICTIM]
        table.add("killed.gateways", "", [len(on_it)])
        scene.put("while one dies")
        victim.kill()
        began = time.monotonic()
        scene.fleet.run(lambda: all(
            g.is_up() and g.at % NODES != VICTIM for g in on_it),
                        "all connected again", scale.PATIENCE_S)
        table.add("back.after", "s", [time.monotonic() - began])
        scene.run_for(2)
        table.add("held.at-once", "", [scene.held(2)])
        # What they would report within a quarter of an hour, and at start.
        scene.fleet.report()
        scene.real.stop()
        scene.real.start()
        table.add("held.after-report", "s", [scene.wait_held(2)])
        table.add("held", "", [scene.held(2)])
        scene.forge()
        table.add("right", "", [int(is_right(scene))])
        for name, n in zip(("forged", "honest"), refused(scene),
                           strict=True):
            table.add(f"refused.{name}", "", [n])
    lab.show("")
    return table
