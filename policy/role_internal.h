/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What compiling roles and explaining them share. Not for others.
 */
#ifndef TRUST_ROLE_INTERNAL_H
#define TRUST_ROLE_INTERNAL_H

#include "role.h"
#include "template.h"

/* One topic of a rule, as it is for one client. Borrowed for a visit. */
struct trust_role_topic {
	const struct trust_rule *rule;
	size_t number;            /* of the rule in its role, from 1 */
	const char *template;     /* as the role has it */
	struct trust_span filter; /* with the client's values; a NUL follows */
	uint32_t marks;           /* what it is for: role.c */
	/* It allows nothing: a value that it names is empty, or would lead
	 * elsewhere. */
	bool is_left_out;
};

typedef enum trust_err trust_role_visit(
    void *arg, const struct trust_role_topic *topic);

/* Visit each topic of each rule, until a visit fails. */
enum trust_err trust_role_walk(const struct trust_role *role,
    const char *const values[TRUST_N_VARIABLES], trust_role_visit *visit,
    void *arg) TRUST_MUST_CHECK;

void trust_role_list_values(
    const struct trust_role_values *values, const char *out[TRUST_N_VARIABLES]);

/* What every device may do, whatever its roles. Static. */
const struct trust_role *trust_role_get0_device(void);

/* Whether a topic of a rule whose filter matches the request's (covers it)
 * allows the request, or denies it. A shared subscription's topic here is its
 * inner filter; the QoS is from 0 to 2. */
bool trust_role_topic_decides(const struct trust_role_topic *topic,
    const struct trust_access_request *request);

/* Whether a request, as above, keeps to the topics of enrollment that are the
 * client's own; if so, it is for the rules to say. */
bool trust_role_is_bound(const struct trust_access *access,
    const struct trust_access_request *request);

#endif
