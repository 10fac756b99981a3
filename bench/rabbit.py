# SPDX-License-Identifier: Apache-2.0
"""RabbitMQ with its MQTT plugin, as a cluster on loopback."""

import contextlib
import os
import pathlib
import signal
import subprocess
import time

import broker
import lab

SERVER = pathlib.Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
CONTROL = SERVER.with_name("rabbitmqctl")
# Erlang starts at its leisure.
START_S = 300

CONFIGURATION = """\
listeners.tcp = none
mqtt.listeners.tcp = none
mqtt.listeners.ssl.default = 127.0.0.1:{port}
mqtt.allow_anonymous = true
mqtt.default_user = guest
mqtt.default_pass = guest
ssl_options.cacertfile = {pki.root}
ssl_options.certfile = {pki.server}
ssl_options.keyfile = {pki.server_key}
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = true
cluster_formation.peer_discovery_backend = classic_config
{nodes}
log.console = true
log.file = false
"""


class Node:
    def __init__(self, number, name, folder):
        self.number, self.name, self.folder = number, name, folder
        self.port = broker.free_port()
        self.process = None
        self.log_path = folder / "log"

    def log(self):
        return self.log_path.read_text("utf-8", errors="replace")

    def kill(self):
        """kill -9, the whole of it."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Cluster:
    """So many nodes; the second and later ones join the first."""

    def __init__(self, pki, n):
        self.pki = pki
        self.folder = lab.WORK / "rabbitmq"
        self.folder.mkdir()
        cookie = self.folder / ".erlang.cookie"
        cookie.write_text(os.urandom(16).hex(), "ascii")
        cookie.chmod(0o400)
        self.epmd_port = str(broker.free_port())
        self.epmd = None
        self.nodes = []
        for number in range(n):
            folder = self.folder / str(number)
            folder.mkdir()
            self.nodes.append(Node(
                number, f"scale{number}-{os.getpid()}@localhost", folder))

    def environment(self, node):
        return {
            "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8",
            "HOME": str(self.folder),
            "RABBITMQ_NODENAME": node.name,
            "RABBITMQ_MNESIA_BASE": str(node.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(node.folder),
            "RABBITMQ_CONFIG_FILE": str(node.folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(node.folder / "plugins"),
            "RABBITMQ_PID_FILE": str(node.folder / "pid"),
            "RABBITMQ_DIST_PORT": str(broker.free_port()),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS":
                "-kernel inet_dist_use_interface {127,0,0,1}",
            "ERL_EPMD_PORT": self.epmd_port, "ERL_EPMD_ADDRESS": "127.0.0.1",
        }

    def run(self, node, *command):
        with node.log_path.open("ab") as log:
            return subprocess.Popen(
                [*map(str, command)], env=self.environment(node),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)

    def start(self, node):
        names = "\n".join(
            f"cluster_formation.classic_config.nodes.{each.number + 1} = "
            f"{each.name}" for each in self.nodes)
        (node.folder / "rabbitmq.conf").write_text(CONFIGURATION.format(
            port=node.port, pki=self.pki, nodes=names), "utf-8")
        (node.folder / "plugins").write_text("[rabbitmq_mqtt].\n", "utf-8")
        lab.show(f"RabbitMQ node {node.number + 1}")
        node.process = self.run(node, SERVER)
        deadline = time.monotonic() + START_S
        while "Server startup complete" not in node.log():
            if node.process.poll() is not None or (
                    time.monotonic() > deadline):
                raise RuntimeError(f"RabbitMQ does not start:\n{node.log()}")
            time.sleep(0.2)
        if node.number > 0 and "joined cluster" not in node.log() and (
                self.nodes[0].name not in node.log()):
            raise RuntimeError(f"RabbitMQ joins no cluster:\n{node.log()}")

    def __enter__(self):
        self.epmd = self.run(self.nodes[0], "epmd", "-port", self.epmd_port,
                             "-address", "127.0.0.1")
        try:
            for node in self.nodes:
                self.start(node)
            self.mirror()
        except BaseException:
            self.stop()
            raise
        return self

    def mirror(self):
        """Each session's queue is on every node. Else a gateway is let in
        nowhere while the node is down that its queue was made on."""
        node = self.nodes[0]
        if self.run(node, CONTROL, "-n", node.name, "set_policy", "mqtt",
                    "^mqtt-subscription-", '{"ha-mode":"all"}',
                    "--apply-to", "queues").wait() != 0:
            raise RuntimeError(f"RabbitMQ takes no policy:\n{node.log()}")

    def __exit__(self, *unused):
        self.stop()

    def stop(self):
        """Nothing of it is worth a good end."""
        for process in [*(node.process for node in self.nodes), self.epmd]:
            if process is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def ports(self):
        return [node.port for node in self.nodes]
