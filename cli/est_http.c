/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP over TLS to an EST server.
 */
#include "est_http.h"

#include <curl/curl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../certs/est_answer.h"

#define CONNECT_S     30L
#define ANSWER_S      120L
#define REDIRECTS_MAX 3
/* RFC 3986 section 3.3, unreserved. */
#define SEGMENT                      \
	"abcdefghijklmnopqrstuvwxyz" \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZ" \
	"0123456789-._~"

struct trust_est_http {
	const struct trust_est_peer *peer;
	CURL *curl;
	struct curl_slist *headers; /* of a POST */
	char error[CURL_ERROR_SIZE];
	/* Of the transfer that is under way. */
	struct trust_buf *body;
	bool is_too_large;
	enum trust_err tls_err; /* of setting TLS up */
};

/* ---- Addresses ---- */

/* Whether a part of a URL is there. */
static bool
has_part(CURLU *url, CURLUPart part)
{
	char *text = NULL;
	bool yes = curl_url_get(url, part, &text, 0) == CURLUE_OK;

	curl_free(text);
	return yes;
}

static bool
is_part(CURLU *url, CURLUPart part, const char *want)
{
	char *text = NULL;
	bool yes =
	    curl_url_get(url, part, &text, CURLU_DEFAULT_PORT) == CURLUE_OK &&
	    strcasecmp(text, want) == 0;

	curl_free(text);
	return yes;
}

static bool
is_origin(CURLU *url)
{
	return is_part(url, CURLUPART_SCHEME, "https") &&
	       is_part(url, CURLUPART_PATH, "/") &&
	       !has_part(url, CURLUPART_USER) &&
	       !has_part(url, CURLUPART_PASSWORD) &&
	       !has_part(url, CURLUPART_QUERY) &&
	       !has_part(url, CURLUPART_FRAGMENT);
}

static enum trust_err
check_server(const struct trust_est_peer *peer, struct trust_message *msg)
{
	const char *label = peer->label;
	CURLU *url = curl_url();
	bool good;

	if (url == NULL)
		return TRUST_ERR_NOMEM;
	good = curl_url_set(url, CURLUPART_URL, peer->server, 0) == CURLUE_OK &&
	       is_origin(url);
	curl_url_cleanup(url);
	if (!good)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "--server: want https://HOST or https://HOST:PORT, got "
		    "\"%s\"",
		    peer->server);
	if (label != NULL &&
	    (label[0] == '\0' || label[strspn(label, SEGMENT)] != '\0' ||
		strcmp(label, ".") == 0 || strcmp(label, "..") == 0))
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "--label: want letters, digits and -._~, got \"%s\"",
		    label);
	return TRUST_OK;
}

/* Whether two URLs have scheme, host and port in common (RFC 6454). */
static bool
is_same_origin(const char *a, const char *b)
{
	static const CURLUPart parts[] = {
	    CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT};
	CURLU *ours = curl_url(), *theirs = curl_url();
	char *text = NULL;
	bool same = ours != NULL && theirs != NULL &&
		    curl_url_set(ours, CURLUPART_URL, a, 0) == CURLUE_OK &&
		    curl_url_set(theirs, CURLUPART_URL, b, 0) == CURLUE_OK;

	for (size_t i = 0; same && i < sizeof(parts) / sizeof(parts[0]); i++) {
		same = curl_url_get(ours, parts[i], &text,
			   CURLU_DEFAULT_PORT) == CURLUE_OK &&
		       is_part(theirs, parts[i], text);
		curl_free(text);
		text = NULL;
	}
	curl_url_cleanup(ours);
	curl_url_cleanup(theirs);
	return same;
}

/* ---- TLS ---- */

/* Our anchors in the place of libcurl's, which may be the system's. */
static enum trust_err
set_anchors(SSL_CTX *ctx, STACK_OF(X509) *anchors)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	X509_STORE *store = X509_STORE_new();

	if (store == NULL)
		return TRUST_ERR_NOMEM;
	if (X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) != 1)
		goto out;
	for (int i = 0; i < sk_X509_num(anchors); i++)
		if (X509_STORE_add_cert(store, sk_X509_value(anchors, i)) != 1)
			goto out;
	SSL_CTX_set_cert_store(ctx, store);
	store = NULL; /* transferred */
	r = TRUST_OK;
out:
	X509_STORE_free(store);
	return r;
}

/* As objects: a key in a token is no file that libcurl could read. */
static enum trust_err
set_certificate(SSL_CTX *ctx, const struct trust_est_peer *peer)
{
	X509 *own = sk_X509_value(peer->certificates, 0);

	if (SSL_CTX_use_certificate(ctx, own) != 1 ||
	    SSL_CTX_use_PrivateKey(ctx, peer->key) != 1)
		return TRUST_ERR_INPUT;
	for (int i = 1; i < sk_X509_num(peer->certificates); i++)
		if (SSL_CTX_add1_chain_cert(
			ctx, sk_X509_value(peer->certificates, i)) != 1)
			return TRUST_ERR_INTERNAL;
	return TRUST_OK;
}

/* Called by libcurl with each new context. */
static CURLcode
on_context(CURL *curl, void *ctx, void *arg)
{
	struct trust_est_http *http = arg;
	const struct trust_est_peer *peer = http->peer;

	http->tls_err = TRUST_OK;
	if (peer->anchors != NULL)
		http->tls_err = set_anchors(ctx, peer->anchors);
	if (http->tls_err == TRUST_OK && peer->certificates != NULL)
		http->tls_err = set_certificate(ctx, peer);
	return http->tls_err == TRUST_OK ? CURLE_OK : CURLE_SSL_CERTPROBLEM;
}

/* ---- One transfer ---- */

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	struct trust_est_http *http = arg;

	if (n > TRUST_EST_ANSWER_MAX - http->body->len) {
		http->is_too_large = true;
		return 0;
	}
	return trust_buf_add(http->body, p, n) == TRUST_OK ? n : 0;
}

/* Why there is no answer. */
static enum trust_err
explain(struct trust_est_http *http, CURLcode code, struct trust_message *msg)
{
	const char *server = http->peer->server;
	char shown[TRUST_SHOWN_MAX];

	if (http->tls_err != TRUST_OK)
		return trust_err_set(msg, http->tls_err,
		    "want --cert and the --key that is its own, which TLS can "
		    "use, got another");
	if (http->is_too_large)
		return trust_err_set(msg, TRUST_ERR_IO,
		    "%s: want an answer of at most %d octets, got more", server,
		    TRUST_EST_ANSWER_MAX);
	if (code == CURLE_PEER_FAILED_VERIFICATION)
		return trust_err_set(msg, TRUST_ERR_IO,
		    "%s: want a server whose certificate leads to an anchor of "
		    "ours and has its name, got: %s",
		    server,
		    trust_span_show(
			trust_span_of(http->error), shown, sizeof(shown)));
	return trust_err_set(msg, TRUST_ERR_IO, "%s: %s", server,
	    http->error[0] != '\0' ? trust_span_show(trust_span_of(http->error),
					 shown, sizeof(shown))
				   : curl_easy_strerror(code));
}

static void
read_head(CURL *curl, struct trust_est_reply *out)
{
	const char *type = NULL;
	curl_off_t retry_after = 0;

	(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &out->status);
	(void)curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
	(void)curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after);
	out->retry_after_s = (int64_t)retry_after;
	if (type != NULL)
		snprintf(out->type, sizeof(out->type), "%.*s",
		    (int)strcspn(type, "; \t"), type);
}

static enum trust_err
transfer(struct trust_est_http *http, const char *url,
    struct trust_est_reply *out, struct trust_message *msg)
{
	CURLcode code;

	trust_est_reply_clear(out);
	http->body = &out->body;
	http->is_too_large = false;
	http->tls_err = TRUST_OK;
	http->error[0] = '\0';
	code = curl_easy_setopt(http->curl, CURLOPT_URL, url);
	if (code == CURLE_OK)
		code = curl_easy_perform(http->curl);
	ERR_clear_error();
	if (code != CURLE_OK)
		return explain(http, code, msg);
	read_head(http->curl, out);
	return TRUST_OK;
}

/* Where a redirection leads, which stays with the server; NULL: it is none. The
 * caller frees. */
static enum trust_err
find_redirection(struct trust_est_http *http,
    const struct trust_est_reply *reply, char **out, struct trust_message *msg)
{
	char shown[TRUST_SHOWN_MAX];
	char *url = NULL;

	*out = NULL;
	if (reply->status < 300 || reply->status > 399)
		return TRUST_OK;
	(void)curl_easy_getinfo(http->curl, CURLINFO_REDIRECT_URL, &url);
	if (url == NULL)
		return TRUST_OK;
	if (!is_same_origin(http->peer->server, url))
		return trust_err_set(msg, TRUST_ERR_IO,
		    "%s: sends us to %s, which is another server: not followed",
		    http->peer->server,
		    trust_span_show(trust_span_of(url), shown, sizeof(shown)));
	if ((*out = strdup(url)) == NULL)
		return TRUST_ERR_NOMEM;
	return TRUST_OK;
}

static CURLcode
set_body(struct trust_est_http *http, struct trust_span body)
{
	CURL *curl = http->curl;
	CURLcode code;

	if (body.len == 0) {
		code = curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
		return code != CURLE_OK
			   ? code
			   : curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
	}
	if ((code = curl_easy_setopt(curl, CURLOPT_POST, 1L)) != CURLE_OK ||
	    (code = curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.p)) !=
		CURLE_OK ||
	    (code = curl_easy_setopt(
		 curl, CURLOPT_POSTFIELDSIZE, (long)body.len)) != CURLE_OK)
		return code;
	return curl_easy_setopt(curl, CURLOPT_HTTPHEADER, http->headers);
}

enum trust_err
trust_est_http_ask(struct trust_est_http *http, const char *operation,
    struct trust_span body, struct trust_est_reply *out,
    struct trust_message *msg)
{
	const struct trust_est_peer *peer = http->peer;
	size_t len = strlen(peer->server);
	enum trust_err r = TRUST_ERR_INTERNAL;
	char *url = NULL;
	int n = 0;

	while (len > 0 && peer->server[len - 1] == '/')
		len--;
	if (asprintf(&url, "%.*s/.well-known/est/%s%s%s", (int)len,
		peer->server, peer->label != NULL ? peer->label : "",
		peer->label != NULL ? "/" : "", operation) < 0)
		return TRUST_ERR_NOMEM;
	if (set_body(http, body) != CURLE_OK)
		goto out;
	do {
		r = transfer(http, url, out, msg);
		free(url);
		url = NULL;
		if (r == TRUST_OK)
			r = find_redirection(http, out, &url, msg);
	} while (r == TRUST_OK && url != NULL && n++ < REDIRECTS_MAX);
	if (url != NULL)
		r = trust_err_set(msg, TRUST_ERR_IO,
		    "%s: sends us from one address to another without end",
		    peer->server);
out:
	free(url);
	return r;
}

void
trust_est_reply_clear(struct trust_est_reply *reply)
{
	trust_buf_free(&reply->body);
	*reply = (struct trust_est_reply){0};
}

/* ---- Opening ---- */

/* What every transfer has in common. */
static CURLcode
set_up(struct trust_est_http *http)
{
	long verify = http->peer->anchors != NULL ? 1L : 0L;
	const struct {
		CURLoption option;
		long value;
	} numbers[] = {
	    {CURLOPT_NOSIGNAL, 1L},
	    {CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
	    {CURLOPT_SSL_VERIFYPEER, verify},
	    {CURLOPT_SSL_VERIFYHOST, 2L * verify},
	    {CURLOPT_FOLLOWLOCATION, 0L},
	    {CURLOPT_CONNECTTIMEOUT, CONNECT_S},
	    {CURLOPT_TIMEOUT, ANSWER_S},
	};
	const struct {
		CURLoption option;
		const void *value;
	} pointers[] = {
	    {CURLOPT_PROTOCOLS_STR, "https"},
	    /* Its anchors would be read first, and then thrown away. */
	    {CURLOPT_CAINFO, NULL},
	    {CURLOPT_CAPATH, NULL},
	    {CURLOPT_SSL_CTX_DATA, http},
	    {CURLOPT_WRITEDATA, http},
	    {CURLOPT_ERRORBUFFER, http->error},
	    {CURLOPT_USERAGENT, "trustctl/" TRUST_VERSION},
	};
	CURL *curl = http->curl;
	CURLcode code = CURLE_OK;

	for (size_t i = 0;
	     code == CURLE_OK && i < sizeof(numbers) / sizeof(numbers[0]); i++)
		code =
		    curl_easy_setopt(curl, numbers[i].option, numbers[i].value);
	for (size_t i = 0;
	     code == CURLE_OK && i < sizeof(pointers) / sizeof(pointers[0]);
	     i++)
		code = curl_easy_setopt(
		    curl, pointers[i].option, pointers[i].value);
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	/* Refused where TLS is not OpenSSL's: then no anchor would count. */
	if (code == CURLE_OK)
		code = curl_easy_setopt(
		    curl, CURLOPT_SSL_CTX_FUNCTION, on_context);
	return code;
}

/* Within TLS, as --server is https and the protocols are no other. */
static CURLcode
set_user(struct trust_est_http *http)
{
	const struct trust_est_peer *peer = http->peer;
	CURLcode code;

	if (peer->username == NULL)
		return CURLE_OK;
	code = curl_easy_setopt(
	    http->curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
	if (code == CURLE_OK)
		code = curl_easy_setopt(
		    http->curl, CURLOPT_USERNAME, peer->username);
	if (code == CURLE_OK)
		code = curl_easy_setopt(
		    http->curl, CURLOPT_PASSWORD, peer->password);
	return code;
}

static bool
add_header(struct trust_est_http *http, const char *line)
{
	struct curl_slist *longer = curl_slist_append(http->headers, line);

	if (longer == NULL)
		return false;
	http->headers = longer;
	return true;
}

enum trust_err
trust_est_http_open(const struct trust_est_peer *peer,
    struct trust_est_http **out, struct trust_message *msg)
{
	enum trust_err r = check_server(peer, msg);
	struct trust_est_http *http = NULL;

	*out = NULL;
	if (r != TRUST_OK)
		return r;
	r = TRUST_ERR_NOMEM;
	if ((http = calloc(1, sizeof(*http))) == NULL ||
	    (http->curl = curl_easy_init()) == NULL ||
	    !add_header(http, "Content-Type: application/pkcs10") ||
	    !add_header(http, "Content-Transfer-Encoding: base64") ||
	    /* Old servers wait for nothing there. */
	    !add_header(http, "Expect:"))
		goto out;
	http->peer = peer;
	if (set_up(http) != CURLE_OK || set_user(http) != CURLE_OK) {
		r = trust_err_set(msg, TRUST_ERR_INTERNAL,
		    "want libcurl with OpenSSL, got another");
		goto out;
	}
	*out = http;
	http = NULL; /* transferred */
	r = TRUST_OK;
out:
	trust_est_http_close(http);
	return r;
}

void
trust_est_http_close(struct trust_est_http *http)
{
	if (http == NULL)
		return;
	curl_easy_cleanup(http->curl);
	curl_slist_free_all(http->headers);
	free(http);
}
