# SPDX-License-Identifier: Apache-2.0
"""A real Mosquitto with the plugin, on free ports of the loopback."""

import dataclasses
import os
import pathlib
import re
import shlex
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("TRUST_BUILD", ROOT / "build")).resolve()
PLUGIN = BUILD / "mosquitto_trust.so"
TRUSTCTL = BUILD / "trustctl"
MOSQUITTO = "/usr/sbin/mosquitto"

WRAPPER = shlex.split(os.environ.get("TRUST_BROKER_WRAPPER", ""))
PRELOAD = os.environ.get("TRUST_BROKER_PRELOAD", "")

# How long anything may take before it counts as not happening: generous, and
# more so for a broker under valgrind or a sanitizer. Nothing waits that long
# when all is well.
PATIENCE = 120 if WRAPPER or PRELOAD else 20

# Free ports are looked for below the range that the kernel takes for
# outgoing connections, so that no client sits on one.
FIRST_PORT, LAST_PORT = 15000, 30000
next_port = FIRST_PORT + os.getpid() * 37 % (LAST_PORT - FIRST_PORT)


def free_port():
    global next_port
    while True:
        next_port += 1
        if next_port > LAST_PORT:
            next_port = FIRST_PORT
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", next_port))
                return next_port
            except OSError:
                continue


def wait_until(condition, what, patience=PATIENCE):
    """The first true value of the condition; asks often, and not for ever."""
    deadline = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {patience} s: {what()}"
                                 if callable(what) else
                                 f"not within {patience} s: {what}")
        time.sleep(0.01)


def terminate(process):
    """SIGTERM until it ends; returns its status. Twice, because Mosquitto
    forgets one that comes between its "running" line and its loop: it sets
    the flag that the handler clears in between."""
    for patience in (2, PATIENCE):
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(patience)
        except subprocess.TimeoutExpired:
            pass
    process.kill()
    process.wait()
    raise AssertionError(f"SIGTERM does not end {process.args}")


def trustctl(*arguments, registry=None, input=None):
    """Run trustctl; the result has returncode, stdout and stderr."""
    environment = dict(os.environ, LC_ALL="C")
    if registry is not None:
        environment["TRUST_REGISTRY"] = str(registry)
    return subprocess.run(
        [TRUSTCTL, *map(str, arguments)], input=input, text=True,
        capture_output=True, env=environment, timeout=PATIENCE)


class Registry:
    """An origin registry, edited as an operator does it."""

    def __init__(self, path, pki, records=None):
        self.path = path
        self.pki = pki
        if records is not None:
            self.run("init")
            self.put(records)

    def run(self, *arguments, **more):
        result = trustctl(*arguments, registry=self.path, **more)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def put(self, records):
        """Add or replace records, one JSON object a line, with the
        placeholders of the case table."""
        records = self.pki.fill(records)
        if records.strip():
            self.run("put", input=records)

    def remove(self, kind, name):
        self.run("remove", kind, name)


@dataclasses.dataclass
class Listener:
    """One listener of mosquitto.conf."""
    name: str = "tls"
    tls: bool = True
    websockets: bool = False
    require: bool = True  # require_certificate
    lines: tuple = ()  # more of mosquitto.conf
    port: int = 0

    def text(self, folder):
        lines = [f"listener {self.port} 127.0.0.1"]
        if self.websockets:
            lines += ["protocol websockets"]
        if self.tls:
            require = "true" if self.require else "false"
            lines += [f"certfile {folder}/server.pem",
                      f"keyfile {folder}/server.key",
                      f"require_certificate {require}"]
        return lines + list(self.lines)


TLS = Listener()
WEBSOCKETS = Listener("websockets", websockets=True)
PLAIN = Listener("plain", tls=False)


class Broker:
    """Writes mosquitto.conf, starts the broker, stops it, reads its log."""

    def __init__(self, folder, pki, registry, listeners=(TLS,), options=None,
                 plugin=True, conf=(), after=(), per_listener_settings=False,
                 arguments=(), server="server"):
        self.folder = folder
        self.pki = pki
        self.registry = registry
        self.listeners = {listener.name: dataclasses.replace(listener)
                          for listener in listeners}
        self.options = {"gateway": "gw1", "registry": registry.path}
        self.options.update(options or {})
        self.plugin = plugin
        self.conf = list(conf)  # before the listeners
        self.after = list(after)  # behind the plugin and its options
        self.arguments = list(arguments)  # of the command line, before -c
        self.per_listener_settings = per_listener_settings
        self.server = server  # its certificate
        self.environment = {}  # more of it
        self.log_path = folder / "broker.log"
        self.process = None

    # Starting and stopping

    def write_configuration(self):
        server = self.pki.get(self.server)
        (self.folder / "server.pem").write_text(server.pem)
        (self.folder / "server.key").write_text(server.key_pem())
        lines = ["log_type all", "log_dest stderr", "set_tcp_nodelay true"]
        if self.per_listener_settings:
            lines += ["per_listener_settings true"]
        else:
            lines += ["allow_anonymous false"]
        lines += ["check_retain_source true"]
        if os.geteuid() == 0:
            lines += ["user root"]
        lines += self.conf
        for listener in self.listeners.values():
            listener.port = free_port()
            lines += listener.text(self.folder)
        if self.plugin:
            lines += [f"plugin {PLUGIN}"] + [
                f"plugin_opt_{name} {value}".rstrip()
                for name, values in self.options.items()
                for value in (values if isinstance(values, list)
                              else [values])
                if value is not None]
        lines += self.after
        path = self.folder / "mosquitto.conf"
        path.write_text("\n".join(map(str, lines)) + "\n")
        return path

    def start(self):
        while not self.try_to_start():
            pass
        return self

    def try_to_start(self):
        """False when another program took a port in the meantime."""
        self.launch()
        wait_until(lambda: self.process.poll() is not None or self.is_ready(),
                   lambda: "the broker is ready:\n" + self.log())
        if self.process.poll() is None:
            return True
        self.process = None
        assert "Address already in use" in self.log(), self.log()
        return False

    def launch(self):
        path = self.write_configuration()
        environment = dict(os.environ, **self.environment)
        if PRELOAD:
            environment["LD_PRELOAD"] = PRELOAD
            # The broker has no frame pointers; suppressions need its stack.
            environment["ASAN_OPTIONS"] = environment.get(
                "ASAN_OPTIONS", "") + ":fast_unwind_on_malloc=0"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [*WRAPPER, MOSQUITTO, *self.arguments, "-c", path],
                env=environment, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log)

    def is_ready(self):
        return re.search(r"mosquitto version \S+ running", self.log())

    def refuse_to_start(self):
        """Start it, expecting that it does not; returns the log."""
        self.launch()
        wait_until(lambda: self.process.poll() is not None or self.is_ready(),
                   lambda: "the broker ends:\n" + self.log())
        started = self.process.poll() is None
        if started:
            self.process.kill()
        status = self.process.wait()
        self.process = None
        assert not started, "the broker started:\n" + self.log()
        assert status > 0 and status != 99, self.log()
        self.check_sanitizers()
        return self.log()

    def stop(self):
        """SIGTERM; a broker that leaves otherwise than it should fails."""
        if self.process is None:
            return
        status = terminate(self.process)
        self.process = None
        assert status == 0, f"exit status {status}:\n{self.end()}"
        self.check_sanitizers()

    def kill(self):
        """End it without asking how it leaves."""
        self.process.kill()
        self.process.wait()
        self.process = None
        self.check_sanitizers()

    def check_sanitizers(self):
        for sign in ("Sanitizer", "runtime error:"):
            assert sign not in self.log(), self.end()

    def reload(self):
        """SIGHUP, and wait until it was obeyed."""
        mark = self.mark()
        self.process.send_signal(signal.SIGHUP)
        self.wait_log("Reloading config", since=mark)
        return mark

    # Looking

    def port(self, name="tls"):
        return self.listeners[name].port

    def log(self, since=0):
        with open(self.log_path, "rb") as log:
            log.seek(since)
            return log.read().decode(errors="backslashreplace")

    def end(self):
        """The end of the log, or what a sanitizer found, for a person."""
        log = self.log()
        return log[log.find("ERROR: "):][:10000] if "ERROR: " in log \
            else log[-4000:]

    def mark(self):
        """Here the log ends now."""
        return self.log_path.stat().st_size

    def wait_log(self, pattern, since=0):
        """Wait for a match in the log."""
        return wait_until(
            lambda: re.search(pattern, self.log(since)),
            lambda: f"{pattern!r} in the log:\n{self.log(since)}")

    def refusals(self, since=0):
        """The refusals in the log: reason, and thumbprint or None."""
        found = []
        for reason, text in re.findall(
                r"mosquitto_trust: refused (\w+): (.*)", self.log(since)):
            thumbprint = re.search(r"certificate ([0-9a-f]{64})\b", text)
            found.append((reason, thumbprint and thumbprint[1]))
        return found

    def wait_refusal(self, since=0):
        """The first refusal in the log."""
        return wait_until(
            lambda: self.refusals(since),
            lambda: f"a refusal in the log:\n{self.log(since)}")[0]

    def memory(self):
        """Resident memory in octets."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024
