# SPDX-License-Identifier: Apache-2.0
"""trustctl inspect: what a gateway would do, told without touching what it
has."""

import time

import pytest
from trustctl import Trustctl, device

SIGNER = ("--scope", "gw1", "--signer", "pki/registry-signer.pem",
          "--key", "pki/registry-signer.key")
ANCHOR = ("--anchor", "pki/registry-root.pem")
REPLICA = ("-r", "replica.db")
DER = "out/notification.der"


@pytest.fixture
def ctl(tmp_path):
    """An origin, and a replica of it."""
    ctl = Trustctl(tmp_path)
    ctl.yes("init")
    ctl.yes("pki", "init", "pki", "--hostname", "localhost")
    ctl.put(*(device(f"temp-{i:02}", f"{i:064x}") for i in range(20)))
    ctl.yes("sign", *SIGNER, "out")
    ctl.yes("apply", *REPLICA, *ANCHOR, "--gateway", "gw1", "out")
    return ctl


def change(ctl):
    ctl.yes("device", "disable", "temp-01")
    ctl.yes("sign", *SIGNER, "out")


def files(ctl):
    return {path.name: path.read_bytes() for path in ctl.folder.iterdir()
            if path.is_file()}


def test_it_only_looks(ctl):
    change(ctl)
    before = files(ctl)
    ctl.yes("inspect", *ANCHOR, *REPLICA, DER)
    assert files(ctl) == before
    for path in ctl.folder.glob("replica.db.*"):
        path.unlink()
    before = files(ctl)
    ctl.yes("inspect", *ANCHOR, *REPLICA, DER)
    assert files(ctl) == before


def test_it_makes_no_replica(ctl):
    assert "none.db" in ctl.error("inspect", "-r", "none.db", DER)
    assert not list(ctl.folder.glob("none.db*"))
    assert "want a replica, got an origin" in ctl.error(
        "inspect", "-r", "registry.db", DER)


def test_it_tells_what_would_be_fetched(ctl):
    def by(*arguments):
        return ctl.json("inspect", *ANCHOR, *arguments, DER)[0]["by"]
    assert by() == "snapshot"
    assert by(*REPLICA) is None
    change(ctl)
    assert by(*REPLICA) == "deltas"
    assert "would fetch   by deltas\n" in ctl.yes(
        "inspect", *ANCHOR, *REPLICA, DER)


def test_the_same_again(ctl):
    assert ctl.json("inspect", *ANCHOR, *REPLICA, DER)[0]["again"]
    assert "takes no notice" in ctl.yes("inspect", *ANCHOR, *REPLICA, DER)
    change(ctl)
    assert not ctl.json("inspect", *ANCHOR, *REPLICA, DER)[0]["again"]


def test_a_notification_whose_time_is_over(ctl):
    """A gateway takes it, where it brings something new, and is stale."""
    over = "its next_update is over: who holds it counts as stale"
    later = ("--at", str(int(time.time()) + 2 * 86400))
    assert over not in ctl.yes("inspect", *ANCHOR, DER)
    assert ctl.yes("inspect", *ANCHOR, *later, DER).endswith(
        f"{over} until a newer one comes\naccepted\n")
    told = ctl.no("inspect", *ANCHOR, *REPLICA, *later, DER)
    assert "takes no notice" in told and over in told


def test_it_says_what_was_wanted(ctl):
    """In the gateway's own words."""
    old = (ctl.folder / DER).read_bytes()
    change(ctl)
    ctl.yes("apply", *REPLICA, *ANCHOR, "--gateway", "gw1", "out")
    ctl.write("old.der", old)
    told = ctl.no("inspect", *ANCHOR, *REPLICA, "old.der")
    assert "refused: serial_regressed: serial: want 2 or later, got 1\n" in told
    applied = ctl.no("apply", "-r", "other.db", *ANCHOR, "--gateway", "gw2",
                     "out")
    assert "refused: wrong_scope: scope: want gw2, got gw1" in applied
    told = ctl.no("inspect", *ANCHOR, *REPLICA, "--scope", "gw2", DER)
    assert ("refused: wrong_scope: scope: want gw2, got gw1; want topics of "
            "the bridge that end in trust/v1/gw2/, look for trust/v1/gw1/\n"
            ) in told


def test_a_clock_below_the_floor(ctl):
    """It decides by the floor, as the gateway does."""
    long_ago = str(int(time.time()) - 50 * 365 * 86400)
    change(ctl)
    assert "refused: signer_untrusted" in ctl.no(
        "inspect", *ANCHOR, "--at", long_ago, DER)
    ctl.yes("inspect", *ANCHOR, *REPLICA, "--at", long_ago, DER)
