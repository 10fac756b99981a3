/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate: a registry with what is remembered of it (sets, verdicts), and
 * the way through: certificates and a time in, an admission or a reason out.
 * The plugin and `trustctl check` use the same.
 */
#ifndef TRUST_GATE_H
#define TRUST_GATE_H

#include "admission.h"
#include "ahead.h"
#include "block.h"
#include "envelope.h"
#include "log.h"
#include "role.h"
#include "seen.h"

/* What to do when the registry is older than max_offline. */
enum trust_on_stale {
	TRUST_ON_STALE_WARN = 1, /* go on, and say so */
	TRUST_ON_STALE_DENY_NEW, /* nobody new comes in */
	TRUST_ON_STALE_DENY_ALL, /* who is in has to go, too */
};

/* The policy of a gateway: the plugin options that bear on decisions. */
struct trust_gate_config {
	const char *gateway;       /* its id; borrowed for the gate's life */
	const char *registry_path; /* borrowed for the gate's life */
	enum trust_revocation revocation;
	int64_t crl_grace_s;
	/* Of a replica: the age of the state held at which it is stale. */
	int64_t max_offline_s; /* 0: never */
	enum trust_on_stale on_stale;
	bool remember; /* keep REGISTRY.local; a front end that only asks
			* reads it where there is one */
	/* The private key of the gateway's own record, borrowed for the gate's
	 * life; NULL: pre-shared keys cannot be opened. */
	EVP_PKEY *gateway_key;
	/* CRLs that somebody else parses, borrowed likewise; NULL: nobody
	 * does. */
	struct trust_ahead *ahead;
	struct trust_log log;
};

struct trust_gate;

/*
 * A gate without a registry is a gate: it refuses with registry_missing, and
 * works as soon as the file is there. TRUST_ERR_FOREIGN, _DAMAGED and _IO: the
 * file there is no registry that can be used, or its REGISTRY.local, which
 * tells who is blocked, is none. TRUST_ERR_NOT_FOUND: there is none of the
 * latter, and it is to be kept and cannot be made.
 */
enum trust_err trust_gate_open(const struct trust_gate_config *config,
    struct trust_gate **out, struct trust_message *msg) TRUST_MUST_CHECK;
void trust_gate_close(struct trust_gate *gate);

/*
 * Decide about a certificate and what was sent with it. Never fails: an error
 * becomes a denial with internal_error here, and nowhere else. An allowance
 * also yields an admission, which the caller releases; `admission` is NULL
 * on a denial. `steps` may be NULL; with steps it is a person who asks, and
 * nothing is taken from the cache or put there.
 */
void trust_gate_decide(struct trust_gate *gate, X509 *leaf,
    STACK_OF(X509) *untrusted, int64_t now, struct trust_verdict *verdict,
    struct trust_admission **admission, struct trust_steps *steps);

/*
 * The admission that is cached for a leaf and holds now, or NULL: what makes
 * a resumed TLS session good. The caller releases it.
 */
struct trust_admission *trust_gate_recall(
    struct trust_gate *gate, X509 *leaf, int64_t now);

/*
 * Decide about who claims a PSK identity, and give the key that it has to
 * have: nobody has proved that yet. An allowance yields both admission and
 * key, a denial neither; the caller releases the one and clears the other, in
 * any case. Never fails, as trust_gate_decide. Keys that were opened before
 * stay in memory, TRUST_GATE_KEYS_MAX of them, until their records change.
 */
void trust_gate_decide_psk(struct trust_gate *gate, const char *identity,
    int64_t now, struct trust_verdict *verdict,
    struct trust_admission **admission, struct trust_secret *key);

/*
 * Whether an admission still holds now. When what it rests on has moved, the
 * decision is taken anew from what the admission keeps: *fresh becomes the
 * admission that replaces it (or another reference to the same one), or NULL,
 * and `verdict` says why. `live`: about who is connected already. Never fails,
 * as trust_gate_decide.
 */
void trust_gate_review(struct trust_gate *gate,
    struct trust_admission *admission, int64_t now, bool live,
    struct trust_admission **fresh, struct trust_verdict *verdict);

/*
 * What can be said of a device without its certificate, by its id, which the
 * caller has checked (trust_id_check): whether it is known, and what would
 * keep it out whatever it came with. The verdict is a denial for that reason;
 * or an allowance when there is none, and it depends on the certificate. Never
 * fails, as trust_gate_decide.
 */
void trust_gate_explain_device(struct trust_gate *gate, const char *device,
    int64_t now, struct trust_verdict *verdict, struct trust_steps *steps);

/*
 * Decide about the server that a bridge connects to, by the anchors with
 * purpose upstream as the registry has them now. Its host name is not looked
 * at: the caller knows which one is wanted. An allowance also yields those
 * anchors, which the caller frees with sk_X509_pop_free; `anchors` is NULL on
 * a denial. Never fails, as trust_gate_decide.
 */
void trust_gate_decide_upstream(struct trust_gate *gate, X509 *leaf,
    STACK_OF(X509) *untrusted, int64_t now, struct trust_verdict *verdict,
    STACK_OF(X509) **anchors);

/* The time to decide by: the clock's, but never before the floor. */
int64_t trust_gate_time(const struct trust_gate *gate, int64_t now);

/* ---- Topics ---- */

/* The rules for an admitted client, compiled from the roles as they were when
 * the admission was reached, or later. */
enum trust_err trust_gate_access(struct trust_gate *gate,
    struct trust_admission *admission, const char *client_id,
    struct trust_access **out, struct trust_message *msg) TRUST_MUST_CHECK;

/*
 * The rules for a device that is not connected (its messages are: retained,
 * queued, a late will), by name alone, as the registry stands. Only for names
 * that the broker vouches for. TRUST_ERR_NOT_FOUND: no such device, it is
 * disabled, or the client id is not one of its own.
 */
enum trust_err trust_gate_access_by_name(struct trust_gate *gate,
    const char *device, const char *client_id, struct trust_access **out,
    struct trust_message *msg) TRUST_MUST_CHECK;

/*
 * What those rules say to a request, and why. The verdict tells whom it is
 * about: a denial for what keeps the device or this client id out, and then no
 * rule is asked; or an allowance, with the roles whose rules were asked. Not
 * cached, for people. The caller clears both, in any case.
 */
enum trust_err trust_gate_explain_topic(struct trust_gate *gate,
    const char *device, const char *client_id,
    const struct trust_access_request *request, struct trust_verdict *verdict,
    struct trust_access_ruling *ruling, struct trust_steps *steps,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* The client id belongs to a device that is known here: registered, or seen
 * under automatic enrollment. TRUST_ERR_NOT_FOUND: to none; other errors:
 * nobody can tell. */
enum trust_err trust_gate_check_device(struct trust_gate *gate,
    const char *client_id, struct trust_message *msg) TRUST_MUST_CHECK;
/* The same. Errors count as yes. */
bool trust_gate_is_device(struct trust_gate *gate, const char *client_id);

/* ---- Bridges (facts: retained messages keep only their source's id) ---- */
void trust_gate_remember_bridge(struct trust_gate *gate, const char *client_id);
bool trust_gate_is_bridge(struct trust_gate *gate, const char *client_id);

/* The certificates that this gateway's listeners have shown, across restarts.
 * *any: one is remembered. *news: this one was not, and is now. */
enum trust_err trust_gate_has_server(struct trust_gate *gate, bool *any,
    struct trust_message *msg) TRUST_MUST_CHECK;
enum trust_err trust_gate_remember_server(struct trust_gate *gate,
    const struct trust_thumbprint *thumbprint, bool *news,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* A device came in: remembered for when it is away. Whether that is news:
 * others may have come with its client ids. */
bool trust_gate_remember_device(
    struct trust_gate *gate, const struct trust_admission *admission);

/* ---- Who was here (seen.h) ---- */

/* A device was let in, or left, just now; `address` is the peer's, or NULL.
 * Kept in memory until trust_gate_store_seen, or trust_gate_close, writes it.
 */
void trust_gate_note_seen(struct trust_gate *gate,
    const struct trust_admission *admission, const char *address, int64_t now);
/* Write some of it, when it is time to: to be called now and then. */
void trust_gate_store_seen(struct trust_gate *gate, int64_t now);

/* How what a device that was here came with relates to its record. */
enum trust_match {
	TRUST_MATCH_NONE = 0, /* it is another one by now */
	TRUST_MATCH_PRIMARY,
	TRUST_MATCH_SECONDARY,
	TRUST_MATCH_KEY,
	TRUST_MATCH_CHAIN,
	TRUST_MATCH_PSK,
};
/* "primary"; "none" for one out of range. Static. */
const char *trust_match_name(enum trust_match match);

/* A device that this gateway knows: registered, seen or blocked here. */
struct trust_gate_device {
	char id[TRUST_ID_MAX + 1];
	bool registered;
	bool enabled; /* its record says so; or it has none */
	bool blocked; /* at this gateway */
	bool was_here;
	struct trust_seen seen; /* if it was */
	enum trust_match match; /* likewise */
};

/* What is known of one, which may be nothing. `id` is one: trust_id_check. */
enum trust_err trust_gate_find_device(struct trust_gate *gate, const char *id,
    struct trust_gate_device *out, struct trust_message *msg) TRUST_MUST_CHECK;
/* A token as this gateway knows it. */
struct trust_gate_token {
	char id[TRUST_ID_MAX + 1];
	char device[TRUST_ID_MAX + 1];
	char gateway[TRUST_ID_MAX + 1];
	bool enabled;
	bool is_ours; /* else its uses are counted elsewhere, and 0 here */
	int64_t uses;
	int64_t n_spent, n_finished;
	int64_t expires;
};

/* The first `max` tokens whose ids come after `after`, in the order of their
 * ids. */
enum trust_err trust_gate_list_tokens(struct trust_gate *gate,
    const char *after, struct trust_gate_token *v, size_t max, size_t *n,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* The first of those whose ids come after `after` ("": from the start), in
 * the order of ids. */
enum trust_err trust_gate_list_devices(struct trust_gate *gate,
    const char *after, struct trust_gate_device *v, size_t max, size_t *n,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* The same for those that were here and came by an anchor, by its id. */
enum trust_err trust_gate_list_anchor(struct trust_gate *gate,
    const char *anchor, const char *after, struct trust_gate_device *v,
    size_t max, size_t *n, struct trust_message *msg) TRUST_MUST_CHECK;
/* Those that were here and whose certificates end at `until` or before, the
 * first to end first, without the first `skip` of them. */
enum trust_err trust_gate_list_ending(struct trust_gate *gate, int64_t until,
    size_t skip, struct trust_gate_device *v, size_t max, size_t *n,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* ---- Following the registry ---- */

/* Who is told whom a change concerns. Both may ask the gate. */
struct trust_gate_visitor {
	/* A device's record came, went or changed. */
	void (*device)(void *arg, const char *device);
	/* A ground moved: it concerns the admissions that rest on it
	 * (trust_admission_get0_grounds). */
	void (*ground)(void *arg, uint64_t ground);
	/* CRLs changed that take long to parse, and the configuration's `ahead`
	 * has none of them: their ids, a NUL after each. True: somebody is
	 * about it, and the change waits for another look. False: there is
	 * nobody, or it has been tried. May be NULL. */
	bool (*crls)(void *arg, struct trust_span ids);
	void *arg;
};

/* What trust_gate_follow found. */
enum trust_gate_news {
	TRUST_GATE_NO_NEWS,
	TRUST_GATE_NEWS,       /* what was told to the visitor */
	TRUST_GATE_MORE_NEWS,  /* likewise, and more waits: ask again soon */
	TRUST_GATE_EVERYTHING, /* another registry, or more than can be told */
};

/*
 * Look whether the registry changed, appeared, vanished or was replaced, and
 * follow it. Whoever is not told of, by device or by a ground, would be
 * decided as before. Tells of TRUST_GATE_TELL_MAX devices at most at a time.
 * Cheap enough for every tick.
 */
#define TRUST_GATE_TELL_MAX 32
enum trust_gate_news trust_gate_follow(
    struct trust_gate *gate, const struct trust_gate_visitor *visitor);

/* Whether something was committed that trust_gate_follow has not looked at.
 * Cheap enough for every turn of a loop. */
bool trust_gate_has_moved(struct trust_gate *gate);

/* Whether there is a registry to ask. */
bool trust_gate_is_ready(const struct trust_gate *gate);

/* ---- The trust bundle ---- */

/*
 * The bundle (trust_anchor_encode_bundle), where trust_gate_follow has found
 * that it may be another than the one taken last; the first time in any case.
 * Empty without a registry, in which nobody is trusted. False: there is
 * nothing to take. The caller frees it.
 */
bool trust_gate_take_bundle(struct trust_gate *gate, struct trust_buf *out);

/* ---- CRLs that are late ---- */

enum trust_gate_crl_state {
	TRUST_GATE_CRL_CURRENT = 0,
	TRUST_GATE_CRL_STALE,   /* past its nextUpdate, within crl_grace */
	TRUST_GATE_CRL_OVERDUE, /* past that too, or without a nextUpdate */
};
#define TRUST_GATE_N_CRL_STATES 3

/* One that came into this state. */
struct trust_gate_crl {
	const char *id; /* borrowed */
	enum trust_gate_crl_state state;
	/* Of one that is not current: */
	char issuer[TRUST_SHOWN_MAX];
	int64_t next_update;  /* INT64_MIN: it says none */
	int64_t counts_until; /* with the grace; likewise */
};

struct trust_gate_crl_visitor {
	void (*tell)(void *arg, const struct trust_gate_crl *crl);
	void *arg;
};

/*
 * Look at the CRLs at this time, and tell of each that became stale, overdue,
 * or, after that, is late no more: it was renewed, or another one took its
 * place, or its record went. Nobody is told of a CRL while a newer one of the
 * same CA and key for the same certificates has begun.
 */
void trust_gate_check_crls(struct trust_gate *gate, int64_t now,
    const struct trust_gate_crl_visitor *visitor);

/* ---- The whole ---- */

struct trust_gate_status {
	enum trust_registry_state state;
	bool is_replica;
	struct trust_registry_held held; /* of a replica */
	int64_t n_records;
	int64_t age_s;     /* of the state held; 0 for an origin */
	bool clock_behind; /* the clock is below the time floor */
	int64_t generation;
	uint64_t cache_hits;
	uint64_t cache_misses;
	size_t n_cached;
	int64_t n_blocked; /* devices, at this gateway; -1: nobody can tell */
	/* What is wrong with REGISTRY.local, as found by trust_gate_follow; ""
	 * for nothing. Borrowed until that is called again. */
	const char *local_trouble;
	/* Why no pre-shared key can be opened, likewise; "" also where none is
	 * to be. */
	const char *keys_trouble;
	uint64_t chains_built; /* and validated */
	/* As trust_gate_check_crls saw them last, without older ones. */
	size_t n_crls[TRUST_GATE_N_CRL_STATES];
};
/* What a replica holds, as trust_gate_follow saw it last: cheap. */
const struct trust_registry_held *trust_gate_get0_held(
    const struct trust_gate *gate);
/* `now` is the clock's. */
void trust_gate_get_status(
    struct trust_gate *gate, int64_t now, struct trust_gate_status *out);

/*
 * What the age of the registry asks for at this time: nothing (0), or what
 * the configuration says. Told anew at every call; a front end acts on what
 * has changed since.
 */
enum trust_on_stale trust_gate_check_age(
    const struct trust_gate *gate, int64_t now);

/* ---- Devices that this gateway keeps out by itself ---- */

/* As trust_block_change. It survives restarts and syncs, and wins.
 * TRUST_ERR_IO: nothing can be remembered, and nothing was changed. */
enum trust_err trust_gate_change_blocks(struct trust_gate *gate,
    struct trust_block_change *v, size_t n,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* ---- First keys ("pin":"first" in a group) ---- */

/*
 * A device came in, and has proved to own its key: remember that, if its group
 * wants so and none is remembered. `news` tells whether it was remembered now:
 * other sessions of the device may have other keys. On an error it must not be
 * let in: nothing could be remembered, or (TRUST_ERR_CONFLICT) another key is.
 */
enum trust_err trust_gate_pin(struct trust_gate *gate,
    const struct trust_admission *admission, bool *news,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* TRUST_ERR_NOT_FOUND: no key of the device is remembered. */
enum trust_err trust_gate_unpin(struct trust_gate *gate, const char *device,
    struct trust_message *msg) TRUST_MUST_CHECK;

#endif
