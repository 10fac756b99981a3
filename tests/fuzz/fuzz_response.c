/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enroll_response.c: what an Edge CA sends has facts within their bounds, or
 * says why not on one line.
 */
#include <stdlib.h>
#include <string.h>

#include "enroll_response.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trust_enroll_response response;
	struct trust_message msg = {0};
	size_t len;

	if (trust_enroll_response_read(
		(struct trust_span){data, size}, &response, &msg) != TRUST_OK) {
		if (strchr(msg.text, '\n') != NULL)
			abort();
		return 0;
	}
	len = strnlen(response.serial, sizeof(response.serial));
	if (len == sizeof(response.serial) || (len == 0) != response.is_error)
		abort();
	return 0;
}
