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


def packets(octets):
    """Take the whole ones out of a bytearray: (first octet, body)."""
    at = 0
    while at < len(octets):
        length, place = 0, at + 1
        while place < len(octets):
            length |= (octets[place] & 0x7F) << 7 * (place - at - 1)
            place += 1
            if octets[place - 1] < 0x80:
                break
        else:
            break
        if place + length > len(octets):
            break
        yield octets[at], bytes(octets[place:place + length])
        at = place + length
    del octets[:at]


def read_publish(packet):
    """Topic, packet identifier or nothing, payload."""
    first, body = packet
    end = 2 + int.from_bytes(body[:2], "big")
    behind = end + (2 if first & 0x06 else 0)
    return body[2:end].decode(), body[end:behind], body[behind:]
