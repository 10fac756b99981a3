/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON as this project takes it: UTF-8, one value, no duplicate key, no
 * number but integers, no control character but the newline, bounded depth
 * and size; and its canonical form (RFC 8785).
 */
#ifndef TRUST_JSON_H
#define TRUST_JSON_H

#include <jansson.h>
#include <stdbool.h>

#include "span.h"

/*
 * One JSON object and nothing behind it but blanks. At most `max` octets and
 * TRUST_JSON_DEPTH_MAX levels. The caller releases with json_decref.
 */
enum trust_err trust_json_parse(struct trust_span text, size_t max,
    json_t **out, struct trust_message *msg) TRUST_MUST_CHECK;
/* The same of an object that holds one: one level more. */
enum trust_err trust_json_parse_wrapped(struct trust_span text, size_t max,
    json_t **out, struct trust_message *msg) TRUST_MUST_CHECK;

/*
 * Append in canonical form, RFC 8785: keys sorted by UTF-16 code units, no
 * blanks, minimal escapes. TRUST_ERR_INPUT for numbers and depths that
 * trust_json_parse does not take; after an error the buffer is as it was.
 */
enum trust_err trust_json_encode(
    const json_t *value, struct trust_buf *out) TRUST_MUST_CHECK;
/* The same of a string. TRUST_ERR_INPUT: it is not UTF-8. */
enum trust_err trust_json_encode_text(
    const char *text, struct trust_buf *out) TRUST_MUST_CHECK;

/* A string for jansson; null for NULL and "". NULL: no memory, or no UTF-8. */
json_t *trust_json_text(const char *text);

#endif
