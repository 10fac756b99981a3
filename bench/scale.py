# SPDX-License-Identifier: Apache-2.0
"""What the tables of scale have in common: devices in scopes, an upstream
broker whose log tells every message, and origins, a process for each scope."""

import collections
import contextlib
import os
import pathlib
import random
import re
import resource
import signal
import socket
import ssl
import subprocess
import threading
import time

import broker
import lab

PATIENCE_S = 900
# Origins that are started together.
AT_ONCE = 10
MESSAGE = re.compile(
    r"(Received PUBLISH from|Sending PUBLISH to) (\S+) \(.*"
    r"'trust/v1/([^/']+)/(\w+)'.*\((\d+) bytes\)\)")


def scope_name(number):
    return f"site-{number:05}"


def write_devices(path, n, scopes):
    """Devices known by their thumbprints, as many in each scope."""
    digests = random.Random(1)
    with open(path, "w", encoding="utf-8") as lines:
        for i in range(n):
            lines.write(device(i, digests.randbytes(32).hex(),
                               scope_name(i * scopes // n)))


def device(number, thumbprint, scope, more=""):
    return (f'{{"kind":"device","id":"device-{number:07}","auth":{{"type":'
            f'"thumbprint","primary":"{thumbprint}"}},"roles":["sensor"],'
            f'{more}"scopes":["{scope}"]}}\n')


def cpu_of_child(arguments):
    """CPU seconds of a program that has to succeed."""
    process = subprocess.Popen([*map(str, arguments)],
                               stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
    said = process.stdout.read()
    process.stdout.close()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, arguments))}: "
                           f"{said.decode()}")
    return used.ru_utime + used.ru_stime


def files_mb(path):
    return sum(each.stat().st_size
               for each in path.parent.glob(f"{path.name}*")) / 1e6


class Upstream(broker.Broker):
    """A stock broker that keeps what is retained over restarts, and whose log
    has every message."""

    def __init__(self, name, pki, *lines):
        super().__init__(
            name, pki, "allow_anonymous true", f"cafile {pki.root}",
            "log_type debug", "persistence true",
            f"persistence_location {lab.WORK / 'brokers' / name}/",
            "max_queued_messages 0", *lines, cores=lab.CORES)
        self.read_to = 0

    def take_messages(self):
        """[(whether to the broker, client, scope, kind, octets)] since the
        last time."""
        with (self.folder / "log").open("rb") as log:
            log.seek(self.read_to)
            octets = log.read()
        whole = octets.rfind(b"\n") + 1
        self.read_to += whole
        return [(found[1].startswith("R"), found[2], found[3], found[4],
                 int(found[5]))
                for found in MESSAGE.finditer(
                    octets[:whole].decode("utf-8", "replace"))]


def publish_arguments(above, pki, client, registry, scope):
    return [lab.TRUSTCTL, "publish", "-r", registry, "--scope", scope,
            "--id", f"origin-{scope}",
            "--signer", pki.folder / "registry-signer.pem",
            "--key", pki.folder / "registry-signer.key",
            "--host", "localhost", "--port", above.port,
            "--cafile", pki.root, "--cert", client.chain,
            "--tls-key", client.key]


class Origins:
    """trustctl publish --follow for each scope, on one registry."""

    def __init__(self, above, pki, client, registry, scopes):
        self.folder = lab.WORK / "origins"
        self.folder.mkdir(exist_ok=True)
        self.commands = {
            scope: [*publish_arguments(above, pki, client, registry, scope),
                    "--follow"] for scope in scopes}
        self.processes = {}

    def __enter__(self):
        """All have published. So many at once that none waits for the others'
        writing for longer than a registry is waited for."""
        commands = list(self.commands.items())
        with contextlib.ExitStack() as stack:
            stack.callback(self.stop)
            for at in range(0, len(commands), AT_ONCE):
                for scope, command in commands[at:at + AT_ONCE]:
                    self.start(scope, command)
                wait(lambda: min(self.serials().values()) >= 1 or
                     self.ended(), "all scopes published")
                if self.ended():
                    raise RuntimeError(self.ended())
            stack.pop_all()
        return self

    def start(self, scope, command):
        with (self.folder / scope).open("ab") as log:
            self.processes[scope] = lab.pinned(
                command, lab.CORES, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log)

    def ended(self):
        """What those said last that have ended."""
        return "".join((self.folder / scope).read_text("utf-8")
                       for scope, process in self.processes.items()
                       if process.poll() is not None)

    def stop(self):
        self.__exit__()

    def __exit__(self, *unused):
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            process.wait(PATIENCE_S)

    def count(self, pattern):
        """{scope: how many lines were like that}"""
        return {scope: len(re.findall(
            pattern, (self.folder / scope).read_text("utf-8")))
                for scope in self.processes}

    def serial(self, scope):
        found = re.findall(r"published serial (\d+)",
                           (self.folder / scope).read_text("utf-8"))
        return int(found[-1]) if found else 0

    def serials(self):
        return {scope: self.serial(scope) for scope in self.processes}

    def cpu_s(self):
        ticks = 0
        for process in self.processes.values():
            fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text()
            user, system = fields.rpartition(")")[2].split()[11:13]
            ticks += int(user) + int(system)
        return ticks / os.sysconf("SC_CLK_TCK")

    def memory_mb(self):
        """What one of them has for itself."""
        total = 0
        for process in self.processes.values():
            smaps = pathlib.Path(
                f"/proc/{process.pid}/smaps_rollup").read_text()
            total += sum(int(kb) for kb in re.findall(
                r"Private_\w+:\s+(\d+) kB", smaps))
        return total / 1024 / len(self.processes)


def tally(messages, is_ours):
    """{(direction seen from the gateways, kind): (messages, octets)}, of those
    whom `is_ours` names, by the client's name."""
    sums = collections.defaultdict(lambda: [0, 0])
    for received, client, _, kind, octets in messages:
        if is_ours(client):
            each = sums["up" if received else "down", kind]
            each[0] += 1
            each[1] += octets
    return sums


def wait(is_done, what, patience_s=PATIENCE_S):
    deadline = time.monotonic() + patience_s
    while not is_done():
        if time.monotonic() > deadline:
            raise RuntimeError(f"scale, want {what}")
        time.sleep(0.1)


class Relay:
    """A port that leads to the first of others that is there; what passes is
    counted."""

    def __init__(self, *targets):
        self.targets = targets
        self.octets = collections.Counter()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                below = self.listener.accept()[0]
                above = self.connect()
                if above is None:
                    below.close()
                    continue
                for pair in (below, above, "up"), (above, below, "down"):
                    threading.Thread(target=self.carry, args=pair,
                                     daemon=True).start()

    def connect(self):
        for target in self.targets:
            with contextlib.suppress(OSError):
                return socket.create_connection(("127.0.0.1", target))
        return None

    def carry(self, source, sink, way):
        with contextlib.suppress(OSError):
            while octets := source.recv(65536):
                self.octets[way] += len(octets)
                sink.sendall(octets)
        for end in source, sink:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.listener.close()


def tls_context(pki, client):
    context = ssl.create_default_context(cafile=pki.root)
    context.load_cert_chain(client.chain, client.key)
    return context


def allow_files():
    """Each gateway is a socket, at either end."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
