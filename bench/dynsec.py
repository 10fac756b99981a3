# SPDX-License-Identifier: Apache-2.0
"""The configuration file of Mosquitto's dynamic-security, as the plugin's own
tool stores it."""

import base64
import hashlib
import json
import os
import pathlib

PLUGIN = next(iter(pathlib.Path("/usr/lib").glob(
    "*/mosquitto_dynamic_security.so")), None)
PASSWORD = "bench"


def demand(table):
    if PLUGIN is None:
        raise RuntimeError(f"{table}: want Mosquitto's dynamic-security under "
                           "/usr/lib, got none")


def client(name, roles):
    salt = os.urandom(12)
    digest = hashlib.pbkdf2_hmac("sha512", PASSWORD.encode(), salt, 101)
    return {"username": name, "roles": [{"rolename": role} for role in roles],
            "password": base64.b64encode(digest).decode(),
            "salt": base64.b64encode(salt).decode(), "iterations": 101}


def acl(kind, topic):
    return {"acltype": kind, "topic": topic, "allow": True}


def write(path, clients, roles, deny):
    """`roles` are {name: acls}. `deny` are the kinds that want a rule."""
    path.write_text(json.dumps({
        "clients": clients,
        "roles": [{"rolename": name, "acls": acls}
                  for name, acls in roles.items()],
        "defaultACLAccess": {kind: False for kind in deny}}), "utf-8")
