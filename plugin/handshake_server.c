/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An ex_data index on SSL_CTX tells of each context that is made and freed.
 * The broker fills one in after that, and reads certificates anew on SIGHUP:
 * what a context shows is looked at later, between two turns of the broker.
 */
#include "handshake_server.h"

#include <openssl/ssl.h>
#include <stdlib.h>

struct context {
	const SSL_CTX *ctx;
	struct context *next;
};

struct trust_handshake_server {
	int index; /* ex_data of SSL_CTX; holds nothing */
	struct context *contexts;
	bool due;
};

/* Not a bridge's, which is a client, with a certificate of its own, and makes a
 * new one each time that it tries to connect. */
static bool
is_listener(const SSL_CTX *ctx)
{
	return SSL_CTX_get_ssl_method(ctx) != TLS_client_method();
}

/* CRYPTO_EX_new and CRYPTO_EX_free for every SSL_CTX:
 * CRYPTO_get_ex_new_index(3ssl). */
static void
on_new_context(void *parent, void *ptr, CRYPTO_EX_DATA *data, int index,
    long argl, void *argp)
{
	struct trust_handshake_server *server = argp;
	struct context *context = malloc(sizeof(*context));

	(void)ptr;
	(void)data;
	(void)index;
	(void)argl;
	if (context == NULL)
		return; /* what it shows is not told of */
	*context = (struct context){parent, server->contexts};
	server->contexts = context;
	if (is_listener(parent))
		server->due = true;
}

static void
on_free_context(void *parent, void *ptr, CRYPTO_EX_DATA *data, int index,
    long argl, void *argp)
{
	struct trust_handshake_server *server = argp;
	struct context **at = &server->contexts, *gone;

	(void)ptr;
	(void)data;
	(void)index;
	(void)argl;
	while (*at != NULL && (*at)->ctx != parent)
		at = &(*at)->next;
	gone = *at;
	if (gone != NULL)
		*at = gone->next;
	free(gone);
}

bool
trust_handshake_server_is_due(const struct trust_handshake_server *server)
{
	return server->due;
}

void
trust_handshake_server_settle(struct trust_handshake_server *server, bool due)
{
	server->due = due;
}

void
trust_handshake_server_walk(const struct trust_handshake_server *server,
    void (*visit)(void *arg, X509 *x509), void *arg)
{
	for (const struct context *c = server->contexts; c != NULL;
	     c = c->next) {
		X509 *x509 = SSL_CTX_get0_certificate(c->ctx);

		if (x509 != NULL && is_listener(c->ctx))
			visit(arg, x509);
	}
}

enum trust_err
trust_handshake_server_new(
    struct trust_handshake_server **out, struct trust_message *msg)
{
	struct trust_handshake_server *server = calloc(1, sizeof(*server));

	*out = NULL;
	if (server == NULL)
		return TRUST_ERR_NOMEM;
	server->index = CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_SSL_CTX, 0,
	    server, on_new_context, NULL, on_free_context);
	if (server->index < 0) {
		free(server);
		return trust_err_set(msg, TRUST_ERR_INTERNAL,
		    "OpenSSL: no ex_data index could be had");
	}
	*out = server;
	return TRUST_OK;
}

void
trust_handshake_server_free(struct trust_handshake_server *server)
{
	struct context *next;

	if (server == NULL)
		return;
	(void)CRYPTO_free_ex_index(CRYPTO_EX_INDEX_SSL_CTX, server->index);
	for (struct context *c = server->contexts; c != NULL; c = next) {
		next = c->next;
		free(c);
	}
	free(server);
}
