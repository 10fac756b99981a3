/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an anchor is for, as text: on the command line, in records, for people.
 */
#ifndef TRUST_ANCHOR_PURPOSE_H
#define TRUST_ANCHOR_PURPOSE_H

#include "anchor_usage.h"
#include "options.h"

/* The bits (TRUST_PURPOSE_BIT_…) of options with lists like "device,bundle".
 * False after an error line. */
bool trust_anchor_purpose_parse(const struct trust_usage *usage,
    const struct trust_texts *texts, unsigned *out);

/* As a record has them, a new reference; NULL without memory. */
json_t *trust_anchor_purpose_json(unsigned purposes);
/* "device,bundle"; "none" for none. Returns `out`. */
const char *trust_anchor_purpose_format(
    unsigned purposes, char out[TRUST_SHOWN_MAX]);

/* Lines on standard output: where an anchor with these purposes is used. */
void trust_anchor_purpose_print(
    unsigned purposes, const char *id, const struct trust_anchor_usage *usage);

#endif
