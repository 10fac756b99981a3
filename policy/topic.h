/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Topic names and topic filters: MQTT 5.0 section 4.7.
 */
#ifndef TRUST_TOPIC_H
#define TRUST_TOPIC_H

#include <stdbool.h>

/* Whether the text is a topic name: not empty, no wildcard, valid length. */
bool trust_topic_check_name(const char *topic);

/* Whether the text is a topic filter: wildcards only as whole levels, # only
 * at the end. Shared subscriptions are not filters here. */
bool trust_topic_check_filter(const char *filter);

/*
 * Whether the filter matches the topic name. A wildcard at the first level
 * matches nothing that starts with $ (section 4.7.2).
 */
bool trust_topic_filter_matches(const char *filter, const char *topic);

/*
 * Whether every topic name that `inner` matches is matched by `outer`, too.
 */
bool trust_topic_filter_covers(const char *outer, const char *inner);

/* Whether some topic name is matched by both filters. */
bool trust_topic_filters_overlap(const char *a, const char *b);

/*
 * The inner filter of "$share/NAME/FILTER" (section 4.8.2), or `filter`
 * itself; NULL for a malformed one. Points into its argument.
 */
const char *trust_topic_unshare(const char *filter);

/* Whether a topic or filter belongs to the gateway: "trust", "trust/…", and
 * all that starts with $. A filter that merely overlaps does not. */
bool trust_topic_is_reserved(const char *topic);

#endif
