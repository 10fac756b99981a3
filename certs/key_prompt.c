/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking for what opens a private key.
 */
#include "key_prompt.h"

#include <stdio.h>
#include <string.h>

int
trust_key_prompt_answer(char *out, int size, int rwflag, void *question)
{
	struct trust_key_question *q = question;
	const struct trust_key_prompt *prompt = q->prompt;
	bool again = q->asked;

	q->asked = true;
	if (again || size <= 0)
		return -1;
	if (q->answer != NULL) {
		if (strlen(q->answer) >= (size_t)size)
			return -1;
		snprintf(out, (size_t)size, "%s", q->answer);
	} else if (prompt == NULL || prompt->ask == NULL) {
		q->err = trust_err_set(q->msg, TRUST_ERR_INPUT,
		    "want %s, and nobody to ask for it", q->what);
	} else {
		q->err = prompt->ask(
		    prompt->arg, q->what, out, (size_t)size, q->msg);
	}
	return q->err == TRUST_OK ? (int)strlen(out) : -1;
}
