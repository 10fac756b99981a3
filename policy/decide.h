/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision: a pure function of what the registry says, what the
 * certificate says, how its chains came out, and the time. The order of the
 * rules is the interface's ("The first that applies is the reason").
 */
#ifndef TRUST_DECIDE_H
#define TRUST_DECIDE_H

#include "chain.h"
#include "record.h"
#include "steps.h"
#include "verdict.h"

enum trust_registry_state {
	TRUST_REGISTRY_STATE_MISSING = 0,
	TRUST_REGISTRY_STATE_STALE,
	TRUST_REGISTRY_STATE_READY,
};

/* A group that might vouch, how the chain to its anchors came out, and the
 * device records of the names that it reads from the certificate. */
struct trust_candidate {
	const char *group_id;
	const struct trust_group *group;
	const struct trust_chain *chain;
	/* The record of the certificate's name in this group, or NULL. */
	const struct trust_record *device;
	bool blocked; /* this gateway keeps that name out by itself */
	/* The group admits first keys alone, and that name's is another. */
	bool other_key;
};

/* All that the registry and the chain builder know of one certificate. */
struct trust_facts {
	enum trust_registry_state state;
	const struct trust_record *by_thumbprint; /* a device, or NULL */
	const struct trust_record *by_pin;        /* a device, or NULL */
	/* A device of type thumbprint or key whose name it bears, or NULL. */
	const struct trust_record *namesake;
	/* This gateway keeps the device of the pin out by itself. */
	bool blocked;
	bool self_signed; /* asked only where no pin settles it */
	const struct trust_candidate *candidates;
	size_t n_candidates;
};

/* The first step, whatever the question: whether there is a registry to ask;
 * else the verdict denies. `steps` may be NULL. */
bool trust_decide_registry(enum trust_registry_state state,
    struct trust_verdict *verdict, struct trust_steps *steps);

/*
 * Decide. With `facts->candidates` empty although there are groups, the
 * answer for a certificate that no pin settles is chain_untrusted: the caller
 * asks trust_decide_needs_chain first and validates chains only then.
 * `steps` may be NULL.
 */
enum trust_err trust_decide(const struct trust_facts *facts,
    const struct trust_certificate *certificate, int64_t now,
    struct trust_verdict *out, struct trust_steps *steps) TRUST_MUST_CHECK;

/* What the registry knows of somebody who claims a PSK identity. */
struct trust_psk_facts {
	enum trust_registry_state state;
	const char *identity;              /* a peer's text */
	const struct trust_record *device; /* that has it, or NULL */
	bool blocked;   /* this gateway keeps that device out by itself */
	size_t key_len; /* octets of its key, where it is asked for */
};

/*
 * Decide about an identity, before anybody has proved to have its key: that
 * is what the handshake goes on to find out. The caller asks
 * trust_decide_needs_key first, and looks at the key only then.
 */
enum trust_err trust_decide_psk(const struct trust_psk_facts *facts,
    struct trust_verdict *out) TRUST_MUST_CHECK;

/* Whether the facts so far leave it to the key. */
bool trust_decide_needs_key(const struct trust_psk_facts *facts);

/*
 * The last step, at CONNECT: an allowance becomes a denial with
 * client_id_mismatch when the client id is not the device's. What is denied
 * already stays so. `steps` may be NULL.
 */
void trust_decide_client_id(struct trust_verdict *verdict,
    const char *client_id, struct trust_steps *steps);

/* Whether the facts so far leave it to a chain. */
bool trust_decide_needs_chain(const struct trust_facts *facts);

#endif
