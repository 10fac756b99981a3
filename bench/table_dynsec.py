# SPDX-License-Identifier: Apache-2.0
"""Mosquitto's dynamic-security with as many clients as a gateway here has
devices, in what both can do: start, hold them, take one more while a live
client pings. There an administrator sends createClient; here the origin's
registry is changed, and the gateway follows it over a bridge. `stall` is what
a ping waited at the most from the order until it was carried out, and a tenth
of a second longer: the broker's thread answered nobody meanwhile."""

import contextlib
import json
import random
import socket
import time

import dynsec
import lab
import mqtt
import pki
import report
import upstream
from ping import Ping

CLIENTS = 2_000 if lab.QUICK else 10_000
CHANGES = 5 if lab.QUICK else 20
CONTROL = "$CONTROL/dynamic-security/v1"


# ---- dynamic-security ----

def write_configuration(path):
    sensor = [dynsec.acl("publishClientSend", "devices/#"),
              dynsec.acl("subscribePattern", "devices/#")]
    admin = [dynsec.acl("publishClientSend", "$CONTROL/#"),
             dynsec.acl("publishClientReceive", "$CONTROL/#"),
             dynsec.acl("subscribePattern", "$CONTROL/#")]
    clients = [dynsec.client("admin", ["admin"]), *(
        dynsec.client(f"device-{i:07}", ["sensor"]) for i in range(CLIENTS))]
    dynsec.write(path, clients, {"sensor": sensor, "admin": admin},
                 ("publishClientSend", "subscribe"))


class Admin:
    """Who may send commands."""

    def __init__(self, port):
        self.socket = socket.create_connection(
            ("127.0.0.1", port), lab.PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(mqtt.packet(
            0x10, "MQTT", b"\x04\xc2\0\0", "admin", "admin", dynsec.PASSWORD))
        self.expect(b"\x20\x02\0\0")
        self.socket.sendall(mqtt.packet(
            0x82, b"\0\1", f"{CONTROL}/response", b"\0"))
        self.expect(b"\x90\x03\0\1\0")

    def expect(self, answer):
        got = self.socket.recv(len(answer), socket.MSG_WAITALL)
        if got != answer:
            raise RuntimeError(f"dynamic-security, want {answer!r}, "
                               f"got {got!r}")

    def create(self, name):
        """Returns when it is done."""
        order = json.dumps({"commands": [
            {"command": "createClient", "username": name,
             "password": dynsec.PASSWORD}]}).encode()
        self.socket.sendall(mqtt.packet(0x30, CONTROL, order))
        done = b'{"responses":[{"command":"createClient"}]}'
        self.expect(mqtt.packet(0x30, f"{CONTROL}/response", done))

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.socket.close()


# ---- Both ----

def start(each):
    """Seconds until the first CONNACK."""
    began = time.monotonic()
    with each, Ping(each.ping_port):
        return time.monotonic() - began


def change(ping, carry_out):
    """(milliseconds until it was done, what a ping waited at the most)"""
    time.sleep(random.uniform(0.2, 0.4))  # in no step with anybody's ticks
    ping.take()
    began = time.monotonic()
    done = carry_out(began)
    time.sleep(0.1)
    return (done - began) * 1e3, max(ms for _, ms in ping.take())


def measure_changes(table, orders):
    """`orders` are {peer: (ping, carry_out)}."""
    pairs = lab.alternate({
        peer: lambda order=order: change(*order)
        for peer, order in orders.items()}, CHANGES)
    for peer, values in pairs.items():
        if peer != "stock":
            table.add(f"change.{peer}", "ms", [took for took, _ in values])
        table.add(f"stall.{peer}", "ms", [stall for _, stall in values])


def run_live(table, above, brokers):
    """Memory with one live client, and changes."""
    serial = 1

    def add_device(began):
        nonlocal serial
        serial += 1
        lab.trustctl("device", "add", "-r", above.registry, f"new-{serial}",
                     "--thumbprint", random.randbytes(32).hex())
        return brokers["ours"].wait_serial(serial, began)

    def add_client(began):
        admin.create(f"new-{began}")
        return time.monotonic()

    with contextlib.ExitStack() as stack:
        began = time.monotonic()
        for each in brokers.values():
            stack.enter_context(each)
        pings = {peer: stack.enter_context(Ping(each.ping_port))
                 for peer, each in brokers.items()}
        brokers["ours"].wait_settled(began)
        for peer, each in brokers.items():
            table.add(f"memory.{peer}", "MB", [each.memory_mb()])
        admin = stack.enter_context(Admin(brokers["dynsec"].ping_port))
        measure_changes(table, {
            "stock": (pings["stock"], lambda began: began),
            "dynsec": (pings["dynsec"], add_client),
            "ours": (pings["ours"], add_device)})


def make_dynsec(site):
    each = upstream.Pinged("dynsec", site, f"cafile {site.root}",
                           f"plugin {dynsec.PLUGIN}",
                           "plugin_opt_config_file "
                           f"{lab.WORK / 'dynamic-security.json'}")
    write_configuration(lab.WORK / "dynamic-security.json")
    return each


def make_registry():
    path, lines = lab.WORK / "dynsec.db", lab.WORK / "dynsec.jsonl"
    pki.write_devices(lines, CLIENTS, "")
    lab.trustctl("init", "-r", path)
    lab.trustctl("put", "-r", path, lines)
    return path


def run():
    dynsec.demand("dynsec")
    table = report.Table(
        "dynsec", f"dynamic-security with {CLIENTS:,} clients, and ours with "
        "as many devices")
    site = pki.Pki("dynsec", "p256", "p256")
    with upstream.Upstream("dynsec.above", site, make_registry()) as above:
        brokers = {
            "stock": upstream.stock("dynsec.stock", site),
            "dynsec": make_dynsec(site),
            "ours": upstream.Gateway("dynsec.ours", above,
                                     lab.WORK / "dynsec-replica.db")}
        with brokers["ours"] as gateway:
            gateway.wait_serial(1, 0)
        table.add_all("s", lab.alternate({
            f"ready.{peer}": lambda each=each: start(each)
            for peer, each in brokers.items()}, lab.FEW))
        run_live(table, above, brokers)
    for what in "ready", "memory":
        for peer in "dynsec", "ours":
            table.difference(f"{what}.{peer}", f"{what}.stock")
    table.difference("stall.dynsec", "stall.stock")
    table.difference("stall.ours", "stall.stock")
    return table
