# SPDX-License-Identifier: Apache-2.0
"""The demonstration, as `make run` starts it: what it shows is so, what it
prints can be pasted, and nothing is left when it ends."""

import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess

import pytest

from broker import BUILD, PATIENCE, ROOT, trustctl, wait_until

pytestmark = pytest.mark.skipif(
    "TRUST_BROKER_PRELOAD" in os.environ,
    reason="its brokers are started as a user has them, without a sanitizer")

# It starts three programs and waits for sensors.
START = 6 * PATIENCE

LAST_LINE = "The gateway's log from here on:"


def heed_signals():
    """Whoever runs the tests in the background or under nohup ignores them,
    and a shell cannot trap what it was started to ignore."""
    for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
        signal.signal(number, signal.SIG_DFL)


class Demo:
    """The script and all that it has started: a session of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.origin = folder / "upstream" / "registry.db"
        self.output = folder.parent / "output"
        environment = dict(os.environ, RUN=str(folder), BUILD=str(BUILD))
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen(
                ["docker/demo.sh"], cwd=ROOT, env=environment,
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True, preexec_fn=heed_signals)

    def text(self):
        return self.output.read_text(errors="replace")

    def wait_for(self, line):
        wait_until(lambda: line in self.text()
                   or self.process.poll() is not None, self.text, START)
        assert line in self.text()
        return self

    def wait_ready(self):
        self.wait_for(LAST_LINE)
        assert self.process.poll() is None, self.text()
        return self

    def commands(self):
        """{what it is for: line to paste}"""
        end = self.text().partition("All is running")[2]
        return {what.splitlines()[0]: line for what, line in re.findall(
            r"((?:^\S.*\n)+)^  (\S.*)$", end, re.M)}

    def command(self, what):
        return next(line for key, line in self.commands().items()
                    if key.startswith(what))

    def log(self):
        return (self.folder / "gateway" / "broker.log").read_text()

    def left(self):
        """The processes of its session, by /proc/PID/stat (proc(5))."""
        for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):  # it has just ended
                state, _, _, session = path.read_text().rpartition(
                    ")")[2].split()[:4]
                if int(session) == self.process.pid and state != "Z":
                    yield path.parent.name

    def wait_ended(self):
        status = self.process.wait(PATIENCE)
        wait_until(lambda: not list(self.left()), "nothing is left")
        return status

    def end(self, number):
        """Ctrl-C reaches all that runs, another signal the script alone."""
        if number == signal.SIGINT:
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)
        return self.wait_ended()


@pytest.fixture
def start(tmp_path):
    """Start it, again and again in the same folder."""
    demos = []

    def start():
        demos.append(Demo(tmp_path / "run"))
        return demos[-1]

    yield start
    for demo in demos:
        for process in [*demo.left()]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(process), signal.SIGKILL)
        demo.process.wait()


def paste(line):
    """As in another terminal in the repository's folder."""
    return subprocess.run(line, shell=True, cwd=ROOT, text=True,
                          capture_output=True, timeout=PATIENCE)


@contextlib.contextmanager
def pasted(line, output):
    """The same for a line that stays."""
    with open(output, "wb") as out, subprocess.Popen(
            "exec " + line, shell=True, cwd=ROOT, stdout=out,
            stderr=out) as process:
        yield process
        process.kill()


def check_first_steps(text):
    for line in (
            r"temp-01, registered by the thumbprint of its certificate\n"
            r" +LET IN   thumbprint_match: ",
            r"temp-02, registered by the thumbprint of its certificate, and "
            r"disabled\n +REFUSED  device_disabled: ",
            r"stranger, registered by nobody\n"
            r" +REFUSED  unknown_certificate: ",
            r"temp-03, registered for a chain to factory-root\n"
            r" +LET IN   chain_registered: ",
            r"somebody else made in its name\n"
            r" +REFUSED  thumbprint_mismatch: ",
            r"DISABLED upstream; its connection ended \d+ ms later\n",
            r"ENABLED upstream; it was let in again \d+ ms later\n",
            r"\n      ISSUED   certificate [0-9a-f]{64}, until ",
            r"temp-09, with that certificate\n"
            r" +LET IN   chain_registered: ",
            r"somebody else, with the same token\n"
            r" +REFUSED  token_invalid: .* is used up"):
        assert re.search(line, text), line


def check_readings(demo, output):
    with pasted(demo.command("See what arrives"), output):
        send = demo.command("Send a reading")

        def arrived():
            assert paste(send).returncode == 0
            return "devices/temp-01/celsius 22.5" in output.read_text()

        wait_until(arrived, output.read_text)
    line = demo.command("Send one as temp-02, which is disabled: refused")
    assert paste(line).returncode != 0


def check_disabling(demo, output):
    count = demo.log().count
    connected, closed = " as temp-01 ", "closed client temp-01: device_disabled"
    before, ended = count(connected), count(closed)
    with pasted(demo.command("Stay connected"), output):
        wait_until(lambda: demo.log().count(connected) > before, "connected")
        assert paste(demo.command("Disable it upstream")).returncode == 0
        wait_until(lambda: demo.log().count(closed) > ended, demo.log)
    send = demo.command("Send a reading")
    assert paste(send).returncode != 0
    assert paste(demo.command("Let it in again")).returncode == 0
    wait_until(lambda: paste(send).returncode == 0, demo.log)


def check_questions(demo):
    assert '"id": "temp-01"' in paste(demo.command("What the gateway")).stdout
    assert "allow: chain_registered" in paste(
        demo.command("Why a certificate")).stdout
    doctor = paste(demo.command("What is in the way of temp-02"))
    assert (doctor.returncode, doctor.stderr) == (1, "")
    assert re.search(r"^FAIL  answer +.*\n(?: .*\n)*"
                     r"FAIL  registry +device_disabled: ", doctor.stdout, re.M)
    assert "temp-09: certificate " in paste(
        demo.command("Renew the certificate of temp-09")).stdout
    assert paste(demo.command(
        "What the Edge CA has issued")).stdout.count('"issued"') == 2
    serial = demo.command("Which serial")
    published = re.findall(r"published serial (\d+)", (
        demo.folder / "upstream" / "publish.log").read_text())[-1]
    wait_until(lambda: paste(serial).stdout.splitlines()[-1].startswith(
        f"gateway gw1: serial {published}, up to date"),
        lambda: paste(serial).stdout)


def check_cut_line(demo):
    """Offline the gateway goes on with what it holds."""
    cut = demo.command("Cut the line")
    send = demo.command("Send a reading")
    assert paste(cut).returncode == 0
    assert paste(demo.command("Disable it upstream")).returncode == 0
    assert paste(send).returncode == 0
    assert paste(demo.command("Join it again")).returncode == 0
    wait_until(lambda: paste(send).returncode != 0, demo.log)
    # Even so it can be stopped.
    assert paste(cut).returncode == 0


def test_shown_and_pasted(start, tmp_path):
    demo = start().wait_ready()
    check_first_steps(demo.text())
    check_readings(demo, tmp_path / "dashboard")
    check_disabling(demo, tmp_path / "temp-01")
    check_questions(demo)
    check_cut_line(demo)
    assert demo.end(signal.SIGINT) == 0, demo.text()


def take_first_free(ports, stack):
    """A listener on the port that the demonstration would take."""
    for port in ports:
        with contextlib.suppress(OSError):
            stack.enter_context(socket.create_server(("127.0.0.1", port)))
            return str(port)
    raise AssertionError(f"no free port in {ports}")


def test_again_after_changes(start):
    """It tells what the registry says, and takes other ports."""
    demo = start().wait_ready()
    assert demo.end(signal.SIGTERM) == 0
    for change in ("enable", "temp-02"), ("disable", "temp-01"):
        assert trustctl("device", *change,
                        registry=demo.origin).returncode == 0
    with contextlib.ExitStack() as stack:
        taken = [take_first_free(range(first, first + 17), stack)
                 for first in (8883, 18883)]
        demo = start().wait_ready()
    text = demo.text()
    for port in taken:
        assert f"localhost:{port}," not in text
    assert "Making" not in text
    assert re.search(r"temp-01, registered by the thumbprint of its "
                     r"certificate, and disabled\n +REFUSED  device_disabled",
                     text)
    assert re.search(r"temp-02, registered by the thumbprint of its "
                     r"certificate\n +LET IN   thumbprint_match", text)
    assert "Not shown: it is disabled; enable it" in text
    send = demo.command("Send one as temp-02, which is enabled")
    assert paste(send).returncode == 0
    assert demo.end(signal.SIGHUP) == 0


def test_older_folder(start):
    """The gateway's registry was an origin: it moves upstream, as it is."""
    demo = start().wait_ready()
    assert demo.end(signal.SIGINT) == 0
    assert trustctl("device", "enable", "temp-02",
                    registry=demo.origin).returncode == 0
    demo.origin.rename(demo.folder / "registry.db")
    for path in sorted(demo.folder.glob("upstream/**/*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    for path in demo.folder.glob("gateway/*"):
        path.unlink()
    demo = start().wait_ready()
    assert f"Moving the registry of an older demonstration to {demo.origin}" \
        in demo.text()
    assert "which is enabled just now" in demo.text()
    # One that ends by itself takes the others along, and is named.
    publisher = re.search(r"follow, process (\d+)", demo.text())[1]
    os.kill(int(publisher), signal.SIGKILL)
    assert demo.wait_ended() == 1
    assert "the publisher has ended by itself; its log is " in demo.text()


@pytest.mark.parametrize("line, number", [
    ("1. Upstream", signal.SIGTERM),
    ("2. Gateway", signal.SIGKILL),
    ("temp-01 is connected", signal.SIGINT),
    (LAST_LINE, signal.SIGKILL),
])
def test_ended_early(start, line, number):
    """Nothing is left, and temp-01 not disabled."""
    demo = start().wait_for(line)
    demo.end(number)
    shown = trustctl("show", "device", "temp-01", registry=demo.origin)
    assert "disabled" not in shown.stdout


def test_one_at_a_time(start):
    demo = start().wait_ready()
    environment = dict(os.environ, RUN=str(demo.folder), BUILD=str(BUILD))
    second = subprocess.run(["docker/demo.sh"], cwd=ROOT, env=environment,
                            text=True, capture_output=True, timeout=PATIENCE)
    assert second.returncode == 1
    assert "runs already; stop it first" in second.stderr
    assert demo.end(signal.SIGINT) == 0


def test_wrong_address():
    result = subprocess.run(
        ["docker/demo.sh"], cwd=ROOT, text=True, capture_output=True,
        env=dict(os.environ, LISTEN="upstream.example"), timeout=PATIENCE)
    assert (result.returncode, result.stdout) == (1, "")
    assert "want 127.0.0.1 or 0.0.0.0, got upstream.example" in result.stderr
