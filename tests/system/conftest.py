# SPDX-License-Identifier: Apache-2.0
"""What the system tests share: a site with a registry, brokers, sensors."""

import pathlib
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
pytest.register_assert_rewrite(
    "broker", "clients", "edge_ca", "upstream", "python_line", "python_origin")

import cases  # noqa: E402
from broker import Broker, Registry  # noqa: E402
from clients import Device, Raw  # noqa: E402
from pki import Pki  # noqa: E402
from upstream import Upstream  # noqa: E402


def pytest_configure(config):
    # paho 2 would rather have its new callbacks, which paho 1 has not.
    config.addinivalue_line(
        "filterwarnings", "ignore:Callback API version 1:DeprecationWarning")


class Site:
    """One folder with a PKI, a registry, and what was started on them."""

    def __init__(self, folder):
        self.folder = folder
        keys = folder / "pki"
        keys.mkdir()
        self.pki = Pki(keys, int(time.time()))
        cases.read_common().describe(self.pki)
        self.registry = Registry(folder / "registry.db", self.pki, "")
        self.brokers = []
        self.devices = []
        self.raws = []

    def sensor(self, name, more="", **certificate):
        """Describe a self-signed certificate, and give the record of the
        device that it is of; `more` is JSON within the record."""
        self.pki.certificate(name, **certificate)
        return (f'{{"kind":"device","id":"{name}",{more}"auth":{{"type":'
                f'"thumbprint","primary":"{{thumbprint:{name}}}"}}}}\n')

    def add_sensor(self, name, more="", **certificate):
        """Register a self-signed sensor."""
        self.registry.put(self.sensor(name, more, **certificate))

    def add_group(self, name, anchor, more=""):
        """Register an anchor and a group of the same name."""
        self.registry.put(
            f'{{"kind":"anchor","id":"{name}","purposes":["device"],'
            f'"pem":"{{pem:{anchor}}}"}}\n'
            f'{{"kind":"group","id":"{name}",{more}"anchors":["{name}"]}}')

    def new_broker(self, **more):
        """A broker that is not started yet."""
        folder = self.folder / f"broker-{len(self.brokers)}"
        folder.mkdir()
        more.setdefault("registry", self.registry)
        broker = Broker(folder, self.pki, **more)
        self.brokers.append(broker)
        return broker

    def start(self, **more):
        return self.new_broker(**more).start()

    def device(self, broker, *chain, **more):
        """A client that is not connected yet."""
        device = Device(broker, *chain, **more)
        self.devices.append(device)
        return device

    def connect(self, broker, *chain, **more):
        """A client that was let in."""
        device = self.device(broker, *chain, **more)
        assert device.connect() == 0, broker.log()
        return device

    def raw(self, broker, *chain, **more):
        """A connection that is through with TLS."""
        raw = Raw(broker, *chain, **more)
        self.raws.append(raw)
        return raw

    def close(self):
        for device in self.devices:
            device.drop()
        for raw in self.raws:
            raw.close()
        failed = []
        for broker in self.brokers:
            try:
                broker.stop()
            except Exception as error:  # stop the others, too
                failed.append(error)
        if failed:
            raise failed[0]


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path)
    yield site
    site.close()


@pytest.fixture
def upstream(site):
    upstream = Upstream(site)
    yield upstream
    upstream.close()


@pytest.fixture(scope="module")
def lasting_site(tmp_path_factory):
    """One for all tests of a file."""
    site = Site(tmp_path_factory.mktemp("lasting"))
    yield site
    site.close()


@pytest.fixture(scope="module")
def lasting_upstream(tmp_path_factory):
    """One for all tests of a file, with a site of its own."""
    site = Site(tmp_path_factory.mktemp("lasting"))
    upstream = Upstream(site)
    yield upstream
    upstream.close()
    site.close()
