/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Enrollment: its topics, and the names of those who come with a token.
 * docs/PROTOCOL.md, "Enrollment".
 */
#ifndef TRUST_ENROLL_H
#define TRUST_ENROLL_H

#include <stdbool.h>

#include "span.h"

/* The username of a newcomer is this and the id of its token, and so is the
 * name that its topics bear. */
#define TRUST_ENROLL_TOKEN "token:"

enum trust_enroll_topic {
	TRUST_ENROLL_TOPIC_OTHER = 0, /* nothing of enrollment */
	TRUST_ENROLL_TOPIC_REQUEST,   /* trust/v1/enroll/{client}/request */
	TRUST_ENROLL_TOPIC_RESPONSE,  /* trust/v1/enroll/{client}/response */
};

/*
 * What a topic name, or a filter, is. `client` is the part of it that names
 * the client, one level or two, borrowed; nothing in it is checked, and in a
 * filter it may be wildcards.
 */
enum trust_enroll_topic trust_enroll_parse_topic(
    const char *topic, struct trust_span *client);

/* Whether a name is that of a newcomer: TRUST_ENROLL_TOKEN and more. */
bool trust_enroll_is_newcomer(const char *name);

#endif
