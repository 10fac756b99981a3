/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets that the user knows.
 */
#include "prompt.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ui.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../certs/secretfile.h"

bool
trust_prompt_has_terminal(void)
{
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

/* With OpenSSL's own way to ask, whatever the process's usual one is. */
static bool
read_secret(const char *question, char *out, size_t size)
{
	UI *ui = UI_new_method(UI_OpenSSL());
	bool done =
	    ui != NULL &&
	    UI_add_input_string(ui, question, 0, out, 0, (int)size - 1) > 0 &&
	    UI_process(ui) == 0;

	UI_free(ui);
	ERR_clear_error();
	return done;
}

enum trust_err
trust_prompt_ask(
    const char *what, char *out, size_t size, struct trust_message *msg)
{
	char question[TRUST_MESSAGE_MAX];

	out[0] = '\0';
	/* OpenSSL would read standard input then, and what comes from there is
	 * not meant as a password. */
	if (!trust_prompt_has_terminal())
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "want %s, and there is no terminal to ask at; --help has "
		    "the option for a file with it",
		    what);
	snprintf(question, sizeof(question), "Enter %s: ", what);
	trust_err_flatten(question);
	if (read_secret(question, out, size))
		return TRUST_OK;
	OPENSSL_cleanse(out, size);
	return trust_err_set(
	    msg, TRUST_ERR_INPUT, "want %s, nothing was entered", what);
}

bool
trust_prompt_confirm(const char *question)
{
	char answer[8] = "";
	FILE *terminal = fopen("/dev/tty", "r+e");
	bool yes = false;

	if (terminal == NULL)
		return false;
	if (fprintf(terminal, "%s? Type yes: ", question) > 0 &&
	    fflush(terminal) == 0 &&
	    fgets(answer, sizeof(answer), terminal) != NULL)
		yes = strcmp(answer, "yes\n") == 0;
	fclose(terminal);
	return yes;
}

static enum trust_err
ask(void *arg, const char *what, char *out, size_t size,
    struct trust_message *msg)
{
	const struct trust_prompt *prompt = arg;

	if (prompt->key_password_file != NULL)
		return trust_secretfile_read_line(
		    prompt->key_password_file, out, size, msg);
	return trust_prompt_ask(what, out, size, msg);
}

static void
note(void *arg, const char *line)
{
	struct trust_prompt *prompt = arg;

	snprintf(
	    prompt->exposed.text, sizeof(prompt->exposed.text), "%s", line);
}

struct trust_key_prompt
trust_prompt_for_keys(struct trust_prompt *prompt)
{
	return (struct trust_key_prompt){.ask = ask, .arg = prompt};
}

struct trust_key_prompt
trust_prompt_for_signers(struct trust_prompt *prompt)
{
	return (struct trust_key_prompt){
	    .ask = ask, .note = note, .arg = prompt};
}

void
trust_prompt_note(const struct trust_prompt *prompt)
{
	if (prompt->exposed.text[0] != '\0')
		trust_output_note("%s", prompt->exposed.text);
}
