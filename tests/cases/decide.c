/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library's answer to one case of the table: opens the registry as a
 * gateway does, and prints "allow REASON DEVICE" or "deny REASON DEVICE".
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trust.h"

struct arguments {
	const char *registry;
	int64_t now;
	const char *revocation;
	int64_t crl_grace_s;
	const char *client_id;
	const char *chain;
};

static bool
read_arguments(int argc, char **argv, struct arguments *out)
{
	if (argc != 7)
		return false;
	out->registry = argv[1];
	out->revocation = argv[3];
	out->client_id = argv[5];
	out->chain = argv[6];
	return trust_clock_parse(argv[2], &out->now) == TRUST_OK &&
	       trust_duration_parse(argv[4], &out->crl_grace_s) == TRUST_OK;
}

static enum trust_err
read_chain(const char *path, STACK_OF(X509) **out, struct trust_message *msg)
{
	uint8_t bytes[TRUST_RECORD_MAX];
	FILE *file = fopen(path, "rb");
	struct trust_span pem = {.p = bytes};

	*out = NULL;
	if (file == NULL)
		return trust_err_set(
		    msg, TRUST_ERR_IO, "%s: %s", path, strerror(errno));
	pem.len = fread(bytes, 1, sizeof(bytes), file);
	(void)fclose(file);
	return trust_certificate_parse_pem(pem, out, msg);
}

static void
print(const struct trust_verdict *verdict, const char *client_id)
{
	const char *reason = trust_reason_name(verdict->reason);
	bool allow = verdict->outcome == TRUST_ALLOW;

	if (allow && !trust_identity_check_client_id(
			 verdict->device, verdict->client_id, client_id)) {
		allow = false;
		reason = trust_reason_name(TRUST_REASON_CLIENT_ID_MISMATCH);
	}
	printf("%s %s %s\n", allow ? "allow" : "deny", reason,
	    verdict->device[0] != '\0' ? verdict->device : "-");
}

static enum trust_err
decide(const struct arguments *a, struct trust_message *msg)
{
	struct trust_gate_config config = {
	    .gateway = "gw1",
	    .registry_path = a->registry,
	    .revocation = strcmp(a->revocation, "require") == 0
			      ? TRUST_REVOCATION_REQUIRE
			      : TRUST_REVOCATION_IF_PRESENT,
	    .crl_grace_s = a->crl_grace_s,
	};
	struct trust_verdict verdict = {0};
	struct trust_admission *admission = NULL;
	struct trust_gate *gate = NULL;
	STACK_OF(X509) *chain = NULL;
	X509 *leaf = NULL;
	enum trust_err r;

	r = trust_gate_open(&config, &gate, msg);
	if (r == TRUST_OK)
		r = read_chain(a->chain, &chain, msg);
	if (r == TRUST_OK) {
		leaf = sk_X509_shift(chain);
		trust_gate_decide(
		    gate, leaf, chain, a->now, &verdict, &admission, NULL);
		print(&verdict, a->client_id);
	}
	trust_verdict_clear(&verdict);
	trust_admission_free(admission);
	X509_free(leaf);
	sk_X509_pop_free(chain, X509_free);
	trust_gate_close(gate);
	return r;
}

int
main(int argc, char **argv)
{
	struct trust_message msg = {0};
	struct arguments a;
	enum trust_err r;

	if (!read_arguments(argc, argv, &a)) {
		fprintf(stderr, "usage: decide REGISTRY NOW if_present|require "
				"GRACE CLIENT-ID CHAIN.pem\n");
		return EXIT_FAILURE;
	}
	r = decide(&a, &msg);
	if (r != TRUST_OK) {
		fprintf(stderr, "decide: %s\n",
		    msg.text[0] != '\0' ? msg.text : trust_err_text(r));
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
