# SPDX-License-Identifier: Apache-2.0
"""RabbitMQ with its MQTT plugin as the upstream: nothing in sync needs one
broker's peculiarities. A node of its own, on loopback alone."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess

import pytest

from broker import PATIENCE, free_port, wait_until
from upstream import Upstream, describe

SERVER = pathlib.Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
# Erlang starts at its leisure.
START = 120

CONFIGURATION = """
listeners.tcp = none
mqtt.listeners.tcp = none
mqtt.listeners.ssl.default = {port}
mqtt.allow_anonymous = false
mqtt.ssl_cert_login = true
ssl_cert_login_from = common_name
ssl_options.cacertfile = {folder}/clients.pem
ssl_options.certfile = {folder}/server.pem
ssl_options.keyfile = {folder}/server.key
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = true
load_definitions = {folder}/definitions.json
log.console = true
log.file = false
"""


def definitions(names):
    """Users who log in by their certificates; none has a password."""
    every = {"configure": ".*", "write": ".*", "read": ".*"}
    return {
        "vhosts": [{"name": "/"}],
        "users": [{"name": name, "password_hash": "", "tags": "",
                   "hashing_algorithm": "rabbit_password_hashing_sha256"}
                  for name in names],
        "permissions": [{"user": name, "vhost": "/", **every}
                        for name in names],
    }


class RabbitMq:
    def __init__(self, folder, pki):
        self.folder = folder
        self.port = free_port()
        self.log_path = folder / "rabbitmq.log"
        self.write(pki)
        epmd_port = str(free_port())
        self.environment = {
            "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8",
            "HOME": str(folder),  # of the cookie
            "RABBITMQ_NODENAME": f"trust-{os.getpid()}@localhost",
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS":
                "-kernel inet_dist_use_interface {127,0,0,1}",
            "ERL_EPMD_PORT": epmd_port, "ERL_EPMD_ADDRESS": "127.0.0.1",
        }
        self.log_file = open(self.log_path, "wb")
        self.processes = []
        # Else the node would start one that outlives it.
        self.run("epmd", "-port", epmd_port, "-address", "127.0.0.1")
        self.run(SERVER)

    def write(self, pki):
        folder = self.folder
        server = pki.get("upstream")
        for name, content in {
                "server.pem": server.pem, "server.key": server.key_pem(),
                "clients.pem": pki.get("upstream-clients").pem,
                "plugins": "[rabbitmq_mqtt].\n",
                "definitions.json": json.dumps(definitions(
                    ["origin", "watcher", "bridge-gw1"])),
                "rabbitmq.conf": CONFIGURATION.format(
                    port=f"127.0.0.1:{self.port}", folder=folder)}.items():
            (folder / name).write_text(content)

    def run(self, *command):
        self.processes.append(subprocess.Popen(
            command, env=self.environment, stdin=subprocess.DEVNULL,
            stdout=self.log_file, stderr=self.log_file,
            start_new_session=True))

    def log(self):
        return self.log_path.read_text(errors="replace")

    def wait_ready(self):
        def is_ready():
            assert self.processes[-1].poll() is None, self.log()
            return "Server startup complete" in self.log()
        wait_until(is_ready, lambda: "RabbitMQ is up:\n" + self.log(), START)

    def stop(self):
        """The node first, then what it registered with; nothing of either is
        left."""
        for process in reversed(self.processes):
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.log_file.close()


@pytest.fixture
def rabbitmq(site):
    if not SERVER.exists():
        pytest.skip("Debian's package rabbitmq-server is not installed")
    describe(site.pki)
    folder = site.folder / "rabbitmq"
    folder.mkdir()
    rabbitmq = RabbitMq(folder, site.pki)
    try:
        rabbitmq.wait_ready()
        yield rabbitmq
    finally:
        rabbitmq.stop()


def test_rabbitmq_is_the_upstream(site, rabbitmq):
    site.registry.put(site.sensor("temp-01") + site.sensor("temp-02"))
    upstream = Upstream(site, rabbitmq.port)
    try:
        origin = upstream.follow()
        origin.wait_serial(1)
        # A bridge of Mosquitto's speaks a protocol of its own with Mosquitto.
        gw = upstream.gateway(after=["try_private false"]).wait_serial(1)
        temp = site.connect(gw.broker, "temp-01")
        site.registry.run("device", "disable", "temp-01")
        gw.wait_serial(2)
        temp.wait_closed()
        origin.wait_log("gateway gw1: serial 2, up to date")
        # What is retained there is there for a gateway that comes back.
        gw.link.cut()
        site.registry.run("device", "enable", "temp-01")
        origin.wait_serial(3)
        gw.restart()
        gw.link.join()
        gw.wait_serial(3)
        # And for an origin that does: it goes on where it was.
        origin.stop()
        site.registry.run("device", "disable", "temp-02")
        upstream.follow()
        gw.wait_serial(4)
    finally:
        upstream.close()
