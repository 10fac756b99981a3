/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate's decisions: what is cached, what is asked anew, and the one place
 * where an error becomes a denial.
 */
#include "gate_internal.h"

#include <stdio.h>
#include <string.h>

/* One question, and what the gate already knows of its certificate. */
struct question {
	/* Somebody has come with these; or is known, and they are NULL. */
	X509 *leaf;
	STACK_OF(X509) *untrusted;
	struct trust_admission *known;
	int64_t now;
	bool live; /* about who is connected already */
	struct trust_steps *steps;
};

/* What a question needs while it is asked. Zeroed memory is nothing. */
struct asking {
	struct trust_certificate *certificate;
	STACK_OF(X509) *untrusted; /* without the leaf */
	bool strangers;            /* the pool lacks some of them */
	struct trust_group_chains chains;
};

static void
asking_clear(struct asking *a)
{
	trust_certificate_free(a->certificate);
	sk_X509_pop_free(a->untrusted, X509_free);
	trust_group_chains_clear(&a->chains);
	memset(a, 0, sizeof(*a));
}

void
trust_gate_date(
    const struct trust_gate *gate, struct trust_admission *admission)
{
	admission->epoch = gate->epoch;
	admission->generation = gate->generation;
	admission->sets_serial = gate->sets_serial;
	admission->blocks = gate->blocks;
}

/* Takes over what the asking has. */
static enum trust_err
admit(struct trust_gate *gate, struct trust_span leaf, struct asking *a,
    const struct trust_verdict *verdict, struct trust_admission **admission)
{
	struct trust_verdict copy;
	enum trust_err r;

	r = trust_verdict_copy(verdict, &copy);
	if (r != TRUST_OK)
		return r;
	if (a->strangers)
		trust_pool_add(gate->pool, a->untrusted);
	r = trust_admission_new(
	    &copy, a->certificate, &a->chains, leaf, a->untrusted, admission);
	a->certificate = NULL; /* transferred */
	a->untrusted = NULL;   /* transferred */
	if (r != TRUST_OK)
		return r;
	r = trust_admission_set_anchor(*admission, gate->sets);
	if (r != TRUST_OK)
		return r; /* the caller releases it */
	trust_gate_date(gate, *admission);
	return TRUST_OK;
}

/* The leaf of somebody who has come. */
static enum trust_err
admit_leaf(struct trust_gate *gate, X509 *leaf, struct asking *a,
    const struct trust_verdict *verdict, struct trust_admission **admission)
{
	unsigned char *der = NULL;
	int len = i2d_X509(leaf, &der);
	enum trust_err r = TRUST_ERR_INTERNAL;

	if (len > 0)
		r = admit(gate, (struct trust_span){der, (size_t)len}, a,
		    verdict, admission);
	OPENSSL_free(der);
	return r;
}

/* Mostly a change comes to the same for whom it concerns. Then all who hold
 * the admission need no other one: ten thousand that were given up at once
 * would be more small pieces than malloc(3) joins in two milliseconds. */
static enum trust_err
admit_known(struct trust_gate *gate, struct trust_admission *known,
    struct asking *a, const struct trust_verdict *verdict,
    struct trust_admission **admission)
{
	if (!trust_admission_renew(known, gate->sets, verdict, &a->chains))
		return admit(
		    gate, trust_buf_get0(&known->leaf), a, verdict, admission);
	trust_gate_date(gate, known);
	*admission = trust_admission_get1(known);
	return TRUST_OK;
}

static enum trust_err
judge(struct trust_gate *gate, const struct question *q, struct asking *a,
    struct trust_verdict *verdict, struct trust_message *msg)
{
	struct trust_judge_input in = {
	    .registry = gate->registry,
	    .sets = gate->sets,
	    .state = trust_gate_state(gate, q->now, q->live),
	    .local = gate->local,
	    .certificate = a->certificate,
	    .leaf = q->leaf,
	    .der = q->known != NULL ? trust_buf_get0(&q->known->leaf)
				    : (struct trust_span){0},
	    .untrusted = a->untrusted,
	    .revocation = gate->config.revocation,
	    .crl_grace_s = gate->config.crl_grace_s,
	    .now = trust_gate_time(gate, q->now),
	};
	enum trust_err r;

	if (in.state == TRUST_REGISTRY_STATE_READY) {
		r = trust_gate_want_local(gate, msg);
		if (r != TRUST_OK)
			return r;
		trust_gate_tell_local(gate, q->steps);
	}
	if (q->known != NULL && trust_gate_chains_stand(gate, q->known))
		in.known = &q->known->chains;
	r = trust_judge(&in, verdict, &a->chains, q->steps, msg);
	gate->chains_built += a->chains.n_built;
	return r;
}

static enum trust_err
read_certificates(const struct trust_gate *gate, const struct question *q,
    struct asking *a, struct trust_message *msg)
{
	enum trust_err r;

	if (q->known != NULL) {
		a->certificate = trust_certificate_get1(q->known->certificate);
		a->untrusted = X509_chain_up_ref(q->known->untrusted);
		return a->untrusted != NULL ? TRUST_OK : TRUST_ERR_NOMEM;
	}
	r = trust_certificate_new(q->leaf, &a->certificate, msg);
	if (r != TRUST_OK)
		return r;
	return trust_pool_share(gate->pool, q->untrusted, q->leaf,
	    &a->certificate->thumbprint, &a->untrusted, &a->strangers);
}

/* Within a read, or without a registry. */
static enum trust_err
ask(struct trust_gate *gate, const struct question *q,
    struct trust_verdict *verdict, struct trust_admission **admission,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	struct asking a = {0};

	r = read_certificates(gate, q, &a, msg);
	if (r == TRUST_OK)
		r = judge(gate, q, &a, verdict, msg);
	if (r == TRUST_OK && verdict->outcome == TRUST_ALLOW)
		r = q->known == NULL
			? admit_leaf(gate, q->leaf, &a, verdict, admission)
			: admit_known(gate, q->known, &a, verdict, admission);
	asking_clear(&a);
	return r;
}

static enum trust_err
ask_registry(struct trust_gate *gate, const struct question *q,
    struct trust_verdict *verdict, struct trust_admission **admission,
    struct trust_message *msg)
{
	enum trust_err r;

	if (gate->registry == NULL)
		return ask(gate, q, verdict, admission, msg);
	r = trust_gate_begin_read(gate, msg);
	if (r != TRUST_OK)
		return r;
	r = ask(gate, q, verdict, admission, msg);
	trust_registry_end_read(gate->registry);
	return r;
}

void
trust_gate_deny_error(struct trust_verdict *verdict, enum trust_err r,
    const struct trust_message *msg)
{
	trust_verdict_clear(verdict);
	(void)snprintf(verdict->detail, sizeof(verdict->detail), "%s",
	    msg->text[0] != '\0' ? msg->text : trust_err_text(r));
}

static void
decide(struct trust_gate *gate, const struct question *q,
    struct trust_verdict *verdict, struct trust_admission **admission)
{
	struct trust_message msg = {0};
	enum trust_err r;

	memset(verdict, 0, sizeof(*verdict));
	*admission = NULL;
	r = ask_registry(gate, q, verdict, admission, &msg);
	if (r == TRUST_OK)
		return;
	trust_gate_deny_error(verdict, r, &msg);
	trust_admission_free(*admission);
	*admission = NULL;
	trust_steps_add(q->steps, TRUST_STEP_FAILED, "%s", verdict->detail);
}

/* ---- Admissions known from before ---- */

bool
trust_gate_is_current(struct trust_gate *gate,
    const struct trust_admission *admission, int64_t clock, bool live)
{
	int64_t now = trust_gate_time(gate, clock);

	return trust_gate_state(gate, clock, live) ==
		   TRUST_REGISTRY_STATE_READY &&
	       admission->epoch == gate->epoch &&
	       admission->blocks == gate->blocks &&
	       now >= admission->valid_from &&
	       now <= admission->verdict.valid_until &&
	       trust_gate_ask_generation(gate, NULL) == TRUST_OK &&
	       admission->generation == gate->generation;
}

/* This admission, or one of the same certificate that somebody has asked for
 * anew already: a certificate has as many sessions as its device has modules.
 * NULL: none is current. */
static struct trust_admission *
find_current(struct trust_gate *gate, struct trust_admission *admission,
    int64_t now, bool live)
{
	struct trust_admission *cached = NULL;

	if (trust_gate_is_current(gate, admission, now, live))
		return admission;
	if (gate->cache != NULL)
		cached = trust_cache_get0(
		    gate->cache, &admission->certificate->thumbprint);
	return cached != NULL && trust_gate_is_current(gate, cached, now, live)
		   ? cached
		   : NULL;
}

static void
look_again(struct trust_gate *gate, struct trust_admission *admission,
    int64_t now, bool live, struct trust_admission **fresh,
    struct trust_verdict *verdict)
{
	const struct question q = {
	    .known = admission, .now = now, .live = live};
	struct trust_admission *current =
	    find_current(gate, admission, now, live);

	if (current != NULL &&
	    trust_verdict_copy(&current->verdict, verdict) == TRUST_OK) {
		*fresh = trust_admission_get1(current);
		return;
	}
	decide(gate, &q, verdict, fresh);
	if (gate->cache == NULL)
		return;
	if (*fresh != NULL)
		trust_cache_put(gate->cache, *fresh);
	else
		trust_cache_remove(
		    gate->cache, &admission->certificate->thumbprint);
}

void
trust_gate_review(struct trust_gate *gate, struct trust_admission *admission,
    int64_t now, bool live, struct trust_admission **fresh,
    struct trust_verdict *verdict)
{
	if (admission->identity != NULL)
		trust_gate_review_psk(
		    gate, admission, now, live, fresh, verdict);
	else
		look_again(gate, admission, now, live, fresh, verdict);
}

struct trust_admission *
trust_gate_recall(struct trust_gate *gate, X509 *leaf, int64_t now)
{
	struct trust_thumbprint thumbprint;
	struct trust_admission *known, *fresh = NULL;
	struct trust_verdict verdict;

	if (gate->cache == NULL ||
	    trust_certificate_thumbprint(leaf, &thumbprint) != TRUST_OK)
		return NULL;
	known = trust_cache_get0(gate->cache, &thumbprint);
	if (known == NULL)
		return NULL;
	/* A review may drop it from the cache, which holds the reference. */
	known = trust_admission_get1(known);
	if (trust_gate_is_current(gate, known, now, false)) {
		gate->hits++;
		return known;
	}
	look_again(gate, known, now, false, &fresh, &verdict);
	trust_verdict_clear(&verdict);
	trust_admission_free(known);
	gate->hits += fresh != NULL ? 1 : 0;
	return fresh;
}

void
trust_gate_decide(struct trust_gate *gate, X509 *leaf,
    STACK_OF(X509) *untrusted, int64_t now, struct trust_verdict *verdict,
    struct trust_admission **admission, struct trust_steps *steps)
{
	struct question q = {
	    .leaf = leaf, .untrusted = untrusted, .now = now, .steps = steps};

	if (steps == NULL) {
		*admission = trust_gate_recall(gate, leaf, now);
		if (*admission != NULL &&
		    trust_verdict_copy(&(*admission)->verdict, verdict) ==
			TRUST_OK)
			return;
		trust_admission_free(*admission);
		gate->misses++;
	}
	decide(gate, &q, verdict, admission);
	if (*admission != NULL && gate->cache != NULL && steps == NULL)
		trust_cache_put(gate->cache, *admission);
}
