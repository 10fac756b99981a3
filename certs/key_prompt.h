/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is asked for what opens a private key, and how OpenSSL asks.
 */
#ifndef TRUST_KEY_PROMPT_H
#define TRUST_KEY_PROMPT_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

/* A password or PIN with its NUL. */
#define TRUST_KEY_SECRET_MAX 1024

/* The front end's part. Zeroed memory is one that knows nothing. */
struct trust_key_prompt {
	/*
	 * Write the secret that `what` names ("the password of FILE") into
	 * out[size], NUL-terminated; it is wiped after use. NULL: nobody can
	 * be asked.
	 */
	enum trust_err (*ask)(void *arg, const char *what, char *out,
	    size_t size, struct trust_message *msg);
	/*
	 * Where this is not NULL, a key file to which others than its owner
	 * have rights is taken, and this is told the line that would have
	 * refused it.
	 */
	void (*note)(void *arg, const char *line);
	void *arg;
};

/* One question, of one key. */
struct trust_key_question {
	const struct trust_key_prompt *prompt; /* may be NULL */
	const char *what;
	const char *answer; /* known already; NULL: the prompt is asked */
	bool asked;
	enum trust_err err; /* of asking */
	struct trust_message *msg;
};

/*
 * A pem_password_cb whose argument is a question. It is asked once: what was
 * wrong would be wrong again, and tokens count.
 */
int trust_key_prompt_answer(char *out, int size, int rwflag, void *question);

#endif
