/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate's decisions about devices that come with a pre-shared key.
 */
#include <string.h>

#include "gate_internal.h"

/* One question about an identity. */
struct question {
	const char *identity;
	const struct trust_admission *known; /* whom it is about; may be NULL */
	int64_t now;
	bool live; /* about who is connected already */
};

/* What the registry has of it. Zeroed memory is nothing. */
struct finding {
	struct trust_record *device;    /* owned */
	struct trust_thumbprint sealed; /* of its key as it stands there */
	struct trust_thumbprint key;    /* of the key itself */
};

static enum trust_err
find_device(struct trust_gate *gate, const struct question *q,
    struct trust_psk_facts *facts, struct finding *f, struct trust_message *msg)
{
	enum trust_err r;

	if (facts->state != TRUST_REGISTRY_STATE_READY)
		return TRUST_OK;
	r = trust_gate_want_local(gate, msg);
	if (r == TRUST_OK)
		r = trust_registry_find_identity(
		    gate->registry, q->identity, &f->device, msg);
	if (r == TRUST_ERR_NOT_FOUND)
		return TRUST_OK;
	facts->device = f->device;
	if (r == TRUST_OK)
		r = trust_gate_find_block(
		    gate, f->device->id, &facts->blocked, msg);
	return r;
}

/* A key that stands there as it stood when this client was let in need not be
 * opened to be the same. */
static enum trust_err
find_key(struct trust_gate *gate, const struct question *q,
    struct trust_psk_facts *facts, struct finding *f, struct trust_secret *key,
    struct trust_message *msg)
{
	enum trust_err r;

	if (!trust_decide_needs_key(facts))
		return TRUST_OK;
	r = trust_thumbprint_of(
	    trust_span_of(f->device->u.device.key), &f->sealed);
	if (r != TRUST_OK)
		return r;
	if (q->known != NULL &&
	    trust_thumbprint_equal(&f->sealed, &q->known->sealed_key)) {
		f->key = q->known->key;
		facts->key_len = TRUST_SECRET_MIN;
		return TRUST_OK;
	}
	r = trust_gate_open_key(gate, f->device, key, msg);
	if (r != TRUST_OK)
		return r;
	facts->key_len = key->len;
	return trust_thumbprint_of(
	    (struct trust_span){key->b, key->len}, &f->key);
}

/* Nobody who is connected has proved to have another key than it had. */
static void
compare_keys(const struct question *q, const struct finding *f,
    struct trust_verdict *verdict)
{
	if (verdict->outcome != TRUST_ALLOW || q->known == NULL ||
	    trust_thumbprint_equal(&f->key, &q->known->key))
		return;
	(void)trust_verdict_deny(verdict, NULL,
	    TRUST_REASON_THUMBPRINT_MISMATCH,
	    "device %s has another pre-shared key by now", verdict->device);
}

static enum trust_err
admit(struct trust_gate *gate, const struct question *q,
    const struct finding *f, const struct trust_verdict *verdict,
    struct trust_admission **admission)
{
	struct trust_verdict copy;
	enum trust_err r;

	r = trust_verdict_copy(verdict, &copy);
	if (r != TRUST_OK)
		return r;
	r = trust_admission_new_psk(
	    &copy, q->identity, &f->sealed, &f->key, admission);
	if (r == TRUST_OK)
		trust_gate_date(gate, *admission);
	return r;
}

/* Within a read, or without a registry. */
static enum trust_err
ask(struct trust_gate *gate, const struct question *q,
    struct trust_verdict *verdict, struct trust_admission **admission,
    struct trust_secret *key, struct trust_message *msg)
{
	struct trust_psk_facts facts = {
	    .state = trust_gate_state(gate, q->now, q->live),
	    .identity = q->identity,
	};
	struct finding f = {0};
	enum trust_err r;

	r = find_device(gate, q, &facts, &f, msg);
	if (r == TRUST_OK)
		r = find_key(gate, q, &facts, &f, key, msg);
	if (r == TRUST_OK)
		r = trust_decide_psk(&facts, verdict);
	if (r == TRUST_OK)
		compare_keys(q, &f, verdict);
	if (r == TRUST_OK && verdict->outcome == TRUST_ALLOW)
		r = admit(gate, q, &f, verdict, admission);
	if (r != TRUST_OK)
		trust_gate_deny_error(verdict, r, msg);
	if (r != TRUST_OK && f.device != NULL)
		memcpy(verdict->device, f.device->id, strlen(f.device->id) + 1);
	trust_record_free(f.device);
	return r;
}

static void
decide(struct trust_gate *gate, const struct question *q,
    struct trust_verdict *verdict, struct trust_admission **admission,
    struct trust_secret *key)
{
	struct trust_message msg = {0};
	enum trust_err r = TRUST_OK;

	memset(verdict, 0, sizeof(*verdict));
	*admission = NULL;
	*key = (struct trust_secret){0};
	if (gate->registry != NULL)
		r = trust_gate_begin_read(gate, &msg);
	if (r != TRUST_OK) {
		trust_gate_deny_error(verdict, r, &msg);
		return;
	}
	r = ask(gate, q, verdict, admission, key, &msg);
	if (gate->registry != NULL)
		trust_registry_end_read(gate->registry);
	if (r != TRUST_OK || verdict->outcome != TRUST_ALLOW)
		trust_secret_clear(key);
}

void
trust_gate_decide_psk(struct trust_gate *gate, const char *identity,
    int64_t now, struct trust_verdict *verdict,
    struct trust_admission **admission, struct trust_secret *key)
{
	const struct question q = {.identity = identity, .now = now};

	decide(gate, &q, verdict, admission, key);
}

void
trust_gate_review_psk(struct trust_gate *gate,
    struct trust_admission *admission, int64_t now, bool live,
    struct trust_admission **fresh, struct trust_verdict *verdict)
{
	const struct question q = {
	    .identity = admission->identity,
	    .known = admission,
	    .now = now,
	    .live = live,
	};
	struct trust_secret key;

	if (trust_gate_is_current(gate, admission, now, live) &&
	    trust_verdict_copy(&admission->verdict, verdict) == TRUST_OK) {
		*fresh = trust_admission_get1(admission);
		return;
	}
	decide(gate, &q, verdict, fresh, &key);
	trust_secret_clear(&key);
}
