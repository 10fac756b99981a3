/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The distinguished encoding: X.690 sections 8, 10 and 11. OpenSSL reads the
 * basic encoding too, where one value has many forms.
 */
#include <openssl/asn1.h>
#include <openssl/err.h>

#include "profile_internal.h"

/* Levels of nested values; a certificate has a dozen. */
#define DEPTH_MAX 32

bool
trust_profile_der_next(struct trust_span *rest, struct profile_item *item)
{
	const unsigned char *p = rest->p;
	int form, size;
	long len;

	if (rest->len == 0 || rest->len > INT32_MAX)
		return false;
	form = ASN1_get_object(
	    &p, &len, &item->tag, &item->class, (long)rest->len);
	if ((form & 0x80) != 0) {
		ERR_clear_error();
		return false;
	}
	item->is_constructed = (form & V_ASN1_CONSTRUCTED) != 0;
	/* The length is definite, and tag and length are as short as can be. */
	size = ASN1_object_size(item->is_constructed, (int)len, item->tag);
	if ((form & 1) != 0 || size < 0 || p - rest->p != size - len)
		return false;
	item->content = (struct trust_span){p, (size_t)len};
	rest->len -= (size_t)size;
	rest->p += size;
	return true;
}

static bool
is_oid(struct trust_span content)
{
	bool is_first = true; /* of the octets of an arc */

	for (size_t i = 0; i < content.len; i++) {
		if (is_first && content.p[i] == 0x80)
			return false;
		is_first = (content.p[i] & 0x80) == 0;
	}
	return content.len > 0 && is_first;
}

static bool
is_bit_string(struct trust_span content)
{
	unsigned unused;

	if (content.len == 0)
		return false;
	unused = content.p[0];
	if (unused > 7 || (unused > 0 && content.len == 1))
		return false;
	return (content.p[content.len - 1] & ((1u << unused) - 1)) == 0 ||
	       content.len == 1;
}

static bool
is_integer(struct trust_span content)
{
	if (content.len == 0)
		return false;
	return content.len == 1 ||
	       (content.p[0] != 0x00 && content.p[0] != 0xFF) ||
	       ((content.p[0] ^ content.p[1]) & 0x80) != 0;
}

/* A primitive value of a universal type. */
static bool
check_primitive(const struct profile_item *item)
{
	struct trust_span content = item->content;

	switch (item->tag) {
	case V_ASN1_BOOLEAN:
		/* Everywhere in X.509 FALSE is the default: left out. */
		return content.len == 1 && content.p[0] == 0xFF;
	case V_ASN1_INTEGER:
	case V_ASN1_ENUMERATED:
		return is_integer(content);
	case V_ASN1_NULL:
		return content.len == 0;
	case V_ASN1_OBJECT:
		return is_oid(content);
	case V_ASN1_BIT_STRING:
		return is_bit_string(content);
	case V_ASN1_SEQUENCE:
	case V_ASN1_SET:
		return false;
	default:
		return true;
	}
}

static bool
check_all(struct trust_span rest, int depth)
{
	struct profile_item item;

	if (depth > DEPTH_MAX)
		return false;
	while (rest.len > 0) {
		if (!trust_profile_der_next(&rest, &item))
			return false;
		if (item.is_constructed) {
			if (item.class == V_ASN1_UNIVERSAL &&
			    item.tag != V_ASN1_SEQUENCE &&
			    item.tag != V_ASN1_SET)
				return false;
			if (!check_all(item.content, depth + 1))
				return false;
		} else if (item.class == V_ASN1_UNIVERSAL &&
			   !check_primitive(&item)) {
			return false;
		}
	}
	return true;
}

bool
trust_profile_der_check(struct trust_span der)
{
	struct trust_span rest = der;
	struct profile_item item;

	return trust_profile_der_next(&rest, &item) && rest.len == 0 &&
	       check_all(der, 0);
}
