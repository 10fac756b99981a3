/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topic.c, topic_index.c, template.c: a topic, and a filter on each line that
 * follows. The index and the plain definition agree, and what covers a filter
 * matches all that this one does.
 */
#include <stdlib.h>
#include <string.h>

#include "template.h"
#include "topic.h"
#include "topic_index.h"

#define FILTERS_MAX 32 /* one bit of the marks each */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A filter that came through a template whose values are plain. */
static void
check_template(const char *text)
{
	static const char *const values[TRUST_N_VARIABLES] = {
	    "dev", "group", "gw", "client"};
	struct trust_buf filter = {0};
	bool valid;

	if (trust_template_check(text, &valid) != TRUST_OK)
		abort();
	if (trust_template_expand(text, values, &filter) != TRUST_OK) {
		if (valid || filter.len > 0)
			abort();
	} else if (valid && !trust_topic_check_filter((char *)filter.p)) {
		abort();
	}
	trust_buf_free(&filter);
}

static void
check_pairs(const char *topic, char *const *filters, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < n; j++) {
			if (trust_topic_filter_covers(filters[i], filters[j]) &&
			    trust_topic_filter_matches(filters[j], topic) &&
			    !trust_topic_filter_matches(filters[i], topic))
				abort();
		}
	}
}

static void
check_index(const char *topic, char *const *filters, size_t n)
{
	struct trust_topic_index *index;
	uint32_t match = 0, cover = 0;
	size_t n_read;

	if (trust_topic_index_new(&index) != TRUST_OK)
		abort();
	for (size_t i = 0; i < n; i++) {
		if (trust_topic_index_add(index, trust_span_of(filters[i]),
			UINT32_C(1) << i) != TRUST_OK)
			abort();
		if (trust_topic_filter_matches(filters[i], topic))
			match |= UINT32_C(1) << i;
		if (trust_topic_filter_covers(filters[i], filters[0]))
			cover |= UINT32_C(1) << i;
	}
	if (trust_topic_index_match(index, topic, &n_read) != match ||
	    n_read > strlen(topic) + 1 ||
	    (n > 0 && trust_topic_index_cover(index, filters[0]) != cover))
		abort();
	trust_topic_index_free(index);
}

/* The lines that are filters, shared ones without what is before; `topic` is
 * the first line. */
static size_t
split(char *text, const char **topic, char **filters)
{
	char *save = NULL;
	size_t n = 0;

	*topic = strtok_r(text, "\n", &save);
	for (char *line = strtok_r(NULL, "\n", &save);
	     line != NULL && n < FILTERS_MAX;
	     line = strtok_r(NULL, "\n", &save)) {
		const char *filter = trust_topic_unshare(line);

		check_template(line);
		if (filter != NULL && trust_topic_check_filter(filter))
			filters[n++] = line + (filter - line);
	}
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	char *filters[FILTERS_MAX];
	const char *topic;
	size_t n;

	if (text == NULL)
		abort();
	n = split(text, &topic, filters);
	if (topic != NULL && trust_topic_check_name(topic)) {
		check_pairs(topic, filters, n);
		check_index(topic, filters, n);
	}
	free(text);
	return 0;
}
