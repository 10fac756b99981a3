/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRLs that trustctl has put into the registry beside a running broker, parsed
 * in a thread of their own: sync does that for those that it applies.
 */
#ifndef TRUST_CRL_AHEAD_H
#define TRUST_CRL_AHEAD_H

#include "trust.h"

struct trust_crl_ahead;

/* Both are borrowed. */
enum trust_err trust_crl_ahead_new(const char *registry_path,
    struct trust_ahead *ahead, struct trust_crl_ahead **out) TRUST_MUST_CHECK;
void trust_crl_ahead_free(struct trust_crl_ahead *crls);

/* Begin with these (ids, a NUL after each), unless one is busy already. False:
 * there is no thread to be had. */
bool trust_crl_ahead_begin(struct trust_crl_ahead *crls, struct trust_span ids);
/* From begin to end. */
bool trust_crl_ahead_is_busy(const struct trust_crl_ahead *crls);
/* Whether all is parsed that can be. */
bool trust_crl_ahead_is_done(const struct trust_crl_ahead *crls);
/* Waits for what is under way. */
void trust_crl_ahead_end(struct trust_crl_ahead *crls);

#endif
