/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gateway's own server certificate. The key is made once and kept, so that
 * a renewal replaces one file, at once: there is no moment at which a broker
 * that starts finds a certificate and another one's key.
 */
#include "servercert.h"

#include <errno.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../certs/issue.h"
#include "../certs/key.h"
#include "../certs/pemfile.h"
#include "certfile.h"
#include "files.h"
#include "ledger.h"

/* How often to look at the files, which others may change, and how soon to
 * try again what went wrong. */
#define LOOK_S 60
/* A number of a process as text. */
#define PID_MAX 32
/* Everybody may read a certificate. */
#define MODE 0644

struct trust_servercert {
	const struct trust_servercert_options *options;
	const struct trust_issuer *issuer;
	int64_t next;    /* when to look again */
	bool untold;     /* Mosquitto has an older one */
	bool complained; /* that it cannot be told */
};

enum trust_err
trust_servercert_check(const struct trust_servercert_options *o, bool *wanted,
    struct trust_message *msg)
{
	*wanted = o->names.n > 0 && o->certificate != NULL && o->key != NULL;
	if (*wanted || (o->names.n == 0 && o->certificate == NULL &&
			   o->key == NULL && o->broker_pid == NULL))
		return TRUST_OK;
	return trust_err_set(msg, TRUST_ERR_INPUT,
	    "want --server-name, --server-cert and --server-key together, got "
	    "no --server-%s",
	    o->names.n == 0          ? "name"
	    : o->certificate == NULL ? "cert"
				     : "key");
}

/* ---- What is there ---- */

/* When it is to be renewed: two thirds of its life are over, which begins
 * when it was made. */
static int64_t
renewal_of(X509 *x509)
{
	int64_t from = 0, until = 0;

	if (trust_certificate_time(X509_get0_notBefore(x509), &from) !=
		TRUST_OK ||
	    trust_certificate_time(X509_get0_notAfter(x509), &until) !=
		TRUST_OK)
		return 0;
	from += TRUST_ISSUER_BACKDATE;
	return from < until ? from + (until - from) / 3 * 2 : until;
}

static bool
is_of(const struct trust_servercert *s, X509 *x509)
{
	return trust_issue_is_by(
	    x509, sk_X509_value(trust_issuer_get0_chain(s->issuer), 0));
}

/* Whether a new one would be good for longer. */
static bool
can_be_longer(const struct trust_servercert *s, X509 *x509)
{
	int64_t until = 0;

	return trust_certificate_time(X509_get0_notAfter(x509), &until) !=
		   TRUST_OK ||
	       until < trust_issuer_get_end(s->issuer);
}

/* Why the certificate has to be made, or NULL. `renewal`: when it is due. */
static const char *
find_reason(const struct trust_servercert *s, X509 *x509, EVP_PKEY *key,
    int64_t now, int64_t *renewal)
{
	*renewal = now;
	if (x509 == NULL)
		return "there was none";
	if (key == NULL || X509_check_private_key(x509, key) != 1)
		return "its key was another";
	if (!trust_issue_has_hosts(
		x509, s->options->names.v, s->options->names.n))
		return "it had other names";
	if (!is_of(s, x509))
		return "it was of another CA";
	*renewal = renewal_of(x509);
	if (now >= *renewal && can_be_longer(s, x509))
		return "two thirds of its life are over";
	return NULL;
}

/* What can be read of the files; what cannot is made anew, and what is no
 * certificate is as good as none. A key that cannot be read is an error: it
 * may be somebody's. */
static enum trust_err
load(const struct trust_servercert *s, X509 **x509, EVP_PKEY **key,
    struct trust_message *msg)
{
	STACK_OF(X509) *found = NULL;
	enum trust_err r = TRUST_ERR_INTERNAL;

	*x509 = NULL;
	r = trust_key_load(s->options->key, key, msg);
	if (r != TRUST_OK && r != TRUST_ERR_NOT_FOUND)
		return r;
	if (trust_certfile_load(s->options->certificate, &found, NULL) ==
	    TRUST_OK)
		*x509 = sk_X509_shift(found);
	sk_X509_pop_free(found, X509_free);
	return TRUST_OK;
}

/* ---- Making ---- */

static enum trust_err
make_key(const char *path, EVP_PKEY **key, struct trust_message *msg)
{
	enum trust_err r = trust_key_new(TRUST_KEY_P256, key);

	if (r == TRUST_OK)
		r = trust_key_store(path, *key, msg);
	return r;
}

static enum trust_err
record(const struct trust_servercert *s, const struct trust_issued *issued,
    int64_t now, struct trust_message *msg)
{
	const struct trust_texts *names = &s->options->names;
	json_t *list = json_array();
	char time[TRUST_CLOCK_TEXT];
	size_t i;

	for (i = 0; i < names->n; i++)
		if (json_array_append_new(list, json_string(names->v[i])) != 0)
			break;
	if (i < names->n) {
		json_decref(list);
		return TRUST_ERR_NOMEM;
	}
	return trust_ledger_write(s->options->audit,
	    json_pack("{s:s, s:s, s:o, s:s, s:s, s:s, s:s}", "time",
		trust_clock_format(now, time), "event", "issued", "server",
		list, "serial_number", issued->serial_number, "thumbprint",
		issued->thumbprint, "not_before", issued->not_before,
		"not_after", issued->not_after),
	    msg);
}

/* Make one and put it where it belongs. */
static enum trust_err
renew(struct trust_servercert *s, EVP_PKEY **key, int64_t now,
    const char *reason, int64_t *renewal, struct trust_message *msg)
{
	const struct trust_servercert_options *o = s->options;
	enum trust_err r = TRUST_OK;
	struct trust_issued issued;
	struct trust_buf pem = {0};
	X509 *x509 = NULL;

	if (*key == NULL)
		r = make_key(o->key, key, msg);
	if (r != TRUST_OK)
		goto out;
	r = trust_issuer_server(s->issuer, &o->names, *key, now, &x509, msg);
	if (r != TRUST_OK)
		goto out;
	if ((r = trust_issuer_describe(x509, &issued)) != TRUST_OK ||
	    (r = trust_issuer_write(s->issuer, x509, &pem)) != TRUST_OK ||
	    (r = record(s, &issued, now, msg)) != TRUST_OK)
		goto out;
	r = trust_pemfile_replace(
	    o->certificate, MODE, trust_buf_get0(&pem), msg);
	if (r != TRUST_OK)
		goto out;
	*renewal = renewal_of(x509);
	s->untold = o->broker_pid != NULL;
	trust_output_log("%s: issued for %s%s, until %s: %s", o->certificate,
	    o->names.v[0], o->names.n > 1 ? " and more" : "", issued.not_after,
	    reason);
out:
	X509_free(x509);
	trust_buf_free(&pem);
	return r;
}

/* ---- Telling Mosquitto ---- */

static enum trust_err
read_pid(const char *path, pid_t *pid, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	struct trust_buf text = {0};
	char *end;
	long value;

	r = trust_files_read(path, PID_MAX, &text, msg);
	if (r == TRUST_OK)
		r = trust_buf_add(&text, "", 1);
	if (r != TRUST_OK)
		goto out;
	errno = 0;
	value = strtol((const char *)text.p, &end, 10);
	end += strspn(end, "\r\n ");
	*pid = (pid_t)value;
	if (errno != 0 || value <= 1 || value != *pid || *end != '\0')
		r = trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: want the number of Mosquitto's process, got something "
		    "else",
		    path);
out:
	trust_buf_free(&text);
	return r;
}

/* SIGHUP: it reads its certificates again, and goes on with whoever is
 * connected. */
static void
tell_broker(struct trust_servercert *s)
{
	const char *path = s->options->broker_pid;
	struct trust_message msg = {0};
	char user[TRUST_USER_TEXT];
	pid_t pid = 0;
	enum trust_err r = read_pid(path, &pid, &msg);

	if (r == TRUST_OK && kill(pid, SIGHUP) != 0)
		r = trust_err_set(&msg, TRUST_ERR_IO,
		    "%s: want a process %ld that %s may send SIGHUP to, got: "
		    "%s",
		    path, (long)pid, trust_user_show(user), strerror(errno));
	s->untold = r != TRUST_OK;
	if (s->untold && !s->complained)
		trust_output_error("%s; Mosquitto goes on with the certificate "
				   "that it has, trying again",
		    msg.text);
	s->complained = s->untold;
}

/* Whether Mosquitto may run since before the certificate was made, and nobody
 * told it: we ended in between. */
static bool
may_be_untold(const struct trust_servercert_options *o)
{
	struct stat certificate, pid;

	return o->broker_pid != NULL && stat(o->broker_pid, &pid) == 0 &&
	       stat(o->certificate, &certificate) == 0 &&
	       certificate.st_mtime >= pid.st_mtime;
}

/* ---- The whole of it ---- */

static enum trust_err
look(struct trust_servercert *s, int64_t now, struct trust_message *msg)
{
	EVP_PKEY *key = NULL;
	X509 *x509 = NULL;
	int64_t renewal = now;
	const char *reason;
	enum trust_err r = load(s, &x509, &key, msg);

	s->next = now + LOOK_S;
	if (r != TRUST_OK)
		goto out;
	reason = find_reason(s, x509, key, now, &renewal);
	if (reason != NULL)
		r = renew(s, &key, now, reason, &renewal, msg);
	if (r == TRUST_OK && renewal > now && renewal < s->next)
		s->next = renewal;
out:
	ERR_clear_error();
	X509_free(x509);
	EVP_PKEY_free(key);
	return r;
}

enum trust_err
trust_servercert_open(const struct trust_servercert_options *options,
    const struct trust_issuer *issuer, int64_t now,
    struct trust_servercert **out, struct trust_message *msg)
{
	struct trust_servercert *s = calloc(1, sizeof(*s));
	enum trust_err r = TRUST_ERR_INTERNAL;

	*out = NULL;
	if (s == NULL)
		return TRUST_ERR_NOMEM;
	s->options = options;
	s->issuer = issuer;
	s->untold = may_be_untold(options);
	r = look(s, now, msg);
	if (r != TRUST_OK)
		goto out;
	if (s->untold)
		tell_broker(s);
	*out = s;
	s = NULL; /* transferred */
out:
	trust_servercert_close(s);
	return r;
}

void
trust_servercert_close(struct trust_servercert *servercert)
{
	free(servercert);
}

void
trust_servercert_tick(struct trust_servercert *s, int64_t now)
{
	struct trust_message msg = {0};
	enum trust_err r;

	/* A clock that was set back is no reason to wait. */
	if (now < s->next && now >= s->next - LOOK_S)
		return;
	r = look(s, now, &msg);
	if (r != TRUST_OK)
		(void)trust_output_failure(r, &msg);
	if (s->untold)
		tell_broker(s);
}
