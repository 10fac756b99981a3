# SPDX-License-Identifier: Apache-2.0
"""The command line of trustctl: help, and every wrong use of it."""

import os
import re
import subprocess

import pytest
from trustctl import ERROR, PROGRAM, YES, Trustctl, error_line

COMMANDS = {
    "init": [],
    "put": [],
    "remove": ["device", "x"],
    "list": ["device"],
    "show": ["device", "x"],
    "device add": ["x", "--group", "g"],
    "device enable": ["x"],
    "device disable": ["x"],
    "device remove": ["x"],
    "token create": ["x"],
    "check": ["x.pem"],
    "topic": ["x", "publish", "x"],
    "verify": ["--anchor", "x.pem", "x.pem"],
    "doctor": ["--host", "localhost", "--anchor", "x.pem"],
    "thumbprint": ["x.pem"],
    "pki init": ["--hostname", "localhost", "x"],
    "pki device": ["pki", "x"],
    "pki server": ["pki", "x"],
    "enroll": [],
    "edge-ca serve": ["--ca", "x", "--ca-key", "x", "--audit", "x"],
    "status": [],
    "sessions": [],
    "events": [],
    "block": ["x"],
    "unblock": ["x"],
    "unpin": ["x"],
    "kick": ["x"],
    "resync": [],
}
REMOTE = ("status", "sessions", "events", "block", "unblock", "unpin",
          "kick", "resync")
WITH_REGISTRY = [name for name in COMMANDS
                 if name.split()[0] not in (
                     "verify", "doctor", "thumbprint", "pki", "edge-ca", "enroll", *REMOTE)]
# The greatest number of arguments, where there is one.
ARGUMENTS = {"init": 0, "put": 1, "remove": 2, "list": 1, "show": 2,
             "device add": 1, "device enable": 1, "device disable": 1,
             "device remove": 1, "token create": 1, "check": 1, "topic": 3, "verify": 1,
             "doctor": 0, "pki init": 1,
             "pki device": 2, "edge-ca serve": 0, "enroll": 1, "status": 0, "sessions": 0, "events": 0,
             "block": 1, "unblock": 1, "unpin": 1, "kick": 1, "resync": 0}
# The least number of arguments, where that is not 0.
LEAST = {**ARGUMENTS, "thumbprint": 1, "pki server": 2}
for name in ("init", "put", "doctor", "edge-ca serve", "enroll", "status", "sessions", "events",
             "resync"):
    del LEAST[name]


@pytest.fixture
def ctl(tmp_path):
    return Trustctl(tmp_path, registry=None)


def test_version(ctl):
    assert re.fullmatch(r"trustctl \d+\.\d+\.\d+\n", ctl.yes("--version"))


def test_help_lists_every_command(ctl):
    text = ctl.yes("help")
    assert ctl.yes("--help") == ctl.yes("-h") == text
    for name in COMMANDS:
        assert f"\n  {name.split()[0]} " in text


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command(ctl, name):
    text = ctl.yes(*name.split(), "--help")
    assert text.startswith(f"usage: trustctl {name} ")
    assert ctl.yes("help", *name.split()) == text
    assert ctl.yes(*name.split(), "-h") == text
    # Help is help, whatever else stands there.
    assert ctl.yes(*name.split(), "--help", "a", "b", "c") == text
    for line in text.splitlines():
        assert len(line) <= 80, line


@pytest.mark.parametrize("name", ["device", "pki", "edge-ca"])
def test_help_of_a_parent(ctl, name):
    text = ctl.yes(name, "--help")
    assert ctl.yes("help", name) == text
    for command in COMMANDS:
        if command.startswith(name + " "):
            assert f"\n  {command.split()[1]} " in text


def test_no_command(ctl):
    assert ctl.error() == "want a command, see trustctl help"


@pytest.mark.parametrize("name", ["frob", "Put", "", "lists"])
def test_unknown_command(ctl, name):
    assert f'no command "{name}"' in ctl.error(name)
    assert f'no command "{name}"' in ctl.error("help", name)
    assert f'no command "{name}"' in ctl.error("device", name)


def test_option_before_the_command(ctl):
    assert "want a command before" in ctl.error("-r", "x.db", "list")


@pytest.mark.parametrize("name", ["device", "pki", "edge-ca"])
def test_parent_alone(ctl, name):
    assert ctl.error(name) == (
        f"{name}: want a command after it, see trustctl {name} --help")


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("option", ["--frob", "-q", "--frob=1"])
def test_unknown_option(ctl, name, option):
    message = ctl.error(*name.split(), *COMMANDS[name], option)
    assert message == (f"{name}: unknown option {option}, "
                       f"see trustctl {name} --help")


@pytest.mark.parametrize("name", ARGUMENTS)
def test_surplus_argument(ctl, name):
    given = ["a"] * ARGUMENTS[name] + ["surplus"]
    message = ctl.error(*name.split(), *given)
    assert 'got "surplus" as well' in message
    assert f"see trustctl {name} --help" in message


@pytest.mark.parametrize("name", LEAST)
def test_missing_argument(ctl, name):
    message = ctl.error(*name.split(), *["a"] * (LEAST[name] - 1))
    assert message.startswith(f"{name}: want ")
    assert f"see trustctl {name} --help" in message


@pytest.mark.parametrize("name", WITH_REGISTRY)
def test_no_registry_named(ctl, name):
    message = ctl.error(*name.split(), *COMMANDS[name])
    assert "--registry FILE or the environment's TRUST_REGISTRY" in message
    ctl.environment["TRUST_REGISTRY"] = ""
    assert ctl.error(*name.split(), *COMMANDS[name]) == message


@pytest.mark.parametrize("name", WITH_REGISTRY)
@pytest.mark.parametrize("option", ["-r", "--registry"])
def test_option_without_its_value(ctl, name, option):
    assert "--registry: want FILE after it" in ctl.error(
        *name.split(), *COMMANDS[name], option)


@pytest.mark.parametrize("name", [
    name for name in WITH_REGISTRY if name not in ("init", "check")])
def test_registry_that_is_not_there(ctl, name):
    message = ctl.error(*name.split(), "-r", "gone.db", *COMMANDS[name])
    assert message == ("gone.db: there is no registry; "
                       "trustctl init -r gone.db makes one")
    assert not (ctl.folder / "gone.db").exists()


@pytest.mark.parametrize("name", WITH_REGISTRY)
def test_registry_that_is_none(ctl, name):
    ctl.write("x.pem", "")
    path = ctl.write("text.db", "this is a text\n" * 1000)
    before = path.read_bytes()
    result = ctl.run(*name.split(), "-r", "text.db", *COMMANDS[name])
    assert result.status == ERROR
    assert "text.db" in error_line(result) or name == "check"
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", WITH_REGISTRY)
def test_registry_that_is_a_folder(ctl, name):
    (ctl.folder / "folder").mkdir()
    result = ctl.run(*name.split(), "-r", "folder", *COMMANDS[name])
    assert result.status == ERROR
    assert list((ctl.folder / "folder").iterdir()) == []


@pytest.mark.parametrize("name", ["check", "verify", "doctor", "pki device",
                                  "pki init", "pki server"])
@pytest.mark.parametrize("time", ["yesterday", "", "2026-11-20",
                                  "2026-13-01T00:00:00Z", "12x",
                                  "2026-11-20T12:00:00Z "])
def test_bad_time(ctl, name, time):
    message = ctl.error(*name.split(), *COMMANDS[name], "--at", time)
    assert "--at: want a time" in message
    assert f'got "{time}"' in message


@pytest.mark.parametrize("name, option, value", [
    ("verify", "--purpose", "clients"),
    ("verify", "--purpose", ""),
    ("verify", "--max-depth", "-1"),
    ("verify", "--max-depth", "two"),
    ("verify", "--max-depth", "99999999999999999999"),
    ("check", "--revocation", "never"),
    ("check", "--crl-grace", "7"),
    ("check", "--crl-grace", "d"),
    ("check", "--crl-grace", "-7d"),
    ("topic", "--qos", "3"),
    ("topic", "--qos", ""),
    ("doctor", "--port", "65536"),
    ("doctor", "--timeout", "0"),
    ("doctor", "--revocation", "never"),
    ("pki init", "--key", "dsa"),
    ("pki device", "--key", "P256"),
    ("pki device", "--days", "0"),
    ("pki device", "--days", "3651"),
    ("pki server", "--days", "1.5"),
])
def test_bad_value(ctl, name, option, value):
    message = ctl.error(*name.split(), *COMMANDS[name], option, value)
    assert message.startswith(f"{name}: {option}: want ")
    assert f'got "{value}"' in message


def test_flag_with_a_value(ctl):
    assert "--json takes no value" in ctl.error("list", "--json=yes", "device")


def test_too_often(ctl):
    message = ctl.error("verify", *["--anchor", "x.pem"] * 257, "x.pem")
    assert "--anchor: want at most 256 of them" in message


def test_options_after_arguments_and_the_end_of_options(ctl):
    ctl.yes("init", "-r", "a.db")
    assert ctl.no("show", "device", "--registry=a.db", "x") == (
        'a.db: no device "x"')
    assert ctl.no("show", "-ra.db", "--", "device", "--json") == (
        'a.db: no device "--json"')


def test_option_wins_over_environment(ctl):
    ctl.yes("init", "-r", "a.db")
    ctl.environment["TRUST_REGISTRY"] = "b.db"
    assert ctl.error("list", "device").startswith("b.db: ")
    assert ctl.run("list", "-r", "a.db", "device").status == YES


def test_control_characters_do_not_reach_the_terminal(ctl):
    message = ctl.error("thumbprint", "a\x1b[31m\nb")
    assert message.startswith("a [31m b: ")


def test_full_disk(ctl):
    with open("/dev/full", "w") as full:
        done = subprocess.run([PROGRAM, "help"], stdout=full,
                              stderr=subprocess.PIPE, text=True,
                              env=ctl.environment)
    assert done.returncode == ERROR
    assert done.stderr == (
        "trustctl: standard output: No space left on device\n")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file(ctl):
    ctl.write("secret.pem", "x").chmod(0)
    assert ctl.error("thumbprint", "secret.pem") == (
        "secret.pem: Permission denied")
