# SPDX-License-Identifier: Apache-2.0
"""What a message costs the broker: QoS 0, 64 bytes, from one publisher to one
subscriber, all over TLS with the same certificates. Peers with rules grant
the device so many filters, to publish, to receive and to subscribe, and deny
the rest; the last one is the topic's. The publisher is at most a window ahead
of the subscriber (see load.c), which the rate has in it: the CPU time is what
is the broker's alone. `control` is stock once more: how far
it is off is how far the rest may be. With `.turns` no message has the topic of
the one before it."""

import contextlib

import broker
import dynsec
import lab
import load
import pki
import report

MESSAGES = 4000
ACL_USERS = 1000
RULES = 1, 100, 1000
ROLE_RULES = 10  # at most, of each role
TO_STOCK = 0.97

# One device, two clients.
DEVICE = "meter-01"
TOPIC = f"plant/line-last/{DEVICE}/state"
TURNS = f"plant/line-last/{DEVICE}/+"


def filters(n, device):
    """So many, and the topic is in the last one alone."""
    return [f"plant/line-{i:04}/{device}/#" for i in range(n - 1)] + [
        f"plant/line-last/{device}/#"]


def roles(n, rule):
    """So many rules in {role: rules}."""
    made = [rule(filter) for filter in filters(n, "{device}")]
    return {f"role-{i}": made[i:i + ROLE_RULES]
            for i in range(0, n, ROLE_RULES)}


# ---- Peers ----

def named(name, site, *lines):
    """Stock where the device is the user: the certificate's CN says who."""
    return broker.stock(name, site, "use_identity_as_username true",
                        *lines)


def acl_file(n, site):
    """Mosquitto's own file, the device's user in the middle."""
    path = lab.WORK / f"acl_file.{n}"
    users = {f"user-{i}": [f"devices/user-{i}/#"] for i in range(ACL_USERS)}
    users[f"user-{ACL_USERS // 2}"] = []
    with open(path, "w", encoding="utf-8") as lines:
        for user, topics in users.items():
            if not topics:
                user, topics = DEVICE, filters(n, DEVICE)
            lines.write(f"user {user}\n")
            lines.writelines(f"topic readwrite {each}\n" for each in topics)
    path.chmod(0o600)
    return named(f"acl_file.{n}", site, f"acl_file {path}")


def dynamic_security(n, site):
    path = lab.WORK / f"dynsec.{n}.json"
    kinds = "publishClientSend", "publishClientReceive", "subscribePattern"
    made = {role: [dynsec.acl(kind, each) for each in topics for kind in kinds]
            for role, topics in roles(
                n, lambda each: each.replace("{device}", DEVICE)).items()}
    dynsec.write(path, [dynsec.client(DEVICE, made)], made,
                 ("publishClientSend", "publishClientReceive", "subscribe"))
    return named(f"dynsec.{n}", site, f"plugin {dynsec.PLUGIN}",
                 f"plugin_opt_config_file {path}")


def ours(name, n, site, device):
    made = roles(n, lambda each: '{"effect":"allow","actions":["publish",'
                 f'"subscribe"],"topics":["{each}"]}}')
    records = "".join(f'{{"kind":"role","id":"{role}","rules":'
                      f'[{",".join(rules)}]}}\n'
                      for role, rules in made.items())
    ids = ",".join(f'"{role}"' for role in made)
    records += device.by_thumbprint(
        f',"client_id":"prefix","roles":[{ids}]')
    return broker.ours(name, site, pki.registry(name, records))


def clients(device):
    return [pki.Sensor(f"{DEVICE}/{module}", device.chain, device.key)
            for module in ("publisher", "subscriber")]


def make_brokers(site, device):
    peers = [broker.stock("stock", site), broker.stock("control", site)]
    for make in acl_file, dynamic_security:
        peers += [make(n, site) for n in RULES]
    peers += [ours(f"ours.{n}", n, site, device) for n in RULES]
    peers += [broker.stock("stock.turns", site)]
    peers += [ours(f"ours.{n}.turns", n, site, device) for n in RULES]
    return peers


# ---- The table ----

def stock_of(peer):
    return "stock.turns" if peer.endswith(".turns") else "stock"


def compare(table, peers):
    for peer in peers:
        budget = {"at_least": TO_STOCK} if peer.startswith("ours.") else {}
        if not peer.startswith("stock"):
            table.rate(f"cpu.{peer}", f"cpu.{stock_of(peer)}", **budget)
    for peer in peers:
        if not peer.startswith("stock"):
            table.ratio(f"throughput.{peer}", f"throughput.{stock_of(peer)}")


def run():
    table = report.Table(
        "messages", "the broker's CPU time for one QoS 0 message of 64 bytes "
        "over TLS,\n  one publisher, one subscriber, and messages in a "
        "millisecond; .N: with N rules for the device")
    dynsec.demand("messages")
    site = pki.Pki("messages", "p256", "p256")
    device = site.sensor(DEVICE)
    with contextlib.ExitStack() as stack:
        measures = {}
        for each in make_brokers(site, device):
            stack.enter_context(each)
            measures[each.name] = stack.enter_context(load.Load(
                "messages", each, clients(device), MESSAGES,
                TURNS if each.name.endswith(".turns") else TOPIC,
            )).cpu_us_and_rate
        samples = lab.alternate(measures, lab.MANY)
    for peer, pairs in samples.items():
        table.add(f"cpu.{peer}", "us", [cpu for cpu, _ in pairs])
    for peer, pairs in samples.items():
        table.add(f"throughput.{peer}", "/ms", [rate for _, rate in pairs])
    compare(table, list(samples))
    return table
