# SPDX-License-Identifier: Apache-2.0
"""Three brokers in a row: a gateway bridges the topics of the one below it,
unchanged, and knows its bridge as a device like any other."""

import pytest

from broker import wait_until


def let_in(site, gateway, *chain):
    device = site.device(gateway.broker, *chain)
    code = device.connect()
    device.drop()
    return code == 0


@pytest.fixture
def row(site, upstream):
    """The top, the middle gw1, the lowest gw2, and their sensors. Whoever
    the middle gateway lets in for the lowest is in its own registry."""
    site.registry.put(
        '{"kind":"role","id":"below","rules":['
        '{"effect":"allow","actions":["subscribe"],"topics":['
        '"trust/v1/gw2/notification","trust/v1/gw2/content"]},'
        '{"effect":"allow","actions":["publish"],"topics":['
        '"trust/v1/gw2/request","trust/v1/gw2/report"]}]}\n'
        + site.sensor("temp-01", '"scopes":["gw1"],')
        + site.sensor("temp-02", '"scopes":["gw2"],')
        + site.sensor("live", '"scopes":["gw2"],')
        + '{"kind":"device","id":"bridge-gw2","roles":["below"],'
          '"scopes":["gw1"],"auth":{"type":"thumbprint","primary":'
          '"{thumbprint:bridge-gw2}"}}')
    upstream.follow()
    upstream.lower = upstream.follow(scope="gw2")
    upstream.middle = upstream.gateway("gw1", after=[
        "topic notification in 1 trust/v1/gw2/ trust/v1/gw2/",
        "topic content in 1 trust/v1/gw2/ trust/v1/gw2/",
        "topic request out 1 trust/v1/gw2/ trust/v1/gw2/",
        "topic report out 1 trust/v1/gw2/ trust/v1/gw2/"]).wait_serial(1)
    upstream.lowest = upstream.gateway(
        "gw2", above=upstream.middle.broker.port()).wait_serial(1)
    return upstream


def test_three_brokers_in_a_row(site, row):
    middle, lowest = row.middle, row.lowest
    assert lowest.devices() == ["live", "temp-02"]
    assert middle.devices() == ["bridge-gw2", "temp-01"]
    live = site.connect(lowest.broker, "live")
    assert not let_in(site, lowest, "temp-01")
    assert not let_in(site, middle, "temp-02")
    row.lower.wait_log("gateway gw2: serial 1, up to date")

    # Between the top and the middle: the lowest goes on, and catches up.
    middle.link.cut()
    site.registry.put(site.sensor("temp-03", '"scopes":["gw2"],'))
    row.lower.wait_serial(2)
    assert live.is_alive()
    assert let_in(site, lowest, "temp-02")
    assert not let_in(site, lowest, "temp-03")
    middle.link.join()
    lowest.wait_serial(2)
    wait_until(lambda: let_in(site, lowest, "temp-03"), "temp-03 is let in")
    assert live.is_alive()

    # Between the middle and the lowest: the same.
    lowest.link.cut()
    site.registry.run("device", "disable", "live")
    row.lower.wait_serial(3)
    assert live.is_alive()
    lowest.link.join()
    lowest.wait_serial(3)
    live.wait_closed()
    row.lower.wait_log("gateway gw2: serial 3, up to date")


def test_the_middle_takes_in_the_bridge_for_its_scope_alone(site, row):
    """A gateway below reads and writes what is its own."""
    row.lowest.broker.stop()
    below = site.connect(row.middle.broker, "bridge-gw2")
    for topic in ("trust/v1/gw2/request", "trust/v1/gw1/notification",
                  "$CONTROL/trust/v1/notification", "trust/v1/#"):
        assert below.subscribe(topic) == 0x80
    assert below.subscribe("trust/v1/gw2/content") == 1
    mark = row.middle.broker.mark()
    below.publish("trust/v1/gw2/notification", "x", retain=True)
    row.middle.broker.wait_log("Denied PUBLISH from bridge-gw2", since=mark)
