/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grounds and lists of them.
 */
#include "ground.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

/* FNV-1a of 64 bits: draft-eastlake-fnv. */
#define FNV_OFFSET UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME  UINT64_C(0x100000001b3)

/* Lists shorter than this are looked through before something is added. Those
 * of admissions are; a change of a thousand roles is not worth it. */
#define LOOK_MAX 64

uint64_t
trust_ground(enum trust_ground_kind kind, const void *p, size_t len)
{
	const uint8_t *b = p;
	uint64_t h = (FNV_OFFSET ^ (uint64_t)kind) * FNV_PRIME;

	for (size_t i = 0; i < len; i++)
		h = (h ^ b[i]) * FNV_PRIME;
	return h;
}

enum trust_err
trust_ground_issuer(const X509_NAME *name, uint64_t *out)
{
	unsigned long hash, error;
	int ok = 0;

	*out = 0;
	ERR_clear_error();
	hash = X509_NAME_hash_ex(name, NULL, NULL, &ok);
	error = ERR_peek_last_error();
	ERR_clear_error();
	if (ok != 1 && ERR_GET_REASON(error) != ERR_R_UNSUPPORTED)
		return TRUST_ERR_NOMEM;
	*out = trust_ground(TRUST_GROUND_ISSUER, &hash, sizeof(hash));
	return TRUST_OK;
}

enum trust_err
trust_grounds_add(struct trust_grounds *grounds, uint64_t ground)
{
	for (size_t i = 0; i < grounds->n && i < LOOK_MAX; i++) {
		if (grounds->v[i] == ground)
			return TRUST_OK;
	}
	if (grounds->n == grounds->room) {
		size_t room = grounds->room == 0 ? 4 : grounds->room * 2;
		uint64_t *v = realloc(grounds->v, room * sizeof(*v));

		if (v == NULL)
			return TRUST_ERR_NOMEM;
		grounds->v = v;
		grounds->room = room;
	}
	grounds->v[grounds->n++] = ground;
	return TRUST_OK;
}

enum trust_err
trust_grounds_add_issuer(struct trust_grounds *grounds, const X509_NAME *name)
{
	uint64_t ground;
	enum trust_err r = trust_ground_issuer(name, &ground);

	return r == TRUST_OK ? trust_grounds_add(grounds, ground) : r;
}

enum trust_err
trust_grounds_add_issuers(
    struct trust_grounds *grounds, STACK_OF(X509) *certificates)
{
	enum trust_err r = TRUST_OK;

	for (int i = 0; r == TRUST_OK && i < sk_X509_num(certificates); i++)
		r = trust_grounds_add_issuer(grounds,
		    X509_get_subject_name(sk_X509_value(certificates, i)));
	return r;
}

void
trust_grounds_clear(struct trust_grounds *grounds)
{
	free(grounds->v);
	memset(grounds, 0, sizeof(*grounds));
}
