/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenSSL's engine pkcs11.
 *
 * Engines are deprecated since OpenSSL 3.0 and gone in 4.0. Debian 12 has
 * nothing else that leads to a token: its provider pkcs11 came with Debian 13.
 * So this file alone does without the warnings, and is empty where OpenSSL has
 * no engines.
 */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

#include "key_engine.h"

#include <limits.h>
#include <openssl/opensslconf.h>

#ifdef OPENSSL_NO_ENGINE

enum trust_err
trust_key_engine_load(const char *uri, const char *module_path, UI_METHOD *ui,
    void *ui_arg, EVP_PKEY **out, struct trust_message *msg)
{
	*out = NULL;
	return TRUST_ERR_NOT_FOUND;
}

#else

#include <openssl/engine.h>
#include <stdio.h>
#include <string.h>

/* Never let go of: keys of it may be in use anywhere, and what the module does
 * at the end of the process is its own business. */
static ENGINE *engine;
static char engine_module[PATH_MAX];

static enum trust_err
set_up(ENGINE *e, const char *module_path)
{
	/* It would write on standard error what the error queue says. */
	if (ENGINE_ctrl_cmd_string(e, "QUIET", NULL, 0) != 1)
		return TRUST_ERR_INTERNAL;
	if (module_path[0] != '\0' &&
	    ENGINE_ctrl_cmd_string(e, "MODULE_PATH", module_path, 0) != 1)
		return TRUST_ERR_INTERNAL;
	return ENGINE_init(e) == 1 ? TRUST_OK : TRUST_ERR_INTERNAL;
}

static enum trust_err
start(const char *module_path)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	ENGINE *e;

	ENGINE_load_dynamic();
	if ((e = ENGINE_by_id("pkcs11")) == NULL)
		return TRUST_ERR_NOT_FOUND;
	r = set_up(e, module_path);
	if (r == TRUST_OK) {
		engine = e;
		snprintf(
		    engine_module, sizeof(engine_module), "%s", module_path);
	} else {
		ENGINE_free(e);
	}
	return r;
}

enum trust_err
trust_key_engine_load(const char *uri, const char *module_path, UI_METHOD *ui,
    void *ui_arg, EVP_PKEY **out, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	*out = NULL;
	if (engine == NULL && (r = start(module_path)) != TRUST_OK)
		return r;
	if (strcmp(engine_module, module_path) != 0)
		return trust_err_set(msg, TRUST_ERR_CONFLICT,
		    "%s: want the same module-path for all keys, got \"%s\" "
		    "and \"%s\"",
		    uri, engine_module, module_path);
	*out = ENGINE_load_private_key(engine, uri, ui, ui_arg);
	return TRUST_OK;
}

#endif
