# SPDX-License-Identifier: Apache-2.0
"""The Debian package: what lintian says of it, its life in a minimal Debian,
and the broker as systemd starts it with the package's drop-in."""

import re
import shutil
import subprocess

import pytest

import debian
from broker import ROOT, trustctl
from debian import inside, run

NAME = "mosquitto-trust"
STATE = f"var/lib/{NAME}"
DROP_IN = f"usr/lib/systemd/system/mosquitto.service.d/{NAME}.conf"

# As OPERATIONS.md has it, from the package's example without its upstream.
CONFIGURE = f"""
trustctl pki init /pki --hostname gateway >/dev/null
for id in temp-01 stranger; do
    trustctl pki device /pki $id --self-signed
done
chmod -R a+rX /pki
install -g mosquitto -m 0640 /pki/server.pem /pki/server.key \\
    /etc/mosquitto/certs
{{
    sed '/^# From here on/,$d' /usr/share/doc/{NAME}/examples/gateway.conf
    echo plugin_opt_audit_log /var/log/mosquitto/trust.jsonl
}} >/etc/mosquitto/conf.d/gateway.conf
cd /{STATE}
runuser -u mosquitto -- trustctl init --development -r registry.db
runuser -u mosquitto -- trustctl device add temp-01 -r registry.db \\
    --certificate /pki/devices/temp-01.pem
"""

# A good sensor and one that nobody knows come to a broker that runs.
TRY = """
until_true()
{
    n=0
    until "$@"; do
        [ $((n += 1)) -lt 300 ]
        sleep 0.2
    done
}
send()
{
    mosquitto_pub -h localhost -p 8883 --cafile /pki/root.pem \\
        --cert /pki/devices/$1.pem --key /pki/devices/$1.key -i $1 -q 1 \\
        -t devices/$1/celsius -m 21.5 2>&1
}
try()
{
    until_true send temp-01
    if send stranger; then exit 1; fi
    until_true grep -q '"reason":"unknown_certificate"' \\
        /var/log/mosquitto/trust.jsonl
}
"""

# Without systemd.
START = TRY + """
install -d -o mosquitto -m 0750 /run/mosquitto /var/log/mosquitto
mosquitto -c /etc/mosquitto/mosquitto.conf &
try
kill $!
wait $!
echo tried
"""

# With it; what it prints goes to a file. Whoever asks for a service's status
# is told by what runs, not by what this Debian was told of starting services.
BOOTED = TRY + """
set -x
rm -f /usr/sbin/policy-rc.d
try
systemctl is-active mosquitto
pid=$(systemctl show -P MainPID mosquitto)
cat /proc/$pid/status
for path in /etc/x /usr/x /var/lib/x /root/.x /home/.x; do
    if nsenter -t $pid -m touch $path; then exit 1; fi
done
systemctl reload mosquitto
try
test "$pid" = "$(systemctl show -P MainPID mosquitto)"
logrotate --force /etc/logrotate.d/mosquitto-trust
test -s /var/log/mosquitto/trust.jsonl.1
until_true test -e /var/log/mosquitto/trust.jsonl
try
systemctl restart mosquitto
try
# An upgrade takes the new plugin into use.
pid=$(systemctl show -P MainPID mosquitto)
dpkg -i /again.deb
test "$pid" != "$(systemctl show -P MainPID mosquitto)"
try
test "$(systemctl show -P NRestarts mosquitto)" = 0
echo tried
"""
UNIT = """
[Unit]
After=mosquitto.service
[Service]
Type=oneshot
ExecStart=/bin/sh -eu /test.sh
StandardOutput=append:/test.log
StandardError=inherit
# Its answer may be lost with all the rest.
ExecStopPost=sh -c 'systemctl --no-block poweroff 2>/dev/null'
[Install]
WantedBy=multi-user.target
"""


# ---- The package ----

@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """What `make deb` builds."""
    debian.need("dpkg-buildpackage", "dh", "ip")
    folder = tmp_path_factory.mktemp("deb")
    run("make", "deb", f"BUILD={folder}", cwd=ROOT)
    changes, = (folder / "deb").glob("*.changes")
    return changes


def deb_of(package):
    deb, = package.parent.glob(f"{NAME}_*.deb")
    return deb


def older(package, folder):
    """The same with a lower number, and something of its own."""
    run("dpkg-deb", "-R", deb_of(package), folder / "older")
    control = folder / "older/DEBIAN/control"
    control.write_text(re.sub(r"^Version: .*", "Version: 0.0.9-1",
                              control.read_text(), flags=re.M))
    (folder / f"older/usr/share/doc/{NAME}/older").touch()
    run("dpkg-deb", "--root-owner-group", "-b", folder / "older",
        folder / "older.deb")
    return folder / "older.deb"


def test_lintian_is_quiet(package):
    if not shutil.which("lintian"):
        debian.give_up("want lintian; tests/deps.sh ship")
    result = subprocess.run(
        ["lintian", "--allow-root", "--display-info", "--fail-on",
         "error,warning,info", package], text=True, capture_output=True)
    assert (result.returncode, result.stdout) == (0, ""), result


def test_version_is_the_sources(package):
    version = trustctl("--version").stdout.split()[1]
    assert run("dpkg-deb", "-f", deb_of(package), "Version").strip() == (
        f"{version}-1")


def test_all_is_in_it(package):
    listed = run("dpkg-deb", "-c", deb_of(package))
    library = run("dpkg-architecture", "-q", "DEB_HOST_MULTIARCH").strip()
    for path in (
            f"usr/lib/{library}/mosquitto_trust.so", "usr/bin/trustctl",
            "usr/share/man/man1/trustctl.1.gz",
            "usr/share/man/man5/trust-registry.5.gz",
            "usr/share/man/man8/mosquitto_trust.8.gz",
            "usr/share/bash-completion/completions/trustctl",
            f"etc/logrotate.d/{NAME}", DROP_IN,
            f"usr/share/doc/{NAME}/OPERATIONS.md",
            f"usr/share/doc/{NAME}/examples/gateway.conf"):
        assert re.search(rf"^-\S+ root/root .* \./{re.escape(path)}$", listed,
                         re.M), path


# ---- Its life ----

class Box:
    """A minimal Debian with Mosquitto, and what an operator does in it."""

    def __init__(self, root):
        self.root = debian.unpack(root)
        self.do("apt-get -qq update; apt-get -qq install --yes "
                "--no-install-recommends mosquitto mosquitto-clients "
                "dbus logrotate procps systemd systemd-sysv >/dev/null")
        self.before = self.files()

    def do(self, script, **more):
        return inside(self.root, script, **more)

    def install(self, deb):
        shutil.copy(deb, self.root / "new.deb")
        self.do("apt-get -qq install --yes --no-install-recommends /new.deb")
        assert self.do("dpkg --audit") == ""
        (self.root / "new.deb").unlink()

    def try_broker(self):
        assert self.do(START, network=False).endswith("tried\n")

    def read(self, path):
        return (self.root / path).read_text()

    def files(self):
        """What there is in places that packages and operators write to."""
        return {str(path.relative_to(self.root))
                for folder in ("etc", "usr", "var/lib", "var/log")
                for path in (self.root / folder).rglob("*")
                if not path.is_relative_to(self.root / "var/lib/dpkg")
                and not path.is_relative_to(self.root / "var/lib/apt")}


@pytest.fixture(scope="module")
def box(package, tmp_path_factory):
    """With the older version, configured."""
    folder = tmp_path_factory.mktemp("box")
    root = folder / "root"
    root.mkdir()
    box = Box(root)
    box.install(older(package, package.parent.parent))
    box.do(CONFIGURE)
    yield box
    shutil.rmtree(root)


def test_drop_in_confines(box):
    """As far as systemd tells without starting anything."""
    box.do("systemd-analyze verify --man=no mosquitto.service")
    box.do("systemd-analyze security --offline=true --no-pager "
           "--threshold=20 mosquitto.service")


def test_systemd_starts_the_broker(package, box):
    """Booted in a container: start, reload, rotated logs, restart, upgrade."""
    debian.need("systemd-nspawn")
    shutil.copy(package.parent.parent / "older.deb", box.root / "again.deb")
    (box.root / "test.sh").write_text(BOOTED)
    (box.root / "etc/systemd/system/trust-test.service").write_text(UNIT)
    box.do("systemctl enable trust-test 2>/dev/null")
    try:
        result = subprocess.run(
            ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit",
             "--private-network", f"--machine=trust-{box.root.parent.name}",
             "-b", "-D", box.root], stdin=subprocess.DEVNULL,
            capture_output=True, text=True, errors="replace", timeout=600)
    finally:
        box.do("systemctl disable trust-test 2>/dev/null; rm "
               "/etc/systemd/system/trust-test.service; "
               "printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d; "
               "chmod +x /usr/sbin/policy-rc.d")
    log = box.root / "test.log"
    if not log.exists():
        debian.give_up("want systemd-nspawn to boot a container: "
                       + (result.stderr or result.stdout)[-300:])
    text = log.read_text()
    assert text.endswith("\ntried\n"), text
    assert "\nactive\n" in text
    assert text.count("Read-only file system") + text.count(
        "Permission denied") == 5, text
    # CAP_NET_BIND_SERVICE alone.
    assert re.search(r"^CapBnd:\t0{13}400$", text, re.M), text
    assert re.search(r"^Uid:(?:\t(?!0\b)\d+){4}$", text, re.M), text
    assert "\nNoNewPrivs:\t1\n" in text and "\nSeccomp:\t2\n" in text


def test_life(package, box):
    """Upgraded, removed, installed again and purged."""
    rotation = box.root / "etc/logrotate.d/mosquitto-trust"
    rotation.write_text(rotation.read_text().replace("rotate 8", "rotate 99"))
    kept = {path: box.read(path) for path in (
        "etc/logrotate.d/mosquitto-trust",
        "etc/mosquitto/conf.d/gateway.conf", "etc/mosquitto/mosquitto.conf")}
    registry = box.root / STATE / "registry.db"
    box.try_broker()

    def check_kept():
        assert {path: box.read(path) for path in kept} == kept
        assert box.do(f"runuser -u mosquitto -- trustctl list device "
                      f"-r /{STATE}/registry.db").count("temp-01") == 1

    box.install(deb_of(package))
    assert box.do(f"dpkg-query -W -f '${{Version}}' {NAME}") != "0.0.9-1"
    assert not (box.root / f"usr/share/doc/{NAME}/older").exists()
    check_kept()
    box.try_broker()

    told = box.do(f"dpkg --remove {NAME}")
    assert "/etc/mosquitto/conf.d/gateway.conf" in told
    assert not (box.root / "usr/bin/trustctl").exists()
    assert not (box.root / DROP_IN).exists()
    assert registry.exists()
    # It lets nobody in whom nothing would ask.
    assert box.do("mosquitto -c /etc/mosquitto/mosquitto.conf 2>&1 && "
                  "echo ran || echo refused", network=False).endswith(
                      "refused\n")

    box.install(deb_of(package))
    check_kept()
    box.try_broker()

    box.do(f"dpkg --purge {NAME}")
    left = box.files() - box.before
    assert not {path for path in left if "trust" in path}, left
    assert not registry.parent.exists()
    # Nobody but the operator made these.
    assert "etc/mosquitto/conf.d/gateway.conf" in left
    assert "etc/mosquitto/certs/server.key" in left
