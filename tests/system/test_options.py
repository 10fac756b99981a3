# SPDX-License-Identifier: Apache-2.0
"""Plugin options: what is wrong with them keeps the broker from starting, and
the log names the option, the value and what was wanted."""

import pytest

from broker import PLUGIN

BAD = {
    "unknown": ({"gatewy": "gw1"}, ["gatewy", "gw1"]),
    "repeated": ({"gateway": ["gw1", "gw1"]}, ["gateway", "gw1", "once"]),
    "no gateway": ({"gateway": None}, ["gateway", "want"]),
    "no registry": ({"registry": None}, ["registry", "want"]),
    "gateway with a slash": ({"gateway": "gw/1"}, ["gateway", "gw/1", "want"]),
    "gateway with a plus": ({"gateway": "+"}, ["gateway", "+", "want"]),
    "gateway too long": ({"gateway": "g" * 129}, ["gateway", "want"]),
    "revocation": ({"revocation": "maybe"},
                   ["revocation", "maybe", "if_present or require"]),
    "crl_grace without a unit": ({"crl_grace": "7"},
                                 ["crl_grace", "7", "duration"]),
    "crl_grace below zero": ({"crl_grace": "-1d"},
                             ["crl_grace", "-1d", "duration"]),
    "crl_grace with a blank": ({"crl_grace": "7 d"},
                               ["crl_grace", "7 d", "duration"]),
    "provenance": ({"provenance": "yes"},
                   ["provenance", "yes", "true or false"]),
    "client_certificates": ({"client_certificates": "maybe"},
                            ["client_certificates", "maybe",
                             "required or optional"]),
    "upstream_anchors": ({"upstream_anchors": "both"},
                         ["upstream_anchors", "both", "config or registry"]),
    "registry in no folder": ({"registry": "/nonexistent/x/registry.db"},
                              None),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_option(site, name):
    options, words = BAD[name]
    broker = site.new_broker(options=options)
    if words is None:  # as good as no registry yet
        broker.start()
        return
    log = broker.refuse_to_start()
    line, = [line for line in log.splitlines()
             if "mosquitto_trust: " in line and "plugin_opt_" in line]
    for word in words:
        assert word in line


@pytest.mark.parametrize("options", [
    {"revocation": "if_present"}, {"revocation": "require"},
    {"crl_grace": "0s"}, {"crl_grace": "90m"}, {"crl_grace": "30d"},
    {"upstream_anchors": "config"}, {"upstream_anchors": "registry"},
    {"provenance": "true"}, {"provenance": "false"},
    {"client_certificates": "required"}, {"client_certificates": "optional"},
    {"gateway": "g" * 128}, {"gateway": "Gw-1._%*?!(),:=@'"}])
def test_good_option(site, options):
    broker = site.start(options=options)
    assert "mosquitto_trust" in broker.log()


IDLE = {"scope": "plant", "registry_signatures": "2", "max_offline": "9d",
        "on_stale": "warn", "clock_skew": "1m", "max_removals": "20"}


def test_options_of_a_replica_do_nothing_at_an_origin(site):
    """Each is named, once; it starts all the same."""
    log = site.start(options={**IDLE, "crl_grace": "1d"}).log()
    told = [line for line in log.splitlines() if "it does nothing" in line]
    assert len(told) == len(IDLE)
    for name, line in zip(IDLE, told):
        assert f"plugin_opt_{name}: " in line
        assert "plugin_opt_registry_anchor" in line
    assert "it does nothing" not in site.start(options={
        "crl_grace": "1d"}).log()


def test_registry_is_a_folder(site):
    assert str(site.folder) in site.new_broker(
        options={"registry": site.folder}).refuse_to_start()


def test_loaded_twice(site):
    """The hook in OpenSSL is one for the process."""
    broker = site.new_broker(after=(
        f"plugin {PLUGIN}", "plugin_opt_gateway gw1",
        f"plugin_opt_registry {site.folder / 'other.db'}"))
    assert "want one plugin line" in broker.refuse_to_start()
