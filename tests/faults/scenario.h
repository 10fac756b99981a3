/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scenarios: what policy/ is asked while calls fail under it, and what must be
 * so whatever failed.
 */
#ifndef TESTS_SCENARIO_H
#define TESTS_SCENARIO_H

#include "../unit/gate_house.h"

#include "fault.h"

/* An answer that policy/ gave. */
struct answer {
	char name[48];
	/* It lets somebody in, takes something for true, or says that it is
	 * done: what a fault must never bring about. */
	bool yes;
	/* Asked when nothing failed any more: must be as if nothing had. */
	bool sure;
	char text[320]; /* what exactly; of a no, its reason */
};

#define ANSWERS_MAX 64

/* One run of a scenario. */
struct run {
	struct site *site;
	struct answer v[ANSWERS_MAX];
	size_t n;
	bool sure; /* so is what is answered from now on */
};

struct scenario {
	const char *name;
	/* Opens what it needs, asks, and closes all of it. Calls fail, but
	 * where it pauses that. */
	void (*act)(struct run *run);
	/* May be NULL. Nothing fails any more; fails the test by itself. */
	void (*check)(struct run *run);
};

/* Ends with an entry without a name. */
extern const struct scenario gate_scenarios[];
extern const struct scenario local_scenarios[];
extern const struct scenario registry_scenarios[];
extern const struct scenario sync_scenarios[];
extern const struct scenario chain_scenarios[];

void give_answer(struct run *run, const char *name, bool yes,
    const char *format, ...) __attribute__((format(printf, 4, 5)));
/* That of a call that does something, or says why not. */
void answer_done(struct run *run, const char *name, enum trust_err r,
    const struct trust_message *msg);
/* The text of an answer; NULL: it was not given. */
const struct answer *find_answer(const struct run *run, const char *name);

/* Asking a gate: gate.c. NULL, and a no, where none can be opened. */
struct trust_gate *open_gate(struct run *run, enum trust_revocation revocation);
void answer_verdict(
    struct run *run, const char *name, const struct trust_verdict *verdict);
struct trust_admission *ask_gate(struct run *run, struct trust_gate *gate,
    const char *name, const struct trust_pair *who);

/* What must not be is so: tell it, with the call that failed. */
void tell_wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- Where it happens ---- */

/* A gateway's registry with one record of each kind and more, and those who
 * come. Made once; each run begins with the registry as it was. */
struct site {
	struct house house; /* its gate is each run's own */
	struct trust_pair revoked, disabled, keyed, yard_root, yard, self,
	    impostor, own, server;
	/* What they send: their leaf and the edge CA. */
	STACK_OF(X509) *sent;
	struct trust_buf request;  /* PKCS #10 of the device's key */
	struct trust_buf response; /* the device's certificate as PEM */
	uint8_t *file;             /* the registry as it was */
	size_t len;
	struct trust_buf dump; /* likewise, as lines */
	uint8_t *local;        /* its REGISTRY.local */
	size_t local_len;
	struct sync *sync; /* sync_scenarios' own */
};

void site_open(struct site *site);
void site_close(struct site *site);
/* The registry as it was, and nothing beside it. */
void site_restore(struct site *site);

/* Every record, each on a line; the caller frees. */
struct trust_buf dump_registry(const char *path);
/* The registry is as it was. */
void check_untouched(struct run *run);

struct sync *sync_new(void);
void sync_free(struct sync *sync);

#endif
