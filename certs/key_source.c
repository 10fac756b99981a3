/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a private key is.
 */
#include "key_source.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "key_token.h"
#include "key_uri.h"
#include "secretfile.h"

static enum trust_err
open_file(const char *path, const struct trust_key_prompt *prompt, FILE **out,
    struct trust_message *msg)
{
	struct trust_message open_to;
	enum trust_err r = TRUST_ERR_INTERNAL;

	if (prompt == NULL || prompt->note == NULL)
		return trust_secretfile_open(path, out, msg);
	r = trust_secretfile_open_lenient(path, out, &open_to, msg);
	if (r == TRUST_OK && open_to.text[0] != '\0')
		prompt->note(prompt->arg, open_to.text);
	return r;
}

static enum trust_err
load_file(const char *path, const struct trust_key_prompt *prompt,
    EVP_PKEY **out, struct trust_message *msg)
{
	char what[PATH_MAX + 32];
	struct trust_key_question question = {
	    .prompt = prompt, .what = what, .msg = msg};
	enum trust_err r = TRUST_ERR_INTERNAL;
	FILE *in;

	snprintf(what, sizeof(what), "the password of %s", path);
	r = open_file(path, prompt, &in, msg);
	if (r != TRUST_OK)
		return r;
	*out =
	    PEM_read_PrivateKey(in, NULL, trust_key_prompt_answer, &question);
	fclose(in);
	ERR_clear_error();
	if (*out != NULL)
		return TRUST_OK;
	if (question.err != TRUST_OK)
		return question.err;
	if (question.asked)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: want its password, got another", path);
	return trust_err_set(msg, TRUST_ERR_INPUT,
	    "%s: want a private key in PEM, got something else", path);
}

enum trust_err
trust_key_source_load(const char *source, const struct trust_key_prompt *prompt,
    EVP_PKEY **out, struct trust_message *msg)
{
	*out = NULL;
	if (trust_key_uri_is_one(source))
		return trust_key_token_load(source, prompt, out, msg);
	return load_file(source, prompt, out, msg);
}
