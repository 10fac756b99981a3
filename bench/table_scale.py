# SPDX-License-Identifier: Apache-2.0
"""Many gateways below one broker: what passes at first start, at rest, for a
change in one scope and in all, when a CA rolls over, and when all come back
after an outage. They are simulated, but for one, which is the plugin in a
broker; the upstream broker's log has what passed to and from each, and
`untrue` is by how many messages and octets of payload the real one and a
simulated one of its scope, its twin, differ. Lines are counted with TLS,
without TCP."""

import contextlib
import json
import random
import time

import broker
import cms
import gateways
import lab
import pki
import report
import scale

GATEWAYS, SCOPES = (50, 10) if lab.QUICK else (500, 100)
DEVICES_EACH = 1_000
# Nothing of the protocol passes for so long: it is over.
QUIET_S = 2.5
REAL = "gate-0000"
KINDS = (("down", "notification"), ("down", "content"),
         ("up", "request"), ("up", "report"))



def gateway_lines(site, client, scope, replica, ports, *bridge):
    """Of the real gateway's mosquitto.conf."""
    return (
        "allow_anonymous true", f"plugin {broker.PLUGIN}",
        f"plugin_opt_gateway {REAL}", f"plugin_opt_scope {scope}",
        f"plugin_opt_registry {replica}",
        "plugin_opt_registry_anchor "
        f"{site.folder / 'registry-root.pem'}",
        "connection upstream",
        "address " + " ".join(f"localhost:{port}" for port in ports),
        f"remote_clientid {REAL}", f"bridge_cafile {site.root}",
        f"bridge_certfile {client.chain}", f"bridge_keyfile {client.key}",
        "restart_timeout 1", "notifications false", *bridge,
        f"topic notification in 1 $CONTROL/trust/v1/ trust/v1/{scope}/",
        f"topic content in 1 $CONTROL/trust/v1/ trust/v1/{scope}/",
        f"topic request out 1 trust/v1/ trust/v1/{scope}/",
        f"topic report out 1 trust/v1/ trust/v1/{scope}/")


class Scene:
    """Everything, and what it has counted up to the last phase."""

    def __init__(self, stack, site):
        self.site = site
        self.client = site.sensor("client")
        self.folder = lab.WORK / "scale"
        self.folder.mkdir()
        self.registry = self.folder / "origin.db"
        self.scopes = [scale.scope_name(i) for i in range(SCOPES)]
        self.make_registry()
        self.above = stack.enter_context(scale.Upstream(
            "scale", site, f"max_connections {2 * GATEWAYS + SCOPES + 10}"))
        self.origins = scale.Origins(self.above, site, self.client,
                                     self.registry, self.scopes)
        self.fleet = stack.enter_context(gateways.Fleet(
            [self.above.port], scale.tls_context(site, self.client),
            cms.Verifier(site.folder / "registry-root.pem"),
            [(f"gsim-{i:04}", self.scopes[i % SCOPES])
             for i in range(GATEWAYS)]))
        self.twin = self.fleet.gateways[0]
        self.relay = scale.Relay(self.above.port)
        stack.callback(self.relay.close)
        self.replica = self.folder / "replica.db"
        self.real = broker.Broker(
            "real", site, "log_type notice", *gateway_lines(
                site, self.client, self.scopes[0], self.replica,
                [self.relay.port]), cores=lab.CORES)
        self.serials = dict.fromkeys(self.scopes, 0)
        self.before = None

    def make_registry(self):
        lines = self.folder / "devices.jsonl"
        scale.write_devices(lines, SCOPES * DEVICES_EACH, SCOPES)
        lab.trustctl("init", "-r", self.registry)
        lab.trustctl("put", "-r", self.registry, lines)
        lines.unlink()

    # What is counted

    def figures(self):
        lines = self.fleet.octets_on_lines()
        twin = self.twin.octets_on_line()
        return {"line.down": lines["down"], "line.up": lines["up"],
                "twin.down": twin["down"], "twin.up": twin["up"],
                "real.down": self.relay.octets["down"],
                "real.up": self.relay.octets["up"],
                "cpu.broker": self.above.cpu_ns() / 1e9
                if self.above.process.poll() is None else 0,
                "cpu.origins": self.origins.cpu_s()}

    def begin(self):
        self.above.take_messages()
        self.before = self.figures()

    def finish(self, table, phase):
        """All is quiet: the figures of a phase."""
        self.settle()
        after = self.figures()
        grown = {name: after[name] - self.before[name] for name in after}
        messages = self.above.take_messages()
        add_phase(table, phase, messages, grown, self.twin.name)

    def settle(self):
        self.fleet.last_message = time.monotonic()
        self.fleet.run(lambda: time.monotonic() > self.fleet.last_message +
                       QUIET_S, "quiet", scale.PATIENCE_S)

    # What is waited for

    def wait_held(self, *scopes):
        """All gateways of these scopes hold a serial more than before."""
        for scope in scopes:
            self.serials[scope] += 1
        wanted = set(scopes)
        self.fleet.run(
            lambda: all(g.serial >= self.serials[g.scope]
                        for g in self.fleet.gateways if g.scope in wanted),
            "all at the serial", scale.PATIENCE_S)
        if self.scopes[0] in wanted:
            self.wait_real(self.serials[self.scopes[0]])

    def wait_real(self, serial):
        said = f"registry is at serial {serial} now, "
        log = self.real.folder / "log"
        self.fleet.run(lambda: said in log.read_text("utf-8"),
                       f"the real gateway at serial {serial}",
                       scale.PATIENCE_S)

    def wait_connected(self, again):
        """All, every origin and the real one for the so many-th time again."""
        log = self.above.folder / "log"
        self.fleet.run(
            lambda: log.read_text("utf-8").count(
                f"Sending SUBACK to {REAL}") >= 2 * (again + 1),
            "the real gateway connected", scale.PATIENCE_S)
        self.fleet.run(
            lambda: all(g.is_up() for g in self.fleet.gateways),
            "all connected", scale.PATIENCE_S)
        self.fleet.run(
            lambda: min(self.origins.count("connected again").values())
            >= again, "origins connected", scale.PATIENCE_S)


def add_phase(table, phase, messages, grown, twin):
    """Per gateway, and for the origins and the broker in all."""
    def is_simulated(client):
        return client.startswith("gsim-")
    sims = scale.tally(messages, is_simulated)
    one = scale.tally(messages, lambda client: client == twin)
    real = scale.tally(messages, lambda client: client == REAL)
    origins = scale.tally(messages, lambda client:
                          client.startswith("origin-"))
    for key in KINDS:
        if sims[key][0]:
            name = f"{phase}.{key[1]}"
            table.add(f"{name}.messages", "", [sims[key][0]])
            table.add(f"{name}.octets", "B", [sims[key][1] / sims[key][0]])
    for i, what in enumerate(("messages", "octets")):
        table.add(f"{phase}.untrue.{what}", "", [sum(
            abs(real[key][i] - one[key][i]) for key in KINDS)])
    for way in "down", "up":
        table.add(f"{phase}.line.{way}", "B", [grown[f"line.{way}"] /
                                               GATEWAYS])
        table.add(f"{phase}.line.{way}.real", "B", [grown[f"real.{way}"]])
        table.add(f"{phase}.line.{way}.twin", "B", [grown[f"twin.{way}"]])
    table.add(f"{phase}.signatures", "", [origins["up", "notification"][0]])
    table.add(f"{phase}.origin.sent", "B", [
        origins["up", "notification"][1] + origins["up", "content"][1]])
    table.add(f"{phase}.cpu.broker", "s", [grown["cpu.broker"]])
    table.add(f"{phase}.cpu.origins", "s", [grown["cpu.origins"]])


# ---- The phases ----

def start_all(scene, table, stack):
    scene.above.take_messages()
    stack.enter_context(scene.origins)
    table.add("publish.cpu.origins", "s", [scene.origins.cpu_s()])
    table.add("publish.octets", "B", [sum(
        octets for received, _, _, _, octets in scene.above.take_messages()
        if received)])
    table.add("origin.memory", "MB", [scene.origins.memory_mb()])
    scene.begin()
    stack.enter_context(scene.real)
    scene.wait_held(*scene.scopes)
    scene.finish(table, "first")
    table.add("first.disk.origin", "MB", [scale.files_mb(scene.registry)])
    table.add("first.disk.real", "MB", [scale.files_mb(scene.replica)])


def rest(scene, table):
    scene.begin()
    scene.fleet.ping()
    scene.finish(table, "ping")
    scene.begin()
    scene.fleet.report()
    scene.finish(table, "report")


def put(scene, lines):
    lab.trustctl("put", "-r", scene.registry, stdin=lines)


def change(scene, table, phase, lines, *scopes):
    scene.begin()
    put(scene, lines)
    scene.wait_held(*scopes)
    scene.finish(table, phase)


def role(comment):
    return json.dumps({"kind": "role", "id": "sensor", "comment": comment,
                       "rules": [{"effect": "allow", "actions": ["publish"],
                                  "topics": ["devices/{device}/#"]}]}) + "\n"


def anchor(site, name):
    return json.dumps({"kind": "anchor", "id": name, "purposes": ["device"],
                       "pem": site.root.read_text("utf-8")}) + "\n"


def new_thumbprints(first, scope):
    digests = random.Random(2)
    return "".join(scale.device(i, digests.randbytes(32).hex(), scope)
                   for i in range(first, first + DEVICES_EACH))


def changes(scene, table):
    """The second of a kind shows what one more delta in the list costs."""
    one = scene.scopes[0]
    change(scene, table, "one", scale.device(
        0, "a5" * 32, one, '"status":"disabled",'), one)
    change(scene, table, "all", role("first"), *scene.scopes)
    change(scene, table, "ca", anchor(scene.site, "next"), *scene.scopes)
    change(scene, table, "pins", new_thumbprints(0, one), one)


def outage(scene, table, phase, again, lines=None):
    """The upstream broker is away for a while; it keeps what it retains."""
    scene.above.stop()
    if lines is not None:
        put(scene, lines)
    scene.begin()
    scene.before["cpu.broker"] = 0
    scene.above.start()
    scene.wait_connected(again)
    if lines is not None:
        scene.wait_held(*scene.scopes)
    scene.finish(table, phase)


def run():
    scale.allow_files()
    table = report.Table(
        "scale", f"{GATEWAYS} simulated gateways and a real one in {SCOPES} "
        f"scopes of {DEVICES_EACH:,} devices; octets and CPU")
    with contextlib.ExitStack() as stack:
        scene = Scene(stack, pki.Pki("scale", "p256", "p256"))
        start_all(scene, table, stack)
        rest(scene, table)
        changes(scene, table)
        outage(scene, table, "back", 1)
        outage(scene, table, "behind", 2, role("second"))
        table.add("disk.upstream", "MB", [scale.files_mb(
            scene.above.folder / "mosquitto.db")])
    return table
