/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exchange.c: whatever request or report is taken has one canonical form,
 * which is taken again.
 */
#include <stdlib.h>
#include <string.h>

#include "exchange.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Parse and encode: false when it is not taken. */
static bool
canonize_request(struct trust_span text, struct trust_buf *out)
{
	struct trust_request request;
	struct trust_message msg;

	if (trust_request_parse(text, &request, &msg) != TRUST_OK)
		return false;
	if (trust_request_encode(&request, out) != TRUST_OK)
		abort();
	return true;
}

static bool
canonize_report(struct trust_span text, struct trust_buf *out)
{
	struct trust_report report;
	struct trust_message msg;

	if (trust_report_parse(text, &report, &msg) != TRUST_OK)
		return false;
	if (trust_report_encode(&report, out) != TRUST_OK)
		abort();
	return true;
}

static void
check(struct trust_span text,
    bool (*canonize)(struct trust_span text, struct trust_buf *out))
{
	struct trust_buf once = {0}, twice = {0};

	if (canonize(text, &once)) {
		if (!canonize(trust_buf_get0(&once), &twice) ||
		    strcmp((char *)once.p, (char *)twice.p) != 0)
			abort();
	}
	trust_buf_free(&once);
	trust_buf_free(&twice);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trust_span text = {data, size};

	check(text, canonize_request);
	check(text, canonize_report);
	return 0;
}
