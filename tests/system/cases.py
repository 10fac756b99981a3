# SPDX-License-Identifier: Apache-2.0
"""Reads the case table: tests/cases/*.ini, see README.md there."""

import configparser
import dataclasses
import itertools
import pathlib

FOLDER = pathlib.Path(__file__).parent.parent / "cases"
COMMON = "certificates"
CASE_FIELDS = {"registry", "chain", "orders", "client_id", "revocation",
               "crl_grace", "expect", "says", "broker"}


@dataclasses.dataclass
class Case:
    """One row of the table."""
    theme: str  # the file
    name: str
    registry: str
    chain: list
    all_orders: bool
    client_id: str
    revocation: str
    crl_grace: str
    outcome: str
    reason: str
    device: str  # "-": none; "": not said
    says: str  # what the detail has in it
    broker: bool  # a client can come with it

    @property
    def id(self):
        return f"{self.theme}: {self.name}"

    def orders(self):
        """The chain in every order that is asked about, the leaf first."""
        leaf, *others = self.chain
        if not self.all_orders:
            return [self.chain]
        return [[leaf, *order] for order in itertools.permutations(others)]


class Theme:
    """One file of the table."""

    def __init__(self, *names):
        self.name = names[-1]
        self.certificates = {}
        self.crls = {}
        self.registries = {}
        self.cases = []
        for name in names:
            self.read(FOLDER / f"{name}.ini")

    def read(self, path):
        parser = configparser.RawConfigParser(
            delimiters="=", comment_prefixes=(";",), default_section="")
        parser.optionxform = str
        with open(path, encoding="utf-8") as file:
            parser.read_file(file)
        for section in parser.sections():
            kind, _, name = section.partition(" ")
            self.add(kind, name, dict(parser[section]))

    def add(self, kind, name, fields):
        if kind == "certificate":
            self.certificates[name] = fields
        elif kind == "crl":
            self.crls[name] = fields
        elif kind == "registry":
            self.registries[name] = fields
        elif kind == "case":
            self.cases.append(self.case(name, fields))
        else:
            raise ValueError(f"{self.name}: want [certificate …], [crl …], "
                             f"[registry …] or [case …], got [{kind} …]")

    def case(self, name, fields):
        unknown = fields.keys() - CASE_FIELDS
        if unknown:
            raise ValueError(f"{self.name}: {name}: {', '.join(unknown)}?")
        chain = fields["chain"].split()
        outcome, reason, *device = fields["expect"].split(" ", 2)
        device = "".join(device)
        return Case(
            theme=self.name, name=name, registry=fields["registry"],
            chain=chain, all_orders=fields.get("orders", "given") == "all",
            client_id=fields.get(
                "client_id", device if device not in ("", "-") else chain[0]),
            revocation=fields.get("revocation", "if_present"),
            crl_grace=fields.get("crl_grace", "7d"),
            outcome=outcome, reason=reason, device=device,
            says=fields.get("says", ""),
            broker=fields.get("broker", "yes") == "yes")

    def describe(self, pki):
        """Tell the PKI of this file's certificates and CRLs."""
        for name, fields in self.certificates.items():
            pki.certificate(name, **fields)
        for name, fields in self.crls.items():
            pki.crl(name, **fields)

    def records(self, registry):
        """The lines of a registry, with their placeholders."""
        fields = self.registries[registry]
        inherited = self.records(fields["like"]) if "like" in fields else ""
        return inherited + fields.get("records", "").strip() + "\n"


def read_common():
    """The certificates alone that all have in common."""
    return Theme(COMMON)


def read_all():
    return [Theme(COMMON, path.stem) for path in sorted(FOLDER.glob("*.ini"))
            if path.stem != COMMON]
