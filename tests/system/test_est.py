# SPDX-License-Identifier: Apache-2.0
"""trustctl est: the gateway's own certificate, from an EST server."""

import base64
import pathlib
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import time

import pytest
from est_client import arguments, ctl, made
from est_server import CA, LEAF, PASSWORD, USER, EstServer, Reply
from terminal import Terminal, write_secret
from token_hsm import OBJECTS, PIN, Hsm
from trustctl import BUILD, PATIENCE, PROGRAM, openssl

CACERTS = "gw/cacerts.pem"


@pytest.fixture
def est(made, tmp_path):
    shutil.copytree(made, tmp_path / "est")
    server = EstServer(tmp_path / "est")
    yield server
    server.close()


def enroll(est, *more):
    """By the certificate that the gateway has from its maker."""
    return arguments(est, "enroll", "--cafile", est.anchor, "--cert",
                     est.folder / "bootstrap.pem", "--key",
                     est.folder / "bootstrap.key", *more)


def name_of(est):
    return ("--hostname", "gw.example", "--hostname", "192.0.2.7")


@pytest.fixture
def enrolled(est, ctl):
    """A gateway that has the roots and a certificate."""
    ctl.yes(*arguments(est, "cacerts", "--fingerprint", thumbprint(
        ctl, est.anchor)))
    ctl.yes(*enroll(est, *name_of(est)))
    est.requests.clear()
    return ctl


def thumbprint(ctl, path):
    return openssl(ctl.folder, "x509", "-in", path, "-noout", "-fingerprint",
                   "-sha256").strip().partition("=")[2]


def files(ctl):
    return {path.name: path.read_bytes()
            for path in (ctl.folder / "gw").glob("*")}


def operations(est):
    return [request.path.rpartition("/")[2] for request in est.requests]


def public_key(ctl, name):
    kind = "x509" if name.endswith(".pem") else "pkey"
    more = ("-noout", "-pubkey") if kind == "x509" else ("-pubout",)
    return openssl(ctl.folder, kind, "-in", name, *more)


# ---- Roots ----

def test_roots_by_their_published_fingerprint(est, ctl):
    out = ctl.yes(*arguments(est, "cacerts", "--fingerprint",
                             thumbprint(ctl, est.anchor)))
    assert out.startswith("gw/cacerts.pem: 1 root\nnamed    CN=EST Root, ")
    assert (ctl.folder / CACERTS).read_bytes() == est.anchor.read_bytes()
    # From now on the server is known by it, and nothing changes.
    out = ctl.yes(*arguments(est, "cacerts"))
    assert "known    CN=EST Root" in out


def test_a_fingerprint_that_nobody_has(est, ctl):
    line = ctl.no(*arguments(est, "cacerts", "--fingerprint", "00" * 32),
                  start_new_session=True)
    assert "a root that nobody vouches for, CN=EST Root" in line
    assert not (ctl.folder / CACERTS).exists()


def test_nobody_is_trusted_at_first_sight(est, ctl):
    line = ctl.error(*arguments(est, "cacerts"))
    assert "want --cafile, or the published --fingerprint" in line
    line = ctl.error("est", "enroll", "--server", est.url, "-o", "gw", "--cn",
                     "gw1", "-u", USER, "--password-file", "none")
    assert "want --cafile, or first trustctl est cacerts" in line
    assert "--fingerprint: want SHA-256" in ctl.error(
        *arguments(est, "cacerts", "--fingerprint", "1234"))
    assert est.requests == []


def test_roots_from_a_server_that_is_known(est, ctl):
    ctl.yes(*arguments(est, "cacerts", "--cafile", est.anchor))
    assert (ctl.folder / CACERTS).read_bytes() == est.anchor.read_bytes()


def rollover(est, *cross):
    """The CA changes its root; TLS goes on as it was."""
    est.ca.root("root2", "EST Root 2")
    if "new-with-old" in cross:
        est.ca.issue("new-with-old", "root", CA, key="root2",
                     subject="EST Root 2")
    if "old-with-new" in cross:
        est.ca.issue("old-with-new", "root2", CA, key="root",
                     subject="EST Root")
    est.cacerts = ["root", "root2", "issuing", *cross]


def test_a_new_root_that_the_old_one_vouches_for(est, enrolled):
    rollover(est, "new-with-old", "old-with-new")
    out = enrolled.yes(*arguments(est, "cacerts"))
    assert "2 roots" in out
    assert "known    CN=EST Root," in out and "vouched  CN=EST Root 2," in out
    # Later on the old one is no longer there.
    est.cacerts = ["root2", "new-with-old"]
    out = enrolled.yes(*arguments(est, "cacerts"))
    assert "known    CN=EST Root 2," in out and "gone     CN=EST Root," in out
    assert (enrolled.folder / CACERTS).read_bytes() == (
        est.folder / "root2.pem").read_bytes()


def test_a_new_root_that_nobody_vouches_for(est, enrolled):
    before = files(enrolled)
    # For the other direction only: that would have the new one vouch for
    # itself.
    rollover(est, "old-with-new")
    line = enrolled.no(*arguments(est, "cacerts"), start_new_session=True)
    assert "nobody vouches for, CN=EST Root 2" in line
    assert files(enrolled) == before
    hex = line.rpartition("--fingerprint ")[2]
    out = enrolled.yes(*arguments(est, "cacerts", "--fingerprint", hex))
    assert "named    CN=EST Root 2," in out


@pytest.mark.parametrize("answer, status", [
    ("yes\n", 0), ("y\n", 1), ("no\n", 1), ("\n", 1), ("yes please\n", 1)])
def test_a_new_root_by_the_users_word(est, enrolled, answer, status):
    rollover(est)
    terminal = Terminal(enrolled, PROGRAM, *arguments(est, "cacerts"))
    terminal.wait_for("Type yes: ")
    assert "known    CN=EST Root," in terminal.shown
    assert "unknown  CN=EST Root 2," in terminal.shown
    terminal.type(answer)
    assert terminal.end() == status
    roots = (enrolled.folder / CACERTS).read_text().count("BEGIN")
    assert roots == (2 if status == 0 else 1)


@pytest.mark.parametrize("voucher, days", [
    (CA, 0),  # it is over
    (LEAF, 90),
    (CA.replace("CA:TRUE", "CA:TRUE,pathlen:0"), 90),
    (CA.replace("keyCertSign", "digitalSignature"), 90),
    (CA + "nameConstraints=permitted;DNS:plant.example\n", 90),
])
def test_a_root_of_somebody_who_is_bound(est, enrolled, voucher, days):
    """Whom the CA has certified may call himself a root, and is none."""
    rollover(est)
    est.ca.issue("new-with-old", "root", voucher, key="root2",
                 subject="EST Root 2", days=days)
    est.cacerts.append("new-with-old")
    assert "nobody vouches" in enrolled.no(*arguments(est, "cacerts"),
                                           start_new_session=True)


def test_roots_that_are_none(est, enrolled):
    before = files(enrolled)
    est.cacerts = ["issuing"]
    assert "want a root among" in enrolled.error(*arguments(est, "cacerts"))
    assert files(enrolled) == before


# ---- A first certificate ----

def test_enroll_by_certificate(est, ctl):
    out = ctl.yes(*enroll(est, *name_of(est)))
    assert "gw/server.pem: CN=gw.example, issued by CN=EST Issuing" in out
    assert set(files(ctl)) == {"server.key", "server.pem"}
    key = ctl.folder / "gw/server.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert public_key(ctl, "gw/server.key") == public_key(ctl,
                                                          "gw/server.pem")
    # What sensors get: with the CA between, without the root.
    assert (ctl.folder / "gw/server.pem").read_text().count("BEGIN") == 2
    for name in (("-verify_hostname", "gw.example"),
                 ("-verify_ip", "192.0.2.7")):
        openssl(ctl.folder, "verify", "-purpose", "sslserver", "-CAfile",
                est.anchor, "-untrusted", "gw/server.pem", *name,
                "gw/server.pem")
    request = est.requests[-1]
    assert (request.method, request.peer) == ("POST", "bootstrap")
    assert request.headers["Content-Type"] == "application/pkcs10"
    assert "Authorization" not in request.headers
    assert max(map(len, request.body.splitlines())) == 64


def test_enroll_by_password(est, ctl):
    write_secret(ctl.folder / "password", PASSWORD + "\n")
    ctl.yes(*arguments(est, "enroll", "--cafile", est.anchor, "--cn", "gw1",
                       "-u", USER, "--password-file", "password", "--label",
                       "plant", "--key-kind", "rsa2048"))
    assert [request.path for request in est.requests] == [
        "/.well-known/est/plant/cacerts",
        "/.well-known/est/plant/simpleenroll"]
    assert openssl(ctl.folder, "x509", "-in", "gw/server.pem", "-noout",
                   "-subject", "-nameopt", "RFC2253") == "subject=CN=gw1\n"


def test_a_password_that_is_wrong(est, ctl):
    write_secret(ctl.folder / "password", "wrong\n")
    line = ctl.no(*arguments(est, "enroll", "--cafile", est.anchor, "--cn",
                             "gw1", "-u", USER, "--password-file",
                             "password"))
    assert line == (f"{est.url}: simpleenroll: the server does not know us: "
                    "other --username, --cert (HTTP 401), and says: who are "
                    "you")
    (ctl.folder / "password").chmod(0o644)
    assert "chmod 600" in ctl.error(*arguments(
        est, "enroll", "--cafile", est.anchor, "--cn", "gw1", "-u", USER,
        "--password-file", "password"))


def test_enroll_with_a_key_in_a_token(est, ctl):
    """The certificate from the maker is one of a secure element."""
    hsm = Hsm(ctl.folder)
    ctl.environment.update(hsm.environment)
    (est.folder / "element.pub").write_text(
        hsm.make_key("element", "ecdsa", "--curve=secp256r1"))
    est.ca.openssl("x509", "-req", "-in", "bootstrap.csr", "-force_pubkey",
                   "element.pub", "-CA", "factory.pem", "-CAkey",
                   "factory.key", "-out", "element.pem")
    write_secret(ctl.folder / "pin", PIN)
    ctl.yes(*arguments(est, "enroll", "--cafile", est.anchor, "--cn", "gw1",
                       "--cert", est.folder / "element.pem", "--key",
                       f"{OBJECTS}element", "--key-password-file", "pin"))
    assert est.requests[-1].peer == "bootstrap"


def test_usage(est, ctl):
    def error(*more):
        return ctl.error(*arguments(est, "enroll", "--cafile", est.anchor,
                                    *more))

    assert "want --hostname or --cn" in error("-u", USER)
    assert "by which the server knows us" in error("--cn", "gw1")
    assert "want --cert and --key together" in error("--cn", "a", "--cert",
                                                     "x.pem")
    assert "want a DNS name or an IP address" in ctl.error(
        *enroll(est, "--hostname", "a,DNS:b"))
    assert "want a common name of 1 to 64" in ctl.error(
        *enroll(est, "--cn", "x" * 65))
    for url in ("http://localhost", "https://user@localhost",
                "https://localhost/somewhere", "ftp://localhost",
                "localhost", "https://localhost?x", ""):
        assert "--server: want https://" in ctl.error(
            *enroll(est, "--cn", "gw1", "--server", url))
    for label in ("a/b", "..", "", "a?b"):
        assert "--label: want" in ctl.error(
            *enroll(est, "--cn", "gw1", "--label", label))
    assert est.requests == []


def test_what_is_there_stays(est, enrolled):
    before = files(enrolled)
    assert "is there already, trustctl est reenroll" in enrolled.error(
        *enroll(est, *name_of(est)))
    assert files(enrolled) == before


# ---- Who is at the other end ----

def test_a_server_that_is_not_the_one(est, ctl):
    """It does not even hear who we are."""
    def refused(anchor, url):
        line = ctl.error("est", "enroll", "--server", url, "-o", "gw", "--cn",
                         "gw1", "--cafile", anchor, "--cert",
                         est.folder / "bootstrap.pem", "--key",
                         est.folder / "bootstrap.key")
        assert "want a server whose certificate leads to an anchor" in line

    # The system's anchors, whatever they are, are not ours.
    ctl.environment["SSL_CERT_FILE"] = str(est.anchor)
    ctl.environment["CURL_CA_BUNDLE"] = str(est.anchor)
    refused(est.folder / "factory.pem", est.url)
    refused(est.anchor, est.url.replace("localhost", "127.0.0.1"))
    assert est.requests == []


def test_nobody_there(est, ctl):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"https://localhost:{nobody.getsockname()[1]}"
        line = ctl.error(*enroll(est, "--cn", "gw1", "--server", url))
    assert line.startswith(f"{url}: ") and "onnect" in line


# ---- Answers ----

@pytest.mark.parametrize("reply, words", [
    (Reply(401), "does not know us"),
    (Reply(403), "does not let us have that (HTTP 403)"),
    (Reply(403, b"not \x1b[1myou\n", "text/plain"),
     r"(HTTP 403), and says: not \x1b[1myou"),
    (Reply(404), "has no such thing: other --server, --label"),
    (Reply(204), "has no such thing"),
    (Reply(400, b"<html>", "text/html"), "the server refuses (HTTP 400)"),
    (Reply(500), "has failed (HTTP 500)"),
    (Reply(503), "is too busy"),
    (Reply(202, headers={"Retry-After": "86400"}), "has not decided yet"),
    (Reply(302), "the server refuses (HTTP 302)"),
])
def test_a_server_that_says_no(est, ctl, reply, words):
    est.replies["simpleenroll"].append(reply)
    line = ctl.no(*enroll(est, *name_of(est)))
    assert words in line
    assert set(files(ctl)) == {"server-new.key"}


@pytest.mark.parametrize("reply, words", [
    (Reply(body=b"<html>", type="text/html"),
     'want application/pkcs7-mime, got "text/html": is that an EST server?'),
    (Reply(body=b""), "want 1 to 32 certificates"),
    (Reply(body=b"AAAA"), "want 1 to 32 certificates"),
    (Reply(body=b"not base64!"), "want 1 to 32 certificates"),
    (Reply(body=b"A" * 300000), "want an answer of at most 262144 octets"),
])
def test_an_answer_that_is_none(est, ctl, reply, words):
    est.replies["simpleenroll"].append(reply)
    assert words in ctl.error(*enroll(est, *name_of(est)))
    assert set(files(ctl)) == {"server-new.key"}


def test_base64_in_one_line(est, ctl):
    est.replies["cacerts"].append(Reply(body=base64.b64encode(
        base64.b64decode(est.ca.bundle("root", "issuing")))))
    ctl.yes(*enroll(est, *name_of(est)))


def answer_with(est, name):
    est.replies["simpleenroll"].append(Reply(body=est.ca.bundle(name)))


def test_a_certificate_for_another_key(est, ctl):
    est.ca.issue("other", "issuing", LEAF + "subjectAltName=DNS:gw.example\n")
    answer_with(est, "other")
    assert "want a certificate for our key, got one for another" in ctl.error(
        *enroll(est, "--hostname", "gw.example"))
    assert set(files(ctl)) == {"server-new.key"}


@pytest.mark.parametrize("change, words", [
    ({"issuer": "factory"}, "want a certificate that leads to one of the "
     "anchors, got: "),
    ({"days": 0}, "certificate has expired"),
    ({"purpose": "extendedKeyUsage=clientAuth\n"},
     "want a certificate for a TLS server"),
    ({"names": "subjectAltName=DNS:other.example\n"},
     "want a certificate for gw.example, by which sensors call"),
    ({"names": ""}, "want a certificate for gw.example"),
    ({"ca": CA}, "got a CA's"),
])
def test_a_certificate_that_is_no_use(est, ctl, change, words):
    def issue(body):
        pem = est.ca.openssl("req", "-inform", "DER",
                             input=base64.b64decode(body))
        est.ca.sign(pem, change.get("issuer", "issuing"),
                    change.get("ca", LEAF)
                    + change.get("purpose", "extendedKeyUsage=serverAuth\n")
                    + change.get("names", "subjectAltName=DNS:gw.example\n"),
                    "issued", change.get("days", 90))
        return Reply(body=est.ca.bundle("issued"))

    est.issue = issue
    assert words in ctl.error(*enroll(est, "--hostname", "gw.example"))
    assert set(files(ctl)) == {"server-new.key"}


# ---- Somebody has to approve ----

def test_asked_again_when_told_to(est, ctl):
    later = Reply(202, headers={"Retry-After": "1"})
    est.replies["simpleenroll"] += [later, later]
    result = ctl.run(*enroll(est, *name_of(est)))
    assert result.status == 0, result
    assert result.err.count("note: ") == 2
    assert operations(est) == ["cacerts"] + 3 * ["simpleenroll"]
    assert len({request.body for request in est.requests[1:]}) == 1


def test_not_approved_in_time(est, ctl):
    """Who comes back another day asks for the same key."""
    est.replies["simpleenroll"].append(
        Reply(202, headers={"Retry-After": "5"}))
    line = ctl.no(*enroll(est, "--wait", "4s", *name_of(est)))
    assert "ask again later, or with --wait" in line
    key = files(ctl)["server-new.key"]
    ctl.yes(*enroll(est, *name_of(est)))
    assert files(ctl)["server.key"] == key
    assert "server-new.key" not in files(ctl)


# ---- Redirections ----

@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_sent_elsewhere_on_the_same_server(est, ctl, status):
    there = f"{est.url}/.well-known/est/plant/simpleenroll"
    for location in (there, "/.well-known/est/plant/simpleenroll"):
        est.replies["simpleenroll"].append(
            Reply(status, headers={"Location": location}))
        ctl.folder.joinpath("gw").exists() and [
            path.unlink() for path in ctl.folder.joinpath("gw").iterdir()]
        ctl.yes(*enroll(est, *name_of(est)))
        assert est.requests[-1].path.startswith("/.well-known/est/plant/")
        assert est.requests[-1].method == "POST"
        assert est.requests[-1].body == est.requests[-2].body


@pytest.mark.parametrize("location", [
    "https://127.0.0.1:{port}/.well-known/est/simpleenroll",
    "https://localhost/.well-known/est/simpleenroll",
    "http://localhost:{port}/.well-known/est/simpleenroll",
    "https://localhost.example:{port}/.well-known/est/simpleenroll",
    "https://localhost@other.example:{port}/",
    "//other.example/.well-known/est/simpleenroll",
])
def test_sent_to_another_server(est, ctl, location):
    est.replies["simpleenroll"].append(Reply(302, headers={
        "Location": location.format(port=est.port)}))
    line = ctl.error(*enroll(est, *name_of(est)))
    assert "which is another server: not followed" in line
    assert operations(est) == ["cacerts", "simpleenroll"]


def test_sent_in_circles(est, ctl):
    est.replies["simpleenroll"] += 10 * [Reply(302, headers={
        "Location": "/.well-known/est/simpleenroll"})]
    assert "without end" in ctl.error(*enroll(est, *name_of(est)))
    assert len(est.requests) < 10


# ---- Renewal ----

def test_renewed_with_the_same_key(est, enrolled):
    before = files(enrolled)
    enrolled.yes(*arguments(est, "reenroll"))
    after = files(enrolled)
    assert after["server.key"] == before["server.key"]
    assert after["server.pem"] != before["server.pem"]
    assert set(after) == set(before)
    assert est.requests[-1].peer == "gw.example"
    assert operations(est) == ["cacerts", "simplereenroll"]


def test_renewed_with_a_new_key(est, enrolled):
    before = files(enrolled)
    enrolled.yes(*arguments(est, "reenroll", "--new-key", "--key-kind",
                            "p384"))
    after = files(enrolled)
    assert after["server.key"] != before["server.key"]
    assert set(after) == set(before)
    assert public_key(enrolled, "gw/server.key") == public_key(
        enrolled, "gw/server.pem")
    key = enrolled.folder / "gw/server.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_renewed_when_it_is_time(est, enrolled):
    before = files(enrolled)
    out = enrolled.yes(*arguments(est, "reenroll", "--expiring", "30d"))
    assert "not renewed" in out and est.requests == []
    assert files(enrolled) == before
    enrolled.yes(*arguments(est, "reenroll", "--expiring", "100d"))
    assert files(enrolled) != before


@pytest.mark.parametrize("more", [(), ("--new-key",)])
def test_a_renewal_that_fails_changes_nothing(est, enrolled, more):
    before = files(enrolled)
    for reply in (Reply(403), Reply(500), Reply(body=b"AAAA"),
                  Reply(body=est.ca.bundle("tls"))):
        est.replies["simplereenroll"].append(reply)
        assert enrolled.run(*arguments(est, "reenroll", *more)).status != 0
        after = files(enrolled)
        after.pop("server-new.key", None)
        assert after == before


def test_a_renewal_with_other_names_is_refused(est, enrolled):
    before = files(enrolled)

    def issue(body):
        pem = est.ca.openssl("req", "-inform", "DER",
                             input=base64.b64decode(body))
        est.ca.sign(pem, "issuing", LEAF + "subjectAltName=DNS:gw.example\n",
                    "issued")
        return Reply(body=est.ca.bundle("issued"))

    est.issue = issue
    assert "with the names of the one that it renews" in enrolled.error(
        *arguments(est, "reenroll"))
    assert files(enrolled) == before


def test_renewed_by_another_certificate(est, enrolled):
    """The gateway's own has ended; its maker's still holds. The key that is
    kept is the gateway's."""
    est.reenroll = lambda request, handler: est.issue(request.body)
    key = files(enrolled)["server.key"]
    enrolled.yes(*arguments(est, "reenroll", "--cert",
                            est.folder / "bootstrap.pem", "--key",
                            est.folder / "bootstrap.key"))
    assert est.requests[-1].peer == "bootstrap"
    assert files(enrolled)["server.key"] == key
    assert public_key(enrolled, "gw/server.key") == public_key(
        enrolled, "gw/server.pem")


def test_nothing_to_renew(est, ctl):
    ctl.yes(*arguments(est, "cacerts", "--cafile", est.anchor))
    assert "server.pem: No such file" in ctl.error(*arguments(est,
                                                              "reenroll"))


@pytest.mark.parametrize("stopped", ["before", "between", "in part"])
def test_stopped_in_the_middle(est, enrolled, stopped):
    """The new pair is written, and not in its place; or its key alone."""
    folder = enrolled.folder / "gw"
    old = files(enrolled)
    enrolled.yes(*arguments(est, "reenroll", "--new-key"))
    new = files(enrolled)
    (folder / "server-new.pem").write_bytes(
        new["server.pem"] if stopped != "in part"
        else new["server.pem"][:100])
    (folder / "server.pem").write_bytes(old["server.pem"])
    if stopped == "before":
        write_secret(folder / "server-new.key", new["server.key"].decode())
        write_secret(folder / "server.key", old["server.key"].decode())
    elif stopped == "in part":
        write_secret(folder / "server.key", old["server.key"].decode())
    enrolled.yes(*arguments(est, "reenroll", "--expiring", "1d"))
    assert files(enrolled) == (old if stopped == "in part" else new)


# ---- The gateway ----

def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def shown_certificate(port):
    """What the broker sends now; None: nothing yet."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as sock, \
                context.wrap_socket(sock) as tls:
            return tls.getpeercert(binary_form=True)
    except OSError:
        return None


def wait_for_certificate(ctl, port):
    want = ssl.PEM_cert_to_DER_cert(
        (ctl.folder / "gw/server.pem").read_text().partition(
            "-----END")[0] + "-----END CERTIFICATE-----\n")
    end = time.monotonic() + PATIENCE
    while shown_certificate(port) != want:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_mosquitto_takes_the_new_one(est, enrolled):
    """What a timer does: renew, then SIGHUP."""
    port = free_port()
    folder = enrolled.folder / "gw"
    (enrolled.folder / "mosquitto.conf").write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nuser root\n"
        f"certfile {folder}/server.pem\nkeyfile {folder}/server.key\n")
    broker = subprocess.Popen(
        ["/usr/sbin/mosquitto", "-c", "mosquitto.conf"],
        cwd=enrolled.folder, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    try:
        wait_for_certificate(enrolled, port)
        enrolled.yes(*arguments(est, "reenroll", "--new-key"))
        broker.send_signal(signal.SIGHUP)
        wait_for_certificate(enrolled, port)
    finally:
        broker.terminate()
        broker.wait(PATIENCE)


def test_the_plugin_needs_no_libcurl():
    plugin = pathlib.Path(BUILD / "mosquitto_trust.so").read_bytes()
    assert b"libcurl" not in plugin
    assert b"libcurl" in pathlib.Path(BUILD / "trustctl").read_bytes()
