# SPDX-License-Identifier: Apache-2.0
"""The image, built by buildah, and all of docker/compose.yaml on it: upstream,
gateway, Edge CA, and sensors that enroll. And sensors that nobody lets in."""

import datetime
import re
import shutil
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

yaml = pytest.importorskip("yaml")

import container  # noqa: E402
import debian  # noqa: E402
from broker import ROOT, wait_until  # noqa: E402

STATE = "/var/lib/mosquitto-trust"


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    debian.need("buildah", "ip", "nsenter")
    image = container.Image(tmp_path_factory.mktemp("image"))
    try:
        image.build()
        yield image
    finally:
        image.close()


@pytest.fixture(scope="module")
def site(image, tmp_path_factory):
    """All services, up."""
    folder = tmp_path_factory.mktemp("compose")
    folder.chmod(0o755)
    compose = container.Compose(image, folder)
    try:
        for name in compose.services:
            compose.up(name)
        yield compose
    finally:
        compose.close()


def test_image_is_what_it_should_be(image):
    assert image.config["User"] == "1883:1883"
    assert set(image.config["Volumes"]) == {"/var/lib/mosquitto", STATE}
    assert image.config["Cmd"][0] == "mosquitto"
    assert "trustctl status" in image.config["Healthcheck"]["Test"][1]
    for program in "gcc", "make", "curl":
        assert not (image.root / "usr/bin" / program).exists()
    assert not any((image.root / "src").glob("*"))
    assert not any((image.root / "var/lib/apt/lists").glob("*Packages*"))
    for volume in image.config["Volumes"]:
        path = (image.root / volume[1:]).stat()
        assert (path.st_uid, path.st_gid, path.st_mode & 0o777) == (
            1883, 1883, 0o750)


def test_version_is_the_sources(site):
    label = site.image.config["Labels"]["org.opencontainers.image.version"]
    assert site["gateway"].do("trustctl", "--version") == f"trustctl {label}\n"


def test_sensors_enroll_and_send(site):
    for name in "temp-01", "temp-02":
        site[name].wait_log(f"{name}: sent \\d+")
        assert (site[name].folder() / f"{name}-chain.pem").exists()
    assert len((site["edge-ca"].folder() / "issued.jsonl").read_text()
               .splitlines()) == 2


def test_gateway_is_confined(site):
    gateway = site["gateway"]
    assert gateway.do("id", "-u") == "1883\n"
    for path in "/usr/lib/x", "/etc/mosquitto/certs/x", "/tmp/x", "/x":
        assert "Read-only file system" in gateway.run("touch", path).stdout
    for path in "/var/lib/mosquitto/x", f"{STATE}/x":
        gateway.do("sh", "-c", f"touch {path} && rm {path}")
    assert "CapBnd:\t0000000000000000" in gateway.do(
        "cat", "/proc/self/status")


def test_no_key_of_a_ca_is_where_the_broker_is(site):
    keys = {path.read_text() for path in (
        site["setup"].folder("/site/pki")).glob("*/*.key")
        if path.name != "server.key"}
    assert len(keys) == 10
    for target in "/etc/mosquitto/certs", "/etc/mosquitto/health", STATE:
        for path in site["gateway"].folder(target).glob("*.key"):
            assert path.read_text() not in keys


# ---- Who comes to the gateway ----

def put(site, record):
    site["origin"].do("trustctl", "put", input=record + "\n")


def new_sensor(site, name, *options, registered=True):
    """A key and a certificate of the Edge CA's, in the sensor's volume."""
    site["setup"].do("trustctl", "pki", "device", "/site/pki/devices", name,
                     *options)
    folder = site["setup"].folder("/site/pki") / "devices/devices"
    for path in folder.glob(f"{name}*"):
        new = site["temp-01"].folder() / path.name
        shutil.copy(path, new)
        shutil.chown(new, 1883, 1883)
    if registered:
        site["origin"].do("trustctl", "device", "add", name,
                          "--group", "plant-7")


def send(site, name, chain=None):
    return site["temp-01"].run(
        "mosquitto_pub", "-h", "gateway", "-p", "8883", "--cafile", "root.pem",
        "--cert", f"{chain or name}-chain.pem", "--key", f"{chain or name}.key",
        "-i", name, "-q", "1", "-t", f"devices/{name}/celsius", "-m", "21.5")


def wait_let_in(site, name):
    wait_until(lambda: send(site, name).returncode == 0, site.logs,
               container.PATIENCE)


def wait_refused(site, name, reason, chain=None):
    """Nothing but that, once the gateway has what the origin has."""
    def refused():
        mark = len(site["gateway"].log())
        return send(site, name, chain).returncode != 0 and re.search(
            f"refused {reason}: ", site["gateway"].log()[mark:])
    wait_until(refused, site.logs, container.PATIENCE)


def crl(site, name):
    """One of the Edge CA that revokes a sensor's certificate."""
    folder = site["setup"].folder("/site/pki") / "devices"
    issuer = x509.load_pem_x509_certificate(
        (folder / "edge-ca.pem").read_bytes())
    key = serialization.load_pem_private_key(
        (folder / "edge-ca.key").read_bytes(), None)
    leaf = x509.load_pem_x509_certificate(
        (folder / f"devices/{name}.pem").read_bytes())
    now = datetime.datetime.now(datetime.timezone.utc)
    revoked = x509.RevokedCertificateBuilder().serial_number(
        leaf.serial_number).revocation_date(now).build()
    made = x509.CertificateRevocationListBuilder().issuer_name(
        issuer.subject).last_update(now).next_update(
            now + datetime.timedelta(days=7)).add_revoked_certificate(
                revoked).add_extension(x509.CRLNumber(1), False).add_extension(
                    x509.AuthorityKeyIdentifier.from_issuer_public_key(
                        issuer.public_key()), False).sign(key, hashes.SHA256())
    pem = made.public_bytes(serialization.Encoding.PEM).decode()
    return '{"kind":"crl","id":"edge-ca","pem":"%s"}' % pem.replace(
        "\n", "\\n")


def test_good_one(site):
    new_sensor(site, "temp-10")
    wait_let_in(site, "temp-10")


def test_wrong_ones(site):
    site["setup"].do("trustctl", "pki", "init", "/site/pki/other",
                     "--hostname", "other")
    site["setup"].do("trustctl", "pki", "device", "/site/pki/other", "wrong")
    folder = site["setup"].folder("/site/pki") / "other/devices"
    for path in folder.glob("wrong*"):
        new = site["temp-01"].folder() / path.name
        shutil.copy(path, new)
        shutil.chown(new, 1883, 1883)
    wait_refused(site, "temp-01", "chain_untrusted", chain="wrong")
    new_sensor(site, "temp-11", registered=False)
    wait_refused(site, "temp-11", "device_unknown")


def test_expired_one(site):
    new_sensor(site, "temp-12", "--at", "2026-01-01T00:00:00Z", "--days", "1")
    wait_refused(site, "temp-12", "certificate_expired")


def test_revoked_one(site):
    new_sensor(site, "temp-13")
    wait_let_in(site, "temp-13")
    put(site, crl(site, "temp-13"))
    wait_refused(site, "temp-13", "certificate_revoked")
    wait_let_in(site, "temp-10")


def test_state_outlives_the_gateway(site):
    """Without the upstream, too."""
    for name in "gateway", "upstream":
        site[name].stop()
    site["gateway"].start()
    wait_until(site["gateway"].is_healthy, site.logs, container.PATIENCE)
    wait_let_in(site, "temp-10")
    wait_refused(site, "temp-12", "certificate_expired")
    site["upstream"].start()


# ---- The file itself ----

def test_compose_file_is_understood():
    """By docker-compose, where it is."""
    if not shutil.which("docker-compose"):
        debian.give_up("want docker-compose; tests/deps.sh ship")
    result = subprocess.run(
        ["docker-compose", "-f", container.COMPOSE, "config"], text=True,
        capture_output=True, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    assert set(yaml.safe_load(result.stdout)["services"]) == {
        "setup", "upstream", "origin", "gateway", "edge-ca", "temp-01",
        "temp-02"}


def test_compose_file_is_whole():
    """Each volume and network that is named there is, and each file."""
    text = yaml.safe_load(container.COMPOSE.read_text())
    volumes, networks = set(), set()
    for service in text["services"].values():
        networks |= set(service.get("networks", []))
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert (container.COMPOSE.parent / source).is_file()
            else:
                volumes.add(source)
        # Nobody else is root, and nobody has more than he needs.
        assert service.get("user") == (
            "0:0" if service is text["services"]["setup"] else None)
    assert volumes == set(text["volumes"])
    assert networks == set(text["networks"])
