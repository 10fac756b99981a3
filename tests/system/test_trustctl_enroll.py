# SPDX-License-Identifier: Apache-2.0
"""trustctl enroll: the device's side, with a test in the Edge CA's place,
which may answer what it likes."""

import datetime
import json
import os
import pty
import stat
import subprocess
import termios

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

import edge_ca
from broker import PATIENCE, TRUSTCTL, Listener, wait_until
from clients import V5, Device
from edge_ca import certificates, public
from trustctl import openssl

SECRET = "x" * 43
HOUR = datetime.timedelta(hours=1)


class Authority(Device):
    """Answers requests as `reply` says; an answer of None is none."""

    def __init__(self, site):
        super().__init__(site.broker, client_id="authority", version=V5)
        assert self.connect() == 0
        self.site = site
        self.requests = []
        self.reply = self.issue
        self.fields = {}
        self.bundle = site.pki.get("server-root").pem
        self.subscribe("trust/v1/enroll/+/request")

    def on_message(self, client, userdata, message):
        name = message.topic.split("/")[3]
        self.requests.append((name, x509.load_pem_x509_csr(message.payload)))
        answer = self.reply(*self.requests[-1])
        if answer is not None:
            self.client.publish(
                f"trust/v1/enroll/{name}/response", answer, 1)

    def certificate(self, request, device="temp-09", key=None, start=-HOUR,
                    end=24 * HOUR, purpose=ExtendedKeyUsageOID.CLIENT_AUTH,
                    issuer="enroll-ca"):
        now = datetime.datetime.utcnow()
        ca = self.site.pki.get(issuer)
        above = x509.load_pem_x509_certificate(ca.pem.encode())
        key = (key or request).public_key()
        return x509.CertificateBuilder(
            above.subject,
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, device)]),
            key, x509.random_serial_number(), now + start, now + end,
        ).add_extension(x509.BasicConstraints(False, None), True
        ).add_extension(x509.KeyUsage(True, *[False] * 8), True
        ).add_extension(x509.ExtendedKeyUsage([purpose]), False
        ).add_extension(x509.SubjectKeyIdentifier.from_public_key(key), False
        ).add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
                above.extensions.get_extension_for_class(
                    x509.SubjectKeyIdentifier).value), False
        ).sign(ca.key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()

    def chain(self):
        return "".join(self.site.pki.get(name).pem
                       for name in ("enroll-ca", "enroll-int"))

    def issue(self, name, request):
        return (self.certificate(request, **self.fields) + self.chain()
                + "# trust/v1/bundle\n" + self.bundle)


class Plant:
    """A broker for newcomers and devices, and a device's folder."""

    def __init__(self, site):
        self.site = site
        self.folder = site.folder
        edge_ca.describe(site.pki)
        site.broker = site.start(
            plugin=False, conf=["allow_anonymous true"],
            listeners=[Listener("tls", require=False)])
        self.authority = Authority(site)
        site.devices.append(self.authority)
        self.token = site.folder / "token"
        self.token.write_text(f"token:t-1\n{SECRET}\n")
        self.token.chmod(0o600)

    def start(self, *arguments, **more):
        options = {"host": "127.0.0.1", "port": self.site.broker.port(),
                   "cafile": self.site.pki.file("server-root"), **more}
        environment = dict(os.environ, LC_ALL="C")
        return subprocess.Popen(
            [TRUSTCTL, "enroll", *(
                part for name, value in options.items() if value is not None
                for part in (f"--{name}", str(value))),
             *map(str, arguments)],
            cwd=self.folder, env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True)

    def run(self, *arguments, status=0, **more):
        """What it prints; the authority answers meanwhile."""
        process = self.start(*arguments, **more)
        self.authority.wait(
            lambda: process.poll() is not None, "end of trustctl enroll")
        out, err = process.communicate()
        assert process.returncode == status, (out, err)
        if status == 0:
            assert err == "", err
            return out
        assert err.startswith("trustctl: ") and err.count("\n") == 1, err
        return err.removeprefix("trustctl: ")

    def enroll(self, *arguments, **more):
        return self.run("--token-file", self.token, "-o", "dev", *arguments,
                        **more)

    def renew(self, *arguments, device="temp-09", **more):
        return self.run(
            "--cert", f"dev/{device}-chain.pem", "--key", f"dev/{device}.key",
            "-o", "dev", *arguments, **more)

    def path(self, name):
        return self.folder / "dev" / name

    def read(self, name):
        return self.path(name).read_text()

    def key(self, device="temp-09"):
        """The public key of the private one."""
        return openssl(self.folder, "pkey", "-in", self.path(device + ".key"),
                       "-pubout")

    def check(self, device="temp-09"):
        """Key and certificates belong together; the certificate."""
        leaf, *chain = certificates(self.read(device + "-chain.pem"))
        assert certificates(self.read(device + ".pem")) == [leaf]
        assert self.key(device) == openssl(
            self.folder, "x509", "-in", self.path(device + ".pem"), "-noout",
            "-pubkey")
        assert stat.S_IMODE(
            self.path(device + ".key").stat().st_mode) == 0o600
        assert len(chain) == 2
        return leaf


@pytest.fixture
def plant(site):
    return Plant(site)


# ---- A newcomer ----

def test_a_newcomer(plant):
    out = plant.enroll()
    leaf = plant.check()
    (name, request), = plant.authority.requests
    assert name == "token:t-1" and public(request) == public(leaf)
    assert plant.read("bundle.pem") == plant.authority.bundle
    assert sorted(path.name for path in plant.path("").iterdir()) == [
        "bundle.pem", "temp-09-chain.pem", "temp-09.key", "temp-09.pem"]
    assert out.startswith("temp-09: certificate ")
    assert SECRET not in out


def test_the_command_that_it_prints_works(plant):
    command = plant.enroll().partition("try:  ")[2].replace("\\\n", "")
    plant.authority.subscribe("devices/#")
    plant.authority.client.on_message = Device.on_message.__get__(
        plant.authority)
    done = subprocess.run(["sh", "-c", command], cwd=plant.folder,
                          capture_output=True, text=True, timeout=PATIENCE)
    assert (done.returncode, done.stderr) == (0, ""), done
    plant.authority.expect("hello")


def test_ids_are_quoted_in_it(plant):
    plant.authority.fields["device"] = "it's(*)?"
    command = plant.enroll().partition("try:  ")[2].replace("\\\n", "")
    done = subprocess.run(["sh", "-c", command], cwd=plant.folder,
                          capture_output=True, text=True, timeout=PATIENCE)
    assert (done.returncode, done.stderr) == (0, ""), done


@pytest.mark.parametrize("content, arguments", [
    ("token:t-1\n{}\n", []),
    ("token:t-1 {}\n", []),
    ("t-1 {}", ["--token", "t-1"]),
    ("{}\n", ["--token", "t-1"]),
])
def test_token_files(plant, content, arguments):
    plant.token.write_text(content.format(SECRET))
    plant.enroll(*arguments)
    assert plant.authority.requests[0][0] == "token:t-1"


@pytest.mark.parametrize("content, arguments, words", [
    ("", [], "want a token's id and its secret"),
    ("token:t-1\n", [], "want a token's id and its secret"),
    ("token:t-1 x\n", ["--token", "t-2"], "of t-2"),
    ("token:a/b x\n", [], "want the id of a token"),
])
def test_bad_token_files(plant, content, arguments, words):
    plant.token.write_text(content)
    assert words in plant.enroll(*arguments, status=2)
    assert not plant.path("").exists()


def test_a_token_file_that_others_can_read_is_noted(plant):
    plant.token.chmod(0o644)
    process = plant.start("--token-file", plant.token, "-o", "dev")
    plant.authority.wait(lambda: process.poll() is not None, "end")
    assert process.returncode == 0
    assert "note: " in process.communicate()[1]


def test_the_secret_is_asked_for_without_echo(plant):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [TRUSTCTL, "enroll", "--token", "t-1", "--host", "127.0.0.1", "--port",
         str(plant.site.broker.port()), "--cafile",
         plant.site.pki.file("server-root"), "-o", "dev"],
        cwd=plant.folder, stdin=theirs, stdout=theirs, stderr=theirs,
        preexec_fn=lambda: (os.setsid(), os.close(os.open(
            os.ttyname(theirs), os.O_RDWR))))
    os.close(theirs)
    shown = b""
    while b"the secret of the token t-1" not in shown:
        shown += os.read(ours, 4096)
    wait_until(lambda: not termios.tcgetattr(ours)[3] & termios.ECHO,
               "the echo is off")
    os.write(ours, SECRET.encode() + b"\n")
    plant.authority.wait(lambda: process.poll() is not None, "end")
    while True:
        try:
            more = os.read(ours, 4096)
        except OSError:
            break
        shown += more
        if not more:
            break
    os.close(ours)
    assert process.returncode == 0, shown
    assert SECRET.encode() not in shown
    plant.check()


def test_without_a_terminal_nothing_is_asked(plant):
    assert "no terminal to ask at" in plant.run(
        "--token", "t-1", "-o", "dev", status=2)


@pytest.mark.parametrize("kind, words", [
    ("p256", "P-256"), ("p384", "P-384"), ("rsa2048", "(2048 bit)"),
    ("ed25519", "ED25519")])
def test_kinds_of_keys(plant, kind, words):
    plant.enroll("--key-type", kind)
    plant.check()
    assert words in openssl(
        plant.folder, "x509", "-in", "dev/temp-09.pem", "-noout", "-text")


def test_the_device_may_be_named(plant):
    plant.enroll("temp-09")
    plant.check()
    assert "want a certificate of temp-10, got one of " in plant.enroll(
        "temp-10", status=2)
    assert not plant.path("temp-10.pem").exists()


def test_the_path_is_tls_always(plant):
    assert "want --cafile" in plant.enroll(cafile=None, status=2)
    assert "TLS: certificate verify failed" in plant.enroll(
        cafile=plant.site.pki.file("enroll-root"), status=2)
    assert "TLS: certificate verify failed" in plant.enroll(
        host="127.1", status=2)
    assert plant.authority.requests == []


@pytest.mark.parametrize("arguments", [
    [], ["--token", "t-1", "--cert", "x", "--key", "x"],
    ["--token", "t-1", "--key", "x"]])
def test_a_token_or_a_certificate(plant, arguments):
    assert "want a token or --cert and --key" in plant.run(
        *arguments, status=2)


# ---- A retry ----

def test_a_retry_is_for_the_same_key(plant):
    plant.authority.reply = lambda *request: None
    line = plant.enroll("--timeout", "1s", "temp-09", status=2)
    assert "want an answer within 1 second, got none" in line
    assert "no Edge CA" not in line
    key = plant.key()
    assert stat.S_IMODE(plant.path("temp-09.key").stat().st_mode) == 0o600
    plant.authority.reply = plant.authority.issue
    plant.enroll("temp-09")
    plant.check()
    assert plant.key() == key


def test_a_retry_before_the_name_is_known(plant):
    plant.authority.reply = lambda *request: None
    plant.enroll("--timeout", "1s", status=2)
    key = plant.key("t-1")
    plant.authority.reply = plant.authority.issue
    plant.enroll()
    plant.check()
    assert plant.key() == key
    assert not plant.path("t-1.key").exists()


def test_nobody_listens(plant):
    plant.authority.client.unsubscribe("trust/v1/enroll/+/request")
    plant.authority.is_alive()
    assert "no Edge CA is connected there" in plant.enroll(
        "--timeout", "1s", status=2)


def test_an_edge_ca_that_comes_late(plant):
    plant.authority.client.unsubscribe("trust/v1/enroll/+/request")
    plant.authority.is_alive()
    process = plant.start("--token-file", plant.token, "-o", "dev")
    plant.authority.subscribe("trust/v1/enroll/+/request")
    plant.authority.wait(lambda: process.poll() is not None, "end")
    assert process.returncode == 0, process.communicate()
    plant.check()


def test_no_gateway(plant):
    assert "refused" in plant.enroll(port=1, status=2)


# ---- Answers ----

def test_a_refusal(plant):
    plant.authority.reply = lambda *request: json.dumps(
        {"error": "token_invalid: it was spent"})
    assert plant.enroll("temp-09", status=1) == (
        "the gateway refuses: token_invalid: it was spent\n")
    assert [path.name for path in plant.path("").iterdir()] == ["temp-09.key"]


@pytest.mark.parametrize("fields, words", [
    ({"key": ec.generate_private_key(ec.SECP256R1())}, "for our key"),
    ({"device": "temp-10"}, "want a certificate of temp-09"),
    ({"start": HOUR, "end": 2 * HOUR}, "is the clock right?"),
    ({"start": -2 * HOUR, "end": -HOUR}, "is the clock right?"),
    ({"purpose": ExtendedKeyUsageOID.SERVER_AUTH}, "purpose_not_allowed"),
    ({"issuer": "clients"}, "chain_untrusted"),
])
def test_certificates_that_are_not_taken(plant, fields, words):
    plant.authority.fields.update(fields)
    assert words in plant.enroll("temp-09", status=2)
    assert not plant.path("temp-09.pem").exists()


@pytest.mark.parametrize("answer", [
    "", "hello", "{}", '{"error":1}', '{"error":"x"} x', "[]",
    "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    "# trust/v1/bundle\n", "x" * 1500000], ids=range(9))
def test_answers_that_are_none(plant, answer):
    plant.authority.reply = lambda *request: answer
    assert plant.enroll("temp-09", status=1 if len(answer) > 1000 else 2)
    assert not plant.path("temp-09.pem").exists()


def test_dates_are_judged_at_the_time_given(plant):
    plant.authority.fields.update(start=HOUR * 100, end=HOUR * 200)
    then = datetime.datetime.utcnow() + 150 * HOUR
    plant.enroll("--at", then.strftime("%Y-%m-%dT%H:%M:%SZ"))
    plant.check()


def test_an_answer_without_a_line_between(plant):
    """The bundle is what is no link of the chain."""
    authority = plant.authority
    root = plant.site.pki.get("enroll-root").pem
    authority.reply = lambda name, request: (
        authority.certificate(request) + authority.chain() + root
        + authority.bundle)
    plant.enroll()
    plant.check()
    assert plant.read("bundle.pem") == root + authority.bundle


def test_an_answer_without_a_bundle(plant):
    authority = plant.authority
    authority.reply = lambda name, request: (
        authority.certificate(request) + authority.chain())
    plant.enroll()
    plant.check()
    assert not plant.path("bundle.pem").exists()


def test_json(plant):
    shown = json.loads(plant.enroll("--json"))
    leaf = plant.check()
    assert shown == {
        "device": "temp-09", "serial_number": f"{leaf.serial_number:X}".zfill(
            len(shown["serial_number"])),
        "thumbprint": leaf.fingerprint(hashes.SHA256()).hex(),
        "not_after": leaf.not_valid_after.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "key": "dev/temp-09.key", "chain": "dev/temp-09-chain.pem"}


# ---- Renewal ----

def test_a_renewal_keeps_the_key(plant):
    plant.enroll()
    first, key = plant.check(), plant.key()
    plant.renew()
    assert plant.check() != first and plant.key() == key
    assert plant.authority.requests[-1][0] == "temp-09"
    assert not plant.path("temp-09.key").is_symlink()


def test_a_renewal_with_a_new_key(plant):
    """Again and again, each time key and certificate at once."""
    plant.enroll()
    seen = {plant.key()}
    for _ in range(3):
        plant.renew("--new-key")
        plant.check()
        seen.add(plant.key())
    assert len(seen) == 4
    assert not plant.path("temp-09.key.new").exists()
    assert len([path for path in plant.path("").iterdir()
                if path.name.startswith("temp-09.set.")]) == 1
    key = plant.key()
    plant.renew()
    plant.check()
    assert plant.key() == key


def test_a_new_key_is_asked_for_again(plant):
    plant.enroll()
    first = plant.key()
    plant.authority.reply = lambda *request: None
    plant.renew("--new-key", "--timeout", "1s", status=2)
    assert plant.key() == first
    plant.check()
    new = openssl(
        plant.folder, "pkey", "-in", "dev/temp-09.key.new", "-pubout")
    plant.authority.reply = plant.authority.issue
    plant.renew("--new-key")
    plant.check()
    assert plant.key() == new


def test_a_manufacturers_certificate(plant):
    """Its key stays where it is; a new one is the device's own."""
    pki = plant.site.pki
    pki.certificate("idevid", subject="CN=whatever serialNumber=SN-1")
    cert, key = pki.file("idevid"), edge_ca.private(pki.key_file("idevid"))
    plant.authority.fields["device"] = "SN-1"
    out = plant.run("--cert", cert, "--key", key, "-o", "kept", "SN-1")
    assert str(key) in out and key.exists()
    assert not (plant.folder / "kept" / "SN-1.key").exists()
    assert (plant.folder / "kept" / "SN-1.pem").exists()
    assert plant.authority.requests[-1][0] == "SN-1"
    plant.run("--cert", cert, "--key", key, "-o", "dev", "--new-key", "SN-1")
    plant.check("SN-1")
    assert "want a folder without it" in plant.run(
        "--cert", cert, "--key", key, "-o", "dev", "SN-1", status=2)
    plant.check("SN-1")
    # The client id says for which device it is.
    plant.run("--cert", cert, "--key", key, "-o", "named", "--new-key",
              "-i", "SN-1")
    assert plant.authority.requests[-1][0] == "SN-1"
    assert (plant.folder / "named" / "SN-1.pem").exists()


def test_a_token_again(plant):
    """A device whose certificate has ended comes like a new one; its key is
    there."""
    plant.enroll("temp-09")
    key = plant.key()
    plant.enroll("temp-09")
    plant.check()
    assert plant.key() == key
    plant.enroll()  # without a name, so with a new key
    plant.check()
    assert plant.key() != key
