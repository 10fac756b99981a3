/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mailbox: a list under a mutex.
 */
#include "mailbox.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <utlist.h>

struct letter {
	struct trust_mail mail;
	struct letter *prev, *next;
};

struct trust_mailbox {
	pthread_mutex_t lock;
	pthread_cond_t arrived;
	struct letter *first;
	size_t len;      /* octets of bytes */
	atomic_size_t n; /* written under the lock, read without */
	size_t max;
	bool closed;
};

static bool
init_condition(struct trust_mailbox *mailbox)
{
	pthread_condattr_t attributes;
	bool ok;

	if (pthread_condattr_init(&attributes) != 0)
		return false;
	/* A clock that nobody sets. */
	ok = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
	     pthread_cond_init(&mailbox->arrived, &attributes) == 0;
	(void)pthread_condattr_destroy(&attributes);
	return ok;
}

enum trust_err
trust_mailbox_new(size_t max, struct trust_mailbox **out)
{
	struct trust_mailbox *mailbox = calloc(1, sizeof(*mailbox));

	*out = NULL;
	if (mailbox == NULL)
		return TRUST_ERR_NOMEM;
	mailbox->max = max;
	if (pthread_mutex_init(&mailbox->lock, NULL) != 0) {
		free(mailbox);
		return TRUST_ERR_NOMEM;
	}
	if (!init_condition(mailbox)) {
		(void)pthread_mutex_destroy(&mailbox->lock);
		free(mailbox);
		return TRUST_ERR_NOMEM;
	}
	*out = mailbox;
	return TRUST_OK;
}

static void
letter_free(struct letter *letter)
{
	trust_buf_free(&letter->mail.bytes);
	free(letter);
}

void
trust_mailbox_free(struct trust_mailbox *mailbox)
{
	struct letter *letter, *next;

	if (mailbox == NULL)
		return;
	DL_FOREACH_SAFE(mailbox->first, letter, next)
	letter_free(letter);
	(void)pthread_cond_destroy(&mailbox->arrived);
	(void)pthread_mutex_destroy(&mailbox->lock);
	free(mailbox);
}

bool
trust_mailbox_put(struct trust_mailbox *mailbox, int kind,
    struct trust_span bytes, size_t spare)
{
	size_t max = mailbox->max > spare ? mailbox->max - spare : 0;
	struct letter *letter = NULL;
	bool fits = false;

	if (bytes.len > max)
		return false; /* and is not worth a copy */
	letter = calloc(1, sizeof(*letter));
	if (letter == NULL || trust_buf_add(&letter->mail.bytes, bytes.p,
				  bytes.len) != TRUST_OK) {
		free(letter);
		return false;
	}
	letter->mail.kind = kind;
	(void)pthread_mutex_lock(&mailbox->lock);
	fits = !mailbox->closed && mailbox->len + bytes.len <= max &&
	       mailbox->n <= max / 1024;
	if (fits) {
		DL_APPEND(mailbox->first, letter);
		mailbox->len += bytes.len;
		mailbox->n++;
		(void)pthread_cond_signal(&mailbox->arrived);
	}
	(void)pthread_mutex_unlock(&mailbox->lock);
	if (!fits)
		letter_free(letter);
	return fits;
}

static struct timespec
after_ms(int ms)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += (long)(ms % 1000) * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

bool
trust_mailbox_take(
    struct trust_mailbox *mailbox, int wait_ms, struct trust_mail *out)
{
	struct timespec until = after_ms(wait_ms);
	struct letter *letter;

	(void)pthread_mutex_lock(&mailbox->lock);
	while (mailbox->first == NULL && !mailbox->closed && wait_ms > 0) {
		if (pthread_cond_timedwait(
			&mailbox->arrived, &mailbox->lock, &until) != 0)
			break;
	}
	letter = mailbox->closed ? NULL : mailbox->first;
	if (letter != NULL) {
		DL_DELETE(mailbox->first, letter);
		mailbox->len -= letter->mail.bytes.len;
		mailbox->n--;
	}
	(void)pthread_mutex_unlock(&mailbox->lock);
	if (letter == NULL)
		return false;
	*out = letter->mail;
	free(letter); /* its bytes are transferred */
	return true;
}

bool
trust_mailbox_has_some(const struct trust_mailbox *mailbox)
{
	return atomic_load_explicit(&mailbox->n, memory_order_relaxed) > 0;
}

void
trust_mailbox_close(struct trust_mailbox *mailbox)
{
	(void)pthread_mutex_lock(&mailbox->lock);
	mailbox->closed = true;
	(void)pthread_cond_broadcast(&mailbox->arrived);
	(void)pthread_mutex_unlock(&mailbox->lock);
}

bool
trust_mailbox_is_closed(struct trust_mailbox *mailbox)
{
	bool closed;

	(void)pthread_mutex_lock(&mailbox->lock);
	closed = mailbox->closed;
	(void)pthread_mutex_unlock(&mailbox->lock);
	return closed;
}
