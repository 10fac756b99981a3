# SPDX-License-Identifier: Apache-2.0
"""CRLs of the CAs that trustctl has made, by openssl(1)."""

import json
import random
import subprocess

import lab

CONFIGURATION = """\
[ca]
default_ca = bench
[bench]
database = {folder}/index
crlnumber = {folder}/number
default_md = sha256
default_crl_days = 30
unique_subject = no
"""


def openssl(*arguments):
    return subprocess.run(["openssl", *map(str, arguments)], check=True,
                          text=True, capture_output=True).stdout


def strangers(n):
    """So many serial numbers of 20 octets, others each time."""
    return [f"{random.getrandbits(158) | 1 << 158:X}" for _ in range(n)]


def record(name, pki, issuer, revoked, n_others=0):
    """The record of a CRL of one of the PKI's CAs with these certificates, and
    so many that nobody has."""
    folder = lab.WORK / "crl"
    folder.mkdir(exist_ok=True)
    (folder / "cnf").write_text(
        CONFIGURATION.format(folder=folder), "utf-8")
    (folder / "number").write_text("01\n", "utf-8")
    serials = [openssl("x509", "-in", path, "-noout", "-serial").strip()
               .partition("=")[2] for path in revoked]
    (folder / "index").write_text("".join(
        f"R\t400101000000Z\t260101000000Z\t{serial}\tunknown\t/CN=x\n"
        for serial in [*serials, *strangers(n_others)]), "utf-8")
    pem = openssl("ca", "-gencrl", "-config", folder / "cnf", "-cert",
                  pki.folder / f"{issuer}.pem", "-keyfile",
                  pki.folder / f"{issuer}.key")
    return json.dumps({"kind": "crl", "id": name, "pem": pem})
