/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every bound of the library, with its unit and its reason, in one place.
 */
#ifndef TRUST_LIMIT_H
#define TRUST_LIMIT_H

/* Octets of an id (device, group, role, …); interface: "1 to 128 bytes". */
#define TRUST_ID_MAX 128
/* An MQTT client id: a device id, a slash, a module name. */
#define TRUST_CLIENT_MAX (TRUST_ID_MAX + 1 + TRUST_ID_MAX)

/* Octets of one record line. A group with a dozen intermediates, or a CRL of
 * a few thousand entries, fits; a sync content part (256 KiB), with what
 * stands around a record there, bounds it. */
#define TRUST_RECORD_MAX (256 * 1024 - 16)
/* Octets of CRLs that wait, parsed ahead of their use: eight of the largest,
 * which take some 20 MB so. */
#define TRUST_AHEAD_MAX (2 * 1024 * 1024)
/* Octets of a CRL's record from which on that is worth a thread: some 300
 * entries, 0.4 ms. */
#define TRUST_AHEAD_MIN (16 * 1024)
/* Levels of nested JSON; the deepest record needs 4. */
#define TRUST_JSON_DEPTH_MAX 8

/* Entries of a list inside one record (rules, topics, intermediates, …). */
#define TRUST_LIST_MAX 1000
/* Octets of a free text (comment, attribute). */
#define TRUST_TEXT_MAX 1024
/* Octets of a topic or a filter: MQTT 5.0 section 1.5.4. */
#define TRUST_TOPIC_MAX 65535
/* Levels of a topic: what Mosquitto itself accepts. */
#define TRUST_TOPIC_LEVELS_MAX 200

/* Octets of one certificate in DER. RSA 16384 with fifty names fits. */
#define TRUST_CERTIFICATE_MAX (64 * 1024)
/* Certificates that a peer may send besides its own; the rest is not read. */
#define TRUST_CHAIN_SENT_MAX 16
/* Certificates of a path, leaf and anchor included. */
#define TRUST_CHAIN_PATH_MAX 24
/* Certificates that a path is looked for among: the leaf, and those that the
 * names of issuers lead to. */
#define TRUST_CHAIN_NODES_MAX 128
/* Work that one leaf is worth while its path is looked for, in microseconds
 * of a plain machine; what they are spent on is in chain_work.c. */
#define TRUST_CHAIN_WORK_MAX 10000
/* CA certificates between leaf and anchor where nobody says otherwise. */
#define TRUST_CHAIN_DEPTH_DEFAULT 4
/* Extensions of a certificate or CRL; RFC 5280 knows twenty. */
#define TRUST_EXTENSIONS_MAX 64
/* Octets of the value of one that the profile knows. A client may send 100 KB
 * of names, which take 10 ms to decode. */
#define TRUST_EXTENSION_MAX (16 * 1024)
/* Values of one kind of name (CN, a SAN form) that are read of a certificate;
 * more than one already refuses. */
#define TRUST_NAMES_MAX 16
/* Octets of a subjectAltName that is read. A client may send 100 KB of it,
 * which take 10 ms to decode. */
#define TRUST_ALT_NAMES_MAX (16 * 1024)

/* Octets of a request for a certificate (PKCS #10) as it is sent. RSA 8192 with
 * a page of names fits. */
#define TRUST_REQUEST_MAX (16 * 1024)
/* Bits of its key: what is longer takes a broker milliseconds to verify. */
#define TRUST_REQUEST_KEY_MAX 8192

/* Octets of the response: a certificate, its chain, and a bundle of a hundred
 * anchors fit. */
#define TRUST_RESPONSE_MAX (256 * 1024)

/* Security strength below which no key and no signature counts, in bits:
 * NIST SP 800-57 part 1, table 2 (RSA 2048, P-224, SHA-224). */
#define TRUST_STRENGTH_MIN 112

/* CA certificates that admissions share. */
#define TRUST_POOL_MAX 256
/* Admissions held for reconnects; each costs about 6 KB. */
#define TRUST_CACHE_MAX 10000

/* Pre-shared keys that a gateway holds opened: to open one takes as long as a
 * handshake. */
#define TRUST_GATE_KEYS_MAX 1000

/* Grounds that a gateway keeps apart by when they moved; past that every chain
 * is built again once. A change of registries moves a handful. */
#define TRUST_LEDGER_MAX 10000

/* Octets of a network address as text, with the NUL: an IPv6 one with an IPv4
 * tail (RFC 4291 section 2.2). */
#define TRUST_ADDRESS_MAX 46

/* Devices without a record, and bridges, that a gateway remembers; the first
 * remembered go. It meets hundreds and a handful: this bounds a flood. */
#define TRUST_LOCAL_DEVICES_MAX 100000
#define TRUST_LOCAL_BRIDGES_MAX 1000
/* Certificates that its listeners have shown: two years of one a week. */
#define TRUST_LOCAL_SERVERS_MAX 100

/* Seconds for which a CRL counts after its nextUpdate, where nothing else is
 * said: option crl_grace. */
#define TRUST_CRL_GRACE_DEFAULT_S (7 * 86400)

/* Octets of one message for a person. */
#define TRUST_MESSAGE_MAX 512
/* Octets of the rule that a chain breaks, for a person. */
#define TRUST_DETAIL_MAX 192
/* Octets of a name shown to a person, escaped and cut. */
#define TRUST_SHOWN_MAX 160

#endif
