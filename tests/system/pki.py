# SPDX-License-Identifier: Apache-2.0
"""Certificates as sensors really have them, and as attackers make them.

Certificates and CRLs are described with the small vocabulary of
tests/cases/README.md, as text, and made when they are first asked for.
Keys, signatures and the values of extensions come from cryptography. The
certificate around them is put together here: most of what a gateway has to
refuse is something that a library will not make.
"""

import datetime
import hashlib
import ipaddress
import re
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import (
    dsa, ec, ed25519, padding, rsa)
from cryptography.hazmat.primitives.serialization import Encoding

import der

CERTIFICATE_FIELDS = {
    "subject", "issuer", "key", "from", "until", "version", "ca", "path_len",
    "key_usage", "eku", "san", "names", "extension", "serial", "signature",
    "key_ids", "without", "flip", "raw", "mangle",
}
CRL_FIELDS = {"issuer", "revoked", "from", "until", "key", "delta_of",
              "indirect", "number", "aki", "scope", "digest", "raw"}

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
YEAR_9999 = 253402300799  # "no well-defined expiration", RFC 5280 4.1.2.5

ATTRIBUTES = {
    "CN": "2.5.4.3",
    "serialNumber": "2.5.4.5",
    "O": "2.5.4.10",
    "OU": "2.5.4.11",
    "emailAddress": "1.2.840.113549.1.9.1",
}
STRINGS = {"utf8": 0x0C, "printable": 0x13, "teletex": 0x14, "ia5": 0x16,
           "bmp": 0x1E}

CURVES = {"p192": ec.SECP192R1, "p224": ec.SECP224R1, "p256": ec.SECP256R1,
          "p384": ec.SECP384R1}
DIGESTS = {
    "md5": hashes.MD5, "sha1": hashes.SHA1, "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
}
ECDSA = {"sha1": "1.2.840.10045.4.1", "sha256": "1.2.840.10045.4.3.2",
         "sha384": "1.2.840.10045.4.3.3"}
RSA = {"md5": "1.2.840.113549.1.1.4", "sha1": "1.2.840.113549.1.1.5", "sha256": "1.2.840.113549.1.1.11",
       "sha384": "1.2.840.113549.1.1.12"}
ED25519 = "1.3.101.112"

USAGES = ["digital_signature", "content_commitment", "key_encipherment",
          "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign",
          "encipher_only", "decipher_only"]
PURPOSES = {"clientAuth": "1.3.6.1.5.5.7.3.2",
            "serverAuth": "1.3.6.1.5.5.7.3.1"}
EXTENSIONS = {
    "ski": "2.5.29.14", "key_usage": "2.5.29.15", "san": "2.5.29.17",
    "ca": "2.5.29.19", "names": "2.5.29.30", "aki": "2.5.29.35",
    "eku": "2.5.29.37",
}
# P-256 (FIPS 186-4 section D.1.2.3), to be written where its name belongs.
PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
BASE = (0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
        0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5)


def make_key(kind):
    if kind in CURVES:
        return ec.generate_private_key(CURVES[kind]())
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind.startswith("dsa"):
        return dsa.generate_private_key(int(kind.removeprefix("dsa")))
    bits, _, exponent = kind.removeprefix("rsa").partition("e")
    return rsa.generate_private_key(int(exponent or 65537), int(bits))


def explicit_curve(key):
    """The public key with the curve spelled out (RFC 3279 section 2.3.5)."""
    def field(value):
        return value.to_bytes(32, "big")

    point = key.public_key().public_bytes(
        Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    curve = der.sequence(
        der.integer(1),
        der.sequence(der.oid("1.2.840.10045.1.1"), der.integer(PRIME)),
        der.sequence(der.octets(field(PRIME - 3)), der.octets(field(B))),
        der.octets(b"\x04" + field(BASE[0]) + field(BASE[1])),
        der.integer(ORDER), der.integer(1))
    return der.sequence(der.sequence(der.oid("1.2.840.10045.2.1"), curve),
                        der.bits(point))


def sign(key, digest, data):
    """The AlgorithmIdentifier and the signature over data(identifier)."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        algorithm = der.sequence(der.oid(ED25519))
        return algorithm, key.sign(data(algorithm))
    if isinstance(key, rsa.RSAPrivateKey):
        algorithm = der.sequence(der.oid(RSA[digest]), der.null())
        return algorithm, key.sign(
            data(algorithm), padding.PKCS1v15(), DIGESTS[digest]())
    algorithm = der.sequence(der.oid(ECDSA[digest]))
    return algorithm, key.sign(data(algorithm), ec.ECDSA(DIGESTS[digest]()))


def unescape(text):
    r"""UTF-8, with \xNN for any octet."""
    return re.sub(rb"\\x([0-9a-f]{2})",
                  lambda m: bytes([int(m[1], 16)]), text.encode())


def attribute(text):
    """One of "CN=temp-01", "CN:bmp=temp-01"."""
    kind, _, value = text.strip().partition("=")
    kind, _, string = kind.partition(":")
    value = unescape(value)
    if string == "bmp":
        value = value.decode().encode("utf-16-be")
    return der.sequence(der.oid(ATTRIBUTES[kind]),
                        der.tlv(STRINGS[string or "utf8"], value))


def distinguished_name(text):
    return der.sequence(*(
        der.set_of(*(attribute(part) for part in line.split(" ++ ")))
        for line in text.splitlines() if line.strip() not in ("", "-")))


def address(text):
    if text.startswith("x"):
        return bytes.fromhex(text[1:])
    if "/" not in text:
        return ipaddress.ip_address(text).packed
    network = ipaddress.ip_network(text)
    return network.network_address.packed + network.netmask.packed


def alternative_name(text):
    """One of "dns:temp-01", "uri:urn:x", "email:a@b", "ip:10.0.0.1",
    "ip:10.0.0.0/8", "ip:xHEX", "dn:CN=x", "rid:1.2.3", "other:1.2.3"."""
    kind, _, value = text.partition(":")
    if kind == "ip":
        return der.tlv(0x87, address(value))
    if kind == "dn":
        return der.explicit(4, distinguished_name(value))
    if kind == "rid":
        return der.tlv(0x88, der.oid(value)[2:])
    if kind == "other":
        return der.tlv(0xA0, der.oid(value), der.explicit(0, der.null()))
    tag = {"email": 0x81, "dns": 0x82, "uri": 0x86}[kind]
    return der.tlv(tag, unescape(value))


def extension(dotted, critical, value):
    return der.sequence(
        der.oid(dotted), *([der.boolean(True)] if critical else []),
        der.octets(value))


def constraints(names):
    """NameConstraints: the subtrees that are permitted, and with a minus
    before them those that are excluded."""
    permitted = [n for n in names.split() if not n.startswith("-")]
    excluded = [n[1:] for n in names.split() if n.startswith("-")]
    return der.sequence(*(
        der.tlv(tag, *(der.sequence(alternative_name(n)) for n in subtrees))
        for tag, subtrees in ((0xA0, permitted), (0xA1, excluded))
        if subtrees))


def raw_extensions(text):
    """Lines of "OID HEX" and "OID critical HEX"."""
    for line in text.splitlines():
        if line.strip():
            dotted, *critical, value = line.split()
            yield dotted, bool(critical), bytes.fromhex(value)


def bare_crl(issuer_pem, key_pem, *times):
    """A CRL of nobody, in PEM. `times` are its thisUpdate and nextUpdate; no
    library will leave the latter out."""
    issuer = x509.load_pem_x509_certificate(issuer_pem).subject
    key = serialization.load_pem_private_key(key_pem, None)

    def signed(algorithm):
        return der.sequence(
            der.integer(1), algorithm, issuer.public_bytes(),
            *(der.time(when) for when in times),
            der.explicit(0, der.sequence(
                extension("2.5.29.20", False, der.integer(1)))))

    algorithm, signature = sign(key, "sha256", signed)
    encoded = der.sequence(signed(algorithm), algorithm, der.bits(signature))
    return x509.load_der_x509_crl(encoded).public_bytes(Encoding.PEM).decode()


class Certificate:
    """A certificate that was made, with its key."""

    def __init__(self, encoded, name, key, spki=None, key_id=None):
        self.der = encoded
        self.name = name  # the subject, in DER
        self.key = key
        self.spki = spki or key.public_key().public_bytes(
            Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.thumbprint = hashlib.sha256(encoded).hexdigest()
        self.pin = hashlib.sha256(self.spki).hexdigest()
        self.key_id = key_id or hashlib.sha1(self.spki).digest()
        self.pem = ssl.DER_cert_to_PEM_cert(encoded)

    def key_pem(self):
        return self.key.private_bytes(
            Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()).decode()


class Pki:
    """Certificates and CRLs by name, with their files in one folder."""

    def __init__(self, folder, now):
        self.folder = folder
        self.now = now
        self.described = {}
        self.certificates = {}
        self.described_crls = {}
        self.crls = {}

    # Describing

    def certificate(self, name, **fields):
        """Describe a certificate. "from" is spelled "from_" here."""
        self.described[name] = self.fields(
            name, fields, CERTIFICATE_FIELDS, self.described)
        return name

    def crl(self, name, **fields):
        self.described_crls[name] = self.fields(
            name, fields, CRL_FIELDS, self.described_crls)
        return name

    def fields(self, name, fields, known, described):
        fields = {key.rstrip("_"): value for key, value in fields.items()}
        unknown = fields.keys() - known
        if unknown or name in described:
            raise ValueError(f"{name}: {', '.join(unknown) or 'twice'}")
        return fields

    # Using

    def get(self, name):
        if name not in self.certificates:
            self.certificates[name] = self.make(name, self.described[name])
        return self.certificates[name]

    def get_crl(self, name):
        """The CRL as PEM."""
        if name not in self.crls:
            self.crls[name] = self.make_crl(name, self.described_crls[name])
        return self.crls[name]

    def file(self, *names):
        """A file with these certificates, in this order."""
        return self.write("+".join(names)[:100] + ".pem", "".join(
            self.get(name).pem for name in names))

    def key_file(self, name):
        return self.write(name + ".key", self.get(name).key_pem())

    def write(self, name, text):
        """A file is whole at any time: another program may be reading it."""
        path, draft = self.folder / name, self.folder / (name + ".draft")
        draft.write_text(text)
        draft.replace(path)
        return path

    def fill(self, text):
        """Put thumbprints, pins and PEM in for {thumbprint:NAME}, {pin:NAME},
        {pem:NAME} and {crl:NAME}, as they stand in JSON."""
        look_up = {
            "thumbprint": lambda name: self.get(name).thumbprint,
            "pin": lambda name: self.get(name).pin,
            "pem": lambda name: self.get(name).pem.replace("\n", "\\n"),
            "crl": lambda name: self.get_crl(name).replace("\n", "\\n"),
        }
        return re.sub(r"\{(thumbprint|pin|pem|crl):([^{}]+)\}",
                      lambda m: look_up[m[1]](m[2]), text)

    # Making

    def when(self, text):
        """Seconds since 1970 of "+30d", "-1h", "never"."""
        if text == "never":
            return YEAR_9999
        return self.now + int(text[:-1]) * UNITS[text[-1]]

    def make(self, name, fields):
        kind = fields.get("key", "p256")
        key = self.key(kind.removesuffix(" explicit"))
        spki = explicit_curve(key) if kind.endswith("explicit") else None
        subject = distinguished_name(fields.get("subject", f"CN={name}"))
        key_id = b"shared" if fields.get("key_ids") == "shared" else None
        # For its key id alone.
        plain = Certificate(b"", subject, key, spki, key_id)
        issuer = self.get(fields["issuer"]) if "issuer" in fields else plain
        mangle = fields.get("mangle", "").split()
        body = [
            der.integer(self.serial(name, fields)), issuer.name,
            self.validity(fields), subject, plain.spki,
        ]
        version = int(fields.get("version", "3"))
        if version > 1 or "version_default" in mangle:
            body.insert(0, der.explicit(0, der.integer(version - 1)))
        if "unique_id" in mangle:
            body.append(der.tlv(0x82, b"\0\x55"))
        if version == 3 or "extensions" in mangle:
            body.append(der.explicit(3, der.sequence(
                *self.extensions(fields, plain, issuer))))
        if "empty_issuer" in mangle:
            body[body.index(issuer.name)] = der.sequence()
        if "indefinite" in mangle:
            body[-1] = der.indefinite(body[-1])
        place = 2 if body[0][0] == 0xA0 else 1  # behind the serial number
        digest, _, broken = fields.get("signature", "sha256").partition(" ")

        def signed(algorithm):
            if "inner_algorithm" in mangle:
                algorithm = der.sequence(der.oid(ECDSA["sha384"]))
            return der.sequence(*body[:place], algorithm, *body[place:])

        algorithm, signature = sign(issuer.key, digest, signed)
        if broken:
            signature = bytes([*signature[:-1], signature[-1] ^ 1])
        return Certificate(
            der.sequence(signed(algorithm), algorithm, der.bits(signature)),
            subject, key, spki, key_id)

    def validity(self, fields):
        """"mangle" names what a date is written as."""
        mangle = fields.get("mangle", "").split()
        end = der.time(self.when(fields.get("until", "+90d")))
        if "generalized" in mangle:  # though before 2050
            end = der.tlv(0x18, b"20" + end[2:])
        if "fraction" in mangle:
            end = der.tlv(0x18, b"20" + end[2:-1] + b".5Z")
        if "month" in mangle:
            end = der.tlv(0x17, end[2:4] + b"13" + end[6:])
        if "zone" in mangle:
            end = der.tlv(0x17, end[2:-1] + b"+0000")
        return der.sequence(
            der.time(self.when(fields.get("from", "-1d"))), end)

    def key(self, text):
        """A new key, or with "of NAME" the key of another certificate."""
        if text.startswith("of "):
            return self.get(text[3:]).key
        return make_key(text)

    def serial(self, name, fields):
        """From the name, or with "of NAME" that of another certificate."""
        text = fields.get("serial", "")
        if text.startswith("of "):
            name = text[3:]
        elif text:
            return int(text)
        return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")

    def extensions(self, fields, subject, issuer):
        """"without" takes some of them out, "flip" makes what is critical
        not critical and the reverse, "raw" adds others."""
        without = [EXTENSIONS[n] for n in fields.get("without", "").split()]
        flipped = [EXTENSIONS[n] for n in fields.get("flip", "").split()]
        for oid, critical, value in self.standard_extensions(
                fields, subject, issuer):
            if oid not in without:
                yield extension(oid, critical != (oid in flipped), value)
        for oid, critical, value in raw_extensions(fields.get("raw", "")):
            yield extension(oid, critical, value)

    @staticmethod
    def standard_extensions(fields, subject, issuer):
        ca = fields.get("ca", "no")
        if ca != "absent":
            length = fields.get("path_len")
            yield ("2.5.29.19", True, x509.BasicConstraints(
                ca == "yes", int(length) if length else None).public_bytes())
        usages = fields.get(
            "key_usage", "key_cert_sign crl_sign" if ca == "yes"
            else "digital_signature").split()
        if usages != ["absent"]:
            yield ("2.5.29.15", True, x509.KeyUsage(
                *(usage in usages for usage in USAGES)).public_bytes())
        purposes = fields.get(
            "eku", "absent" if ca == "yes" else "clientAuth").split()
        if purposes != ["absent"]:
            yield ("2.5.29.37", False, der.sequence(
                *(der.oid(PURPOSES[purpose]) for purpose in purposes)))
        if "san" in fields:
            # RFC 5280 section 4.2.1.6: critical where the subject is empty.
            empty = subject.name == der.sequence()
            yield ("2.5.29.17", empty, der.sequence(
                *(alternative_name(n) for n in fields["san"].split())))
        if "names" in fields:
            yield ("2.5.29.30", True, constraints(fields["names"]))
        if "extension" in fields:
            yield (fields["extension"], True, der.null())
        yield ("2.5.29.14", False, der.octets(subject.key_id))
        if issuer is not subject:
            yield ("2.5.29.35", False, der.sequence(
                der.tlv(0x80, issuer.key_id)))

    def make_crl(self, name, fields):
        issuer = self.get(fields.get("issuer", name))
        key = self.get(fields["key"]).key if "key" in fields else issuer.key

        def moment(field, default):
            return datetime.datetime.fromtimestamp(
                self.when(fields.get(field, default)), datetime.timezone.utc)

        builder = x509.CertificateRevocationListBuilder(
            x509.load_der_x509_certificate(issuer.der).subject,
            moment("from", "-1h"), moment("until", "+30d"))
        for revoked in fields.get("revoked", "").split():
            serial = self.serial(revoked, self.described[revoked])
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(serial)
                .revocation_date(moment("from", "-1h")).build())
        for oid, critical, value in self.crl_extensions(fields, issuer):
            builder = builder.add_extension(x509.UnrecognizedExtension(
                x509.ObjectIdentifier(oid), value), critical)
        if "delta_of" in fields:
            builder = builder.add_extension(
                x509.DeltaCRLIndicator(int(fields["delta_of"])), True)
        if "indirect" in fields:
            builder = builder.add_extension(x509.IssuingDistributionPoint(
                None, None, False, False, None, True, False), True)
        digest = None if isinstance(key, ed25519.Ed25519PrivateKey) \
            else hashes.SHA256()
        crl = builder.sign(key, digest)
        if "digest" in fields:
            crl = self.sign_again(crl, key, fields["digest"])
        return crl.public_bytes(Encoding.PEM).decode()

    @staticmethod
    def sign_again(crl, key, digest):
        """With RSA and a digest that the library has given up."""
        signed = crl.tbs_certlist_bytes
        before, _ = sign(key, "sha256", lambda algorithm: b"")
        algorithm, signature = sign(
            key, digest, lambda algorithm: signed.replace(before, algorithm))
        return x509.load_der_x509_crl(der.sequence(
            signed.replace(before, algorithm), algorithm,
            der.bits(signature)))

    @staticmethod
    def crl_extensions(fields, issuer):
        if fields.get("aki") != "absent":
            yield EXTENSIONS["aki"], False, der.sequence(
                der.tlv(0x80, issuer.key_id))
        number, *critical = fields.get("number", "1").split()
        if number != "absent":
            yield "2.5.29.20", bool(critical), der.integer(int(number))
        if "scope" in fields:
            yield "2.5.29.28", True, der.sequence(*(
                der.tlv({"user": 0x81, "ca": 0x82, "attribute": 0x85}[only],
                        b"\xff") for only in fields["scope"].split()))
        yield from raw_extensions(fields.get("raw", ""))
