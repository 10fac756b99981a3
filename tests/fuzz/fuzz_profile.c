/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile.c and its kin: a certificate in DER in each place of a path, above
 * itself and below itself, or a CRL; and the reader of DER over anything.
 * Whatever breaks a rule is told whole.
 */
#include <stdlib.h>
#include <string.h>

#include "profile_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_told(bool kept, const struct trust_profile_finding *finding)
{
	char text[TRUST_DETAIL_MAX];

	if (kept)
		return;
	if (finding->field == NULL || finding->text == NULL ||
	    finding->source == NULL ||
	    strchr(trust_profile_tell(finding, text), ')') == NULL)
		abort();
}

static void
check_certificate(X509 *x509)
{
	struct trust_profile_finding finding;
	bool kept;
	int depth;

	for (int place = TRUST_PLACE_LEAF; place <= TRUST_PLACE_ANCHOR;
	     place++) {
		kept = trust_profile_check(
		    x509, (enum trust_profile_place)place, &finding);
		check_told(kept, &finding);
	}
	kept = trust_profile_check_issuer(x509, x509, &finding);
	check_told(kept, &finding);
	kept = trust_profile_check_names(
	    (X509 *const[]){x509, x509}, 2, &finding, &depth);
	check_told(kept, &finding);
	if (depth < 0 || depth > 1)
		abort();
	X509_free(x509);
}

static void
check_crl(X509_CRL *crl)
{
	struct trust_profile_finding finding;
	bool kept = trust_profile_check_crl(crl, false, &finding);

	/* What is good enough for all is good enough for gateways. */
	if (kept && !trust_profile_check_crl(crl, true, &finding))
		abort();

	check_told(kept, &finding);
	X509_CRL_free(crl);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const unsigned char *p = data;
	X509_CRL *crl;
	X509 *x509;

	if (size == 0 || size > TRUST_CERTIFICATE_MAX)
		return 0;
	(void)trust_profile_der_check((struct trust_span){data, size});
	x509 = d2i_X509(NULL, &p, (long)size);
	if (x509 != NULL)
		check_certificate(x509);
	p = data;
	crl = d2i_X509_CRL(NULL, &p, (long)size);
	if (crl != NULL)
		check_crl(crl);
	return 0;
}
