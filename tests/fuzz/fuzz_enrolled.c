/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enrolled.c of trustctl, which is taken in whole, as it has no library: what
 * a gateway answers is a certificate with all that it needs, a refusal, or
 * neither, and then one line says why.
 */
#include <stdlib.h>
#include <string.h>

#include "../../cli/enrolled.c"

/* In the dates of the seeds' certificates. */
#define NOW INT64_C(1800000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The key that the certificate is for is ours: others are the same branch. */
static EVP_PKEY *
find_key(struct trust_span answer)
{
	STACK_OF(X509) *found = NULL;
	EVP_PKEY *key = NULL;

	if (trust_certificate_parse_pem(answer, &found, NULL) == TRUST_OK)
		key = X509_get_pubkey(sk_X509_value(found, 0));
	sk_X509_pop_free(found, X509_free);
	return key != NULL ? key : EVP_PKEY_new();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct trust_span answer = {data, size};
	struct trust_enrolled_wanted wanted = {
	    .key = find_key(answer), .now = NOW};
	struct trust_enrolled enrolled;
	struct trust_message msg = {0};

	if (wanted.key == NULL)
		return 0;
	if (trust_enrolled_read(answer, &wanted, &enrolled, &msg) == TRUST_OK) {
		if (enrolled.leaf == NULL || enrolled.chain == NULL ||
		    !trust_id_check((const uint8_t *)enrolled.device,
			strlen(enrolled.device)))
			abort();
	} else if (msg.text[0] == '\0' || strchr(msg.text, '\n') != NULL) {
		abort();
	}
	trust_enrolled_clear(&enrolled);
	EVP_PKEY_free(wanted.key);
	return 0;
}
