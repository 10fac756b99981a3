/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A certificate turned into facts: thumbprint, pin, names, dates, key.
 */
#include "certificate.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "ground.h"

/* Bits of an RSA key of TRUST_STRENGTH_MIN. */
#define RSA_BITS_MIN 2048
/* X509_NAME_cmp(3ssl): no memory to compare them. */
#define NAME_CMP_FAILED (-2)

static const char *const identity_names[TRUST_N_IDENTITIES] = {
    [TRUST_IDENTITY_CN] = "cn",
    [TRUST_IDENTITY_SERIAL_NUMBER] = "serial_number",
    [TRUST_IDENTITY_SAN_DNS] = "san_dns",
    [TRUST_IDENTITY_SAN_URI] = "san_uri",
    [TRUST_IDENTITY_SAN_URI_LAST] = "san_uri_last",
    [TRUST_IDENTITY_SAN_EMAIL] = "san_email",
};

const char *
trust_identity_name(enum trust_identity identity)
{
	return identity_names[identity];
}

enum trust_err
trust_certificate_time(const ASN1_TIME *time, int64_t *out)
{
	struct tm tm;

	*out = 0;
	if (time == NULL || ASN1_TIME_to_tm(time, &tm) != 1) {
		ERR_clear_error();
		return TRUST_ERR_INPUT;
	}
	*out = (int64_t)timegm(&tm);
	return TRUST_OK;
}

/* What RFC 4514 escapes is escaped by that alone: its backslash with an escape
 * of ours would be doubtful. OpenSSL leaves printable ASCII; where it ever did
 * not, all is escaped as anywhere. */
static void
show_escaped(struct trust_span text, char out[TRUST_SHOWN_MAX])
{
	static const char cut[] = "...";
	size_t room = TRUST_SHOWN_MAX - sizeof(cut);

	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] < ' ' || text.p[i] > '~') {
			(void)trust_span_show(text, out, TRUST_SHOWN_MAX);
			return;
		}
	}
	if (text.len < TRUST_SHOWN_MAX)
		(void)snprintf(out, TRUST_SHOWN_MAX, "%.*s", (int)text.len,
		    (const char *)text.p);
	else
		(void)snprintf(out, TRUST_SHOWN_MAX, "%.*s%s", (int)room,
		    (const char *)text.p, cut);
}

char *
trust_certificate_show_name(const X509_NAME *name, char out[TRUST_SHOWN_MAX])
{
	char *text = NULL;
	long len = 0;
	BIO *bio;

	out[0] = '\0';
	bio = BIO_new(BIO_s_mem());
	if (bio == NULL)
		return out;
	if (X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0)
		len = BIO_get_mem_data(bio, &text);
	if (len > 0)
		show_escaped(
		    (struct trust_span){(const uint8_t *)text, (size_t)len},
		    out);
	BIO_free(bio);
	ERR_clear_error();
	return out;
}

/* ---- Names ---- */

static void
values_add(struct trust_values *values, const uint8_t *p, size_t len)
{
	struct trust_value *v;

	if (values->n == TRUST_NAMES_MAX) {
		values->malformed = true;
		return;
	}
	v = &values->v[values->n];
	v->p = malloc(len + 1);
	if (v->p == NULL) {
		values->malformed = true;
		return;
	}
	if (len > 0)
		memcpy(v->p, p, len);
	v->p[len] = '\0';
	v->len = len;
	values->n++;
}

static void
read_subject(const X509_NAME *subject, int nid, struct trust_values *values)
{
	int i = -1;

	while ((i = X509_NAME_get_index_by_NID(subject, nid, i)) >= 0) {
		const X509_NAME_ENTRY *entry = X509_NAME_get_entry(subject, i);
		const ASN1_STRING *string = X509_NAME_ENTRY_get_data(entry);
		unsigned char *utf8 = NULL;
		int len = ASN1_STRING_to_UTF8(&utf8, string);

		if (len < 0) {
			values->malformed = true;
			continue;
		}
		values_add(values, utf8, (size_t)len);
		OPENSSL_free(utf8);
	}
}

/* The last segment of a URI's path: RFC 3986 section 3.3. Without a path it
 * is empty, which no id is. */
static struct trust_span
uri_last_segment(struct trust_span uri)
{
	const uint8_t *p = uri.p, *end = uri.p + uri.len, *q, *segment;

	for (q = p; q < end && *q != '?' && *q != '#'; q++)
		continue;
	end = q;
	q = p < end ? memchr(p, ':', (size_t)(end - p)) : NULL;
	p = q == NULL ? end : q + 1;
	if (end - p >= 2 && p[0] == '/' && p[1] == '/') {
		for (p += 2; p < end && *p != '/'; p++)
			continue;
	}
	for (segment = p; p < end; p++) {
		if (*p == '/')
			segment = p + 1;
	}
	return (struct trust_span){segment, (size_t)(end - segment)};
}

static void
read_alt_name(const GENERAL_NAME *name, struct trust_certificate *c)
{
	const ASN1_STRING *string;
	struct trust_span span;
	int type;

	string = GENERAL_NAME_get0_value(name, &type);
	if (type != GEN_DNS && type != GEN_URI && type != GEN_EMAIL)
		return;
	span.p = ASN1_STRING_get0_data(string);
	span.len = (size_t)ASN1_STRING_length(string);
	if (type == GEN_DNS) {
		values_add(&c->names[TRUST_IDENTITY_SAN_DNS], span.p, span.len);
	} else if (type == GEN_EMAIL) {
		values_add(
		    &c->names[TRUST_IDENTITY_SAN_EMAIL], span.p, span.len);
	} else {
		values_add(&c->names[TRUST_IDENTITY_SAN_URI], span.p, span.len);
		span = uri_last_segment(span);
		values_add(
		    &c->names[TRUST_IDENTITY_SAN_URI_LAST], span.p, span.len);
	}
}

static bool
has_long_alt_names(const X509 *x509)
{
	int i = X509_get_ext_by_NID(x509, NID_subject_alt_name, -1);

	return i >= 0 && ASN1_STRING_length(X509_EXTENSION_get_data(
			     X509_get_ext(x509, i))) > TRUST_ALT_NAMES_MAX;
}

static void
read_alt_names(const X509 *x509, struct trust_certificate *c)
{
	bool is_long = has_long_alt_names(x509);
	GENERAL_NAMES *names = NULL;
	int critical = -1;

	if (!is_long)
		names = X509_get_ext_d2i(
		    x509, NID_subject_alt_name, &critical, NULL);
	if (names == NULL && (is_long || critical != -1)) {
		/* It does not decode, or is there twice, or is too long. */
		c->names[TRUST_IDENTITY_SAN_DNS].malformed = true;
		c->names[TRUST_IDENTITY_SAN_URI].malformed = true;
		c->names[TRUST_IDENTITY_SAN_URI_LAST].malformed = true;
		c->names[TRUST_IDENTITY_SAN_EMAIL].malformed = true;
	}
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
		read_alt_name(sk_GENERAL_NAME_value(names, i), c);
	GENERAL_NAMES_free(names);
}

static enum trust_err
read_names(const X509 *x509, struct trust_certificate *c)
{
	const X509_NAME *subject = X509_get_subject_name(x509);
	enum trust_err r;

	read_subject(subject, NID_commonName, &c->names[TRUST_IDENTITY_CN]);
	read_subject(
	    subject, NID_serialNumber, &c->names[TRUST_IDENTITY_SERIAL_NUMBER]);
	read_alt_names(x509, c);
	(void)trust_certificate_show_name(subject, c->subject);
	(void)trust_certificate_show_name(
	    X509_get_issuer_name(x509), c->issuer);
	r = trust_ground_issuer(subject, &c->subject_ground);
	if (r == TRUST_OK)
		r = trust_ground_issuer(
		    X509_get_issuer_name(x509), &c->issuer_ground);
	return r;
}

/* ---- Key, dates, extensions ---- */

static void
read_curve(const EVP_PKEY *key, struct trust_key_facts *out)
{
	char group[32] = "";
	const char *nist = NULL;

	if (EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1)
		nist = EC_curve_nid2nist(OBJ_sn2nid(group));
	(void)snprintf(out->type, sizeof(out->type), "EC %.20s",
	    nist != NULL ? nist : group);
}

static bool
is_rsa(const EVP_PKEY *key)
{
	int type = key != NULL ? EVP_PKEY_get_base_id(key) : NID_undef;

	return type == EVP_PKEY_RSA || type == EVP_PKEY_RSA_PSS;
}

/* 0: it is no RSA key. One whose size OpenSSL cannot tell is as short as can
 * be. */
static int
rsa_bits(const EVP_PKEY *key)
{
	int bits = is_rsa(key) ? EVP_PKEY_get_bits(key) : 0;

	return is_rsa(key) && bits < 1 ? 1 : bits;
}

int
trust_certificate_rsa_bits(const X509 *x509)
{
	return rsa_bits(X509_get0_pubkey(x509));
}

void
trust_certificate_read_key(const EVP_PKEY *key, struct trust_key_facts *out)
{
	*out = (struct trust_key_facts){.type = "unknown"};
	if (key == NULL)
		return;
	out->bits = EVP_PKEY_get_bits(key);
	out->strength = EVP_PKEY_get_security_bits(key);
	if (is_rsa(key)) {
		/* OpenSSL rounds what is a little shorter up. */
		if (out->bits < RSA_BITS_MIN &&
		    out->strength >= TRUST_STRENGTH_MIN)
			out->strength = TRUST_STRENGTH_MIN - 1;
		(void)snprintf(
		    out->type, sizeof(out->type), "RSA %d", out->bits);
	} else if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC) {
		read_curve(key, out);
	} else {
		const char *name = EVP_PKEY_get0_type_name(key);

		(void)snprintf(out->type, sizeof(out->type), "%s",
		    name != NULL ? name : "unknown");
	}
}

static void
read_key(const X509 *x509, struct trust_certificate *c)
{
	struct trust_key_facts facts;

	trust_certificate_read_key(X509_get0_pubkey(x509), &facts);
	c->key_strength = facts.strength;
	memcpy(c->key_type, facts.type, sizeof(c->key_type));
}

static enum trust_err
read_pin(const X509 *x509, struct trust_thumbprint *pin)
{
	enum trust_err r;
	unsigned char *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &der);

	if (len <= 0)
		return TRUST_ERR_INTERNAL;
	r = trust_thumbprint_of((struct trust_span){der, (size_t)len}, pin);
	OPENSSL_free(der);
	return r;
}

static void
read_dates(const X509 *x509, struct trust_certificate *c)
{
	if (trust_certificate_time(X509_get0_notBefore(x509), &c->not_before) !=
	    TRUST_OK)
		c->not_before = TRUST_CLOCK_NEVER;
	if (trust_certificate_time(X509_get0_notAfter(x509), &c->not_after) !=
	    TRUST_OK)
		c->not_after = INT64_MIN;
}

static void
read_extensions(X509 *x509, struct trust_certificate *c)
{
	uint32_t flags = X509_get_extension_flags(x509);
	uint32_t eku = X509_get_extended_key_usage(x509);

	c->is_ca = (flags & EXFLAG_CA) != 0;
	c->has_client_auth_eku =
	    (flags & EXFLAG_XKUSAGE) != 0 && (eku & XKU_SSL_CLIENT) != 0;
}

bool
trust_certificate_is_self_signed(X509 *x509)
{
	bool self_signed = X509_self_signed(x509, 1) == 1;

	ERR_clear_error();
	return self_signed;
}

enum trust_err
trust_certificate_new(
    X509 *x509, struct trust_certificate **out, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	struct trust_certificate *c;

	*out = NULL;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return trust_err_set(
		    msg, TRUST_ERR_NOMEM, "certificate: out of memory");
	r = trust_certificate_thumbprint(x509, &c->thumbprint);
	if (r == TRUST_OK)
		r = read_pin(x509, &c->pin);
	if (r != TRUST_OK) {
		(void)trust_err_set(
		    msg, r, "certificate: cannot be encoded again");
		goto out;
	}
	c->version = (int)X509_get_version(x509) + 1;
	read_dates(x509, c);
	read_extensions(x509, c);
	read_key(x509, c);
	r = read_names(x509, c);
	if (r != TRUST_OK) {
		(void)trust_err_set(msg, r, "certificate: out of memory");
		goto out;
	}
	*out = c;
	c = NULL; /* transferred */
	r = TRUST_OK;
out:
	ERR_clear_error();
	trust_certificate_free(c);
	return r;
}

struct trust_certificate *
trust_certificate_get1(struct trust_certificate *certificate)
{
	certificate->more_refs++;
	return certificate;
}

void
trust_certificate_free(struct trust_certificate *certificate)
{
	if (certificate == NULL)
		return;
	if (certificate->more_refs > 0) {
		certificate->more_refs--;
		return;
	}
	for (size_t i = 0; i < TRUST_N_IDENTITIES; i++) {
		struct trust_values *values = &certificate->names[i];

		for (size_t j = 0; j < values->n; j++)
			free(values->v[j].p);
	}
	free(certificate);
}

bool
trust_certificate_same_all(const STACK_OF(X509) *a, const STACK_OF(X509) *b)
{
	if (sk_X509_num(a) != sk_X509_num(b))
		return false;
	for (int i = 0; i < sk_X509_num(a); i++) {
		if (X509_cmp(sk_X509_value(a, i), sk_X509_value(b, i)) != 0)
			return false;
	}
	return true;
}

bool
trust_certificate_any_issued_by(
    STACK_OF(X509) *certificates, const X509_NAME *issuer)
{
	for (int i = 0; i < sk_X509_num(certificates); i++) {
		int r = X509_NAME_cmp(
		    X509_get_issuer_name(sk_X509_value(certificates, i)),
		    issuer);

		if (r == 0 || r == NAME_CMP_FAILED)
			return true;
	}
	return false;
}

enum trust_err
trust_certificate_thumbprint(const X509 *x509, struct trust_thumbprint *out)
{
	unsigned len = 0;

	memset(out, 0, sizeof(*out));
	if (X509_digest(x509, EVP_sha256(), out->b, &len) != 1 ||
	    len != sizeof(out->b))
		return TRUST_ERR_INTERNAL;
	return TRUST_OK;
}

/* ---- Reading PEM and DER ---- */

enum trust_err
trust_certificate_parse_der(
    struct trust_span der, X509 **out, struct trust_message *msg)
{
	const unsigned char *p = der.p;
	X509 *x509;

	*out = NULL;
	if (der.len == 0 || der.len > TRUST_CERTIFICATE_MAX)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "certificate: want 1 to %d octets of DER, got %zu",
		    TRUST_CERTIFICATE_MAX, der.len);
	x509 = d2i_X509(NULL, &p, (long)der.len);
	ERR_clear_error();
	if (x509 == NULL)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "certificate: want X.509 in DER, got something else");
	if (p != der.p + der.len) {
		X509_free(x509);
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "certificate: want nothing behind it, got %zu octets",
		    (size_t)(der.p + der.len - p));
	}
	*out = x509;
	return TRUST_OK;
}

static enum trust_err
parse_crl_der(struct trust_span der, X509_CRL **out, struct trust_message *msg)
{
	const unsigned char *p = der.p;
	X509_CRL *crl = d2i_X509_CRL(NULL, &p, (long)der.len);

	ERR_clear_error();
	if (crl == NULL || p != der.p + der.len) {
		X509_CRL_free(crl);
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "CRL: want an X.509 CRL in DER and nothing behind it");
	}
	*out = crl;
	return TRUST_OK;
}

/* One PEM block of any label. TRUST_ERR_NOT_FOUND at the end of the text. */
struct block {
	char *label;
	char *header;
	unsigned char *der;
	long len; /* octets of der */
};

static void
block_free(struct block *block)
{
	OPENSSL_free(block->label);
	OPENSSL_free(block->header);
	OPENSSL_free(block->der);
	memset(block, 0, sizeof(*block));
}

static enum trust_err
block_read(BIO *bio, struct block *block, struct trust_message *msg)
{
	unsigned long error;

	memset(block, 0, sizeof(*block));
	if (PEM_read_bio(bio, &block->label, &block->header, &block->der,
		&block->len) == 1)
		return TRUST_OK;
	error = ERR_peek_last_error();
	ERR_clear_error();
	if (ERR_GET_LIB(error) == ERR_LIB_PEM &&
	    ERR_GET_REASON(error) == PEM_R_NO_START_LINE)
		return TRUST_ERR_NOT_FOUND;
	return trust_err_set(msg, TRUST_ERR_INPUT,
	    "PEM: want base64 between BEGIN and END lines (RFC 7468), got a "
	    "damaged block");
}

static enum trust_err
add_certificate(
    const struct block *block, STACK_OF(X509) *stack, struct trust_message *msg)
{
	enum trust_err r;
	X509 *x509;

	if (strcmp(block->label, PEM_STRING_X509) != 0 &&
	    strcmp(block->label, PEM_STRING_X509_OLD) != 0)
		return TRUST_OK;
	r = trust_certificate_parse_der(
	    (struct trust_span){block->der, (size_t)block->len}, &x509, msg);
	if (r != TRUST_OK)
		return r;
	if (sk_X509_push(stack, x509) == 0) {
		X509_free(x509);
		return TRUST_ERR_NOMEM;
	}
	return TRUST_OK;
}

static BIO *
bio_of(struct trust_span span)
{
	if (span.len > INT32_MAX)
		return NULL;
	return BIO_new_mem_buf(
	    span.len == 0 ? "" : (const char *)span.p, (int)span.len);
}

enum trust_err
trust_certificate_parse_pem(
    struct trust_span pem, STACK_OF(X509) **out, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_NOMEM;
	STACK_OF(X509) *stack = sk_X509_new_null();
	BIO *bio = bio_of(pem);
	struct block block;

	*out = NULL;
	if (stack == NULL || bio == NULL)
		goto out;
	while ((r = block_read(bio, &block, msg)) == TRUST_OK) {
		r = add_certificate(&block, stack, msg);
		block_free(&block);
		if (r != TRUST_OK)
			goto out;
	}
	if (r != TRUST_ERR_NOT_FOUND)
		goto out;
	if (sk_X509_num(stack) == 0) {
		r = trust_err_set(msg, TRUST_ERR_INPUT,
		    "PEM: want a certificate, found none");
		goto out;
	}
	*out = stack;
	stack = NULL; /* transferred */
	r = TRUST_OK;
out:
	sk_X509_pop_free(stack, X509_free);
	BIO_free(bio);
	return r;
}

/* No block may follow. */
static enum trust_err
check_end(BIO *bio, struct trust_message *msg)
{
	struct block block;
	enum trust_err r = block_read(bio, &block, msg);

	block_free(&block);
	if (r == TRUST_ERR_NOT_FOUND)
		return TRUST_OK;
	return trust_err_set(msg, TRUST_ERR_INPUT,
	    "PEM: want one X509 CRL and nothing behind it");
}

/* Whether it may list what others have issued. An extension that cannot be
 * read may say so. */
static bool
is_indirect(const X509_CRL *crl)
{
	int found;
	ISSUING_DIST_POINT *point = X509_CRL_get_ext_d2i(
	    crl, NID_issuing_distribution_point, &found, NULL);
	bool indirect = point != NULL ? point->indirectCRL > 0 : found != -1;

	ISSUING_DIST_POINT_free(point);
	return indirect;
}

static enum trust_err
check_crl(const X509_CRL *crl, struct trust_message *msg)
{
	if (X509_CRL_get0_nextUpdate(crl) == NULL)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "CRL: want a nextUpdate (RFC 5280 section 5.1.2.5)");
	if (X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) != -1)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "CRL: want a complete one, got a delta CRL (RFC 5280 "
		    "section 5.2.4)");
	if (is_indirect(crl))
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "CRL: want that of one CA, got an indirect CRL (RFC 5280 "
		    "section 5.2.5)");
	return TRUST_OK;
}

enum trust_err
trust_certificate_parse_crl(
    struct trust_span pem, X509_CRL **out, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_NOMEM;
	struct block block = {0};
	BIO *bio = bio_of(pem);

	*out = NULL;
	if (bio == NULL)
		goto out;
	r = block_read(bio, &block, msg);
	if (r == TRUST_ERR_NOT_FOUND ||
	    (r == TRUST_OK && strcmp(block.label, PEM_STRING_X509_CRL) != 0))
		r = trust_err_set(
		    msg, TRUST_ERR_INPUT, "PEM: want an X509 CRL");
	if (r != TRUST_OK)
		goto out;
	r = parse_crl_der(
	    (struct trust_span){block.der, (size_t)block.len}, out, msg);
	if (r == TRUST_OK)
		r = check_end(bio, msg);
	if (r == TRUST_OK)
		r = check_crl(*out, msg);
	if (r != TRUST_OK) {
		X509_CRL_free(*out);
		*out = NULL;
	}
out:
	block_free(&block);
	BIO_free(bio);
	return r;
}
