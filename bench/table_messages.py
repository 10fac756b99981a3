# SPDX-License-Identifier: Apache-2.0
"""What a message costs the broker: QoS 0, 64 bytes, from one publisher to one
subscriber, all over TLS. `control` is stock once more: how far it is off is
how far the rest may be."""

import contextlib

import broker
import lab
import load
import pki
import report

MESSAGES = 4000
ACL_USERS = 1000
ROLES = 100
RULES = 10  # of each role
TO_STOCK = 0.97

# One device, two clients. Its topic is in the last rule of the last role.
DEVICE = "meter-01"
TOPIC = f"plant/{ROLES - 1}/line/{RULES - 1}/{DEVICE}/state"
DEFAULT_TOPIC = f"devices/{DEVICE}/plant/line/state"


def role(number):
    rules = ",".join(
        f'{{"effect":"allow","actions":["publish","subscribe"],'
        f'"topics":["plant/{number}/line/{rule}/{{device}}/#"]}}'
        for rule in range(RULES))
    return f'{{"kind":"role","id":"role-{number}","rules":[{rules}]}}\n'


def make_acl_file():
    """Mosquitto's own file, the device's user in the middle."""
    path = lab.WORK / "acl_file"
    users = [f"user-{i}" for i in range(ACL_USERS)]
    users[ACL_USERS // 2] = DEVICE
    path.write_text("".join(
        f"user {user}\ntopic readwrite devices/{user}/#\n" for user in users),
        "utf-8")
    path.chmod(0o600)
    return path


def ours(name, site, device, records=""):
    prefix = ',"client_id":"prefix"'
    if records:
        roles = ",".join(f'"role-{i}"' for i in range(ROLES))
        prefix += f',"roles":[{roles}]'
    path = pki.registry(name, records + device.by_thumbprint(prefix))
    return broker.ours(name, site, path)


def make_brokers(site, device):
    """{name: (broker, topic)}"""
    return {
        "stock": (broker.stock("stock", site), DEFAULT_TOPIC),
        "control": (broker.stock("control", site), DEFAULT_TOPIC),
        "acl_file": (broker.stock(
            "acl_file", site, "use_identity_as_username true",
            f"acl_file {make_acl_file()}"), DEFAULT_TOPIC),
        "default": (ours("default", site, device), DEFAULT_TOPIC),
        "roles": (ours("roles", site, device,
                       "".join(map(role, range(ROLES)))), TOPIC),
    }


def run():
    table = report.Table(
        "messages", "the broker's CPU time for one QoS 0 message of 64 bytes "
        "over TLS, one publisher, one subscriber")
    site = pki.Pki("messages", "p256", "p256")
    device = site.sensor(DEVICE)
    clients = [pki.Sensor(f"{DEVICE}/{module}", device.chain, device.key)
               for module in ("publisher", "subscriber")]
    with contextlib.ExitStack() as stack:
        measures = {}
        for name, (each, topic) in make_brokers(site, device).items():
            stack.enter_context(each)
            measures[name] = stack.enter_context(load.Load(
                "messages", each, clients, MESSAGES, topic)).cpu_us
        table.add_all("us", lab.alternate(measures, lab.MANY))
    table.rate("control", "stock")
    table.rate("acl_file", "stock")
    table.rate("default", "stock", at_least=TO_STOCK)
    table.rate("roles", "stock", at_least=TO_STOCK)
    return table
