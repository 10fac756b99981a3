# SPDX-License-Identifier: Apache-2.0
"""Certificates and the records that let them in, made with trustctl."""

import dataclasses
import pathlib
import random
import re

import lab


@dataclasses.dataclass
class Sensor:
    """A client id, and the files that it connects with."""
    client_id: str
    chain: pathlib.Path
    key: pathlib.Path

    def by_chain(self, more=""):
        """The record of a device that its CAs vouch for."""
        return (f'{{"kind":"device","id":"{self.client_id}","auth":'
                f'{{"type":"ca","group":"development"}}{more}}}\n')

    def by_thumbprint(self, more=""):
        """The record of a device that is known by its certificate."""
        return (f'{{"kind":"device","id":"{self.client_id}","auth":'
                f'{{"type":"thumbprint","primary":"{self.thumbprint()}"}}'
                f'{more}}}\n')

    def alone(self):
        """The same without the CAs that it sends along."""
        return dataclasses.replace(
            self, chain=self.key.with_suffix(".pem"))

    def thumbprint(self):
        shown = lab.trustctl("thumbprint", self.chain)
        return re.search(r"\b[0-9a-f]{64}\b", shown)[0]


class Pki:
    """root > intermediate > edge CA > leaf. The kind of the CAs' keys may
    differ from that of server and sensors."""

    def __init__(self, name, ca_key, end_key):
        self.folder = lab.WORK / "pki" / name
        self.folder.parent.mkdir(exist_ok=True)
        self.end_key = end_key
        lab.trustctl("pki", "init", self.folder, "--hostname", "localhost",
                     "--key", ca_key)
        lab.trustctl("pki", "server", self.folder, "bench", "--key", end_key)
        self.root = self.folder / "root.pem"
        self.server = self.folder / "servers" / "bench.pem"
        self.server_key = self.folder / "servers" / "bench.key"
        # The anchor, and the group that its devices are in.
        self.records = (self.folder / "records.jsonl").read_text("utf-8")

    def sensor(self, name, self_signed=False):
        lab.trustctl("pki", "device", self.folder, name,
                     "--key", self.end_key,
                     *(["--self-signed"] if self_signed else []))
        file = self.folder / "devices" / name
        chain = file.with_name(f"{name}.pem" if self_signed
                               else f"{name}-chain.pem")
        return Sensor(name, chain, file.with_name(f"{name}.key"))

    def sensors(self, prefix, n, self_signed=False):
        return [self.sensor(f"{prefix}-{i:03}", self_signed)
                for i in range(n)]


def write_devices(path, n, known):
    """The lines of so many devices that never come, and in the midst of them
    of those that do."""
    digests = random.Random(1)
    with open(path, "w", encoding="utf-8") as lines:
        for i in range(n + 1):
            if i == n // 2:
                lines.write(known)
            if i < n:
                lines.write(f'{{"kind":"device","id":"device-{i:07}","auth":'
                            f'{{"type":"thumbprint","primary":"'
                            f'{digests.randbytes(32).hex()}"}},'
                            '"roles":["sensor"]}\n')


def registry(name, records):
    """A new origin registry with these lines."""
    path = lab.WORK / f"{name}.db"
    lab.trustctl("init", "-r", path)
    lab.trustctl("put", "-r", path, stdin=records)
    return path
