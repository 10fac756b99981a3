/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certificate.c: whatever a peer sends as a certificate has facts within their
 * bounds, and nothing that a log line would trip over; PEM of certificates
 * and CRLs.
 */
#include <stdlib.h>
#include <string.h>

#include "certificate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Printable ASCII, terminated. */
static void
check_shown(const char *text, size_t size)
{
	size_t len = strnlen(text, size);

	if (len == size)
		abort();
	for (size_t i = 0; i < len; i++) {
		if (text[i] < ' ' || text[i] > '~')
			abort();
	}
}

static void
check_facts(const struct trust_certificate *certificate)
{
	check_shown(certificate->subject, sizeof(certificate->subject));
	check_shown(certificate->issuer, sizeof(certificate->issuer));
	check_shown(certificate->key_type, sizeof(certificate->key_type));
	for (int i = 0; i < TRUST_N_IDENTITIES; i++) {
		const struct trust_values *values = &certificate->names[i];

		if (values->n > TRUST_NAMES_MAX)
			abort();
		for (size_t j = 0; j < values->n; j++) {
			if (values->v[j].p == NULL && values->v[j].len > 0)
				abort();
		}
	}
}

static void
check(X509 *x509)
{
	struct trust_certificate *certificate;
	struct trust_thumbprint thumbprint;

	if (trust_certificate_new(x509, &certificate, NULL) != TRUST_OK ||
	    trust_certificate_thumbprint(x509, &thumbprint) != TRUST_OK ||
	    !trust_thumbprint_equal(&thumbprint, &certificate->thumbprint))
		abort();
	check_facts(certificate);
	(void)trust_certificate_is_self_signed(x509);
	trust_certificate_free(certificate);
}

static void
check_pem(struct trust_span text)
{
	struct trust_message msg = {0};
	STACK_OF(X509) *stack;
	X509_CRL *crl;

	if (trust_certificate_parse_pem(text, &stack, &msg) == TRUST_OK) {
		for (int i = 0; i < sk_X509_num(stack); i++)
			check(sk_X509_value(stack, i));
		sk_X509_pop_free(stack, X509_free);
	} else if (stack != NULL || strchr(msg.text, '\n') != NULL) {
		abort();
	}
	if (trust_certificate_parse_crl(text, &crl, &msg) == TRUST_OK)
		X509_CRL_free(crl);
	else if (crl != NULL || strchr(msg.text, '\n') != NULL)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trust_message msg = {0};
	struct trust_span der = {data, size};
	X509 *x509;

	check_pem(der);
	if (trust_certificate_parse_der(der, &x509, &msg) != TRUST_OK) {
		if (x509 != NULL || strchr(msg.text, '\n') != NULL)
			abort();
		return 0;
	}
	check(x509);
	X509_free(x509);
	return 0;
}
