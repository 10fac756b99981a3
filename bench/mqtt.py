# SPDX-License-Identifier: Apache-2.0
"""Packets of MQTT 3.1.1."""

PINGREQ = b"\xc0\0"


def packet(kind, *fields):
    """The first octet, and what follows it. Texts have their length before
    them."""
    body = b"".join(field if isinstance(field, bytes) else
                    len(field.encode()).to_bytes(2, "big") + field.encode()
                    for field in fields)
    length, rest = b"", len(body)
    while not length or rest:
        rest, low = divmod(rest, 128)
        length += bytes((low | (128 if rest else 0),))
    return bytes((kind,)) + length + body


def connect(client_id):
    """A clean session without keep alive."""
    return packet(0x10, "MQTT", b"\x04\x02\0\0", client_id)


def subscribe(topic):
    return packet(0x82, b"\0\1", topic, b"\0")


def publish(topic, payload):
    return packet(0x30, topic, payload)
