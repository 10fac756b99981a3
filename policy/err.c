/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages for people, and errors in a few words.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "err.h"

void
trust_err_flatten(char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = ' ';
	}
}

enum trust_err
trust_err_set(
    struct trust_message *msg, enum trust_err err, const char *fmt, ...)
{
	/* An argument may be the old text. */
	char text[TRUST_MESSAGE_MAX];
	va_list args;
	int n;

	if (msg == NULL)
		return err;
	va_start(args, fmt);
	n = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	snprintf(msg->text, sizeof(msg->text), "%s",
	    n < 0 ? trust_err_text(err) : text);
	trust_err_flatten(msg->text);
	return err;
}

enum trust_err
trust_err_prefix(
    struct trust_message *msg, enum trust_err err, const char *fmt, ...)
{
	char source[TRUST_MESSAGE_MAX];
	char rest[TRUST_MESSAGE_MAX];
	va_list args;
	int n;

	if (msg == NULL)
		return err;
	va_start(args, fmt);
	n = vsnprintf(source, sizeof(source), fmt, args);
	va_end(args);
	if (n < 0)
		return err;
	snprintf(rest, sizeof(rest), "%s",
	    msg->text[0] != '\0' ? msg->text : trust_err_text(err));
	return trust_err_set(msg, err, "%s: %s", source, rest);
}

const char *
trust_err_text(enum trust_err err)
{
	switch (err) {
	case TRUST_OK:
		return "no error";
	case TRUST_ERR_INTERNAL:
		return "internal error";
	case TRUST_ERR_NOMEM:
		return "out of memory";
	case TRUST_ERR_INPUT:
		return "malformed input";
	case TRUST_ERR_NOT_FOUND:
		return "not found";
	case TRUST_ERR_CONFLICT:
		return "in conflict with what is there";
	case TRUST_ERR_FOREIGN:
		return "not a registry that this version knows";
	case TRUST_ERR_DAMAGED:
		return "damaged registry";
	case TRUST_ERR_REPLICA:
		return "a replica is written by sync alone";
	case TRUST_ERR_BUSY:
		return "another process is writing";
	case TRUST_ERR_IO:
		return "cannot read or write";
	}
	return "internal error";
}
