# SPDX-License-Identifier: Apache-2.0
"""Newcomers: a plant with tokens, and clients that come with them."""

import hashlib
import json
import time

from broker import Listener

ASKING = Listener(require=False)
OPTIONAL = {"client_certificates": "optional"}
SECRET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopq"


def rfc3339(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def token(name="t-1", secret=SECRET, device="temp-09", expires=3600, **more):
    """The record of a token; `expires` in seconds from now."""
    return json.dumps({
        "kind": "token", "id": name, "device": device, "gateway": "gw1",
        "secret_sha256": hashlib.sha256(secret.encode()).hexdigest(),
        "expires": rfc3339(time.time() + expires), "uses": 1, **more}) + "\n"


def device(name="temp-09", **more):
    return json.dumps({"kind": "device", "id": name, "auth": {
        "type": "ca", "group": "plant"}, **more}) + "\n"


class Newcomers:
    """A site where temp-09 may enroll with token t-1; certificates of the
    group plant come from edge-ca."""

    def __init__(self, site, group="", records="", **more):
        self.site = site
        site.add_group("plant", "edge-ca", group)
        site.registry.put(device() + token() + records)
        more.setdefault("listeners", [ASKING])
        more["options"] = {**OPTIONAL, **more.get("options", {})}
        self.broker = site.start(**more)

    def new(self, name="t-1", secret=SECRET, client_id="newcomer", **more):
        """A newcomer that is not connected yet."""
        return self.site.device(
            self.broker, client_id=client_id, username=f"token:{name}",
            password=secret, **more)

    def come(self, *arguments, **more):
        newcomer = self.new(*arguments, **more)
        assert newcomer.connect() == 0, self.broker.log()
        return newcomer

    def refused(self, *arguments, **more):
        """The reason in the log for one that is refused, in the words that
        every refusal at CONNECT has."""
        mark = self.broker.mark()
        assert self.new(*arguments, **more).connect() in (5, 0x87)
        reason, thumbprint = self.broker.wait_refusal(mark)
        assert thumbprint is None
        return reason
