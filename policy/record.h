/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry's records: interface, "Records". Parsing is strict: an unknown
 * or duplicate field, a wrong type, an overlong value is an error that names
 * the field and what was wanted. Nothing is judged here; references to other
 * records may dangle.
 */
#ifndef TRUST_RECORD_H
#define TRUST_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "certificate.h"

/* The numbers are stored in registries: never renumber. */
enum trust_kind {
	TRUST_KIND_DEVICE = 1,
	TRUST_KIND_ANCHOR = 2,
	TRUST_KIND_GROUP = 3,
	TRUST_KIND_CRL = 4,
	TRUST_KIND_ROLE = 5,
	TRUST_KIND_TOKEN = 6,
	TRUST_KIND_GATEWAY = 7,
};
#define TRUST_KIND_FIRST TRUST_KIND_DEVICE
#define TRUST_KIND_LAST  TRUST_KIND_GATEWAY

enum trust_auth {
	TRUST_AUTH_THUMBPRINT = 1,
	TRUST_AUTH_KEY,
	TRUST_AUTH_CA,
	TRUST_AUTH_PSK,
};

/* How a client id relates to the device id. */
enum trust_client_id {
	TRUST_CLIENT_ID_UNSET = 0, /* a device follows its group; else exact */
	TRUST_CLIENT_ID_EXACT,
	TRUST_CLIENT_ID_PREFIX, /* device id, slash, module name */
};

/* Strings of a record. */
struct trust_strings {
	size_t n;
	const char **v; /* the array is owned, the strings are the record's */
};

struct trust_device {
	enum trust_auth auth;
	/* Thumbprint: primary first, then secondary if there is one. */
	struct trust_thumbprint thumbprints[2];
	size_t n_thumbprints;
	struct trust_thumbprint *pins; /* key: SHA-256 of SPKI; owned */
	size_t n_pins;
	const char *group;                       /* ca, else NULL */
	const char *identity;                    /* psk, else NULL */
	struct trust_thumbprint identity_sha256; /* psk: of its octets */
	const char *key; /* psk: base64 of a CMS EnvelopedData, else NULL */
	enum trust_client_id client_id;
	bool ignore_validity;
	bool has_roles; /* "roles" is there, maybe empty */
	struct trust_strings roles;
};

/* Bits of trust_anchor.purposes. */
#define TRUST_PURPOSE_BIT_DEVICE   1u
#define TRUST_PURPOSE_BIT_UPSTREAM 2u
#define TRUST_PURPOSE_BIT_BUNDLE   4u

struct trust_anchor {
	const char *pem;
	unsigned purposes;
};

struct trust_group {
	struct trust_strings anchors;       /* anchor ids */
	struct trust_strings intermediates; /* PEM, one certificate each */
	enum trust_identity identity;       /* default cn */
	struct trust_strings match;         /* shell patterns */
	bool has_match;                     /* absent: any name */
	bool automatic;                     /* "enroll":"automatic" */
	bool has_roles;
	struct trust_strings roles;
	int max_depth;    /* CAs between leaf and anchor; default 4 */
	int min_rsa_bits; /* default 2048 */
	bool require_client_auth_eku;
	int64_t max_validity_s; /* 0: no bound */
	enum trust_client_id client_id;
	bool pin_first; /* "pin":"first" */
};

struct trust_crl {
	const char *pem;
};

enum trust_action {
	TRUST_ACTION_PUBLISH = 1,
	TRUST_ACTION_SUBSCRIBE = 2, /* bits, so that a rule can have both */
};

/* One rule of a role. */
struct trust_rule {
	bool allow;                  /* false: deny */
	unsigned actions;            /* bits of enum trust_action */
	struct trust_strings topics; /* filters with {device} and the like */
	int max_qos;                 /* default 2 */
	bool retain;                 /* default true */
};

struct trust_role {
	struct trust_rule *rules; /* owned */
	size_t n_rules;
};

struct trust_token {
	struct trust_thumbprint secret_sha256;
	const char *device;
	const char *gateway;
	int64_t expires;
	int64_t uses; /* at least 1 */
};

struct trust_gateway {
	const char *pem;
};

/* One record, parsed. Strings point into it. */
struct trust_record {
	enum trust_kind kind;
	const char *id;
	bool enabled; /* "status" */
	union {
		struct trust_device device;
		struct trust_anchor anchor;
		struct trust_group group;
		struct trust_crl crl;
		struct trust_role role;
		struct trust_token token;
		struct trust_gateway gateway;
	} u;
	struct json_t *json; /* what it was parsed from; owned */
	bool rewritten;      /* reading brought hex digits to lower case */
	/* Its canonical line, if somebody has made it already. */
	struct trust_buf canonical;
	unsigned more_refs; /* besides the first; counted for one thread */
};

/*
 * Parse one line. With TRUST_ERR_INPUT the message is "field: want …, got …".
 * PEM is decoded on the way; the certificates are not kept.
 */
enum trust_err trust_record_parse(struct trust_span line,
    struct trust_record **out, struct trust_message *msg) TRUST_MUST_CHECK;
/* The same of a line that came out of a registry: its PEM was decoded on the
 * way in, and is not here. Whoever needs it decodes it, and finds what may be
 * wrong with it by now. */
enum trust_err trust_record_parse_stored(struct trust_span line,
    struct trust_record **out, struct trust_message *msg) TRUST_MUST_CHECK;
/* The same of an object that is parsed already. The record shares it, and
 * brings hex digits in it to lower case. */
enum trust_err trust_record_parse_json(struct json_t *json,
    struct trust_record **out, struct trust_message *msg) TRUST_MUST_CHECK;
struct trust_record *trust_record_get1(struct trust_record *record);
void trust_record_free(struct trust_record *record);

/* The canonical line (RFC 8785), without a newline, `scopes` included. */
enum trust_err trust_record_encode(
    const struct trust_record *record, struct trust_buf *out) TRUST_MUST_CHECK;
/* The same without `scopes`. */
enum trust_err trust_record_encode_unscoped(
    const struct trust_record *record, struct trust_buf *out) TRUST_MUST_CHECK;

/* "device", "anchor", …. Static. */
const char *trust_kind_name(enum trust_kind kind);
bool trust_kind_parse(const char *name, enum trust_kind *kind);

/* Whether the octets are an id: 1 to 128 of ASCII letters, digits and
 * -._%*?!(),:=@' (interface, "Device ids and client ids"). */
bool trust_id_check(const uint8_t *p, size_t len);

/* Shell pattern with * and ? over a whole id. */
bool trust_id_match(const char *pattern, const char *id);

#endif
