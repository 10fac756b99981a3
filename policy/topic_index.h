/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many topic filters, each with marks of the caller's, compiled so that those
 * that match a topic name are found without a look at the others.
 */
#ifndef TRUST_TOPIC_INDEX_H
#define TRUST_TOPIC_INDEX_H

#include "span.h"

struct trust_topic_index;

/* An index without filters. The caller frees with trust_topic_index_free. */
enum trust_err trust_topic_index_new(
    struct trust_topic_index **out) TRUST_MUST_CHECK;
void trust_topic_index_free(struct trust_topic_index *index);

/*
 * Add a filter; its text is copied. What is no filter matches nothing, except
 * that a level that begins with # counts as #. After an error the index may
 * only be freed.
 */
enum trust_err trust_topic_index_add(struct trust_topic_index *index,
    struct trust_span filter, uint32_t marks) TRUST_MUST_CHECK;

/*
 * The marks of all filters that match the topic, together. `topic` is a topic
 * name (trust_topic_check_name). Does not allocate. What it costs grows with
 * the name's levels and the + on the way, not with the number of filters.
 * *n_read becomes how many octets of the name say so, its NUL among them if it
 * is all of it: every name that begins with these has the same marks.
 */
uint32_t trust_topic_index_match(
    const struct trust_topic_index *index, const char *topic, size_t *n_read);

/* The marks of all filters that cover the filter, together; see
 * trust_topic_filter_covers. Looks at each filter. */
uint32_t trust_topic_index_cover(
    const struct trust_topic_index *index, const char *filter);

#endif
