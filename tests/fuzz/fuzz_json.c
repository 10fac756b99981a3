/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.c: whatever is taken has one canonical form, which is taken again.
 */
#include <stdlib.h>
#include <string.h>

#include "json.h"

#define MAX (64 * 1024) /* octets */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Parse and encode: false when it is not taken. */
static bool
canonize(struct trust_span text, struct trust_buf *out)
{
	struct trust_message msg = {""};
	json_t *value;

	if (trust_json_parse(text, MAX, &value, &msg) != TRUST_OK) {
		if (value != NULL || strchr(msg.text, '\n') != NULL)
			abort();
		return false;
	}
	if (trust_json_encode(value, out) != TRUST_OK)
		abort();
	json_decref(value);
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trust_buf once = {0}, twice = {0};

	if (canonize((struct trust_span){data, size}, &once)) {
		if (!canonize(trust_buf_get0(&once), &twice) ||
		    once.len != twice.len ||
		    memcmp(once.p, twice.p, once.len) != 0)
			abort();
	}
	trust_buf_free(&once);
	trust_buf_free(&twice);
	return 0;
}
