# SPDX-License-Identifier: Apache-2.0
"""Just enough DER (X.690) to write certificates that no library will make."""

import datetime


def tlv(tag, *contents):
    body = b"".join(contents)
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + body


def sequence(*items):
    return tlv(0x30, *items)


def set_of(*items):
    return tlv(0x31, *sorted(items))


def explicit(number, item):
    return tlv(0xA0 | number, item)


def integer(value):
    bits = (value if value >= 0 else ~value).bit_length()
    return tlv(0x02, value.to_bytes(bits // 8 + 1, "big", signed=True))


def boolean(value):
    return tlv(0x01, b"\xff" if value else b"\x00")


def octets(value):
    return tlv(0x04, value)


def indefinite(item):
    """The same value in BER, its end told by two zeros (X.690 8.1.3.6)."""
    head = 2 if item[1] < 128 else 2 + (item[1] & 0x7F)
    return bytes([item[0], 0x80]) + item[head:] + b"\0\0"


def bits(value):
    return tlv(0x03, b"\x00", value)


def null():
    return tlv(0x05)


def oid(dotted):
    first, second, *rest = (int(part) for part in dotted.split("."))
    body = b""
    for arc in [40 * first + second] + rest:
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.insert(0, 0x80 | arc & 0x7F)
        body += bytes(groups)
    return tlv(0x06, body)


def time(when):
    """UTCTime or GeneralizedTime, as RFC 5280 section 4.1.2.5 chooses."""
    moment = datetime.datetime.fromtimestamp(when, datetime.timezone.utc)
    if moment.year < 2050:
        return tlv(0x17, moment.strftime("%y%m%d%H%M%SZ").encode())
    return tlv(0x18, moment.strftime("%Y%m%d%H%M%SZ").encode())
