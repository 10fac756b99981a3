/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names of enrollment.
 */
#include "enroll.h"

#include <string.h>

#define PREFIX "trust/v1/enroll/"

/* One level that is not empty, or two. */
static bool
is_client(struct trust_span client)
{
	const uint8_t *slash;
	size_t first;

	if (client.len == 0)
		return false;
	slash = memchr(client.p, '/', client.len);
	if (slash == NULL)
		return true;
	first = (size_t)(slash - client.p);
	return first > 0 && first + 1 < client.len &&
	       memchr(slash + 1, '/', client.len - first - 1) == NULL;
}

enum trust_enroll_topic
trust_enroll_parse_topic(const char *topic, struct trust_span *client)
{
	static const char request[] = "request", response[] = "response";
	const char *start = topic + sizeof(PREFIX) - 1, *end;

	*client = (struct trust_span){0};
	if (strncmp(topic, PREFIX, sizeof(PREFIX) - 1) != 0)
		return TRUST_ENROLL_TOPIC_OTHER;
	end = strrchr(start, '/');
	if (end == NULL)
		return TRUST_ENROLL_TOPIC_OTHER;
	client->p = (const uint8_t *)start;
	client->len = (size_t)(end - start);
	if (!is_client(*client))
		return TRUST_ENROLL_TOPIC_OTHER;
	if (strcmp(end + 1, request) == 0)
		return TRUST_ENROLL_TOPIC_REQUEST;
	return strcmp(end + 1, response) == 0 ? TRUST_ENROLL_TOPIC_RESPONSE
					      : TRUST_ENROLL_TOPIC_OTHER;
}

bool
trust_enroll_is_newcomer(const char *name)
{
	return strncmp(name, TRUST_ENROLL_TOKEN,
		   sizeof(TRUST_ENROLL_TOKEN) - 1) == 0;
}
