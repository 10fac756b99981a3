/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enroll_request.c: what is taken for a request is one when it is passed on,
 * too, of the same key; what is not says why on one line.
 */
#include <stdlib.h>
#include <string.h>

#include "enroll_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_again(const struct trust_enroll_request *request)
{
	struct trust_enroll_request again;
	enum trust_reason reason;

	if (trust_enroll_request_read(trust_buf_get0(&request->pem), &again,
		&reason, NULL) != TRUST_OK ||
	    !trust_thumbprint_equal(&request->key, &again.key) ||
	    request->pem.len != again.pem.len ||
	    memcmp(request->pem.p, again.pem.p, again.pem.len) != 0)
		abort();
	trust_enroll_request_clear(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trust_enroll_request request;
	struct trust_message msg = {0};
	enum trust_reason reason;

	if (trust_enroll_request_read((struct trust_span){data, size}, &request,
		&reason, &msg) == TRUST_OK) {
		read_again(&request);
	} else if (trust_reason_allows(reason) || request.pem.p != NULL ||
		   strchr(msg.text, '\n') != NULL || msg.text[0] == '\0') {
		abort();
	}
	trust_enroll_request_clear(&request);
	return 0;
}
