/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The doctor looks at the client's own certificate and key.
 */
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "../certs/key.h"
#include "doctor.h"

#define STEP "certificate"

/* A tenth of a certificate's time, and at most 30 days: by then it should have
 * been renewed. */
#define SOON_MAX_S   (30 * INT64_C(86400))
#define SOON_DIVISOR 10

bool
trust_doctor_ends_soon(int64_t not_before, int64_t not_after, int64_t now)
{
	int64_t left = not_after - now;

	return left < SOON_MAX_S &&
	       left < (not_after - not_before) / SOON_DIVISOR;
}

/* ---- The key ---- */

static void
tell_unreadable_key(struct trust_doctor *doctor)
{
	struct trust_message msg = {0};
	EVP_PKEY *key = NULL;

	if (trust_key_load(doctor->key, &key, &msg) == TRUST_OK) {
		EVP_PKEY_free(key);
		return;
	}
	trust_findings_add(
	    &doctor->findings, STEP, TRUST_RESULT_FAIL, "%s", msg.text);
	trust_findings_mend(&doctor->findings,
	    "openssl pkey -in %s -out NEW.key   # asks for the passphrase, if "
	    "that is it",
	    doctor->words.key);
}

/* The place of the certificate that the key belongs to; -1 for none. */
static int
find_owner(STACK_OF(X509) *stack, EVP_PKEY *key)
{
	int i, found = -1;

	for (i = 0; i < sk_X509_num(stack) && found < 0; i++) {
		if (X509_check_private_key(sk_X509_value(stack, i), key) == 1)
			found = i;
	}
	ERR_clear_error();
	return found;
}

static void
tell_wrong_key(struct trust_doctor *doctor)
{
	const struct trust_doctor_words *words = &doctor->words;
	int owner = find_owner(doctor->own, doctor->own_key);

	if (owner > 0) {
		trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_FAIL,
		    "%s begins with another certificate: the one of the key "
		    "is number %d in it, want it first, then its CAs",
		    doctor->cert, owner + 1);
		trust_findings_mend(&doctor->findings,
		    "cat SENSOR.pem CA.pem >%s", words->cert);
		return;
	}
	trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_FAIL,
	    "%s is not the key of %s: no client can connect with these two",
	    doctor->key, doctor->cert);
	trust_findings_mend(&doctor->findings,
	    "openssl x509 -in %s -noout -pubkey   # must print the same as",
	    words->cert);
	trust_findings_mend(
	    &doctor->findings, "openssl pkey -in %s -pubout", words->key);
}

/* ---- The certificate ---- */

static void
check_dates(
    struct trust_doctor *doctor, const struct trust_certificate *certificate)
{
	int64_t left = certificate->not_after - doctor->now;
	char when[TRUST_CLOCK_TEXT], span[TRUST_CLOCK_TEXT];

	trust_clock_format(certificate->not_after, when);
	if (left < 0) {
		trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_FAIL,
		    "the client's certificate, %s, ended at %s, %s ago",
		    certificate->subject, when,
		    trust_duration_format(-left, span));
		trust_findings_mend(&doctor->findings,
		    "trustctl list device --expiring 30d --host %s --cafile "
		    "%s …   # renew it, and those that end next",
		    doctor->words.host, doctor->words.anchor);
	} else if (certificate->not_before > doctor->now) {
		trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_FAIL,
		    "the client's certificate, %s, begins at %s only",
		    certificate->subject,
		    trust_clock_format(certificate->not_before, when));
		trust_findings_mend(&doctor->findings,
		    "timedatectl   # the clocks of this machine, the gateway "
		    "and the CA should say the same");
	} else if (trust_doctor_ends_soon(certificate->not_before,
		       certificate->not_after, doctor->now)) {
		trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_WARN,
		    "the client's certificate, %s, ends in %s, at %s",
		    certificate->subject, trust_duration_format(left, span),
		    when);
		trust_findings_mend(&doctor->findings,
		    "openssl x509 -in %s -noout -dates   # renew it",
		    doctor->words.cert);
	}
}

static void
check_strength(
    struct trust_doctor *doctor, const struct trust_certificate *certificate)
{
	if (certificate->key_strength >= TRUST_STRENGTH_MIN)
		return;
	trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_FAIL,
	    "the client's key is %s, want RSA 2048, P-256, Ed25519 or more",
	    certificate->key_type);
	trust_findings_mend(&doctor->findings,
	    "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 "
	    "-out NEW.key   # and a certificate for it");
}

/* As a gateway wants it of a chain; of a pinned certificate it does not ask. */
static void
check_purpose(
    struct trust_doctor *doctor, const struct trust_certificate *certificate)
{
	X509 *x509 = sk_X509_value(doctor->own, 0);

	if ((X509_get_extension_flags(x509) & EXFLAG_XKUSAGE) == 0 ||
	    certificate->has_client_auth_eku)
		return;
	trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_WARN,
	    "the client's certificate has an extendedKeyUsage without "
	    "clientAuth: it counts only where its thumbprint or key is "
	    "registered");
	trust_findings_mend(&doctor->findings,
	    "openssl x509 -in %s -noout -ext extendedKeyUsage",
	    doctor->words.cert);
}

static enum trust_err
judge(struct trust_doctor *doctor, struct trust_message *msg)
{
	struct trust_certificate *certificate = NULL;
	enum trust_err r = trust_certificate_new(
	    sk_X509_value(doctor->own, 0), &certificate, msg);

	if (r != TRUST_OK)
		return trust_err_prefix(msg, r, "%s", doctor->cert);
	check_dates(doctor, certificate);
	check_strength(doctor, certificate);
	check_purpose(doctor, certificate);
	if (trust_findings_count(&doctor->findings, STEP, TRUST_RESULT_WARN) ==
	    0)
		trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_OK,
		    "%s, %s, goes with its key; CAs sent with it: %d",
		    certificate->subject, certificate->key_type,
		    sk_X509_num(doctor->own) - 1);
	trust_certificate_free(certificate);
	return TRUST_OK;
}

enum trust_err
trust_doctor_check_own(struct trust_doctor *doctor, struct trust_message *msg)
{
	if (doctor->cert == NULL ||
	    !trust_doctor_check_file(doctor, STEP, doctor->cert,
		doctor->words.cert, doctor->own != NULL))
		return TRUST_OK;
	if (doctor->own_key == NULL)
		tell_unreadable_key(doctor);
	else if (!doctor->own_fits)
		tell_wrong_key(doctor);
	return judge(doctor, msg);
}
