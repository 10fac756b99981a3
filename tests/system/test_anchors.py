# SPDX-License-Identifier: Apache-2.0
"""By which anchor devices come, as a gateway tells it while one is rolled."""

import json

import pytest

from broker import trustctl, wait_until
from clients import Boss

BOSS = (
    '{"kind":"role","id":"boss","rules":[{"effect":"allow","actions":'
    '["publish","subscribe"],"topics":["$CONTROL/trust/v1",'
    '"$CONTROL/trust/v1/response"]}]}\n')
ANCHOR = ('{{"kind":"anchor","id":"{0}","purposes":["device"],'
          '"pem":"{{pem:{1}}}"}}\n')
GROUP = ('{{"kind":"group","id":"plant","enroll":"automatic","anchors":{0}}}'
         '\n')


@pytest.fixture
def rolled(site):
    """A broker whose group trusts two roots, a device below each, a third of
    an intermediate that both vouch for, and a sensor without a chain."""
    pki = site.pki
    for root in "old-root", "new-root":
        pki.certificate(root, ca="yes")
    pki.certificate("ca-by-old", subject="CN=CA", issuer="old-root", ca="yes")
    pki.certificate("ca-by-new", subject="CN=CA", issuer="new-root", ca="yes",
                    key="of ca-by-old")
    pki.certificate("temp-old", issuer="old-root")
    pki.certificate("temp-new", issuer="new-root")
    pki.certificate("temp-ca", issuer="ca-by-old")
    site.registry.put(
        BOSS + site.sensor("boss", '"roles":["boss"],')
        + ANCHOR.format("old", "old-root") + ANCHOR.format("new", "new-root")
        + GROUP.format('["old","new"]'))
    site.broker = site.start()
    site.boss = Boss(site, site.broker)
    return site


def ask(site, command, **more):
    response = site.boss.ask(command, **more)
    assert "error" not in response, response
    return response["data"]


def anchors(site):
    """{device: anchor} of the live sessions."""
    return {session["device"]: session["anchor"] for session in
            ask(site, "listSessions")["sessions"]}


def came_by(site, anchor, **more):
    return [device["device"] for device in
            ask(site, "listDevices", anchor=anchor, **more)["devices"]]


def test_each_by_its_own(rolled):
    rolled.connect(rolled.broker, "temp-old")
    rolled.connect(rolled.broker, "temp-new")
    assert anchors(rolled) == {
        "boss": None, "temp-old": "old", "temp-new": "new"}
    assert came_by(rolled, "old") == ["temp-old"]
    assert came_by(rolled, "new") == ["temp-new"]
    listed = {device["device"]: device["anchor"] for device in
              ask(rolled, "listDevices")["devices"]}
    assert listed == anchors(rolled)


@pytest.mark.parametrize("anchor", ["", "ol", "OLD", "plant", "boss", "x" * 200])
def test_nobody_came_by_another(rolled, anchor):
    rolled.connect(rolled.broker, "temp-old")
    assert came_by(rolled, anchor) == []


@pytest.mark.parametrize("fields, words", [
    ({"anchor": 7}, "anchor"),
    ({"anchor": None}, "anchor"),
    ({"anchor": "old", "expiring": "30d"}, "anchor: want it without expiring"),
])
def test_what_cannot_be_asked(rolled, fields, words):
    assert words in rolled.boss.ask("listDevices", **fields)["error"]


def test_who_refused_came_by_none(rolled):
    rolled.pki.certificate("unknown-root", ca="yes")
    rolled.pki.certificate("unknown", issuer="unknown-root")
    assert rolled.device(rolled.broker, "unknown").connect() is None
    for anchor in "old", "new", "unknown-root":
        assert came_by(rolled, anchor) == []


def test_it_is_remembered_across_restarts_and_removal(rolled):
    rolled.connect(rolled.broker, "temp-old")
    rolled.broker.stop()
    rolled.registry.remove("anchor", "old")
    rolled.broker.start()
    rolled.boss = Boss(rolled, rolled.broker)
    assert came_by(rolled, "old") == ["temp-old"]
    assert rolled.device(rolled.broker, "temp-old").connect() is None
    assert came_by(rolled, "old") == ["temp-old"]


def test_a_session_that_goes_on_by_the_other(rolled):
    """Its intermediate is certified by both; the old root goes."""
    device = rolled.connect(rolled.broker, "temp-ca", "ca-by-old", "ca-by-new",
                            client_id="temp-ca")
    before = anchors(rolled)["temp-ca"]
    other, = {"old", "new"} - {before}
    assert came_by(rolled, before) == ["temp-ca"]
    rolled.registry.remove("anchor", before)
    wait_until(lambda: anchors(rolled).get("temp-ca") == other,
               "the session rests on the other anchor")
    assert came_by(rolled, before) == []
    assert came_by(rolled, other) == ["temp-ca"]
    assert device.is_alive()


def test_an_anchor_by_another_id(rolled):
    """The same certificate in another record is another anchor."""
    device = rolled.connect(rolled.broker, "temp-old")
    rolled.registry.put(ANCHOR.format("renamed", "old-root")
                        + GROUP.format('["renamed","new"]'))
    wait_until(lambda: anchors(rolled).get("temp-old") == "renamed",
               "the session rests on the record that is named now")
    assert device.is_alive()
    assert came_by(rolled, "renamed") == ["temp-old"]
    assert came_by(rolled, "old") == []


def test_they_come_in_pages(rolled):
    names = [f"m-{n}" for n in range(5)]
    for name in names:
        rolled.pki.certificate(name, issuer="old-root")
        rolled.connect(rolled.broker, name)
    assert came_by(rolled, "old", count=2) == names[:2]
    assert came_by(rolled, "old", count=2, after="m-1") == names[2:4]
    assert came_by(rolled, "old", count=2, after="m-3") == names[4:]


def test_the_command_line_asks(rolled):
    rolled.connect(rolled.broker, "temp-old")
    rolled.connect(rolled.broker, "temp-new")
    pki = rolled.pki
    gateway = ["--host", "127.0.0.1", "--port", rolled.broker.port(),
               "--cafile", pki.file("server-root"), "--cert",
               pki.file("boss"), "--key", pki.key_file("boss"),
               "--id", "boss"]
    rolled.boss.device.disconnect()
    result = trustctl("list", "device", "--anchor", "old", *gateway)
    assert result.returncode == 0, result.stderr
    head, row = result.stdout.splitlines()
    assert head.split()[-2:] == ["ANCHOR", "EXPIRES"]
    assert row.split()[0] == "temp-old" and row.split()[-2] == "old"
    result = trustctl(
        "list", "device", "--anchor", "new", "--json", *gateway)
    assert [json.loads(line)["device"] for line in
            result.stdout.splitlines()] == ["temp-new"]
    for wrong, words in (
            (["device", "--anchor", "old"], "want --host with --anchor"),
            (["group", "--anchor", "old", *gateway], "want device"),
            (["device", "--anchor", "old", "--expiring", "1d", *gateway],
             "got both")):
        result = trustctl("list", *wrong, registry=rolled.registry.path)
        assert result.returncode == 2 and words in result.stderr, wrong
