# SPDX-License-Identifier: Apache-2.0
"""Completion of trustctl in bash."""

import re
import shlex
import subprocess

import pytest
from trustctl import BUILD, ROOT, Trustctl

SCRIPT = ROOT / "cli" / "completion.bash"
A = "a1" * 32


@pytest.fixture
def ctl(tmp_path):
    ctl = Trustctl(tmp_path)
    ctl.yes("init")
    ctl.yes("device", "add", "temp-01", "--thumbprint", A)
    ctl.yes("device", "add", "temp-02", "--group", "plant-7")
    ctl.yes("device", "add", "it's(*)", "--group", "plant-7")
    ctl.yes("put", input='{"kind":"role","id":"sensor","rules":[]}\n'
            '{"kind":"group","id":"plant-7","anchors":[]}\n')
    return ctl


def complete(ctl, line):
    """What bash offers for the last word of the line."""
    words = shlex.split(line)
    if line.endswith(" "):
        words.append("")
    quoted = " ".join(map(shlex.quote, words))
    done = subprocess.run(
        ["bash", "-c", f"source {SCRIPT}; COMP_WORDS=({quoted}); "
         f"COMP_CWORD={len(words) - 1}; _trustctl; "
         'printf "%s\\n" "${COMPREPLY[@]}"'],
        cwd=ctl.folder, capture_output=True, text=True,
        env=dict(ctl.environment, PATH=f"{BUILD}:/usr/bin:/bin"))
    assert (done.returncode, done.stderr) == (0, ""), done
    return [word for word in done.stdout.splitlines() if word]


def commands(ctl, *parent):
    return re.findall(r"^  ([a-z-]+) ", ctl.yes(*parent, "--help"), re.M)


def test_commands(ctl):
    assert complete(ctl, "trustctl ") == commands(ctl)
    assert complete(ctl, "trustctl help ") == commands(ctl)
    assert complete(ctl, "trustctl device ") == commands(ctl, "device")
    assert complete(ctl, "trustctl gateway ") == commands(ctl, "gateway")
    assert complete(ctl, "trustctl help pki ") == commands(ctl, "pki")
    assert complete(ctl, "trustctl edge-ca ") == ["serve"]
    assert complete(ctl, "trustctl th") == ["thumbprint"]
    assert complete(ctl, "trustctl x") == []


@pytest.mark.parametrize("line", ["list", "device add", "pki init", "verify",
                                  "edge-ca serve", "doctor"])
def test_options(ctl, line):
    expected = re.findall(r"^ .*(--[a-z-]+) ", ctl.yes(
        *line.split(), "--help"), re.M)
    assert complete(ctl, f"trustctl {line} -") == expected
    assert complete(ctl, f"trustctl {line} --he") == ["--help"]


@pytest.mark.parametrize("line, offered", [
    ("list ", ["device", "anchor", "group", "crl", "role", "token",
               "gateway"]),
    ("show g", ["group", "gateway"]),
    ("show role ", ["sensor"]),
    ("show device temp", ["temp-01", "temp-02"]),
    ("show -r registry.db device temp-01", ["temp-01"]),
    ("show --registry registry.db device temp-01", ["temp-01"]),
    ("show --json device temp-01", ["temp-01"]),
    ("show -r gone.db device ", []),
    ("show device temp-01 ", []),
    ("show frob ", []),
    ("remove group ", ["plant-7"]),
    ("device disable temp-02", ["temp-02"]),
    ("device seal temp-02", ["temp-02"]),
    ("device add temp-09 --group ", ["plant-7"]),
    ("device add temp-09 --role s", ["sensor"]),
    ("device add --group plant-7 --role ", ["sensor"]),
    ("pki device --key p", ["p256", "p384"]),
    ("verify --purpose ", ["client", "server", "any"]),
    ("check --revocation ", ["if_present", "require"]),
    ("check --at ", []),
    ("anchor ", ["add", "list", "remove"]),
    ("anchor remove ", []),
    ("anchor add --purpose ", ["device", "upstream", "bundle"]),
    ("anchor add --purpose device --well-known isrg",
     ["isrg-root-x1", "isrg-root-x2"]),
    ("anchor add x.pem --purpose b", ["bundle"]),
    ("put ", []),
])
def test_arguments(ctl, line, offered):
    assert complete(ctl, "trustctl " + line) == offered


def test_an_id_that_the_shell_would_read(ctl):
    [word] = complete(ctl, "trustctl show device it")
    assert shlex.split(word) == ["it's(*)"]


def test_it_is_bound_to_the_command():
    done = subprocess.run(
        ["bash", "-c", f"source {SCRIPT}; complete -p trustctl"],
        capture_output=True, text=True, check=True)
    assert "-F _trustctl trustctl" in done.stdout
