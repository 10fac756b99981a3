/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets that the user knows: asked for at the terminal, without echo, or
 * read from a file.
 */
#ifndef TRUST_PROMPT_H
#define TRUST_PROMPT_H

#include "../certs/key_prompt.h"
#include "options.h"

struct trust_prompt {
	/* The command line; NULL: the terminal. */
	const char *key_password_file;
	/* What trust_prompt_for_signers has seen, the last of it. */
	struct trust_message exposed;
};

#define TRUST_PROMPT_OPTIONS(to)                                         \
	{                                                                \
		.name = "key-password-file", .argument = "FILE",         \
		.help = "the key's password or PIN; else you are asked", \
		.text = &(to).key_password_file                          \
	}

/*
 * Write the secret that `what` names ("the PIN of …") into out[size], asked
 * for at the process's terminal, whatever standard input is. The terminal's
 * echo is on again when this returns, also after a signal, which is then
 * TRUST_ERR_INPUT. The caller wipes `out`.
 */
enum trust_err trust_prompt_ask(const char *what, char *out, size_t size,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* Whether there is a terminal to ask at. */
bool trust_prompt_has_terminal(void);

/* Ask there whether, which "yes" alone is. Without a terminal it is no. */
bool trust_prompt_confirm(const char *question);

/* For trust_key_source_load. `prompt` is borrowed for as long as it is used. */
struct trust_key_prompt trust_prompt_for_keys(struct trust_prompt *prompt);

/* The same for commands that have always taken key files of any mode: such a
 * file is a note, not an error. */
struct trust_key_prompt trust_prompt_for_signers(struct trust_prompt *prompt);
/* Print that note, if there is one: once all went well, as an error is one
 * line. */
void trust_prompt_note(const struct trust_prompt *prompt);

#endif
