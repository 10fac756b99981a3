/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plugin's options: a table of names, what each wants, and its setter.
 */
#include "options.h"

#include <stdlib.h>
#include <string.h>

#define MAX_OFFLINE_DEFAULT_S (30 * 86400)
#define CLOCK_SKEW_DEFAULT_S  (5 * 60)
#define MAX_REMOVALS_DEFAULT  10
/* Signers of one notification; more is a mistake. */
#define SIGNATURES_MAX 100

typedef enum trust_err setter(struct trust_options *out, const char *value);

static enum trust_err
copy(const char *value, char **out)
{
	*out = strdup(value);
	return *out != NULL ? TRUST_OK : TRUST_ERR_NOMEM;
}

static enum trust_err
copy_path(const char *value, char **out)
{
	return value[0] != '\0' ? copy(value, out) : TRUST_ERR_INPUT;
}

static enum trust_err
set_gateway(struct trust_options *out, const char *value)
{
	if (!trust_id_check((const uint8_t *)value, strlen(value)))
		return TRUST_ERR_INPUT;
	return copy(value, &out->gateway);
}

static enum trust_err
set_registry(struct trust_options *out, const char *value)
{
	return copy_path(value, &out->registry);
}

static enum trust_err
set_registry_anchor(struct trust_options *out, const char *value)
{
	return copy_path(value, &out->registry_anchor);
}

static enum trust_err
set_scope(struct trust_options *out, const char *value)
{
	if (!trust_id_check((const uint8_t *)value, strlen(value)))
		return TRUST_ERR_INPUT;
	return copy(value, &out->scope);
}

/* A whole decimal number within bounds, and nothing else. */
static enum trust_err
set_number(const char *value, long min, long max, int *out)
{
	char *end;
	long n;

	if (value[0] < '0' || value[0] > '9')
		return TRUST_ERR_INPUT;
	n = strtol(value, &end, 10);
	if (*end != '\0' || n < min || n > max)
		return TRUST_ERR_INPUT;
	*out = (int)n;
	return TRUST_OK;
}

static enum trust_err
set_registry_signatures(struct trust_options *out, const char *value)
{
	return set_number(value, 1, SIGNATURES_MAX, &out->registry_signatures);
}

static enum trust_err
set_max_offline(struct trust_options *out, const char *value)
{
	return trust_duration_parse(value, &out->max_offline_s);
}

static enum trust_err
set_on_stale(struct trust_options *out, const char *value)
{
	if (strcmp(value, "warn") == 0)
		out->on_stale = TRUST_ON_STALE_WARN;
	else if (strcmp(value, "deny_new") == 0)
		out->on_stale = TRUST_ON_STALE_DENY_NEW;
	else if (strcmp(value, "deny_all") == 0)
		out->on_stale = TRUST_ON_STALE_DENY_ALL;
	else
		return TRUST_ERR_INPUT;
	return TRUST_OK;
}

static enum trust_err
set_clock_skew(struct trust_options *out, const char *value)
{
	return trust_duration_parse(value, &out->clock_skew_s);
}

static enum trust_err
set_max_removals(struct trust_options *out, const char *value)
{
	return set_number(value, 0, 100, &out->max_removals);
}

static enum trust_err
set_upstream_anchors(struct trust_options *out, const char *value)
{
	out->registry_upstream = strcmp(value, "registry") == 0;
	if (!out->registry_upstream && strcmp(value, "config") != 0)
		return TRUST_ERR_INPUT;
	return TRUST_OK;
}

static enum trust_err
set_revocation(struct trust_options *out, const char *value)
{
	if (strcmp(value, "if_present") == 0)
		out->revocation = TRUST_REVOCATION_IF_PRESENT;
	else if (strcmp(value, "require") == 0)
		out->revocation = TRUST_REVOCATION_REQUIRE;
	else
		return TRUST_ERR_INPUT;
	return TRUST_OK;
}

static enum trust_err
set_crl_grace(struct trust_options *out, const char *value)
{
	return trust_duration_parse(value, &out->crl_grace_s);
}

static enum trust_err
set_client_certificates(struct trust_options *out, const char *value)
{
	out->optional_certificates = strcmp(value, "optional") == 0;
	if (!out->optional_certificates && strcmp(value, "required") != 0)
		return TRUST_ERR_INPUT;
	return TRUST_OK;
}

static enum trust_err
set_gateway_key(struct trust_options *out, const char *value)
{
	return copy_path(value, &out->gateway_key);
}

static enum trust_err
set_provenance(struct trust_options *out, const char *value)
{
	out->provenance = strcmp(value, "true") == 0;
	if (!out->provenance && strcmp(value, "false") != 0)
		return TRUST_ERR_INPUT;
	return TRUST_OK;
}

static enum trust_err
set_audit_log(struct trust_options *out, const char *value)
{
	return copy_path(value, &out->audit_log);
}

static const struct option {
	const char *name;
	const char *want;
	setter *set;
	bool required;
	bool of_replica; /* does nothing without registry_anchor */
} table[] = {
    {"gateway", "an id of 1 to 128 letters, digits and -._%*?!(),:=@'",
	set_gateway, true, false},
    {"registry", "the path of the registry", set_registry, true, false},
    {"registry_anchor", "a PEM file with the registry signers' anchors",
	set_registry_anchor, false, false},
    {"scope", "an id of 1 to 128 letters, digits and -._%*?!(),:=@'", set_scope,
	false, true},
    {"registry_signatures", "a number from 1 to 100", set_registry_signatures,
	false, true},
    {"max_offline", "a duration like 30d", set_max_offline, false, true},
    {"on_stale", "warn, deny_new or deny_all", set_on_stale, false, true},
    {"clock_skew", "a duration like 5m", set_clock_skew, false, true},
    {"max_removals", "a percentage from 0 to 100", set_max_removals, false,
	true},
    {"upstream_anchors", "config or registry", set_upstream_anchors, false,
	false},
    {"revocation", "if_present or require", set_revocation, false, false},
    {"crl_grace", "a duration like 7d", set_crl_grace, false, false},
    {"client_certificates", "required or optional", set_client_certificates,
	false, false},
    {"gateway_key", "a PEM file with the private key of the gateway's record",
	set_gateway_key, false, false},
    {"provenance", "true or false", set_provenance, false, false},
    {"audit_log", "the path of a file", set_audit_log, false, false},
};
#define N_OPTIONS (sizeof(table) / sizeof(table[0]))

static enum trust_err
set_one(const struct mosquitto_opt *given, bool seen[N_OPTIONS],
    struct trust_options *out, struct trust_message *msg)
{
	const char *value = given->value != NULL ? given->value : "";
	size_t i;
	enum trust_err r;

	for (i = 0; i < N_OPTIONS; i++) {
		if (strcmp(table[i].name, given->key) == 0)
			break;
	}
	if (i == N_OPTIONS)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "plugin_opt_%s: there is no such option (value \"%s\"); "
		    "see mosquitto_trust(8) for those there are",
		    given->key, value);
	if (seen[i])
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "plugin_opt_%s: want it once, got it again (value "
		    "\"%s\")",
		    given->key, value);
	seen[i] = true;
	r = table[i].set(out, value);
	if (r != TRUST_OK)
		return trust_err_set(msg, r,
		    "plugin_opt_%s: want %s, got \"%s\"", given->key,
		    table[i].want, value);
	return TRUST_OK;
}

/* An origin is administered here, and never stale. */
static void
warn_idle(const bool seen[N_OPTIONS], const struct trust_options *options)
{
	for (size_t i = 0; i < N_OPTIONS; i++) {
		if (!seen[i] || !table[i].of_replica ||
		    options->registry_anchor != NULL)
			continue;
		mosquitto_log_printf(MOSQ_LOG_WARNING,
		    "mosquitto_trust: plugin_opt_%s: it does nothing here, "
		    "want plugin_opt_registry_anchor as well: without that "
		    "the registry is an origin, and follows nobody",
		    table[i].name);
	}
}

enum trust_err
trust_options_parse(const struct mosquitto_opt *options, int n_options,
    struct trust_options *out, struct trust_message *msg)
{
	bool seen[N_OPTIONS] = {false};

	*out = (struct trust_options){
	    .registry_signatures = 1,
	    .max_offline_s = MAX_OFFLINE_DEFAULT_S,
	    .on_stale = TRUST_ON_STALE_DENY_NEW,
	    .clock_skew_s = CLOCK_SKEW_DEFAULT_S,
	    .max_removals = MAX_REMOVALS_DEFAULT,
	    .revocation = TRUST_REVOCATION_IF_PRESENT,
	    .crl_grace_s = TRUST_CRL_GRACE_DEFAULT_S,
	};
	for (int i = 0; i < n_options; i++) {
		enum trust_err r = set_one(&options[i], seen, out, msg);

		if (r != TRUST_OK)
			return r;
	}
	for (size_t i = 0; i < N_OPTIONS; i++) {
		if (table[i].required && !seen[i])
			return trust_err_set(msg, TRUST_ERR_INPUT,
			    "plugin_opt_%s: want %s, got nothing",
			    table[i].name, table[i].want);
	}
	warn_idle(seen, out);
	if (out->scope == NULL)
		return copy(out->gateway, &out->scope);
	return TRUST_OK;
}

void
trust_options_clear(struct trust_options *options)
{
	free(options->gateway);
	free(options->registry);
	free(options->registry_anchor);
	free(options->scope);
	free(options->gateway_key);
	free(options->audit_log);
	memset(options, 0, sizeof(*options));
}
