# SPDX-License-Identifier: Apache-2.0
"""trustctl token create: what it registers, what it prints, and when."""

import datetime
import hashlib
import json
import re
import stat

import pytest
from broker import wait_until
from clients import Boss
from newcomers import Key, Newcomers, token
from test_newcomers import REQUEST
from trustctl import Trustctl

DEVICE = '{"kind":"device","id":"%s",%s"auth":{"type":"ca","group":"plant"}}\n'


@pytest.fixture
def ctl(tmp_path):
    ctl = Trustctl(tmp_path)
    ctl.yes("init")
    ctl.yes("put", input=DEVICE % ("temp-09", ""))
    return ctl


def record(ctl):
    return json.loads(ctl.yes("list", "token", "--json"))


def test_create(ctl):
    out = ctl.yes("token", "create", "temp-09", "--gateway", "gw1")
    name, secret = re.fullmatch(
        r"token:(t-[0-9a-f]{8}) ([A-Za-z0-9_-]{43})\n", out).groups()
    made = record(ctl)
    expires = datetime.datetime.fromisoformat(
        made.pop("expires").replace("Z", "+00:00"))
    left = expires - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(days=6) < left <= datetime.timedelta(days=7)
    assert made == {
        "kind": "token", "id": name, "device": "temp-09", "gateway": "gw1",
        "secret_sha256": hashlib.sha256(secret.encode()).hexdigest(),
        "uses": 1}
    again = ctl.yes("token", "create", "temp-09", "--gateway", "gw1")
    assert secret not in again and name not in again


def test_options(ctl):
    out = json.loads(ctl.yes(
        "token", "create", "temp-09", "--gateway", "gw1", "--expires", "2h",
        "--uses", "3", "--id", "mine", "--at", "2027-01-01T00:00:00Z",
        "--json"))
    assert (out["id"], out["username"], out["expires"], out["uses"]) == (
        "mine", "token:mine", "2027-01-01T02:00:00Z", 3)
    assert record(ctl)["expires"] == "2027-01-01T02:00:00Z"
    assert hashlib.sha256(out["secret"].encode()).hexdigest() \
        == record(ctl)["secret_sha256"]


def test_file(ctl):
    """Its owner's alone; nothing that is there is written to."""
    args = ["token", "create", "temp-09", "--gateway", "gw1", "-o", "a.token"]
    out = ctl.yes(*args)
    path = ctl.folder / "a.token"
    secret = re.fullmatch(r"token:\S+ (\S{43})\n", path.read_text())[1]
    assert secret not in out
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "secret" not in json.loads(ctl.yes(
        *args[:-1], "b.token", "--json"))
    before = path.read_text()
    ctl.no(*args)
    assert path.read_text() == before
    assert len(ctl.yes("list", "token", "--json").splitlines()) == 2
    ctl.error("token", "create", "temp-09", "--gateway", "gw1", "-o", "x/y")
    assert len(ctl.yes("list", "token", "--json").splitlines()) == 2


def test_no_file_without_a_token(ctl):
    ctl.yes("token", "create", "temp-09", "--gateway", "gw1", "--id", "t")
    ctl.no("token", "create", "temp-09", "--gateway", "gw1", "--id", "t",
           "-o", "a.token")
    assert not (ctl.folder / "a.token").exists()


# As the documents have it.
LITERAL = ("token", "create", "temp-09", "--expires", "7d", "--uses", "1")


def counts_at(ctl, *arguments):
    """The gateway, and how it is known."""
    made, = ctl.json(*arguments)
    ctl.yes("remove", "token", made["id"])
    result = ctl.run(*arguments)
    assert result.status == 0, result
    gateway, because = re.fullmatch(
        r"trustctl: note: the token counts at gateway (\S+), for (.*); another "
        r"one: --gateway\n", result.err).groups()
    assert made["gateway"] == gateway
    return gateway, because


def test_which_gateway(ctl):
    assert "no gateway has used registry.db so far" in ctl.error(*LITERAL)
    ctl.yes("put", input=DEVICE % ("temp-10", '"scopes":["gw7"],')
            + DEVICE % ("temp-11", '"scopes":["gw7","gw8"],'))
    assert counts_at(ctl, "token", "create", "temp-10") == (
        "gw7", "its device is in the scope of that name")
    assert record(ctl)["scopes"] == ["gw7"]
    assert "is it one of gw7, gw8?" in ctl.error("token", "create", "temp-11")
    assert record(ctl)["device"] == "temp-10"


def test_the_gateway_of_a_published_registry(ctl):
    """Who administers it where no gateway is: as the demonstration does."""
    ctl.yes("put", input=DEVICE % ("temp-11", '"scopes":["gw7","gw8"],'))
    ctl.yes("pki", "init", "pki", "--hostname", "localhost")

    def publish(scope):
        ctl.yes("sign", "--scope", scope, "--signer",
                "pki/registry-signer.pem", "--key", "pki/registry-signer.key",
                f"out-{scope}")

    publish("gw7")
    for literal in LITERAL, ("token", "create", "temp-11"):
        assert counts_at(ctl, *literal) == (
            "gw7", "this registry is published for the scope of that name")
    publish("gw9")
    assert "is it one of gw7, gw9?" in ctl.error(*LITERAL)
    assert counts_at(ctl, "token", "create", "temp-11")[0] == "gw7"
    ctl.yes("token", "create", "temp-09", "--gateway", "gw9")


def test_the_gateway_of_a_registry_beside_it(site):
    """Who administers it there, as README.md does: the gateway has left its
    name."""
    site.registry.put(DEVICE % ("temp-09", "")
                      + DEVICE % ("temp-11", '"scopes":["gw7","gw1"],'))
    ctl = Trustctl(site.folder, registry=site.registry.path)
    ctl.error(*LITERAL)
    plant = Newcomers(site)
    assert counts_at(ctl, "token", "create", "temp-11") == (
        "gw1", "that is the gateway of this registry")
    name, secret = ctl.run(*LITERAL).out.split()
    plant.come(name.removeprefix("token:"), secret)


@pytest.mark.parametrize("name, note", [
    ("nobody", "device nobody, which token .* names, is not there"),
    ("temp-01", "device temp-01 is not of type ca"),
    ("temp-09", None)])
def test_notes(ctl, name, note):
    ctl.yes("put", input='{"kind":"device","id":"temp-01","auth":{"type":'
            '"thumbprint","primary":"%s"}}' % ("ab" * 32))
    err = ctl.run("token", "create", name, "--gateway", "gw1").err
    assert re.search(note, err) if note else err == ""


@pytest.mark.parametrize("wrong", [
    ["--uses", "0"], ["--uses", "1000001"], ["--expires", "7"],
    ["--gateway", "a/b"], ["--id", "a b"]])
def test_wrong(ctl, wrong):
    ctl.error("token", "create", "temp-09", "--gateway", "gw1", *wrong)
    assert ctl.yes("list", "token", "--json") == ""


def spent(registry):
    rows = registry.run("list", "token").splitlines()
    return [row.split()[5] for row in rows]


def test_uses_that_are_spent(site):
    """On the gateway, where they are counted."""
    site.registry.put(DEVICE % ("temp-09", "") + token())
    assert spent(site.registry) == ["SPENT", "-"]
    plant = Newcomers(site)
    assert spent(site.registry) == ["SPENT", "0"]
    plant.come().publish(REQUEST, Key().pem())
    wait_until(lambda: spent(site.registry) == ["SPENT", "1"], "a use")


def test_uses_from_afar(site):
    """As the gateway has counted them; another one's it does not know."""
    site.registry.put(
        '{"kind":"role","id":"ops","rules":[{"effect":"allow","actions":'
        '["publish","subscribe"],"topics":["$CONTROL/trust/v1",'
        '"$CONTROL/trust/v1/response"]}]}\n'
        + site.sensor("ops", '"roles":["ops"],'))
    plant = Newcomers(site)
    site.registry.put(token(uses=3) + token("t-2", gateway="gw2")
                      + token("t-3", status="disabled"))
    gateway = ["--host", "127.0.0.1", "--port", plant.broker.port(),
               "--cafile", site.pki.file("server-root"), "--cert",
               site.pki.file("ops"), "--key", site.pki.key_file("ops")]
    ctl = Trustctl(site.folder, registry=None)

    def known():
        return [(t["token"], t["uses"], t["spent"], t["finished"], t["left"])
                for t in ctl.json("list", "token", *gateway)]

    unspent = [("t-2", 1, None, None, None), ("t-3", 1, 0, 0, 1)]
    assert known() == [("t-1", 3, 0, 0, 3)] + unspent
    plant.come().publish(REQUEST, Key().pem())
    wait_until(lambda: known() == [("t-1", 3, 1, 0, 2)] + unspent, "a use")
    head, *rows = ctl.yes("list", "token", *gateway).splitlines()
    assert head.split() == ["ID", "STATUS", "DEVICE", "GATEWAY", "USES",
                            "SPENT", "LEFT", "EXPIRES"]
    assert [row.split()[:7] for row in rows] == [
        ["t-1", "enabled", "temp-09", "gw1", "3", "1", "2"],
        ["t-2", "enabled", "temp-09", "gw2", "1", "-", "-"],
        ["t-3", "disabled", "temp-09", "gw1", "1", "0", "1"]]
    assert len({row.index(" temp-09 ") for row in rows}) == 1
    for wrong in "--expiring", "--anchor":
        assert "want device with --expiring and --anchor" in ctl.error(
            "list", "token", wrong, "1d", *gateway)


def test_many_tokens_from_afar(site):
    """They come in pages."""
    names = [f"n-{n:03}" for n in range(250)]
    site.registry.put(
        '{"kind":"role","id":"boss","rules":[{"effect":"allow","actions":'
        '["publish","subscribe"],"topics":["$CONTROL/trust/v1",'
        '"$CONTROL/trust/v1/response"]}]}\n'
        + site.sensor("boss", '"roles":["boss"],'))
    plant = Newcomers(site, records="".join(map(token, names)))
    boss = Boss(site, plant.broker)
    page = boss.ask("listTokens", count=2, after="n-248")["data"]
    assert [t["token"] for t in page["tokens"]] == ["n-249", "t-1"]
    assert page["more"] is False
    assert boss.ask("listTokens", count=249)["error"]
    boss.device.disconnect()
    listed = Trustctl(site.folder, registry=None).json(
        "list", "token", "--host", "127.0.0.1", "--port",
        plant.broker.port(), "--cafile", site.pki.file("server-root"),
        "--cert", site.pki.file("boss"), "--key", site.pki.key_file("boss"))
    assert [t["token"] for t in listed] == [*names, "t-1"]


def test_the_gateway_takes_it(site):
    plant = Newcomers(site)
    name, secret = site.registry.run(
        "token", "create", "temp-09", "--gateway", "gw1").split()
    plant.come(name.removeprefix("token:"), secret)
