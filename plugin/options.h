/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plugin's options (plugin_opt_NAME VALUE in mosquitto.conf).
 */
#ifndef TRUST_OPTIONS_H
#define TRUST_OPTIONS_H

#include "broker.h"
#include "trust.h"

struct trust_options {
	char *gateway;         /* owned; an id */
	char *registry;        /* owned; a path */
	char *registry_anchor; /* owned; a path, or NULL: an origin */
	char *scope;           /* owned; an id; the gateway's by default */
	int registry_signatures;
	int64_t max_offline_s;
	enum trust_on_stale on_stale;
	int64_t clock_skew_s;
	int max_removals; /* percent */
	enum trust_revocation revocation;
	int64_t crl_grace_s;
	/* TLS listeners ask everybody for a certificate, and who has none may
	 * enroll. */
	bool optional_certificates;
	bool registry_upstream; /* bridges trust the registry's anchors */
	char *gateway_key;      /* owned; a path, or NULL: none */
	bool provenance;
	char *audit_log; /* owned; a path, or NULL: none is kept */
};

/*
 * Parse them. An unknown option, a repeated one, a bad value or a missing
 * one is TRUST_ERR_INPUT, with a message that names the option, the value and
 * what was wanted. The caller clears `out` in any case.
 */
enum trust_err trust_options_parse(const struct mosquitto_opt *options,
    int n_options, struct trust_options *out,
    struct trust_message *msg) TRUST_MUST_CHECK;
void trust_options_clear(struct trust_options *options);

#endif
