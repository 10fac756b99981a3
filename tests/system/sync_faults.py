# SPDX-License-Identifier: Apache-2.0
"""An origin with its upstream broker, gateways that follow it, and what is
needed to hurt them and to see what is left."""

import contextlib
import hashlib
import json
import random
import resource
import shutil
import sqlite3
import subprocess
import threading

from broker import PATIENCE, Listener, Registry, wait_until
from clients import V311, new_paho
from trustctl import PROGRAM, Trustctl, device

SCOPE = "plant"
TOPIC = f"trust/v1/{SCOPE}/"
SIGNER = ("--scope", SCOPE, "--signer", "pki/registry-signer.pem",
          "--key", "pki/registry-signer.key")
OPEN = Listener("plain", tls=False, lines=("allow_anonymous true",))
NOTHING = (None, 0)  # session and serial of a replica that holds nothing


def read_notification(der):
    """What a notification says; who signed it is the gateways' question."""
    text = der[der.index(b'{"'):].decode("latin-1")
    return json.JSONDecoder().raw_decode(text)[0]


def digest(records):
    """The state digest of sync.md."""
    return f"""{sum(int.from_bytes(hashlib.sha256(json.dumps(
        record, sort_keys=True, separators=(",", ":"),
        ensure_ascii=False).encode()).digest(), "big")
        for record in records) % 2 ** 256:064x}"""


class Watcher:
    """Listens at the upstream broker."""

    def __init__(self, port):
        self.published = {NOTHING: {"state": digest([]), "records": 0}}
        self.newest = NOTHING
        self.wanted = {}  # by gateway, all that it ever asked for
        self.client = new_paho("watcher", V311, "tcp", True)
        self.client.on_message = self.on_message
        self.client.connect("127.0.0.1", port)
        self.client.subscribe([(TOPIC + "notification", 1),
                               (TOPIC + "request", 1)])
        self.client.loop_start()

    def on_message(self, client, userdata, message):
        if message.topic == TOPIC + "notification":
            said = read_notification(message.payload)
            self.published[said["session"], said["serial"]] = said
            self.newest = said["session"], said["serial"]
        else:
            said = json.loads(message.payload)
            self.wanted.setdefault(said["gateway"], set()).update(
                said["want"])

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


class Origin:
    """A registry of devices, published to a broker of its own."""

    def __init__(self, site, devices):
        folder = site.folder / "origin"
        folder.mkdir()
        self.random = random.Random(1)
        self.ids = [f"temp-{i:05}" for i in range(devices)]
        self.changes = 0
        self.ctl = Trustctl(folder)
        self.ctl.yes("init")
        self.ctl.yes("pki", "init", "pki", "--hostname", "localhost")
        self.ctl.put(*map(self.record, self.ids))
        self.broker = site.start(plugin=False, listeners=(OPEN,),
                                 per_listener_settings=True)
        self.port = self.broker.port("plain")
        self.watcher = Watcher(self.port)
        self.publisher = None

    def record(self, name, **more):
        return device(name, hashlib.sha256(name.encode()).hexdigest(),
                      comment=f"change {self.changes}", **more)

    def change(self, devices=1):
        """Put new records for some devices, at random."""
        self.changes += 1
        self.ctl.put(*map(self.record, self.random.sample(self.ids, devices)))

    def publish(self):
        """Publish, and go on with it."""
        log = open(self.ctl.folder / "publish.log", "ab")
        with log:
            self.publisher = subprocess.Popen(
                [PROGRAM, "publish", *SIGNER, "--host", "127.0.0.1",
                 "--port", str(self.port), "--follow"], cwd=self.ctl.folder,
                env=self.ctl.environment, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log)
        self.wait_newer(NOTHING)

    def wait_newer(self, place):
        """Wait for a notification after this one; where it stands."""
        wait_until(lambda: self.watcher.newest != place, lambda: (
            "a notification: "
            + (self.ctl.folder / "publish.log").read_text()[-2000:]))
        return self.watcher.newest

    def step(self, devices=1):
        """Make one change, and wait until it is published."""
        place = self.watcher.newest
        self.change(devices)
        return self.wait_newer(place)

    @contextlib.contextmanager
    def changing(self, devices):
        """Change steadily, in a thread."""
        stop, failed = threading.Event(), []

        def run():
            try:
                while not stop.wait(0.05):
                    self.change(devices)
            except Exception as error:
                failed.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
        assert not failed, failed

    def wait_quiet(self):
        """Wait until the last change is published; where it stands."""
        state = digest(read_records(self.ctl.folder / "registry.db"))
        wait_until(
            lambda: self.watcher.published[self.watcher.newest]["state"]
            == state, "all is published")
        return self.watcher.newest

    def close(self):
        self.watcher.close()
        if self.publisher is not None:
            self.publisher.terminate()
            assert self.publisher.wait(10) == 0


class Gateway:
    """A gateway's broker with its replica, joined by a bridge to whatever
    listens at the port."""

    def __init__(self, site, origin, name, port=None, folder=None):
        self.name = name
        self.folder = folder or site.folder / name
        self.folder.mkdir(exist_ok=True)
        self.path = self.folder / "replica.db"
        self.broker = site.new_broker(
            registry=Registry(self.path, site.pki),
            options={"gateway": name, "scope": SCOPE, "registry_anchor":
                     origin.ctl.folder / "pki/registry-root.pem"},
            after=["connection up", f"address 127.0.0.1:{port or origin.port}",
                    f"remote_clientid {name}", "restart_timeout 1",
                    "bridge_max_packet_size 0", "cleansession true",
                    f"topic notification in 1 $CONTROL/trust/v1/ {TOPIC}",
                    f"topic content in 1 $CONTROL/trust/v1/ {TOPIC}",
                    f"topic request out 1 trust/v1/ {TOPIC}",
                    f"topic report out 1 trust/v1/ {TOPIC}"])

    def kill(self):
        """SIGKILL, at whatever it does."""
        self.broker.process.kill()
        self.broker.process.wait()
        self.broker.process = None

    def limit(self, octets):
        """From now on the kernel cuts off what it writes beyond this place
        of a file: a short write, then none."""
        pid = self.broker.process.pid
        resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (octets, octets))

    def forget(self):
        """Remove the replica, of a broker that does not run."""
        for path in self.folder.glob("replica.db*"):
            path.unlink()

    def copy(self, folder):
        """Copy what is on the disk of a broker that does not run; to look at
        the files themselves would repair them. The copy, or None."""
        folder.mkdir(exist_ok=True)
        for suffix in ("-wal", ""):
            source, target = self.path, folder / f"replica.db{suffix}"
            source = source.with_name(source.name + suffix)
            target.unlink(missing_ok=True)
            if source.exists():
                shutil.copy(source, target)
        (folder / "replica.db-shm").unlink(missing_ok=True)
        return target if target.exists() else None

    def place(self):
        """Session and serial of what is held."""
        return read_place(self.path) if self.path.exists() else NOTHING

    def wait_place(self, place, patience=PATIENCE):
        wait_until(lambda: self.place() == place,
                   lambda: f"{place}: {self.place()}\n{self.broker.end()}",
                   patience)


def open_database(path):
    return contextlib.closing(sqlite3.connect(path, isolation_level=None))


def read_place(path):
    with open_database(path) as database:
        row = database.execute(
            "SELECT session, serial FROM replica WHERE which = 1").fetchone()
    return row or NOTHING


def read_records(path):
    with open_database(path) as database:
        return [json.loads(line) for line, in
                database.execute("SELECT line FROM record")]


def check_whole(path, watcher):
    """The replica is exactly the state of one notification that was
    published; which one."""
    if path is None:
        return NOTHING
    place = read_place(path)
    records = read_records(path)
    wait_until(lambda: place in watcher.published, f"{place} was published")
    said = watcher.published[place]
    assert len(records) == said["records"], place
    assert digest(records) == said["state"], place
    with open_database(path) as database:
        check, = database.execute("PRAGMA integrity_check").fetchall()
    assert check == ("ok",)
    return place


def dump(path):
    """All that a replica holds and that has to be equal in every replica."""
    with open_database(path) as database:
        database.execute("BEGIN")  # one state, of a gateway that runs, too
        return [database.execute(f"SELECT * FROM {what}").fetchall()
                for what in (
                    "record ORDER BY kind, id",
                    "claim ORDER BY claim, digest, device",
                    "count ORDER BY kind",
                    "(SELECT session, serial, this_update, next_update, "
                    "records, state, parts, way, notification FROM replica "
                    "WHERE which = 1)")]
