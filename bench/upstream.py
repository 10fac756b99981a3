# SPDX-License-Identifier: Apache-2.0
"""What stands above a gateway: a stock broker with TLS both ways, an origin
that publishes there, and a gateway that follows it over a bridge. When
something happened is read from their logs, as it is written there."""

import contextlib
import pathlib
import re
import signal
import subprocess
import threading
import time

import broker
import lab

# The registry comes before whatever else stands still.
PATIENCE_S = 900
# CPU time in half a second of threads that only look whether there is work.
IDLE_S = 0.005

BRIDGE = """\
connection upstream
address localhost:{above.broker.port}
remote_clientid {name}
bridge_cafile {above.pki.root}
bridge_certfile {above.bridge.chain}
bridge_keyfile {above.bridge.key}
restart_timeout 1
notifications false
topic notification in 1 {prefix}/v1/ trust/v1/gw1/
topic content in 1 {prefix}/v1/ trust/v1/gw1/
topic request out 1 trust/v1/ trust/v1/gw1/
topic report out 1 trust/v1/ trust/v1/gw1/"""




class Pinged(broker.Broker):
    """A broker with a second listener, in plain TCP, for a client that is to
    meet nothing but the broker's thread. It runs on every core, as brokers
    do."""

    def __init__(self, name, pki, *lines, after=()):
        self.ping_port = broker.free_port()
        super().__init__(
            name, pki, "allow_anonymous true", *lines,
            f"listener {self.ping_port} 127.0.0.1", *after, cores=lab.CORES)

    def listens(self, port=None):
        """The second listener comes last."""
        return super().listens(port or self.ping_port)


def stock(name, pki):
    return Pinged(name, pki, f"cafile {pki.root}")


class Log:
    """A log as it grows, from now on: [(when, line)], on the monotonic
    clock."""

    def __init__(self, path):
        self.path = path
        self.lines = []
        self.ended = False
        self.arrived = threading.Condition()
        self.file = self.thread = None

    def __enter__(self):
        self.file = self.path.open("a+", encoding="utf-8", errors="replace")
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *unused):
        self.ended = True
        self.thread.join()
        self.file.close()

    def read(self):
        rest = ""
        while not self.ended:
            rest += self.file.read()
            now = time.monotonic()
            *whole, rest = rest.split("\n")
            if not whole:
                time.sleep(0.001)
                continue
            with self.arrived:
                self.lines += [(now, line) for line in whole]
                self.arrived.notify_all()

    def find(self, pattern, since):
        """When there were lines like that."""
        with self.arrived:
            lines = list(self.lines)
        return [when for when, line in lines
                if when >= since and re.search(pattern, line)]

    def wait(self, pattern, since):
        """When the first such line came."""
        deadline = time.monotonic() + PATIENCE_S
        at = 0
        with self.arrived:
            while True:
                for when, line in self.lines[at:]:
                    if when >= since and re.search(pattern, line):
                        return when
                at = len(self.lines)
                if not self.arrived.wait(deadline - time.monotonic()):
                    raise RuntimeError(
                        f"{self.path.name}, want {pattern!r}, got:\n" +
                        "\n".join(line for _, line in self.lines[-10:]))


class Origin:
    """trustctl publish --follow."""

    def __init__(self, folder, pki, client, registry, port):
        self.log = Log(folder / "origin.log")
        self.arguments = [
            lab.TRUSTCTL, "publish", "-r", registry, "--scope", "gw1",
            "--signer", pki.folder / "registry-signer.pem",
            "--key", pki.folder / "registry-signer.key",
            "--host", "localhost", "--port", port, "--cafile", pki.root,
            "--cert", client.chain, "--tls-key", client.key, "--follow"]
        self.process = None

    def __enter__(self):
        self.log.__enter__()
        with self.log.path.open("ab") as log:
            self.process = lab.pinned(
                self.arguments, lab.CORES, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log)
        return self

    def __exit__(self, *unused):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(lab.PATIENCE_S)
        self.log.__exit__()

    def wait_serial(self, serial):
        return self.log.wait(rf"published serial {serial},", 0)


class Upstream:
    """The broker above, and an origin at work."""

    def __init__(self, name, pki, registry):
        self.pki = pki
        self.registry = registry
        self.client = pki.sensor(f"{name}.origin")
        self.bridge = pki.sensor(f"{name}.bridge")
        self.broker = broker.Broker(
            f"{name}.upstream", pki, "allow_anonymous true",
            f"cafile {pki.root}", "log_type debug", cores=lab.CORES)
        self.stack = contextlib.ExitStack()
        self.log = self.origin = None

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.log = stack.enter_context(Log(self.broker.folder / "log"))
            stack.enter_context(self.broker)
            self.origin = stack.enter_context(Origin(
                self.broker.folder, self.pki, self.client, self.registry,
                self.broker.port))
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *unused):
        self.stack.close()

    def sent(self, what, since):
        """When something was first sent to the gateway."""
        return self.log.wait(rf"Sending PUBLISH to gateway .*/{what}'", since)

    def last_part(self, since, until):
        """When the gateway had the last part."""
        return [when for when in
                self.log.find("Received PUBACK from gateway ", since)
                if when <= until][-1]


def relay(name, above):
    """A stock broker that gets what a gateway gets, for nobody."""
    return Pinged(name, above.pki, f"cafile {above.pki.root}", after=[
        BRIDGE.format(above=above, name="relay", prefix="relay")])


class Gateway(Pinged):
    """A broker with the plugin, a replica and a bridge. `lines` are more of
    mosquitto.conf."""

    def __init__(self, name, above, replica, *lines):
        self.replica = replica
        self.above = above
        self.log = None
        self.stack = contextlib.ExitStack()
        super().__init__(
            name, above.pki, "log_type notice", f"plugin {broker.PLUGIN}",
            "plugin_opt_gateway gw1", f"plugin_opt_registry {replica}",
            "plugin_opt_registry_anchor "
            f"{above.pki.folder / 'registry-root.pem'}", *lines,
            after=[BRIDGE.format(above=above, name="gateway",
                                 prefix="$CONTROL/trust")])

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.log = stack.enter_context(Log(self.folder / "log"))
            super().__enter__()
            stack.callback(super().__exit__)
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *unused):
        self.stack.close()

    def wait_serial(self, serial, since):
        """When it said that it holds it."""
        return self.log.wait(
            rf"registry is at serial {serial} now, ", since)

    def wait_settled(self, since):
        """It has heard of what is above, and done what that brings."""
        self.above.sent("notification", since)
        before, now = 0, self.cpu_s()[1]
        while now - before > IDLE_S:
            time.sleep(0.5)
            before, now = now, self.cpu_s()[1]

    def cpu_s(self):
        """CPU time of the broker's thread, and of all others."""
        tasks = pathlib.Path(f"/proc/{self.process.pid}/task")
        spent = {int(task.name): int((task / "schedstat").read_text()
                                     .split()[0]) / 1e9
                 for task in tasks.iterdir()}
        own = spent.pop(self.process.pid)
        return own, sum(spent.values())

    def files(self):
        """What the replica consists of."""
        return self.replica.parent.glob(f"{self.replica.name}*")

    def disk_mb(self):
        size = 0
        for each in self.files():
            with contextlib.suppress(FileNotFoundError):
                size += each.stat().st_size
        return size / 1e6

    def empty(self):
        for each in self.files():
            each.unlink()
