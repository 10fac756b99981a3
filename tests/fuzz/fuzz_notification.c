/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notification.c: whatever is taken keeps within its bounds, has one
 * canonical form, is taken again from that, and may follow itself.
 */
#include <stdlib.h>
#include <string.h>

#include "notification.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct trust_notification *
parse(struct trust_span text)
{
	struct trust_notification *n;
	enum trust_sync_reason reason;
	struct trust_message msg = {0};

	if (trust_notification_parse(text, &n, &reason, &msg) != TRUST_OK ||
	    (n != NULL) != (reason == TRUST_SYNC_ACCEPTED) ||
	    strchr(msg.text, '\n') != NULL)
		abort();
	return n;
}

static void
check_bounds(const struct trust_notification *n)
{
	size_t n_parts = n->snapshot.n;

	for (size_t i = 0; i < n->n_deltas; i++)
		n_parts += n->deltas[i].n;
	if (n->serial < 1 || n->serial > TRUST_SERIAL_MAX ||
	    n->snapshot.serial > n->serial || n_parts > TRUST_PARTS_MAX ||
	    n->n_records > TRUST_RECORDS_MAX)
		abort();
}

/* As the first, and again after itself. */
static void
check_sequence(const struct trust_notification *n)
{
	const struct trust_notification_mark none = {0};
	struct trust_notification_mark mark;

	if (trust_notification_mark(n, &mark) != TRUST_OK ||
	    trust_notification_check(n, &mark, n->scope, &none, &none,
		n->this_update, 0, true) != TRUST_SYNC_ACCEPTED ||
	    trust_notification_check(n, &mark, n->scope, &mark, &mark,
		n->next_update, 0, false) != TRUST_SYNC_ACCEPTED)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trust_notification *n = parse((struct trust_span){data, size});
	struct trust_notification *again;
	struct trust_buf once = {0}, twice = {0};

	if (n == NULL)
		return 0;
	check_bounds(n);
	check_sequence(n);
	if (trust_notification_encode(n, &once) != TRUST_OK)
		abort();
	again = parse(trust_buf_get0(&once));
	if (again == NULL ||
	    trust_notification_encode(again, &twice) != TRUST_OK ||
	    strcmp((char *)once.p, (char *)twice.p) != 0)
		abort();
	trust_notification_free(again);
	trust_notification_free(n);
	trust_buf_free(&once);
	trust_buf_free(&twice);
	return 0;
}
