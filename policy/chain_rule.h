/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of path validation: which reason an error of OpenSSL's stands
 * for, the rule behind it, and which of several reasons is told.
 */
#ifndef TRUST_CHAIN_RULE_H
#define TRUST_CHAIN_RULE_H

#include "reason.h"

/* What else is wrong wherever a path breaks a rule at a certificate. */
enum trust_chain_scope {
	TRUST_CHAIN_SCOPE_PATH,        /* nothing but this path */
	TRUST_CHAIN_SCOPE_PREFIX,      /* every path that begins like it */
	TRUST_CHAIN_SCOPE_LINK,        /* every one with the next above it */
	TRUST_CHAIN_SCOPE_CERTIFICATE, /* every one with the certificate */
};

/* A rule that a chain can break. */
struct trust_chain_rule {
	enum trust_reason reason;
	const char *text; /* the rule, for a person; static */
	enum trust_chain_scope scope;
};

/* The rule behind an X509_V_ERR_…; one that no reason is named after is
 * chain_invalid, in OpenSSL's words. */
struct trust_chain_rule trust_chain_rule_of(int error);

/*
 * The place of a reason among those that a chain can fail for (step 5 of the
 * interface's order), 0 foremost; a number past them for any other.
 */
unsigned trust_chain_rank(enum trust_reason reason);

#endif
