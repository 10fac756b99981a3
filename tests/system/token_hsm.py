# SPDX-License-Identifier: Apache-2.0
"""A PKCS #11 token of software: SoftHSM, with a folder of its own."""

import glob
import os
import subprocess

MODULES = glob.glob("/usr/lib/*/softhsm/libsofthsm2.so") + glob.glob(
    "/usr/lib/softhsm/libsofthsm2.so")
PIN = "271828"
LABEL = "gateway"
OBJECTS = f"pkcs11:token={LABEL};object="


class Hsm:
    def __init__(self, folder):
        self.module = MODULES[0]
        tokens = folder / "tokens"
        tokens.mkdir()
        configuration = folder / "softhsm2.conf"
        configuration.write_text(f"directories.tokendir = {tokens}\n"
                                 "log.level = ERROR\n")
        self.environment = {"SOFTHSM2_CONF": str(configuration)}
        self.run("softhsm2-util", "--init-token", "--free", "--label", LABEL,
                 "--pin", PIN, "--so-pin", "314159")

    def run(self, *command):
        return subprocess.run(
            [*map(str, command)], check=True, capture_output=True, text=True,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **self.environment, "LC_ALL": "C",
                 "GNUTLS_PIN": PIN}).stdout

    def p11tool(self, *arguments):
        return self.run("p11tool", "--provider", self.module, "--login",
                        *arguments)

    def make_key(self, name, *kind):
        """A private key that is made in the token and never leaves it; its
        public key in PEM."""
        self.p11tool("--generate-privkey", *kind, "--label", name,
                     f"pkcs11:token={LABEL}")
        return self.p11tool("--export-pubkey", f"{OBJECTS}{name};type=private")

    def flags(self, name):
        """What is said of a private key: CKA_SENSITIVE and the like."""
        text = self.p11tool("--list-all-privkeys", f"{OBJECTS}{name}")
        return text.split("Flags: ")[1].split("\n")[0].rstrip("; ").split("; ")
