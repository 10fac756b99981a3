/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PKCS #11 URIs (RFC 7512).
 */
#include "key_uri.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SCHEME     "pkcs11:"
#define SCHEME_LEN (sizeof(SCHEME) - 1)

bool
trust_key_uri_is_one(const char *text)
{
	/* RFC 3986 section 3.1: a scheme has no case. */
	return strncasecmp(text, SCHEME, SCHEME_LEN) == 0;
}

static int
hex_value(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *p = c != '\0' ? strchr(digits, c | 0x20) : NULL;

	return p != NULL ? (int)(p - digits) : -1;
}

/* The octets of a percent-encoded value, as a string: without NUL. */
static bool
decode(const char *p, size_t len, char *out, size_t size)
{
	size_t n = 0;
	int high, low;

	for (size_t i = 0; i < len; i++) {
		char c = p[i];

		if (c == '%') {
			high = i + 1 < len ? hex_value(p[i + 1]) : -1;
			low = i + 2 < len ? hex_value(p[i + 2]) : -1;
			if (high < 0 || low < 0)
				return false;
			c = (char)(16 * high + low);
			i += 2;
		}
		if (c == '\0' || n + 1 >= size)
			return false;
		out[n++] = c;
	}
	out[n] = '\0';
	return true;
}

/* ---- The object ---- */

/* Whether one of the path's attributes says which object it is. */
static bool
names_object(const char *path)
{
	for (const char *p = path; p != NULL;
	     p = (p = strchr(p, ';')) != NULL ? p + 1 : NULL)
		if (strncmp(p, "object=", 7) == 0 || strncmp(p, "id=", 3) == 0)
			return true;
	return false;
}

static enum trust_err
take_object(const char *text, size_t len, struct trust_key_uri *out,
    struct trust_message *msg)
{
	if (len >= sizeof(out->object))
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    SCHEME " want a URI of at most %zu octets, got %zu",
		    sizeof(out->object) - 1, len);
	snprintf(out->object, sizeof(out->object), SCHEME "%.*s",
	    (int)(len - SCHEME_LEN), text + SCHEME_LEN);
	/* Without it the first key that is found would be taken. */
	if (!names_object(out->object + SCHEME_LEN))
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: want object= or id= in the URI, to say which key",
		    out->object);
	return TRUST_OK;
}

/* ---- The query ---- */

/* RFC 7512 section 2.4 leaves open what pin-source is; a file, with and
 * without "file:", is what everybody reads. */
static bool
take_pin_source(char out[PATH_MAX])
{
	static const char *const prefixes[] = {"file://", "file:", "|"};
	size_t len;

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		len = strlen(prefixes[i]);
		if (strncasecmp(out, prefixes[i], len) != 0)
			continue;
		if (prefixes[i][0] == '|')
			return false;
		memmove(out, out + len, strlen(out + len) + 1);
		break;
	}
	return out[0] != '\0';
}

static bool
take_attribute(const char *p, size_t len, struct trust_key_uri *out)
{
	const struct {
		const char *name;
		char *to;
		size_t size;
	} attributes[] = {
	    {"module-path=", out->module_path, sizeof(out->module_path)},
	    {"pin-value=", out->pin, sizeof(out->pin)},
	    {"pin-source=", out->pin_source, sizeof(out->pin_source)},
	};
	size_t n;

	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]);
	     i++) {
		n = strlen(attributes[i].name);
		if (len < n || strncmp(p, attributes[i].name, n) != 0)
			continue;
		if (!decode(
			p + n, len - n, attributes[i].to, attributes[i].size))
			return false;
		return attributes[i].to != out->pin_source ||
		       take_pin_source(out->pin_source);
	}
	/* RFC 7512 section 2.4: other attributes are not for us. */
	return true;
}

static enum trust_err
take_query(
    const char *query, struct trust_key_uri *out, struct trust_message *msg)
{
	size_t len;

	for (const char *p = query; *p != '\0'; p += len + (p[len] == '&')) {
		len = strcspn(p, "&");
		/* Its value may be a PIN: not shown. */
		if (!take_attribute(p, len, out))
			return trust_err_set(msg, TRUST_ERR_INPUT,
			    "%s: want module-path, pin-value and a pin-source "
			    "that is a file, percent-encoded, got another %.*s",
			    out->object, (int)strcspn(p, "=&"), p);
	}
	return TRUST_OK;
}

enum trust_err
trust_key_uri_parse(
    const char *text, struct trust_key_uri *out, struct trust_message *msg)
{
	size_t len = strcspn(text, "?");
	enum trust_err r = TRUST_ERR_INTERNAL;

	memset(out, 0, sizeof(*out));
	r = take_object(text, len, out, msg);
	if (r != TRUST_OK || text[len] == '\0')
		return r;
	return take_query(text + len + 1, out, msg);
}
