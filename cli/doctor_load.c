/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The doctor reads the sensor's files: its anchors, its certificate, its key.
 * A file that cannot be read is an error; what is wrong with what it holds is
 * told in the step that it belongs to.
 */
#include <openssl/err.h>
#include <string.h>

#include "../certs/key.h"
#include "certfile.h"
#include "doctor.h"
#include "files.h"

#define FILE_MAX (16 * 1024 * 1024)

/* As trust_certfile_load; NULL for a file without a certificate. */
static enum trust_err
load_certificates(
    const char *path, STACK_OF(X509) **out, struct trust_message *msg)
{
	enum trust_err r = trust_certfile_load(path, out, msg);

	return r == TRUST_ERR_INPUT ? TRUST_OK : r;
}

static enum trust_err
load_own(struct trust_doctor *doctor, struct trust_message *msg)
{
	enum trust_err r = load_certificates(doctor->cert, &doctor->own, msg);

	if (r == TRUST_OK)
		r = trust_key_load(doctor->key, &doctor->own_key, msg);
	if (r == TRUST_ERR_INPUT)
		r = TRUST_OK;
	if (r == TRUST_OK && doctor->own != NULL && doctor->own_key != NULL)
		doctor->own_fits =
		    X509_check_private_key(
			sk_X509_value(doctor->own, 0), doctor->own_key) == 1;
	ERR_clear_error();
	return r;
}

/* The one name in the certificate's CN, where it is one. */
static enum trust_err
read_name(struct trust_doctor *doctor, struct trust_message *msg)
{
	struct trust_certificate *certificate = NULL;
	enum trust_reason reason;
	enum trust_err r = trust_certificate_new(
	    sk_X509_value(doctor->own, 0), &certificate, msg);

	if (r != TRUST_OK)
		return trust_err_prefix(msg, r, "%s", doctor->cert);
	if (!trust_identity_read(
		certificate, TRUST_IDENTITY_CN, doctor->own_name, &reason))
		doctor->own_name[0] = '\0';
	trust_certificate_free(certificate);
	return TRUST_OK;
}

enum trust_err
trust_doctor_load(struct trust_doctor *doctor, struct trust_message *msg)
{
	enum trust_err r =
	    load_certificates(doctor->anchor, &doctor->anchors, msg);

	if (r == TRUST_OK && doctor->cert != NULL)
		r = load_own(doctor, msg);
	if (r == TRUST_OK && doctor->own != NULL)
		r = read_name(doctor, msg);
	return r;
}

/* ---- What else a file may hold ---- */

/* For a person who took the wrong file. */
static const char *
contents(struct trust_span bytes)
{
	static const struct {
		const char *mark, *what;
	} marks[] = {
	    {"PRIVATE KEY-----", "a private key"},
	    {"BEGIN CERTIFICATE REQUEST-----", "a certificate request"},
	    {"BEGIN X509 CRL-----", "a revocation list"},
	    {"BEGIN PUBLIC KEY-----", "a public key"},
	    {"BEGIN PKCS7-----", "PKCS #7 (see openssl pkcs7 -print_certs)"},
	    {"BEGIN CERTIFICATE-----", "a certificate that is damaged"},
	    {"BEGIN ", "PEM of another kind"},
	};

	if (bytes.len == 0)
		return "nothing";
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		if (memmem(bytes.p, bytes.len, marks[i].mark,
			strlen(marks[i].mark)) != NULL)
			return marks[i].what;
	}
	return "no PEM";
}

bool
trust_doctor_check_file(struct trust_doctor *doctor, const char *step,
    const char *path, const char *word, bool has_certificates)
{
	struct trust_buf bytes = {0};

	/* It could be read when it was loaded. */
	(void)!trust_files_read(path, FILE_MAX, &bytes, NULL);
	if (!has_certificates) {
		trust_findings_add(&doctor->findings, step, TRUST_RESULT_FAIL,
		    "%s holds %s, want certificates in PEM (-----BEGIN "
		    "CERTIFICATE-----)",
		    path, contents(trust_buf_get0(&bytes)));
		trust_findings_mend(
		    &doctor->findings, "head -3 %s   # is it the file?", word);
	} else if (bytes.len > 0 && bytes.p[0] == 0x30) {
		trust_findings_add(&doctor->findings, step, TRUST_RESULT_WARN,
		    "%s is DER; Mosquitto and its clients want PEM", path);
		trust_findings_mend(&doctor->findings,
		    "openssl x509 -inform DER -in %s -out NEW.pem", word);
	}
	trust_buf_free(&bytes);
	return has_certificates;
}
