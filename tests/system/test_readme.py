# SPDX-License-Identifier: Apache-2.0
"""What README.md and trustctl(1) show, on a PKI for development: its lines as
they stand there, but for hosts, ports and folders."""

import os
import re
import subprocess
import types

import pytest

from broker import BUILD, PATIENCE, PLUGIN, ROOT, Broker, free_port

README = (ROOT / "README.md").read_text()
MANUAL = (ROOT / "docs" / "trustctl.1").read_text()


def block(text, first):
    """The indented lines of README.md that begin with this one."""
    lines = text[text.index("    " + first):].split("\n\n")[0].splitlines()
    return "\n".join(line[4:] for line in lines)


def example(title):
    """The commands of an example in the manual page."""
    text = MANUAL[MANUAL.index(title):].partition(".Ed")[0]
    return "\n".join(re.findall(r"^\$ (.*)", text, re.M)).replace("\\e", "\\")


class Gateway(Broker):
    """With the mosquitto.conf of README.md."""

    def write_configuration(self):
        where = self.listeners["tls"]
        where.port = free_port()
        text = block(README, "# mosquitto.conf")
        for there, here in (
                ("listener 8883", f"listener {where.port} 127.0.0.1"),
                ("/etc/mosquitto/certs", f"{self.folder}/pki"),
                ("/usr/local/lib/mosquitto_trust.so", str(PLUGIN)),
                ("/var/lib/mosquitto", str(self.folder))):
            assert there in text
            text = text.replace(there, here)
        text += "\nlog_type all\nlog_dest stderr\n"
        if os.geteuid() == 0:
            text += "user root\n"
        path = self.folder / "mosquitto.conf"
        path.write_text(text)
        return path


class Place:
    """The folder in which all of it lies."""

    def __init__(self, folder):
        self.folder = folder
        self.environment = dict(
            os.environ, PATH=f"{BUILD}:{os.environ['PATH']}", LC_ALL="C",
            TRUST_REGISTRY="registry.db")
        self.sh(example("A gateway for development, with one sensor"))
        self.gateway = Gateway(folder, None, types.SimpleNamespace(
            path=folder / "registry.db")).start()

    def sh(self, script, status=0):
        done = subprocess.run(
            ["sh", "-e", "-c", script], cwd=self.folder, text=True,
            env=self.environment, capture_output=True, timeout=3 * PATIENCE)
        assert done.returncode == status, (script, done)
        return done.stdout

    def line(self, name, certificate):
        """README.md's line of mosquitto_pub, for another sensor."""
        text = block(README, "mosquitto_pub -h gw1.example")
        for there, here in (
                ("temp-01.pem", f"pki/devices/{certificate}.pem"),
                ("temp-01.key", f"pki/devices/{name}.key"),
                (" temp-01 ", f" {name} "), ("/temp-01/", f"/{name}/"),
                ("root.pem", "pki/root.pem"), ("gw1.example", "127.0.0.1"),
                ("-p 8883", f"-p {self.gateway.port()}")):
            assert there in text
            text = text.replace(there, here)
        return text


@pytest.fixture
def place(tmp_path):
    place = Place(tmp_path)
    yield place
    place.gateway.stop()


@pytest.mark.parametrize("name, certificate", [
    ("temp-01", "temp-01"), ("temp-02", "temp-02-chain"),
    ("temp-02", "temp-02")], ids=["self-signed", "chain", "leaf alone"])
def test_a_sensor_publishes_and_subscribes(place, name, certificate):
    line = place.line(name, certificate)
    place.sh(line + " -q 1 -r")
    subscribe = line.replace("mosquitto_pub", "mosquitto_sub").partition(
        " -m ")[0]
    assert place.sh(f"{subscribe} -C 1 -W {PATIENCE}") == (
        '{"celsius":21.5}\n'), place.gateway.log()
    assert place.gateway.refusals() == []


def test_a_sensor_that_is_not_registered(place):
    place.sh("trustctl pki device pki temp-03")
    done = subprocess.run(
        ["sh", "-c", place.line("temp-03", "temp-03-chain")],
        cwd=place.folder, capture_output=True, timeout=PATIENCE)
    assert done.returncode != 0
    assert place.gateway.wait_refusal()[0] == "device_unknown"
    place.sh("trustctl device add temp-03 --group development")
    place.sh(place.line("temp-03", "temp-03-chain") + " -q 1")


def test_the_doctor_finds_nothing(place):
    out = place.sh(
        f"trustctl doctor --host 127.0.0.1 --port {place.gateway.port()} "
        "--anchor pki/root.pem --cert pki/devices/temp-02-chain.pem "
        "--key pki/devices/temp-02.key")
    assert "FAIL" not in out
