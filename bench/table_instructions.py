# SPDX-License-Identifier: Apache-2.0
"""How many instructions a connect and a message take in the broker's process,
counted by callgrind: no figure of time, since not every instruction takes as
long as the next and the kernel's are not counted, but one that a busy machine
does not move. `plugin` is what the plugin's entry points take of it, with all
that they call."""

import re
import subprocess
import time

import broker
import lab
import load
import pki
import report
import table_messages

SENSORS = 20 if lab.QUICK else 50
MESSAGES = 1_000 if lab.QUICK else 5_000
# For what the broker does after a batch.
REST_S = 0.5
ENTRIES = (
    "trust_gate_decide", "trust_connect_on_basic_auth",
    "trust_connect_on_disconnect", "trust_access_on_acl_check",
    "trust_access_on_message", "trust_tick_on_tick")
ENTRY = re.compile(rf"^ *([\d,]+) .*:({'|'.join(ENTRIES)})\b", re.M)
TO_FLOOR, TO_STOCK, FIRST_TO_STOCK = 1.05, 0.86, 1.05


class Counted:
    """A broker under callgrind."""

    def __init__(self, each):
        self.broker = each
        self.profile = each.folder / "callgrind"
        each.command = [
            "valgrind", "--quiet", "--tool=callgrind", "--instr-atstart=no",
            f"--callgrind-out-file={self.profile}", broker.MOSQUITTO]

    def switch(self, state):
        subprocess.run(
            ["callgrind_control", "-i", state, str(self.broker.process.pid)],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def count(self, mode, sensors, n, topic=None, warm_up=None):
        """Thousands of instructions for each of the `n` that a batch has, in
        all and in the plugin. Before it there is one of the same, or of
        another sensor."""
        with self.broker:
            with load.Load("warm-up", self.broker, warm_up or sensors, n, topic,
                           mode) as one:
                one.batch()
            with load.Load(mode, self.broker, sensors, n, topic) as one:
                self.switch("on")
                one.batch()
                time.sleep(REST_S)
                self.switch("off")
        return self.total() / n / 1e3, self.plugin() / n / 1e3

    def total(self):
        text = self.profile.read_text("utf-8", "replace")
        return int(re.search(r"^totals: (\d+)", text, re.M)[1])

    def plugin(self):
        """A function may stand there twice, by its file and by its library:
        the first is the greater."""
        lines = subprocess.run(
            ["callgrind_annotate", "--inclusive=yes", "--threshold=100",
             "--auto=no", self.profile],
            check=True, text=True, stdout=subprocess.PIPE).stdout
        entries = {}
        for count, name in ENTRY.findall(lines):
            entries.setdefault(name, int(count.replace(",", "")))
        return sum(entries.values())


def add(table, name, counts):
    for peer, (total, plugin) in counts.items():
        table.add(f"{name}.{peer}", "k", [total])
        if plugin > 0:
            table.add(f"{name}.{peer}.plugin", "k", [plugin])


def run_connects(table):
    site = pki.Pki("instructions", "p256", "p256")
    stranger, *sensors = site.sensors("sensor", SENSORS + 1)
    records = site.records + "".join(
        each.by_chain() for each in [stranger, *sensors])
    peers = {
        "stock": Counted(broker.stock("instructions.stock", site)),
        "floor": Counted(broker.floor("instructions.floor", site)),
        "ours": Counted(broker.ours(
            "instructions.ours", site,
            pki.registry("instructions", records))),
    }
    add(table, "known", {
        name: each.count("connect", sensors, SENSORS)
        for name, each in peers.items()})
    table.ratio("known.ours", "known.floor", at_most=TO_FLOOR)
    table.ratio("known.ours", "known.stock", at_most=TO_STOCK)
    add(table, "first", {
        name: peers[name].count("connect", sensors, SENSORS,
                                warm_up=[stranger])
        for name in ("stock", "ours")})
    table.ratio("first.ours", "first.stock", at_most=FIRST_TO_STOCK)
    add(table, "resumed", {
        name: each.count("resume", sensors, SENSORS)
        for name, each in peers.items()})
    table.ratio("resumed.ours", "resumed.stock")
    # Where the group has the intermediates, no sensor needs to send them.
    alone = [each.alone() for each in sensors]
    add(table, "known-leaf", {
        "ours": peers["ours"].count("connect", alone, SENSORS)})
    add(table, "first-leaf", {
        "ours": peers["ours"].count("connect", alone, SENSORS,
                                    warm_up=[stranger.alone()])})


def run_messages(table):
    site = pki.Pki("instructions-messages", "p256", "p256")
    device = site.sensor(table_messages.DEVICE)
    clients = table_messages.clients(device)
    peers = {"stock": Counted(broker.stock("instructions.message", site))}
    for n in table_messages.RULES:
        peers[f"ours.{n}"] = Counted(table_messages.ours(
            f"instructions.ours.{n}", n, site, device))
    add(table, "message", {
        name: each.count("messages", clients, MESSAGES, table_messages.TOPIC)
        for name, each in peers.items()})
    for name in list(peers)[1:]:
        table.ratio(f"message.{name}", "message.stock")


def run():
    table = report.Table(
        "instructions", "thousands of instructions in the broker, for a "
        "connect of a sensor\n  that is known, that comes first, resumed, and "
        "with its leaf alone, and for a message")
    run_connects(table)
    run_messages(table)
    return table
