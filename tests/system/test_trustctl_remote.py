# SPDX-License-Identifier: Apache-2.0
"""trustctl, talking to a running gateway over TLS: status, sessions, events,
block, unblock, kick, resync, list device."""

import calendar
import json
import re
import subprocess
import time

import pytest

from broker import TRUSTCTL, terminate, trustctl, wait_until
from trustctl import Trustctl, on_terminal

OPERATOR = (
    '{"kind":"role","id":"operator","rules":[{"effect":"allow","actions":'
    '["publish","subscribe"],"topics":["$CONTROL/trust/v1",'
    '"$CONTROL/trust/v1/response","trust/v1/events"]}]}\n')


class Operator:
    """The command line of somebody with a certificate of their own."""

    def __init__(self, site, name="ops"):
        self.site = site
        self.name = name

    def options(self, **more):
        pki = self.site.pki
        values = {"host": "127.0.0.1", "port": self.site.broker.port(),
                  "cafile": pki.file("server-root"),
                  "cert": pki.file(self.name),
                  "key": pki.key_file(self.name), **more}
        return [part for name, value in values.items() if value is not None
                for part in (f"--{name}", str(value))]

    def run(self, *command, **more):
        return trustctl(*command, *self.options(**more))

    def read(self, *command):
        """The objects that a command prints."""
        result = self.run(*command, "--json")
        assert result.returncode == 0, result.stderr
        return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def ops(site):
    site.registry.put(
        OPERATOR + site.sensor("ops", '"roles":["operator"],')
        + site.sensor("temp-01") + site.sensor("temp-02", until="+20d"))
    site.broker = site.start()
    return Operator(site)


def test_status(ops):
    result = ops.run("status")
    assert result.returncode == 0, result.stderr
    assert re.search(r"^gateway +gw1, ", result.stdout, re.M)
    assert re.search(r"^registry +ready$", result.stdout, re.M)
    assert re.search(r"^newcomers 0$", result.stdout, re.M)
    assert "\x1b" not in result.stdout  # colours are for terminals
    answer, = ops.read("status")
    assert answer["registry"] == "ready" and answer["sessions"] == 1
    assert abs(calendar.timegm(time.strptime(
        answer["time"], "%Y-%m-%dT%H:%M:%SZ")) - time.time()) < 600


def test_colours_are_for_terminals(ops, monkeypatch):
    """And the columns of a table stand one below the other there."""
    ctl = Trustctl(ops.site.folder)
    monkeypatch.delenv("NO_COLOR", raising=False)
    ctl.environment.pop("NO_COLOR", None)
    status, shown = on_terminal(ctl, "status", *ops.options())
    assert status == 0
    assert "\nregistry  \x1b[32mready\x1b[0m\r\n" in shown
    ctl.environment["NO_COLOR"] = "1"
    status, shown = on_terminal(ctl, "status", *ops.options())
    assert status == 0 and "\x1b" not in shown
    ops.site.connect(ops.site.broker, "temp-01")
    status, shown = on_terminal(ctl, "sessions", *ops.options())
    head, *rows = shown.splitlines()
    assert status == 0 and len(rows) == 2
    for name in "DEVICE", "ADDRESS", "SINCE", "UNTIL", "REASON":
        at = head.index(name)
        assert all(row[at - 2:at] == "  " and row[at] != " "
                   for row in rows), shown


def test_sessions(ops):
    ops.site.connect(ops.site.broker, "temp-01")
    result = ops.run("sessions")
    head, *rows = result.stdout.splitlines()
    assert head.split() == ["CLIENT", "DEVICE", "ADDRESS", "SINCE", "UNTIL",
                            "BY", "REASON"]
    row, = [row for row in rows if row.startswith("temp-01 ")]
    assert row.split()[1:3] == ["temp-01", "127.0.0.1"]
    assert {session["client"] for session in ops.read("sessions")} == {
        "ops", "temp-01"}


def test_many_sessions(ops):
    """More than a page of them."""
    ops.site.registry.put("".join(
        ops.site.sensor(f"m-{n:03}") for n in range(120)))
    wait_until(lambda: ops.site.device(
        ops.site.broker, "m-119").connect() == 0, "m-119 is let in")
    for n in range(119):
        ops.site.connect(ops.site.broker, f"m-{n:03}")
    names = [session["client"] for session in ops.read("sessions")]
    assert len(names) == len(set(names)) >= 120
    listed = [device["device"] for device in ops.read("list", "device")]
    assert len(listed) == 123 and listed == sorted(listed)
    ending = [device["device"] for device in
              ops.read("list", "device", "--expiring", "9000d")]
    assert len(ending) == len(set(ending)) == 121


def test_list_device(ops):
    ops.site.connect(ops.site.broker, "temp-02")
    result = ops.run("list", "device", "--expiring", "30d")
    head, row = result.stdout.splitlines()
    assert head.startswith("ID       STATUS   LAST SEEN")
    assert row.split()[0] == "temp-02" and "primary" in row
    listed = {device["device"]: device for device in
              ops.read("list", "device")}
    assert list(listed) == ["ops", "temp-01", "temp-02"]
    assert listed["temp-01"]["last_seen"] is None


def test_block_kick_and_unblock(ops):
    site = ops.site
    temp = site.connect(site.broker, "temp-01")
    assert ops.run("kick", "temp-01").stdout == "kicked temp-01\n"
    temp.wait_closed()
    temp = site.connect(site.broker, "temp-01")
    assert ops.run("block", "temp-01").stdout == "blocked temp-01\n"
    temp.wait_closed()
    assert site.device(site.broker, "temp-01").connect() is None
    result = ops.run("kick", "temp-01")
    assert result.returncode == 1
    assert result.stderr == "trustctl: device temp-01 is not connected\n"
    assert ops.run("unblock", "temp-01").returncode == 0
    site.connect(site.broker, "temp-01")
    result = ops.run("unblock", "temp-01")
    assert (result.returncode, result.stderr) == (
        1, "trustctl: device temp-01 is not blocked\n")


def test_resync_of_an_origin(ops):
    result = ops.run("resync")
    assert result.returncode == 1
    assert "origin" in result.stderr


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_events(ops, more):
    site = ops.site
    since = site.broker.mark()
    out = site.folder / "events"
    with open(out, "w") as stdout, subprocess.Popen(
            [TRUSTCTL, "events", *ops.options(), *more],
            stdout=stdout) as events:
        try:
            site.broker.wait_log("Received SUBSCRIBE from ops", since)
            site.connect(site.broker, "temp-01")
            wait_until(lambda: "temp-01" in out.read_text(), "an event")
        finally:
            status = terminate(events)
    assert status == 0
    line, = [line for line in out.read_text().splitlines()
             if "temp-01" in line]
    if more:
        event = json.loads(line)
        assert (event["event"], event["device"]) == ("connected", "temp-01")
    else:
        assert re.match(
            r"\S+Z  connected     thumbprint_match  device temp-01  "
            r"from 127.0.0.1: certificate [0-9a-f]{64} of ", line)


# ---- What goes wrong ----

def wrong(result, *words):
    assert result.returncode == 2
    line, = result.stderr.splitlines()
    for word in words:
        assert word in line, line


def test_nobody_answers(ops):
    ops.site.broker.stop()
    where = f"127.0.0.1:{ops.site.broker.port()}: "
    for command in ["status"], ["events"], ["block", "x"], ["list", "device"]:
        wrong(ops.run(*command), where, "Connection refused")


@pytest.mark.parametrize("options, words", [
    (["--host", "::1", "--port", "1"], ["[::1]:1: "]),
    (["--host", "gw1.invalid", "--port", "1"],
     ["gw1.invalid:1: ", "want a host that can be found"]),
])
def test_the_address_is_told(options, words):
    wrong(trustctl("status", *options), *words)


def test_without_tls():
    """Who forgets --cafile is told what comes with it. Where a broker listens
    at Mosquitto's port, it answers otherwise, or not at all."""
    line = trustctl("status", "--host", "127.0.0.1").stderr
    assert "127.0.0.1:1883: " in line
    assert "--cafile" in line or "Connection refused" not in line


def test_a_sensor_has_no_say(ops):
    wrong(Operator(ops.site, "temp-01").run("status"), "temp-01",
          "$CONTROL/trust/v1/response", "role")
    wrong(Operator(ops.site, "temp-01").run("events"), "temp-01",
          "trust/v1/events", "role")


def test_another_who_may_read_and_not_write(ops):
    ops.site.registry.put(
        '{"kind":"role","id":"deaf","rules":[{"effect":"allow","actions":'
        '["subscribe"],"topics":["$CONTROL/trust/v1/response"]}]}\n'
        + ops.site.sensor("deaf", '"roles":["deaf"],'))
    wait_until(lambda: ops.site.device(
        ops.site.broker, "deaf").connect() == 0, "deaf is let in")
    wrong(Operator(ops.site, "deaf").run("status"), "no answer",
          f"127.0.0.1:{ops.site.broker.port()}: ", "$CONTROL/trust/v1")


def test_a_stranger(ops):
    ops.site.pki.certificate("stranger")
    wrong(Operator(ops.site, "stranger").run("status"), "127.0.0.1")


def test_the_wrong_gateway(ops):
    """Its certificate is not of the anchors given."""
    wrong(ops.run("status", cafile=ops.site.pki.file("factory-root")),
          "127.0.0.1")


@pytest.mark.parametrize("command, words", [
    (["block"], "want DEVICE"),
    (["block", "a/b"], "want a device id"),
    (["list", "role", "--host", "h"], "want device or token with --host"),
    (["list", "device", "--expiring", "30d"], "want --host with --expiring"),
    (["list", "device", "--host", "h", "--expiring", "x"], "want a duration"),
    (["status", "--cafile", "x", "--cert", "y"], "its key"),
    (["status", "--port", "0"], "--port"),
])
def test_wrong_usage(command, words):
    wrong(trustctl(*command), words)
