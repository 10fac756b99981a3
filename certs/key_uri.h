/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PKCS #11 URIs (RFC 7512), as far as they say how to come to the token: which
 * object in it is meant is for the provider or engine to read.
 */
#ifndef TRUST_KEY_URI_H
#define TRUST_KEY_URI_H

#include <limits.h>
#include <stdbool.h>

#include "key_prompt.h"

/* Longer ones than anybody types. */
#define TRUST_KEY_URI_MAX 2048

struct trust_key_uri {
	char object[TRUST_KEY_URI_MAX]; /* without the query; has no secret */
	char module_path[PATH_MAX];     /* empty: p11-kit's modules */
	char pin[TRUST_KEY_SECRET_MAX]; /* pin-value; empty: none */
	char pin_source[PATH_MAX];      /* a file; empty: none */
};

/* Whether it is meant as one. */
bool trust_key_uri_is_one(const char *text);

/* Parse it. TRUST_ERR_INPUT: no such URI, one that names no object, or a
 * pin-source that is no file. The caller wipes `out`, also after an error. */
enum trust_err trust_key_uri_parse(const char *text, struct trust_key_uri *out,
    struct trust_message *msg) TRUST_MUST_CHECK;

#endif
