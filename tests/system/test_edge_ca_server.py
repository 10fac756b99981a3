# SPDX-License-Identifier: Apache-2.0
"""trustctl edge-ca serve: the gateway's own server certificate, with the real
broker and the plugin."""

import json
import ssl
import stat

import pytest
from cryptography import x509

import edge_ca
from broker import PLAIN, wait_until
from edge_ca import EdgeCa, certificates, public
from trustctl import openssl

NAMES = ("gw1.plant.example", "127.0.0.1")


@pytest.fixture
def plant(site):
    """A gateway, a sensor, and the role of the Edge CA."""
    edge_ca.describe(site.pki)
    site.registry.put(edge_ca.ROLE + site.sensor("edge", '"roles":["ca"],')
                      + site.sensor("temp-01"))
    site.authorities = []

    def serve(*more, names=NAMES, **options):
        """An Edge CA that looks after the certificate."""
        values = {"server-cert": site.folder / "gw.pem",
                  "server-key": site.folder / "gw.key",
                  "cert": site.pki.file("edge"),
                  "key": site.pki.key_file("edge"), **options}
        for name in names:
            more += ("--server-name", name)
        site.authorities.append(EdgeCa(site, *more, **values))
        return site.authorities[-1]

    site.serve = serve
    yield site
    for authority in site.authorities:
        authority.stop()


@pytest.fixture
def running(plant):
    """Its broker has another server certificate at first."""
    plant.broker = plant.new_broker()
    plant.broker.conf = [f"pid_file {plant.broker.folder}/mosquitto.pid"]
    plant.broker.start()
    return plant


def there(site):
    """What the files have: the certificates, and the key."""
    return (certificates((site.folder / "gw.pem").read_text()),
            ssl_key((site.folder / "gw.key")))


def ssl_key(path):
    return openssl(path.parent, "pkey", "-in", path, "-pubout")


def seen(site):
    """The certificate that a new connection sees, once it has verified it."""
    context = ssl.create_default_context(
        cafile=site.pki.file("enroll-root"))
    context.load_cert_chain(
        site.pki.file("temp-01"), site.pki.key_file("temp-01"))
    try:
        raw = site.raw(site.broker, "temp-01", context=context)
    except ssl.SSLCertVerificationError:
        return None
    der = raw.socket.getpeercert(True)
    raw.close()
    return x509.load_der_x509_certificate(der)


def names_of(leaf):
    names = leaf.extensions.get_extension_for_class(
        x509.SubjectAlternativeName).value
    return [str(name.value) for name in names]


def serve_running(site, *more, **options):
    """An Edge CA for the files of the running broker."""
    folder = site.broker.folder
    return site.serve(*more, **{
        "server-cert": folder / "server.pem",
        "server-key": folder / "server.key",
        "broker-pid": folder / "mosquitto.pid",
        "cafile": site.pki.file("server-root", "enroll-root"), **options})


def test_it_is_made_where_there_is_none(running):
    running.serve()
    (leaf, *chain), key = there(running)
    assert names_of(leaf) == list(NAMES)
    assert len(chain) == 2
    assert stat.S_IMODE((running.folder / "gw.key").stat().st_mode) == 0o600
    assert key == openssl(
        running.folder, "x509", "-in", "gw.pem", "-noout", "-pubkey")
    for more in (["-verify_hostname", NAMES[0]], ["-verify_ip", NAMES[1]]):
        openssl(running.folder, "verify", "-x509_strict", "-purpose",
                "sslserver", "-CAfile", running.pki.file("enroll-root"),
                "-untrusted", "gw.pem", *more, "gw.pem")
    line, = running.authorities[0].audit()
    assert line["server"] == list(NAMES) and "device" not in line
    assert line["serial_number"] == f"{leaf.serial_number:032X}"
    assert not leaf.extensions.get_extension_for_class(
        x509.BasicConstraints).value.ca


def test_it_is_made_again_where_it_does_not_fit(running):
    """Other names, another CA, another key, no certificate at all: it is
    replaced, with the same key. Where it fits it stays."""
    pki = running.pki
    running.serve().stop()
    (first, *_), key = there(running)

    def again(why, **more):
        mark = (running.folder / "gw.pem").read_text()
        ca = running.serve(**more)
        ca.stop()
        assert why in ca.log()
        now = (running.folder / "gw.pem").read_text()
        assert (now == mark) == (why == "")
        return there(running)

    assert again("") == ([first, *_], key)
    (leaf, *_), same = again("it had other names", names=NAMES[:1])
    assert names_of(leaf) == [NAMES[0]] and same == key
    pki.certificate("other-ca", issuer="enroll-int", ca="yes")
    ours = {"ca": pki.file("other-ca", "enroll-int"),
            "ca-key": edge_ca.private(pki.key_file("other-ca"))}
    again("it was of another CA", names=NAMES[:1], **ours)
    again("it had other names")  # and the CA is the first again
    (running.folder / "gw.key").unlink()
    (_, other) = again("its key was another")
    assert other != key
    (running.folder / "gw.pem").write_text("nothing\n")
    again("there was none")


def test_it_is_renewed_while_it_is_used(running):
    """Who is connected stays; who comes sees the new one."""
    sensor = running.connect(running.broker, "temp-01")
    ca = serve_running(running, **{"server-validity": "12s"})
    first = wait_until(lambda: seen(running), "the first certificate")
    wait_until(lambda: seen(running) not in (None, first),
               "its successor", patience=60)
    second = seen(running)
    assert public(second) == public(first)
    assert names_of(second) == list(NAMES)
    assert second.not_valid_after > first.not_valid_after
    assert sensor.is_alive()
    assert ca.log().count("connected, answering") == 1
    assert "again" not in ca.log()
    assert "two thirds of its life are over" in ca.log()


OPERATOR = (
    '{"kind":"role","id":"operator","rules":[{"effect":"allow","actions":'
    '["publish","subscribe"],"topics":["trust/v1/#"]}]}\n')


@pytest.fixture
def told(plant):
    """Its broker keeps an audit log, an operator listens, and so does who is
    above it."""
    plant.audit = plant.folder / "audit.jsonl"
    plant.registry.put(OPERATOR + plant.sensor(
        "boss", '"roles":["operator"],'))
    plant.above = plant.start(
        plugin=False, listeners=[PLAIN, edge_ca.listener(plant.pki)],
        conf=["allow_anonymous true"])
    # The bridge has a certificate, too, and is no listener.
    plant.broker = plant.new_broker(
        options={"audit_log": plant.audit}, after=[
            "connection up",
            f"address 127.0.0.1:{plant.above.port()}",
            f"bridge_cafile {plant.pki.file('server-root')}",
            f"bridge_certfile {plant.pki.file('gateway')}",
            f"bridge_keyfile {plant.pki.key_file('gateway')}",
            "topic events out 1 trust/v1/ trust/v1/gw1/",
            "restart_timeout 1"])
    plant.broker.conf = [f"pid_file {plant.broker.folder}/mosquitto.pid"]
    plant.broker.start()
    plant.broker.wait_log(r"Received CONNACK on connection \S+\.up")
    plant.boss = plant.connect(plant.broker, "boss")
    assert plant.boss.subscribe("trust/v1/events") == 1
    plant.upstream = plant.connect(
        plant.above, client_id="above", listener="plain")
    assert plant.upstream.subscribe("trust/v1/gw1/events") == 1
    return plant


def enrolled(events):
    return [event["detail"] for event in events
            if event["event"] == "enrolled"]


def heard(device):
    return enrolled(json.loads(text) for _, text, _ in device.messages)


def audited(site):
    return enrolled(map(json.loads, site.audit.read_text().splitlines()))


def test_it_is_told_of(told):
    """As an event, upstream as well, and in both audit logs; with SIGHUP or at
    the next start, each once."""
    assert audited(told) == []  # the one of the first start is no news
    ca = serve_running(told)
    wait_until(lambda: audited(told), "the first certificate")
    for client in told.boss, told.upstream:
        client.wait(lambda: heard(client), "an event")
        assert heard(client) == audited(told)
    line, = [line for line in map(json.loads, (
        text for _, text, _ in told.upstream.messages))
        if line["event"] == "enrolled"]
    assert (line["device"], line["client"], line["address"],
            line["reason"]) == (None, None, None, None)
    issued, = ca.audit()
    assert line["detail"] == (
        f"server certificate {issued['thumbprint']} of CN={NAMES[0]}, serial "
        f"number {issued['serial_number']}, until {issued['not_after']}")
    ca.stop()
    told.broker.reload()
    told.broker.stop()
    told.pki.certificate("renewed", subject="CN=renewed",
                         issuer="server-root", eku="serverAuth",
                         san="dns:localhost ip:127.0.0.1")
    told.broker.server = "renewed"
    for _ in range(2):
        told.broker.start()
        wait_until(lambda: len(audited(told)) == 2, "the one of the start")
        told.broker.stop()
    assert " of CN=renewed, " in audited(told)[1]


def test_nobody_forges_what_is_told(told):
    """Not who has a role for all of these topics."""
    forged = json.dumps({"event": "enrolled", "detail": "forged"})
    told.boss.publish("trust/v1/events", forged)
    told.boss.publish("trust/v1/events", forged, retain=True)
    told.broker.wait_log("refused topic_not_allowed")
    serve_running(told)
    for client in told.boss, told.upstream:
        client.wait(lambda: heard(client), "an event")
        assert "forged" not in "".join(heard(client))


def test_no_renewal_where_the_ca_ends_first(running):
    """It would end no later than the one that is there."""
    running.pki.certificate("short-ca", issuer="enroll-int", ca="yes",
                            from_="-30d", until="+1h")
    ca = running.serve(ca=running.pki.file("short-ca", "enroll-int"), **{
        "ca-key": edge_ca.private(running.pki.key_file("short-ca"))})
    ca.stop()
    assert len(ca.audit()) == 1
    leaf = there(running)[0][0]
    running.serve(ca=running.pki.file("short-ca", "enroll-int"), **{
        "ca-key": edge_ca.private(running.pki.key_file("short-ca"))})
    assert there(running)[0][0] == leaf


def test_a_broker_that_nobody_told(running):
    """We ended between the new certificate and the signal."""
    serve_running(running, **{"broker-pid": None}).stop()
    assert seen(running) is None
    serve_running(running)
    wait_until(lambda: seen(running), "the new certificate")


def test_a_broker_that_cannot_be_told(running):
    """That is said once, and devices are answered."""
    pid = running.folder / "pid"
    for text, words in ((None, "No such file"), ("x\n", "want the number of"),
                        ("1\n", "want the number of"),
                        ("4194303\n", "No such process")):
        (running.folder / "gw.pem").unlink(missing_ok=True)
        pid.unlink(missing_ok=True)
        if text is not None:
            pid.write_text(text)
        ca = running.serve(**{"broker-pid": pid})
        assert words in ca.log()
        assert "Mosquitto goes on with the certificate" in ca.log()
        ca.stop()


def test_names_that_cannot_stand_in_a_certificate(running):
    ca = running.serve(wait=False, names=["a b"])
    assert 'want a DNS name or an IP address, got "a b"' in (
        ca.refuse_to_start())
    assert not (running.folder / "gw.pem").exists()


def test_half_of_the_options(running):
    for options in ({"names": []}, {"server-cert": None},
                    {"server-key": None},
                    {"names": [], "server-cert": None, "server-key": None,
                     "broker-pid": "x"}):
        assert "--server-name, --server-cert and --server-key together" in (
            running.serve(wait=False, **options).refuse_to_start())
