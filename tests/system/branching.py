# SPDX-License-Identifier: Apache-2.0
"""Meshes of CAs by chance, and an oracle that knows by the way they were made
which leaf has a valid path."""

import dataclasses
import random

# What is wrong with a certificate, and how it is described. With each the
# certificate is on no valid path.
FLAWS = {
    "expired": {"until": "-1h"},
    "future": {"from_": "+1h"},
    "no CA": {"ca": "no"},
    "no usage": {"key_usage": "crl_sign"},
    "extension": {"extension": "1.2.3.4"},
    "server": {"eku": "serverAuth"},
    "sha1": {"signature": "sha1"},
    "forged": {"signature": "sha256 broken"},
    "names": {"names": "dns:elsewhere.example"},
    "revoked": {},
}


@dataclasses.dataclass
class Ca:
    """A name with a key."""
    name: str
    number: int  # of the key

    @property
    def root(self):
        """Its self-signed certificate, which is where its key is."""
        return f"{self.name}-{self.number}"


@dataclasses.dataclass
class Cross:
    """A certificate of one CA by another."""
    name: str
    subject: Ca
    issuer: Ca
    flaw: str  # "": none
    path_len: int  # -1: none


class Mesh:
    """CAs, who certified whom, the anchors, and a leaf."""

    def __init__(self, pki, seed):
        self.pki = pki
        self.chance = random.Random(seed)
        self.prefix = f"m{seed}"
        self.key_ids = self.chance.random() < 0.7
        self.cas = [Ca(f"{self.prefix}-{i}", number)
                    for i in range(self.chance.randint(3, 7))
                    for number in range(self.chance.choice([1, 1, 2]))]
        for ca in self.cas:
            self.describe(ca.root, ca, None)
        self.crosses = [self.cross(i) for i in range(
            self.chance.randint(8, 24))]
        self.anchors = self.chance.sample(self.cas, self.chance.choice([1, 2]))
        self.above = self.chance.choice(
            [ca for ca in self.cas if ca not in self.anchors])
        self.leaf = f"{self.prefix}-leaf"
        self.describe(self.leaf, None, self.above, san="dns:here.example")
        # CRLs of CAs of one name are told apart by key identifiers.
        self.crls = [self.crl(ca) for ca in self.cas if self.key_ids]
        self.sent = [cross.name for cross in self.crosses] + [
            ca.root for ca in self.cas if self.chance.random() < 0.3]

    def describe(self, name, subject, issuer, **fields):
        if subject is not None:
            fields = {"subject": f"CN={subject.name}", "ca": "yes", **fields}
            if name != subject.root:
                fields["key"] = f"of {subject.root}"
        if issuer is not None:
            fields["issuer"] = issuer.root
        if not self.key_ids:
            fields["key_ids"] = "shared"
        self.pki.certificate(name, **fields)

    def cross(self, i):
        # Without key identifiers OpenSSL takes a CA's new key under its old
        # one for a root.
        subject, issuer = self.chance.sample(self.cas, 2)
        while subject.name == issuer.name and not self.key_ids:
            subject, issuer = self.chance.sample(self.cas, 2)
        flaw = self.chance.choice([""] * 16 + list(FLAWS))
        if flaw == "revoked" and not self.key_ids:
            flaw = ""
        path_len = self.chance.choice([-1] * 6 + [0, 1])
        if flaw in ("no CA", "no usage"):
            path_len = -1
        made = Cross(f"{self.prefix}-x{i}", subject, issuer, flaw, path_len)
        fields = dict(FLAWS.get(flaw, {}))
        if path_len >= 0:
            fields["path_len"] = str(path_len)
        self.describe(made.name, subject, issuer, **fields)
        return made

    def crl(self, ca):
        name = f"{self.prefix}-crl-{ca.root}"
        revoked = [cross.name for cross in self.crosses
                   if cross.flaw == "revoked" and cross.issuer == ca]
        self.pki.crl(name, issuer=ca.root, revoked=" ".join(revoked))
        return name

    def shuffled(self):
        """The leaf, and what is sent with it in some order."""
        self.chance.shuffle(self.sent)
        return [self.leaf, *self.sent]

    def shortest(self):
        """The number of certificates of the shortest valid path; None: there
        is none."""
        found = [len(path) + 2 for path in self.paths(self.above, [])
                 if is_valid(path)]
        return min(found, default=None)

    def paths(self, ca, above):
        """The crosses between leaf and anchor, of every path by key."""
        if ca in self.anchors:
            yield above
            return
        for cross in self.crosses:
            if cross.subject == ca and cross not in above:
                yield from self.paths(cross.issuer, [*above, cross])


def is_valid(path):
    """Of crosses, the lowest first: RFC 5280 section 6.1.4."""
    below = 0  # CAs that are not self-issued
    for cross in path:
        if cross.flaw or 0 <= cross.path_len < below:
            return False
        if cross.subject.name != cross.issuer.name:
            below += 1
    return True
