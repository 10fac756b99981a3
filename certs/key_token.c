/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private keys in PKCS #11 tokens.
 */
#include "key_token.h"

#include <dlfcn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <stdio.h>
#include <string.h>

#include "key_engine.h"
#include "key_uri.h"
#include "secretfile.h"

#define PROVIDER "pkcs11"

/* One load. */
struct token {
	struct trust_key_uri uri;
	char what[TRUST_KEY_URI_MAX + 32];
	struct trust_key_question question;
	UI_METHOD *ui; /* asks the question */
};

/* ---- The module ---- */

/* What is given as module is one: neither provider nor engine says what is
 * wrong with it in a line of our own. */
static enum trust_err
check_module(const struct trust_key_uri *uri, struct trust_message *msg)
{
	enum trust_err r = TRUST_OK;
	const char *why;
	void *module;

	if (uri->module_path[0] == '\0')
		return TRUST_OK;
	(void)dlerror();
	module = dlopen(uri->module_path, RTLD_NOW | RTLD_LOCAL);
	if (module == NULL) {
		why = dlerror();
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: want a PKCS #11 module, got: %s", uri->module_path,
		    why != NULL ? why : "something else");
	}
	if (dlsym(module, "C_GetFunctionList") == NULL)
		r = trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: want a PKCS #11 module, got another library",
		    uri->module_path);
	dlclose(module);
	return r;
}

/* ---- The provider ---- */

/* Whether the provider is there; it stays. Where the configuration of OpenSSL
 * has it active already, its module is that one's. */
static bool
start_provider(const char *module_path)
{
	if (OSSL_PROVIDER_available(NULL, PROVIDER))
		return true;
#if OPENSSL_VERSION_NUMBER >= 0x30200000L
	if (module_path[0] != '\0') {
		char value[PATH_MAX];
		OSSL_PARAM parameters[] = {
		    OSSL_PARAM_utf8_string(
			"pkcs11-module-path", value, strlen(module_path)),
		    OSSL_PARAM_END,
		};

		snprintf(value, sizeof(value), "%s", module_path);
		return OSSL_PROVIDER_try_load_ex(
			   NULL, PROVIDER, parameters, 1) != NULL;
	}
#endif
	return OSSL_PROVIDER_try_load(NULL, PROVIDER, 1) != NULL;
}

/* A provider whose module cannot be loaded is there, and does nothing: the URI
 * would then be taken for the name of a file. */
static enum trust_err
check_loader(const struct token *token, struct trust_message *msg)
{
	OSSL_STORE_LOADER *loader =
	    OSSL_STORE_LOADER_fetch(NULL, "pkcs11", NULL);

	if (loader == NULL)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: want a PKCS #11 module, got none: install "
		    "p11-kit-modules, or "
		    "name one by module-path",
		    token->uri.object);
	OSSL_STORE_LOADER_free(loader);
	return TRUST_OK;
}

static void
load_by_provider(struct token *token, EVP_PKEY **out)
{
	OSSL_STORE_CTX *store = OSSL_STORE_open(
	    token->uri.object, token->ui, &token->question, NULL, NULL);
	OSSL_STORE_INFO *info;

	if (store == NULL)
		return;
	if (OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY) == 1)
		while (*out == NULL && !OSSL_STORE_eof(store)) {
			info = OSSL_STORE_load(store);
			if (info == NULL)
				break;
			*out = OSSL_STORE_INFO_get1_PKEY(info);
			OSSL_STORE_INFO_free(info);
		}
	OSSL_STORE_close(store);
}

/* ---- Both ---- */

static enum trust_err
load(struct token *token, EVP_PKEY **out, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	if (start_provider(token->uri.module_path)) {
		ERR_clear_error();
		r = check_loader(token, msg);
		if (r == TRUST_OK)
			load_by_provider(token, out);
		return r;
	}
	ERR_clear_error();
	r = trust_key_engine_load(token->uri.object, token->uri.module_path,
	    token->ui, &token->question, out, msg);
	if (r == TRUST_ERR_NOT_FOUND)
		r = trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: want OpenSSL's provider or engine pkcs11, got "
		    "neither: install pkcs11-provider or "
		    "libengine-pkcs11-openssl",
		    token->uri.object);
	return r;
}

/* Why there is no key, from OpenSSL's queue: the first reason is the token's
 * own, those behind it are of who passed it on. The provider says none. */
static enum trust_err
explain(const struct token *token, struct trust_message *msg)
{
	const char *reason = ERR_reason_error_string(ERR_peek_error());

	if (token->question.err != TRUST_OK)
		return token->question.err;
	if (reason == NULL)
		reason = token->question.asked
			     ? "object not found, or another PIN"
			     : "object not found";
	return trust_err_set(msg, TRUST_ERR_INPUT,
	    "%s: want a private key in a token, got: %s", token->uri.object,
	    reason);
}

static enum trust_err
open_token(struct token *token, const char *uri, struct trust_message *msg)
{
	struct trust_key_uri *u = &token->uri;
	enum trust_err r = trust_key_uri_parse(uri, u, msg);

	if (r == TRUST_OK)
		r = check_module(u, msg);
	if (r == TRUST_OK && u->pin_source[0] != '\0')
		r = trust_secretfile_read_line(
		    u->pin_source, u->pin, sizeof(u->pin), msg);
	if (r != TRUST_OK)
		return r;
	snprintf(token->what, sizeof(token->what), "the PIN of %s", u->object);
	token->question.what = token->what;
	token->question.answer = u->pin[0] != '\0' ? u->pin : NULL;
	token->question.msg = msg;
	token->ui = UI_UTIL_wrap_read_pem_callback(trust_key_prompt_answer, 0);
	return token->ui != NULL ? TRUST_OK : TRUST_ERR_NOMEM;
}

enum trust_err
trust_key_token_load(const char *uri, const struct trust_key_prompt *prompt,
    EVP_PKEY **out, struct trust_message *msg)
{
	const UI_METHOD *usual = UI_get_default_method();
	struct token token = {.question = {.prompt = prompt}};
	enum trust_err r = open_token(&token, uri, msg);

	*out = NULL;
	ERR_clear_error();
	/* The provider would ask by itself, who has been told that there is no
	 * PIN, and read standard input. */
	UI_set_default_method(UI_null());
	if (r == TRUST_OK)
		r = load(&token, out, msg);
	UI_set_default_method(usual);
	if (r == TRUST_OK && *out == NULL)
		r = explain(&token, msg);
	ERR_clear_error();
	UI_destroy_method(token.ui);
	OPENSSL_cleanse(&token.uri, sizeof(token.uri));
	return r;
}
