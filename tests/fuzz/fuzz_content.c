/* SPDX-License-Identifier: Apache-2.0 */
/*
 * content.c: whatever line is taken can be sent on and is taken again, and
 * the state digest comes back.
 */
#include <stdlib.h>
#include <string.h>

#include "content.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum trust_err
parse(struct trust_span text, struct trust_content_line *line)
{
	struct trust_message msg = {0};
	enum trust_err r = trust_content_parse(text, line, &msg);

	if (strchr(msg.text, '\n') != NULL ||
	    (r != TRUST_OK && line->put != NULL))
		abort();
	return r;
}

/* The line that says the same. */
static void
encode(const struct trust_content_line *line, struct trust_buf *out)
{
	struct trust_buf canonical = {0};

	if (line->put == NULL) {
		if (trust_content_encode_remove(line->kind, line->id, out) !=
		    TRUST_OK)
			abort();
		return;
	}
	if (trust_content_encode_record(line->put, &canonical) != TRUST_OK ||
	    trust_content_encode_put(trust_buf_get0(&canonical), out) !=
		TRUST_OK)
		abort();
	trust_buf_free(&canonical);
}

static void
check_again(const struct trust_content_line *line)
{
	struct trust_content_line again;
	struct trust_buf once = {0}, twice = {0};

	encode(line, &once);
	if (parse((struct trust_span){once.p, once.len - 1}, &again) !=
	    TRUST_OK)
		abort();
	encode(&again, &twice);
	if (strcmp((char *)once.p, (char *)twice.p) != 0)
		abort();
	trust_record_free(again.put);
	trust_buf_free(&once);
	trust_buf_free(&twice);
}

static enum trust_err
visit(void *arg, struct trust_span text)
{
	struct trust_thumbprint *state = arg;
	struct trust_thumbprint before = *state;
	struct trust_content_line line;

	if (parse(text, &line) != TRUST_OK)
		return TRUST_OK;
	check_again(&line);
	trust_content_state_add(state, &line.digest);
	trust_content_state_subtract(state, &line.digest);
	if (!trust_thumbprint_equal(state, &before))
		abort();
	trust_content_state_add(state, &line.digest);
	trust_record_free(line.put);
	return TRUST_OK;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trust_thumbprint state = {0};
	struct trust_span part = {data, size};

	/* What is malformed ends the walk. */
	if (trust_content_walk(part, visit, &state, NULL) == TRUST_ERR_NOMEM)
		abort();
	/* Without the newline that a fuzzer has to find first. */
	(void)visit(&state, part);
	return 0;
}
