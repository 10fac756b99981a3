/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See flaws.h.
 */
#include "flaws.h"

#include <stdlib.h>
#include <string.h>

#include "output.h"

void
trust_flaws_clear(struct trust_flaws *flaws)
{
	free(flaws->anchors.notes);
	free(flaws->crls.notes);
	memset(flaws, 0, sizeof(*flaws));
}

/* The next note; NULL: there are enough, or there is no memory. */
static struct trust_message *
next_note(struct trust_flaws_of_kind *flaws)
{
	if (flaws->notes == NULL)
		flaws->notes =
		    calloc(TRUST_OUTPUT_NAMED_MAX, sizeof(*flaws->notes));
	if (flaws->notes == NULL)
		return NULL;
	if (flaws->n++ >= TRUST_OUTPUT_NAMED_MAX)
		return NULL;
	return &flaws->notes[flaws->n - 1];
}

/* ---- CRLs ---- */

static void
note_crl(struct trust_flaws *flaws, const char *id, X509_CRL *crl)
{
	struct trust_profile_finding finding;
	struct trust_message *note;
	char text[TRUST_DETAIL_MAX];

	if (trust_profile_check_crl(crl, true, &finding) ||
	    (note = next_note(&flaws->crls)) == NULL)
		return;
	(void)trust_err_set(note, TRUST_ERR_INPUT,
	    "crl %s: %s; until it is put right, gateways refuse every "
	    "certificate of its issuer with revocation_unknown",
	    id, trust_profile_tell(&finding, text));
}

static enum trust_err
add_crl(struct trust_flaws *flaws, const struct trust_record *record,
    struct trust_message *msg)
{
	struct trust_profile_finding finding;
	char text[TRUST_DETAIL_MAX];
	X509_CRL *crl = NULL;
	enum trust_err r;

	r = trust_certificate_parse_crl(
	    trust_span_of(record->u.crl.pem), &crl, msg);
	if (r != TRUST_OK)
		return r;
	if (!trust_profile_check_crl_dates(crl, &finding))
		r = trust_err_set(msg, TRUST_ERR_INPUT, "crl %s: %s",
		    record->id, trust_profile_tell(&finding, text));
	else if (record->enabled)
		note_crl(flaws, record->id, crl);
	X509_CRL_free(crl);
	return r;
}

/* ---- Anchors ---- */

static void
note_anchor(struct trust_flaws *flaws, const char *id, X509 *anchor)
{
	char subject[TRUST_SHOWN_MAX], text[TRUST_DETAIL_MAX];
	struct trust_message *note;
	enum trust_reason reason;

	if (trust_chain_anchor_check(anchor, &reason, text) ||
	    (note = next_note(&flaws->anchors)) == NULL)
		return;
	(void)trust_err_set(note, TRUST_ERR_INPUT,
	    "anchor %s (%s): %s; until it is put right, gateways refuse every "
	    "certificate below it with %s",
	    id,
	    trust_certificate_show_name(X509_get_subject_name(anchor), subject),
	    text, trust_reason_name(reason));
}

/* In bundles stands what devices trust, by rules of their own. */
static enum trust_err
add_anchor(struct trust_flaws *flaws, const struct trust_record *record,
    struct trust_message *msg)
{
	const struct trust_anchor *anchor = &record->u.anchor;
	STACK_OF(X509) *certificates = NULL;
	enum trust_err r;

	if (!record->enabled ||
	    (anchor->purposes &
		(TRUST_PURPOSE_BIT_DEVICE | TRUST_PURPOSE_BIT_UPSTREAM)) == 0)
		return TRUST_OK;
	r = trust_certificate_parse_pem(
	    trust_span_of(anchor->pem), &certificates, msg);
	for (int i = 0; i < sk_X509_num(certificates); i++)
		note_anchor(flaws, record->id, sk_X509_value(certificates, i));
	sk_X509_pop_free(certificates, X509_free);
	return r;
}

/* ---- */

enum trust_err
trust_flaws_add(struct trust_flaws *flaws, const struct trust_record *record,
    struct trust_message *msg)
{
	switch (record->kind) {
	case TRUST_KIND_ANCHOR:
		return add_anchor(flaws, record, msg);
	case TRUST_KIND_CRL:
		return add_crl(flaws, record, msg);
	default:
		return TRUST_OK;
	}
}

static void
tell(const struct trust_flaws_of_kind *flaws, const char *kind)
{
	for (size_t i = 0; i < flaws->n && i < TRUST_OUTPUT_NAMED_MAX; i++)
		trust_output_note("%s", flaws->notes[i].text);
	trust_output_note_rest(flaws->n, TRUST_OUTPUT_NAMED_MAX, kind);
}

void
trust_flaws_tell(const struct trust_flaws *flaws)
{
	tell(&flaws->anchors, "anchor");
	tell(&flaws->crls, "crl");
}
