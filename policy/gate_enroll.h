/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate and enrollment: who may come in with a token, whose request for a
 * certificate may be passed on, and what becomes of it. docs/PROTOCOL.md,
 * "Enrollment".
 */
#ifndef TRUST_GATE_ENROLL_H
#define TRUST_GATE_ENROLL_H

#include "enroll.h"
#include "enroll_request.h"
#include "gate.h"

/* ---- Newcomers ---- */

/* A client that came with a token instead of a certificate. */
struct trust_newcomer {
	char token[TRUST_ID_MAX + 1];          /* its id */
	struct trust_thumbprint secret_sha256; /* which it has proved to know */
	char device[TRUST_ID_MAX + 1];         /* that it may enroll */
	int64_t expires;                       /* the last second */
	/* SHA-256 of the key that it asked a certificate for last. */
	struct trust_thumbprint key;
	bool has_asked;
};

/*
 * Decide about a client without a certificate by its username and its password
 * (NULL for none). An allowance, which has no reason code, fills `out`. The
 * verdict's detail is for the log, and not for the client. Never fails, as
 * trust_gate_decide. The caller clears the verdict.
 */
void trust_gate_decide_newcomer(struct trust_gate *gate, const char *username,
    const char *password, int64_t now, struct trust_newcomer *out,
    struct trust_verdict *verdict);

/* Whether one that is connected may stay: its token and its device are as they
 * were, in time, and it is not enrolled. `now` is the clock's. */
void trust_gate_review_newcomer(struct trust_gate *gate,
    const struct trust_newcomer *newcomer, int64_t now,
    struct trust_verdict *verdict);

/* Whether it may come with this client id: one that is no device's, or one of
 * its own device. Errors count as no. */
bool trust_gate_may_newcomer_be(struct trust_gate *gate,
    const struct trust_newcomer *newcomer, const char *client_id);

/* The rules for it, in whose topics it is called token:ID. */
enum trust_err trust_gate_newcomer_access(struct trust_gate *gate,
    const struct trust_newcomer *newcomer,
    struct trust_access **out) TRUST_MUST_CHECK;

/* ---- Requests ---- */

/* Who asks for a certificate: one of these. */
struct trust_enroll_asker {
	struct trust_newcomer *newcomer;         /* notes what it asked for */
	const struct trust_admission *admission; /* of a device's session */
};

/* A request that may be passed on, and what a CA is to make of it. */
struct trust_enrollment {
	char device[TRUST_ID_MAX + 1];
	enum trust_identity identity; /* where its id goes */
	struct trust_enroll_request request;
};

/*
 * Decide about a request as it was sent. For a newcomer a use of its token is
 * spent on the key of it, which is on the disk afterwards. An allowance, which
 * has no reason code, fills `out`, which the caller clears. The verdict's
 * detail may go back to who asked, unless it is internal_error. Never fails, as
 * trust_gate_decide.
 */
void trust_gate_decide_request(struct trust_gate *gate,
    const struct trust_enroll_asker *asker, struct trust_span bytes,
    int64_t now, struct trust_enrollment *out, struct trust_verdict *verdict);
void trust_enrollment_clear(struct trust_enrollment *enrollment);

/* ---- What becomes of them ---- */

/* A certificate for this key was issued to the device: where the first key of
 * its certificates is remembered, this one will be let in, too. */
enum trust_err trust_gate_renew_pin(struct trust_gate *gate, const char *device,
    const struct trust_thumbprint *key,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* A device came in, and has proved to own its key: what a token was spent on
 * it is finished. *any tells whether there was something. */
enum trust_err trust_gate_finish_enrollment(struct trust_gate *gate,
    const struct trust_admission *admission, bool *any,
    struct trust_message *msg) TRUST_MUST_CHECK;

#endif
