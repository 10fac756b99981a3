/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors: the machinery failed. A refusal is not an error, it is a verdict
 * (decide.h); an error never allows anything.
 */
#ifndef TRUST_ERR_H
#define TRUST_ERR_H

#include "limit.h"

#define TRUST_MUST_CHECK        __attribute__((warn_unused_result))
#define TRUST_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

enum trust_err {
	TRUST_OK = 0,
	/* A library call failed for no reason of its input. */
	TRUST_ERR_INTERNAL,
	/* Memory ran out. */
	TRUST_ERR_NOMEM,
	/* The bytes given are not what they have to be. */
	TRUST_ERR_INPUT,
	/* There is no such thing. */
	TRUST_ERR_NOT_FOUND,
	/* It is there already, or contradicts what is there. */
	TRUST_ERR_CONFLICT,
	/* The file is not a registry, or of a version not known here. */
	TRUST_ERR_FOREIGN,
	/* The file is a registry and damaged. */
	TRUST_ERR_DAMAGED,
	/* A replica is written by sync alone. */
	TRUST_ERR_REPLICA,
	/* Another process holds the write lock. */
	TRUST_ERR_BUSY,
	/* The system refused to read or write. */
	TRUST_ERR_IO,
};

/* One line for a person: "source: what, want X, got Y". Never a newline. */
struct trust_message {
	char text[TRUST_MESSAGE_MAX];
};

/*
 * Write a message and return `err`, so that a caller can fail in one line.
 * `msg` may be NULL. Too long a text is cut.
 */
enum trust_err trust_err_set(struct trust_message *msg, enum trust_err err,
    const char *fmt, ...) TRUST_PRINTF(3, 4);

/*
 * Put a source ("file.jsonl:12") in front of the message: "source: message".
 * Returns `err`.
 */
enum trust_err trust_err_prefix(struct trust_message *msg, enum trust_err err,
    const char *fmt, ...) TRUST_PRINTF(3, 4);

/* Blanks for the control characters of a text, so that it is one line. */
void trust_err_flatten(char *text);

/* The error in a few words, for where no message was written. Static. */
const char *trust_err_text(enum trust_err err);

#endif
