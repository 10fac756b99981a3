/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRLs that were parsed ahead: one of 4,000 entries takes 5 ms, for which a
 * broker has no time, and another thread has. It saves work and nothing else:
 * what is not here, or is another by now, is parsed by whoever wants it.
 * Several threads may use it at a time.
 */
#ifndef TRUST_AHEAD_H
#define TRUST_AHEAD_H

#include <openssl/x509.h>

#include "record.h"

struct trust_ahead;

/* What the line of a CRL's record means. */
struct trust_ahead_crl {
	char id[TRUST_ID_MAX + 1];
	bool enabled;
	struct trust_thumbprint digest; /* of its PEM */
	X509_CRL *crl;                  /* owned */
};

/* `max` octets of PEM: the oldest go first. */
enum trust_err trust_ahead_new(
    size_t max, struct trust_ahead **out) TRUST_MUST_CHECK;
/* No thread may use it any more. */
void trust_ahead_free(struct trust_ahead *ahead);

/* Parse what a CRL's record has, in the place of what there was with its id.
 * `line` is the SHA-256 of the line as a registry has it. What cannot be parsed
 * is not kept, and neither are records of other kinds. */
void trust_ahead_add(struct trust_ahead *ahead,
    const struct trust_record *record, const struct trust_thumbprint *line);
/* Whether there is one with this id, of whatever line. */
bool trust_ahead_has(struct trust_ahead *ahead, const char *id);
/* Take the one with this id and this line out; the caller frees out->crl. */
bool trust_ahead_take(struct trust_ahead *ahead, const char *id,
    const struct trust_thumbprint *line, struct trust_ahead_crl *out);

#endif
