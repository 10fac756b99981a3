# SPDX-License-Identifier: Apache-2.0
"""Resumed TLS sessions: a ticket is worth what its certificate is worth."""

import ssl

import pytest

from broker import TLS, Listener
from clients import s_client

VERSIONS = pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])


class Traveller:
    """A client that keeps its TLS session in a file."""

    def __init__(self, site, broker, *chain, version, listener="tls"):
        self.broker = broker
        self.chain = chain
        self.listener = listener
        self.version = version
        self.session = site.folder / "session.pem"

    def first(self):
        """Connect, and keep the session."""
        spoken = s_client(
            self.broker, *self.chain, listener=self.listener,
            more=[self.version, "-sess_out", self.session])
        assert not spoken.resumed
        return spoken

    def again(self, listener=None, more=()):
        """Connect with the session that was kept."""
        return s_client(
            self.broker, *self.chain, listener=listener or self.listener,
            more=[self.version, "-sess_in", self.session, *more])


@VERSIONS
def test_resumed(site, version):
    site.add_sensor("temp-01")
    traveller = Traveller(site, site.start(), "temp-01", version=version)
    assert traveller.first().code == 0
    spoken = traveller.again()
    assert spoken.resumed and spoken.code == 0


def test_one_ticket_a_connection(site):
    """A second one would cost the broker a tenth of the connect."""
    site.add_sensor("temp-01")
    traveller = Traveller(site, site.start(), "temp-01", version="-tls1_3")
    for spoken in traveller.first(), traveller.again():
        assert spoken.code == 0
        assert spoken.text.count("New Session Ticket arrived") == 1


@VERSIONS
def test_resumed_under_a_chain(site, version):
    """Where the broker has the leaf alone."""
    site.add_group("plant", "factory-root", '"enroll":"automatic",')
    site.pki.certificate("leaf-01", issuer="edge-ca")
    traveller = Traveller(site, site.start(), "leaf-01", "edge-ca", "line-ca",
                          version=version)
    assert traveller.first().code == 0
    spoken = traveller.again()
    assert spoken.resumed and spoken.code == 0


@VERSIONS
def test_the_client_id_counts_when_resumed(site, version):
    site.add_sensor("temp-01")
    broker = site.start()
    traveller = Traveller(site, broker, "temp-01", version=version)
    assert traveller.first().code == 0
    spoken = s_client(broker, "temp-01", client_id="temp-02",
                      more=[version, "-sess_in", traveller.session])
    assert spoken.resumed and spoken.code == 5
    assert broker.wait_refusal()[0] == "client_id_mismatch"


@VERSIONS
def test_disabled(site, version):
    """The ticket is declined, and the full handshake says why."""
    site.add_sensor("temp-01")
    broker = site.start()
    traveller = Traveller(site, broker, "temp-01", version=version)
    assert traveller.first().code == 0
    site.registry.run("device", "disable", "temp-01")
    spoken = traveller.again()
    assert not spoken.resumed and spoken.code is None
    assert broker.wait_refusal() == (
        "device_disabled", site.pki.get("temp-01").thumbprint)


@VERSIONS
def test_disabled_and_enabled(site, version):
    site.add_sensor("temp-01")
    traveller = Traveller(site, site.start(), "temp-01", version=version)
    assert traveller.first().code == 0
    site.registry.run("device", "disable", "temp-01")
    assert traveller.again().code is None
    site.registry.run("device", "enable", "temp-01")
    assert traveller.again().code == 0


@VERSIONS
def test_another_device_changes(site, version):
    site.add_sensor("temp-01")
    site.add_sensor("temp-02")
    traveller = Traveller(site, site.start(), "temp-01", version=version)
    assert traveller.first().code == 0
    site.registry.run("device", "disable", "temp-02")
    assert traveller.again().code == 0


@VERSIONS
def test_an_anchor_goes(site, version):
    site.add_group("plant", "factory-root", '"enroll":"automatic",')
    site.pki.certificate("leaf-01", issuer="factory-root")
    broker = site.start()
    traveller = Traveller(site, broker, "leaf-01", version=version)
    assert traveller.first().code == 0
    site.registry.remove("anchor", "plant")
    spoken = traveller.again()
    assert not spoken.resumed and spoken.code is None
    assert broker.wait_refusal()[0] == "chain_untrusted"


def test_session_ids_are_not_kept(site):
    """TLS 1.2 without tickets: the server has no cache."""
    site.add_sensor("temp-01")
    broker = site.start()
    for _ in range(2):
        traveller = Traveller(site, broker, "temp-01", version="-tls1_2")
        spoken = s_client(broker, "temp-01", more=[
            "-tls1_2", "-no_ticket", "-sess_out", traveller.session])
        assert spoken.code == 0
        if traveller.session.exists():
            spoken = traveller.again(more=["-no_ticket"])
            assert not spoken.resumed and spoken.code == 0


@VERSIONS
def test_another_broker(site, version):
    """A ticket of another broker, or of this one before a restart."""
    site.add_sensor("temp-01")
    first, second = site.start(), site.start()
    traveller = Traveller(site, first, "temp-01", version=version)
    assert traveller.first().code == 0
    traveller.broker = second
    spoken = traveller.again()
    assert not spoken.resumed and spoken.code == 0


@VERSIONS
def test_a_ticket_without_a_certificate(site, version):
    """It was given where none was asked for, and opens nothing where one is
    wanted. Nor does it resume where it came from."""
    site.add_sensor("temp-01")
    broker = site.start(listeners=[TLS, Listener("open", require=False)],
                        conf=["allow_anonymous true"])
    traveller = Traveller(site, broker, version=version, listener="open")
    traveller.chain = ()
    spoken = s_client(broker, client_id="guest", listener="open",
                      more=[version, "-sess_out", traveller.session])
    assert traveller.session.exists(), spoken.text
    spoken = s_client(broker, client_id="temp-01", listener="tls",
                      more=[version, "-sess_in", traveller.session])
    assert not spoken.resumed and spoken.code is None
    spoken = s_client(broker, client_id="guest", listener="open",
                      more=[version, "-sess_in", traveller.session])
    assert not spoken.resumed


def test_a_resumed_session_is_followed(site):
    """It rests on the chain of the handshake that it began with."""
    site.add_group("plant", "factory-root", '"enroll":"automatic",')
    site.pki.certificate("leaf-01", issuer="edge-ca")
    broker = site.start()
    first = site.raw(broker, "leaf-01", "edge-ca", "line-ca",
                     maximum=ssl.TLSVersion.TLSv1_2)
    assert first.connect("leaf-01") == 0
    second = site.raw(broker, context=first.context,
                      session=first.socket.session)
    assert second.socket.session_reused
    assert second.connect("leaf-01") == 0
    site.registry.put('{"kind":"role","id":"x","rules":[]}')
    site.add_sensor("temp-01")  # in, so the change before it was seen
    site.connect(broker, "temp-01")
    assert second.is_alive()
    site.pki.crl("line-ca", revoked="edge-ca")
    site.registry.put('{"kind":"crl","id":"line","pem":"{crl:line-ca}"}')
    broker.wait_log("closed client leaf-01: certificate_revoked")
    assert not second.is_alive()


@VERSIONS
def test_after_sighup(site, version):
    """New contexts have new ticket keys; the client notices nothing."""
    site.add_sensor("temp-01")
    broker = site.start()
    traveller = Traveller(site, broker, "temp-01", version=version)
    assert traveller.first().code == 0
    broker.reload()
    assert traveller.again().code == 0
    site.registry.run("device", "disable", "temp-01")
    assert traveller.again().code is None
