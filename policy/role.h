/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Roles compiled for one client: what it may publish and subscribe. See the
 * interface, "Rules".
 */
#ifndef TRUST_ROLE_H
#define TRUST_ROLE_H

#include <stdbool.h>

#include "record.h"
#include "steps.h"
#include "topic.h"

/* The built-in role that applies where nobody names roles. */
#define TRUST_ROLE_DEFAULT "default"

/* What the variables of rules stand for. Borrowed. An empty group is "". */
struct trust_role_values {
	const char *device;
	const char *group;
	const char *gateway;
	const char *client;
	bool is_newcomer; /* `client` is the name of one that has a token */
};

struct trust_access;

/*
 * Whatever its rules say, a client sends requests of enrollment on its own
 * topic alone, and sees no responses but its own; nothing there is retained.
 *
 * Compile for one client: the built-in grants of every device (its bundle, its
 * enrollment topics) and the rules of `roles`. A NULL entry of `roles` is a
 * role that does not exist: it grants nothing. The records may go afterwards.
 */
enum trust_err trust_access_new(const struct trust_role_values *values,
    const struct trust_role *const *roles, size_t n_roles,
    struct trust_access **out) TRUST_MUST_CHECK;
/* Another reference to the same: compiled rules never change. Counted for one
 * thread. */
struct trust_access *trust_access_get1(struct trust_access *access);
void trust_access_free(struct trust_access *access);

/* The built-in role `default`: publish and subscribe on devices/{device}/#.
 * Static. */
const struct trust_role *trust_role_get0_default(void);

/*
 * May the client publish here? `topic` is a topic name. Neither allocates nor
 * fails; what is not allowed is denied. What was found for the last topic is
 * kept, for the next question about the same one.
 */
bool trust_access_check_publish(
    struct trust_access *access, const char *topic, int qos, bool retain);
/* May it subscribe to this filter ($share/… included)? */
bool trust_access_check_subscribe(
    const struct trust_access *access, const char *filter, int qos);
/* May a message with this topic name be delivered to it? */
bool trust_access_check_receive(struct trust_access *access, const char *topic);

/* ---- Explained ---- */

/* What a client asks for: to publish, or to subscribe. Borrowed. */
struct trust_access_request {
	bool publish;
	const char *topic; /* a topic name; or a filter, $share/… included */
	int qos;           /* 0 to 2 */
	bool retain;       /* of a publication */
};

/* As trust_access_check_publish or trust_access_check_subscribe. */
bool trust_access_check(
    struct trust_access *access, const struct trust_access_request *request);

/* What the rules say to a request. Zeroed memory denies, by no rule. */
struct trust_access_ruling {
	bool allowed;
	/* The rule that decided: its number in its role, from 1; 0: none. */
	size_t rule;
	bool effect;  /* of that rule: true allows, false denies */
	char *role;   /* owned; its id; NULL: for every device */
	char *topic;  /* owned; as the role has it */
	char *filter; /* owned; as it is for this client */
};

/*
 * Compile as trust_access_new does, ask as trust_access_check does, and tell
 * which rule decided, and of the other rules those that come near. `names`
 * has the ids of the roles, in their order. The caller clears the ruling.
 */
enum trust_err trust_access_explain(const struct trust_role_values *values,
    const struct trust_role *const *roles, const char *const *names,
    size_t n_roles, const struct trust_access_request *request,
    struct trust_access_ruling *out,
    struct trust_steps *steps) TRUST_MUST_CHECK;
void trust_access_ruling_clear(struct trust_access_ruling *ruling);

#endif
