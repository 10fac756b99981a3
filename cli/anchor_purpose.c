/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an anchor is for, as text.
 */
#include "anchor_purpose.h"

#include <stdio.h>
#include <string.h>

static const struct {
	unsigned bit;
	const char *name;
} purposes_table[] = {
    {TRUST_PURPOSE_BIT_DEVICE, "device"},
    {TRUST_PURPOSE_BIT_UPSTREAM, "upstream"},
    {TRUST_PURPOSE_BIT_BUNDLE, "bundle"},
};
#define N_PURPOSES (sizeof(purposes_table) / sizeof(purposes_table[0]))

/* 0: it is none. */
static unsigned
find_bit(const char *name, size_t len)
{
	for (size_t i = 0; i < N_PURPOSES; i++) {
		if (strlen(purposes_table[i].name) == len &&
		    memcmp(purposes_table[i].name, name, len) == 0)
			return purposes_table[i].bit;
	}
	return 0;
}

static bool
parse_list(const struct trust_usage *usage, const char *text, unsigned *out)
{
	for (const char *p = text;; p++) {
		size_t len = strcspn(p, ",");
		unsigned bit = find_bit(p, len);

		if (bit == 0) {
			(void)trust_options_wrong(usage,
			    "--purpose: want device, upstream or bundle, or "
			    "several with commas, got \"%s\"",
			    text);
			return false;
		}
		*out |= bit;
		p += len;
		if (*p == '\0')
			return true;
	}
}

bool
trust_anchor_purpose_parse(const struct trust_usage *usage,
    const struct trust_texts *texts, unsigned *out)
{
	*out = 0;
	for (size_t i = 0; i < texts->n; i++) {
		if (!parse_list(usage, texts->v[i], out))
			return false;
	}
	return true;
}

json_t *
trust_anchor_purpose_json(unsigned purposes)
{
	json_t *array = json_array();

	for (size_t i = 0; i < N_PURPOSES; i++) {
		if ((purposes & purposes_table[i].bit) == 0)
			continue;
		if (json_array_append_new(
			array, json_string(purposes_table[i].name)) != 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

const char *
trust_anchor_purpose_format(unsigned purposes, char out[TRUST_SHOWN_MAX])
{
	size_t used = 0;

	(void)snprintf(out, TRUST_SHOWN_MAX, "none");
	for (size_t i = 0; i < N_PURPOSES; i++) {
		if ((purposes & purposes_table[i].bit) != 0)
			used += (size_t)snprintf(out + used,
			    TRUST_SHOWN_MAX - used, "%s%s", used > 0 ? "," : "",
			    purposes_table[i].name);
	}
	return out;
}

/* ---- Where it is used ---- */

/* The first of several lines has the heading. */
static void
print_line(bool *first, const char *text, const char *names)
{
	printf("  %-11s  %s%s\n", *first ? "used for" : "", text, names);
	*first = false;
}

void
trust_anchor_purpose_print(
    unsigned purposes, const char *id, const struct trust_anchor_usage *usage)
{
	const json_t *groups = trust_anchor_usage_get0_groups(usage, id);
	char names[TRUST_MESSAGE_MAX];
	bool first = true;

	if ((purposes & TRUST_PURPOSE_BIT_DEVICE) != 0 &&
	    json_array_size(groups) > 0)
		print_line(&first, "the devices of group ",
		    trust_output_join_all(groups, names));
	else if ((purposes & TRUST_PURPOSE_BIT_DEVICE) != 0)
		print_line(&first,
		    "devices, but no group names it yet: it vouches for nobody",
		    "");
	if ((purposes & TRUST_PURPOSE_BIT_UPSTREAM) != 0)
		print_line(&first,
		    "the servers of bridges, at gateways with upstream_anchors "
		    "registry",
		    "");
	if ((purposes & TRUST_PURPOSE_BIT_BUNDLE) != 0)
		print_line(&first,
		    "the bundle, which devices are given on trust/v1/bundle",
		    "");
}
