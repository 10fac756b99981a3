# SPDX-License-Identifier: Apache-2.0
"""Files that the broker may not use: the log names option and file, the user
that the broker runs as, and what that user needs."""

import os
import pathlib
import pwd
import re
import shutil
import subprocess
import tempfile

import pytest

from broker import MOSQUITTO, PATIENCE, PLUGIN, PRELOAD, free_port, trustctl

# A broker that root starts becomes another user, and root may do anything.
USER = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name


@pytest.fixture
def folder():
    """One that every user can enter, with all that a broker needs."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="trust-rights-"))
    path.chmod(0o755)
    shutil.copy(PLUGIN, path / "plugin.so")
    (path / "registry").mkdir()
    (path / "registry").chmod(0o777)
    assert trustctl("init", registry=path / "registry/db").returncode == 0
    (path / "registry/db").chmod(0o666)
    (path / "file").write_text("")
    yield path
    (path / "registry").chmod(0o700)
    shutil.rmtree(path)


def start(folder, *options):
    """What a broker says that does not start."""
    conf = folder / "mosquitto.conf"
    lines = [f"listener {free_port()} 127.0.0.1", f"user {USER}",
             "log_dest stderr", f"plugin {folder}/plugin.so",
             "plugin_opt_gateway gw1", *options]
    conf.write_text("\n".join(lines) + "\n")
    environment = dict(os.environ)
    if PRELOAD:
        environment["LD_PRELOAD"] = PRELOAD
    done = subprocess.run([MOSQUITTO, "-c", conf], capture_output=True,
                          text=True, timeout=PATIENCE, env=environment)
    assert done.returncode > 0, done.stderr
    line, = [line for line in done.stderr.splitlines()
             if "mosquitto_trust: plugin_opt_" in line]
    return line


@pytest.mark.parametrize("denied", ["registry", "registry/db"])
def test_the_registry(folder, denied):
    """Neither taken for one that is not there yet."""
    (folder / denied).chmod(0)
    line = start(folder, f"plugin_opt_registry {folder}/registry/db")
    named = re.escape(f"plugin_opt_registry: {folder}/registry/db")
    assert re.search(
        rf"{named}(\.local)?: Permission denied; want the file and its "
        rf"directory writable for user {USER}$", line)


def test_a_replica_that_cannot_be_made(folder):
    shutil.rmtree(folder / "registry")
    (folder / "registry").mkdir()
    assert trustctl("pki", "init", folder / "pki", "--hostname",
                    "localhost").returncode == 0
    (folder / "pki").chmod(0o755)
    (folder / "registry").chmod(0o500)
    line = start(
        folder, f"plugin_opt_registry {folder}/registry/db",
        f"plugin_opt_registry_anchor {folder}/pki/registry-root.pem")
    assert f"plugin_opt_registry: {folder}/registry/db: Perm" in line
    assert f"for user {USER}" in line and "registry_anchor" not in line


@pytest.mark.parametrize("option, wanted", [
    ("registry_anchor", "can read"), ("audit_log", "can write or make")])
def test_another_file(folder, option, wanted):
    (folder / "file").chmod(0)
    line = start(folder, f"plugin_opt_registry {folder}/registry/db",
                 f"plugin_opt_{option} {folder}/file")
    for words in (f"plugin_opt_{option}: want a ", wanted,
                  f"user {USER}, as whom the broker runs",
                  f'"{folder}/file": Permission denied'):
        assert words in line
