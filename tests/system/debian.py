# SPDX-License-Identifier: Apache-2.0
"""A Debian to build on and to install into, which debootstrap makes once and
the user's cache keeps. What runs in one is in namespaces of its own, so that
no mount and no process stays."""

import fcntl
import os
import pathlib
import platform
import re
import shutil
import subprocess

import pytest

from broker import PRELOAD, ROOT, WRAPPER

CACHE = pathlib.Path(os.environ.get("MATRIX_DIR") or pathlib.Path(
    os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    / "mosquitto-trust")
MIRROR = os.environ.get("MATRIX_MIRROR", "")
# `make ship` sets it: what could not be tried has failed.
STRICT = bool(os.environ.get("TRUST_SHIP"))
# Packages are fetched and things compiled, beside other tests.
PATIENCE = 1800
# Not as the tests themselves: pytest's output is searched for messages.
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C.UTF-8", "HOME": "/", "DEBIAN_FRONTEND": "noninteractive"}


def give_up(reason):
    """In one line, why something was not tried."""
    assert not STRICT, reason
    pytest.skip(reason)


def need(*programs):
    """Skips where a chroot cannot be made, or one of the programs lacks."""
    if PRELOAD or WRAPPER:
        pytest.skip("what is shipped has no sanitizer")
    if os.geteuid() != 0:
        give_up("want root, for debootstrap and chroot")
    missing = [name for name in ("debootstrap", "unshare", *programs)
               if not shutil.which(name)]
    if missing:
        give_up(f"want {', '.join(missing)}; tests/deps.sh ship")
    if subprocess.run(["unshare", "--mount", "--pid", "--net", "--fork",
                       "chroot", "/", "true"], capture_output=True).returncode:
        give_up("want namespaces and chroot, this system has none for us")


def suite():
    """The Debian that this is, for what is built here."""
    text = pathlib.Path("/etc/os-release").read_text()
    match = re.search(r"^VERSION_CODENAME=(\w+)", text, re.M)
    return match[1] if match else "sid"


def run(*command, **more):
    """A command that has to succeed; returns what it prints."""
    more.setdefault("timeout", PATIENCE)
    result = subprocess.run(
        list(map(str, command)), text=True, errors="replace",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)
    assert result.returncode == 0, (
        f"{command}: {result.returncode}\n{result.stdout[-6000:]}")
    return result.stdout


def make_base(path):
    folder = path.with_suffix(".new")
    shutil.rmtree(folder, ignore_errors=True)
    result = subprocess.run(
        ["debootstrap", "--variant=minbase", suite(), folder,
         *([MIRROR] if MIRROR else [])],
        capture_output=True, text=True, timeout=PATIENCE)
    if result.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        give_up("debootstrap: " + (result.stdout + result.stderr).strip()
                .rpartition("\n")[2])
    # As in Debian's images for containers: nothing is started at install.
    policy = folder / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    # A mirror that lags behind is good enough for tests.
    (folder / "etc/apt/apt.conf.d/tests").write_text(
        'Acquire::Check-Valid-Until "false";\n')
    new = path.with_suffix(".part")
    run("tar", "-C", folder, "--exclude=./var/lib/apt/lists/*",
        "--exclude=./var/cache/apt/*", "-cf", new, ".")
    new.rename(path)
    shutil.rmtree(folder)


def base():
    """A tar archive of a minimal Debian, without what apt has fetched."""
    CACHE.mkdir(parents=True, exist_ok=True)
    path = CACHE / f"base-{suite()}-{platform.machine()}.tar"
    with open(CACHE / "base.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            make_base(path)
    return path


def unpack(folder):
    """A minimal Debian of one's own."""
    run("tar", "-C", folder, "-xf", base())
    return folder


def inside(root, script, network=True, **more):
    """Run a shell script in a Debian that lies at `root`, with this system's
    network or with nothing but loopback."""
    for name in "resolv.conf", "hosts":
        source = pathlib.Path("/etc") / name
        if source.exists():
            (root / "etc" / name).write_bytes(source.read_bytes())
    up = "" if network else "ip link set lo up && "
    return run(
        "setpriv", "--pdeathsig", "KILL",
        "unshare", "--mount", "--pid", "--fork", "--kill-child",
        *([] if network else ["--net"]), f"--mount-proc={root}/proc",
        "sh", "-c", up + 'exec chroot "$@"', "sh", root, "sh", "-euc", script,
        env=ENVIRONMENT, cwd=ROOT, **more)
