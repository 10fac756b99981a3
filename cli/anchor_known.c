/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Roots of upstreams in public clouds, by name.
 */
#include "anchor_known.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "certfile.h"

/* SHA-256 of the certificates as published by Amazon Trust Services, DigiCert,
 * Microsoft's PKI repository and Let's Encrypt. */
static const struct trust_anchor_known table[] = {
    {"amazon-root-ca-1", "aws-iot", "Amazon_Root_CA_1.crt",
	"8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e"},
    {"amazon-root-ca-2", "aws-iot", "Amazon_Root_CA_2.crt",
	"1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4"},
    {"amazon-root-ca-3", "aws-iot", "Amazon_Root_CA_3.crt",
	"18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4"},
    {"amazon-root-ca-4", "aws-iot", "Amazon_Root_CA_4.crt",
	"e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092"},
    {"starfield-services-g2", "aws-iot",
	"Starfield_Services_Root_Certificate_Authority_-_G2.crt",
	"568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5"},
    {"digicert-global-root-g2", "azure-iot", "DigiCert_Global_Root_G2.crt",
	"cb3ccbb76031e5e0138f8dd39a23f9de47ffc35e43c1144cea27d46a5ab1cb5f"},
    {"microsoft-rsa-root-2017", "azure-iot",
	"Microsoft_RSA_Root_Certificate_Authority_2017.crt",
	"c741f70f4b2a8d88bf2e71c14122ef53ef10eba0cfa5e64cfa20f418853073e0"},
    {"isrg-root-x1", "isrg", "ISRG_Root_X1.crt",
	"96bcec06264976f37460779acf28c5a7cfe8a3c0aae11a8ffcee05c0bddf08c6"},
    {"isrg-root-x2", "isrg", "ISRG_Root_X2.crt",
	"69729b8e15a86efc177a57afb7171dfc64add28c2fca8cf1507e34453ccb1470"},
    /* What Azure had until 2023, and Debian no longer has; of no family, for
     * nobody needs it who does not know. */
    {"baltimore-cybertrust-root", "", "Baltimore_CyberTrust_Root.crt",
	"16af57a9f676b0ab126095aa5ebadef22ab31119d644ac95cd4b93dbf3f26aeb"},
    {NULL, NULL, NULL, NULL},
};

const struct trust_anchor_known *
trust_anchor_known_get0_all(void)
{
	return table;
}

bool
trust_anchor_known_matches(
    const struct trust_anchor_known *known, const char *name)
{
	return strcmp(known->name, name) == 0 ||
	       (known->family[0] != '\0' && strcmp(known->family, name) == 0);
}

/* ---- Finding ---- */

/* As the package has it; and as update-ca-certificates links to it, where an
 * administrator deselected others. */
static bool
find_in(
    const char *dir, const char *file, const char *ending, char out[PATH_MAX])
{
	int stem = (int)(strlen(file) - strlen(".crt"));
	int len = snprintf(out, PATH_MAX, "%s/%.*s%s", dir, stem, file, ending);

	return len > 0 && len < PATH_MAX && access(out, R_OK) == 0;
}

static bool
find(
    const struct trust_anchor_known *known, const char *dir, char out[PATH_MAX])
{
	if (dir != NULL)
		return find_in(dir, known->file, ".crt", out) ||
		       find_in(dir, known->file, ".pem", out);
	return find_in("/usr/share/ca-certificates/mozilla", known->file,
		   ".crt", out) ||
	       find_in("/etc/ssl/certs", known->file, ".pem", out);
}

static enum trust_err
tell_missing(const struct trust_anchor_known *known, const char *dir,
    struct trust_message *msg)
{
	if (dir != NULL)
		return trust_err_set(msg, TRUST_ERR_NOT_FOUND,
		    "%s: want %s in %s, there is none", known->name,
		    known->file, dir);
	return trust_err_set(msg, TRUST_ERR_NOT_FOUND,
	    "%s: want %s of Debian's package ca-certificates (apt install "
	    "ca-certificates), which is not installed or does not have it; "
	    "--from names another directory",
	    known->name, known->file);
}

static enum trust_err
check(const struct trust_anchor_known *known, const char *path, X509 *x509,
    struct trust_message *msg)
{
	char got[TRUST_THUMBPRINT_TEXT];
	struct trust_thumbprint is, want;
	enum trust_err r = trust_certificate_thumbprint(x509, &is);

	if (r == TRUST_OK)
		r = trust_thumbprint_parse(known->thumbprint, &want);
	if (r != TRUST_OK || trust_thumbprint_equal(&is, &want))
		return r;
	return trust_err_set(msg, TRUST_ERR_CONFLICT,
	    "%s: is not %s: want the thumbprint %s, got %s", path, known->name,
	    known->thumbprint, trust_thumbprint_format(&is, got));
}

enum trust_err
trust_anchor_known_load(const struct trust_anchor_known *known, const char *dir,
    X509 **out, struct trust_message *msg)
{
	STACK_OF(X509) *stack = NULL;
	char path[PATH_MAX];
	enum trust_err r;

	*out = NULL;
	if (!find(known, dir, path))
		return tell_missing(known, dir, msg);
	r = trust_certfile_load(path, &stack, msg);
	if (r == TRUST_OK)
		r = check(known, path, sk_X509_value(stack, 0), msg);
	if (r == TRUST_OK)
		*out = sk_X509_shift(stack);
	sk_X509_pop_free(stack, X509_free);
	return r;
}

/* ---- Listing ---- */

static const char *
state_of(const struct trust_anchor_known *known, const char *dir)
{
	X509 *x509 = NULL;
	enum trust_err r = trust_anchor_known_load(known, dir, &x509, NULL);

	X509_free(x509);
	if (r == TRUST_OK)
		return "yes";
	return r == TRUST_ERR_NOT_FOUND ? "no" : "another";
}

static void
add_rows(struct trust_table *rows, const char *dir)
{
	for (size_t i = 0; table[i].name != NULL; i++) {
		const char *cells[TRUST_TABLE_COLUMNS_MAX] = {table[i].name,
		    table[i].family[0] != '\0' ? table[i].family : "-",
		    state_of(&table[i], dir), table[i].thumbprint};

		trust_table_row(rows, cells);
	}
}

static int
list_json(const char *dir)
{
	struct trust_message msg = {0};
	enum trust_err r = TRUST_OK;

	for (size_t i = 0; r == TRUST_OK && table[i].name != NULL; i++)
		r = trust_output_json(
		    json_pack("{s:s, s:o, s:s, s:s, s:s}", "name",
			table[i].name, "family",
			trust_json_text(table[i].family), "file", table[i].file,
			"thumbprint", table[i].thumbprint, "here",
			state_of(&table[i], dir)),
		    &msg);
	return r == TRUST_OK ? TRUST_EXIT_YES : trust_output_failure(r, &msg);
}

int
trust_anchor_known_list(const char *dir, bool json)
{
	struct trust_table rows = {
	    .headers = {"NAME", "FAMILY", "HERE", "THUMBPRINT"}};

	if (json)
		return list_json(dir);
	add_rows(&rows, dir);
	trust_table_print(&rows);
	add_rows(&rows, dir);
	return TRUST_EXIT_YES;
}
