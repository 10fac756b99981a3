/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mailbox between the broker's thread and sync's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above. */
#include <cmocka.h>
#include <pthread.h>
#include <string.h>

#include "../../plugin/mailbox.c"

#define N_MESSAGES 20000

static struct trust_mailbox *
mailbox(size_t max)
{
	struct trust_mailbox *m;

	assert_int_equal(trust_mailbox_new(max, &m), TRUST_OK);
	return m;
}

static void
in_order(void **state)
{
	struct trust_mailbox *m = mailbox(4096);
	struct trust_mail mail;

	(void)state;
	assert_false(trust_mailbox_take(m, 0, &mail));
	assert_true(trust_mailbox_put(m, 1, trust_span_of("one"), 0));
	assert_true(trust_mailbox_put(m, 2, trust_span_of("two"), 0));
	for (int i = 1; i <= 2; i++) {
		assert_true(trust_mailbox_take(m, 0, &mail));
		assert_int_equal(mail.kind, i);
		assert_string_equal(
		    (char *)mail.bytes.p, i == 1 ? "one" : "two");
		trust_buf_free(&mail.bytes);
	}
	assert_false(trust_mailbox_take(m, 1, &mail));
	trust_mailbox_free(m);
}

static void
full_is_full(void **state)
{
	struct trust_mailbox *m = mailbox(2048);
	uint8_t bytes[2048] = {0};
	struct trust_mail mail;
	int n = 0;

	(void)state;
	assert_true(
	    trust_mailbox_put(m, 0, (struct trust_span){bytes, 2048}, 0));
	assert_false(trust_mailbox_put(m, 0, (struct trust_span){bytes, 1}, 0));
	assert_true(trust_mailbox_take(m, 0, &mail));
	trust_buf_free(&mail.bytes);
	while (trust_mailbox_put(m, 0, (struct trust_span){NULL, 0}, 0))
		n++;
	assert_int_equal(n, 3); /* empty ones are bounded, too */
	trust_mailbox_free(m);
}

/* Who has to spare it does not crowd out who need not. */
static void
some_is_spared(void **state)
{
	struct trust_mailbox *m = mailbox(4096);
	uint8_t bytes[4096] = {0};

	(void)state;
	assert_false(
	    trust_mailbox_put(m, 0, (struct trust_span){bytes, 2049}, 2048));
	assert_true(
	    trust_mailbox_put(m, 0, (struct trust_span){bytes, 2048}, 2048));
	assert_false(
	    trust_mailbox_put(m, 0, (struct trust_span){bytes, 1}, 2048));
	assert_false(
	    trust_mailbox_put(m, 0, (struct trust_span){bytes, 1}, 8192));
	assert_true(
	    trust_mailbox_put(m, 0, (struct trust_span){bytes, 2048}, 0));
	assert_false(trust_mailbox_put(m, 0, (struct trust_span){bytes, 1}, 0));
	trust_mailbox_free(m);
}

static void
closed_is_closed(void **state)
{
	struct trust_mailbox *m = mailbox(4096);
	struct trust_mail mail;

	(void)state;
	assert_true(trust_mailbox_put(m, 0, trust_span_of("left"), 0));
	trust_mailbox_close(m);
	assert_true(trust_mailbox_is_closed(m));
	assert_false(trust_mailbox_put(m, 0, trust_span_of("late"), 0));
	assert_false(trust_mailbox_take(m, 60000, &mail));
	trust_mailbox_free(m);
}

static void *
send_all(void *arg)
{
	struct trust_mailbox *m = arg;

	for (int i = 0; i < N_MESSAGES; i++) {
		while (!trust_mailbox_put(m, i, trust_span_of("message"), 0))
			sched_yield();
	}
	return NULL;
}

static void
between_threads(void **state)
{
	struct trust_mailbox *m = mailbox(64 * 1024);
	struct trust_mail mail;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, send_all, m), 0);
	for (int i = 0; i < N_MESSAGES; i++) {
		assert_true(trust_mailbox_take(m, 60000, &mail));
		assert_int_equal(mail.kind, i);
		trust_buf_free(&mail.bytes);
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	trust_mailbox_free(m);
}

static void *
close_it(void *arg)
{
	trust_mailbox_close(arg);
	return NULL;
}

static void
closing_wakes(void **state)
{
	struct trust_mailbox *m = mailbox(4096);
	struct trust_mail mail;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, close_it, m), 0);
	assert_false(trust_mailbox_take(m, 60000, &mail));
	assert_int_equal(pthread_join(thread, NULL), 0);
	trust_mailbox_free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(in_order),
	    cmocka_unit_test(full_is_full),
	    cmocka_unit_test(some_is_spared),
	    cmocka_unit_test(closed_is_closed),
	    cmocka_unit_test(between_threads),
	    cmocka_unit_test(closing_wakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
