/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A peer to measure against, and nothing to run: a plugin whose verify
 * callback accepts every certificate. It costs what the broker, the TLS
 * library and the hook cost; what a plugin takes beyond it, its decision
 * takes.
 */
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "../plugin/broker.h"

#define EXPORT __attribute__((visibility("default")))

static int ssl_ctx_index = -1;

/* Called in place of X509_verify_cert:
 * SSL_CTX_set_cert_verify_callback(3ssl). */
static int
accept_all(X509_STORE_CTX *ctx, void *arg)
{
	(void)arg;
	X509_STORE_CTX_set_error(ctx, X509_V_OK);
	return 1;
}

/* CRYPTO_EX_new for every SSL_CTX: CRYPTO_get_ex_new_index(3ssl). */
static void
on_new_context(void *parent, void *ptr, CRYPTO_EX_DATA *data, int index,
    long argl, void *argp)
{
	(void)ptr;
	(void)data;
	(void)index;
	(void)argl;
	SSL_CTX_set_cert_verify_callback(parent, accept_all, argp);
}

EXPORT int
mosquitto_plugin_version(int n_versions, const int *versions)
{
	for (int i = 0; i < n_versions; i++) {
		if (versions[i] == MOSQ_PLUGIN_VERSION)
			return MOSQ_PLUGIN_VERSION;
	}
	return -1;
}

EXPORT int
mosquitto_plugin_init(mosquitto_plugin_id_t *id, void **userdata,
    struct mosquitto_opt *options, int n_options)
{
	(void)id;
	(void)userdata;
	(void)options;
	(void)n_options;
	ssl_ctx_index = CRYPTO_get_ex_new_index(
	    CRYPTO_EX_INDEX_SSL_CTX, 0, NULL, on_new_context, NULL, NULL);
	return ssl_ctx_index >= 0 ? MOSQ_ERR_SUCCESS : MOSQ_ERR_UNKNOWN;
}

EXPORT int
mosquitto_plugin_cleanup(
    void *userdata, struct mosquitto_opt *options, int n_options)
{
	(void)userdata;
	(void)options;
	(void)n_options;
	if (ssl_ctx_index >= 0)
		(void)CRYPTO_free_ex_index(
		    CRYPTO_EX_INDEX_SSL_CTX, ssl_ctx_index);
	return MOSQ_ERR_SUCCESS;
}
