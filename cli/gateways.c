/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gateways of a scope, as they report.
 */
#include "gateways.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "output.h"

struct gateway {
	struct trust_report report; /* the last one */
	int64_t heard;
	bool silent; /* and told so */
	bool behind; /* and nothing shows that it knows what is out */
	UT_hash_handle hh;
};

struct trust_gateways {
	struct gateway *v; /* by report.gateway */
	size_t n_behind;
};

enum trust_err
trust_gateways_new(struct trust_gateways **out)
{
	*out = calloc(1, sizeof(**out));
	return *out != NULL ? TRUST_OK : TRUST_ERR_NOMEM;
}

void
trust_gateways_free(struct trust_gateways *gateways)
{
	struct gateway *gateway, *next;

	if (gateways == NULL)
		return;
	HASH_ITER(hh, gateways->v, gateway, next)
	{
		HASH_DEL(gateways->v, gateway);
		free(gateway);
	}
	free(gateways);
}

/* ---- Lines ---- */

static bool
is_of_session(
    const struct trust_report *report, const struct trust_notification *present)
{
	return strcmp(report->session, present->session) == 0;
}

static void
print_place(
    const struct trust_report *report, const struct trust_notification *present)
{
	if (report->session[0] == '\0')
		printf("holds nothing yet");
	else if (!is_of_session(report, present))
		printf("serial %" PRId64 " of another session", report->serial);
	else if (report->serial > present->serial)
		printf(
		    "serial %" PRId64 ", ahead of this origin", report->serial);
	else if (report->serial == present->serial)
		printf("serial %" PRId64 ", up to date", report->serial);
	else
		printf("serial %" PRId64 ", behind by %" PRId64, report->serial,
		    present->serial - report->serial);
}

static void
print_refused(const struct trust_report *report)
{
	const char *before = ", refused ";

	for (int i = TRUST_SYNC_ACCEPTED + 1; i < TRUST_N_SYNC_REASONS; i++) {
		if (report->refused[i] == 0)
			continue;
		printf("%s%s %" PRIu64, before,
		    trust_sync_reason_name((enum trust_sync_reason)i),
		    report->refused[i]);
		before = ", ";
	}
}

static void
print_line(
    const struct gateway *gateway, const struct trust_notification *present)
{
	char heard[TRUST_CLOCK_TEXT];

	printf("gateway %s: ", gateway->report.gateway);
	print_place(&gateway->report, present);
	/* Who holds nothing has nothing that could be stale. */
	if (gateway->report.stale && gateway->report.session[0] != '\0')
		printf(", stale");
	print_refused(&gateway->report);
	printf(", last heard %s\n", trust_clock_format(gateway->heard, heard));
}

static void
warn(
    const struct trust_report *report, const struct trust_notification *present)
{
	if (report->format < present->format)
		trust_output_error("gateway %s: want format %" PRId64
				   ", it knows %" PRId64
				   " and refuses what is published; upgrade it",
		    report->gateway, present->format, report->format);
	if (is_of_session(report, present) &&
	    report->serial == present->serial &&
	    !trust_thumbprint_equal(&report->state, &present->state))
		trust_output_error("gateway %s: its records are not those of "
				   "serial %" PRId64 "; want trustctl resync "
				   "there",
		    report->gateway, report->serial);
}

/* ---- Reports ---- */

/* Whether a report says nothing that the one before did not. */
static bool
says_the_same(const struct trust_report *a, const struct trust_report *b)
{
	if (!trust_thumbprint_equal(&a->state, &b->state))
		return false;
	return strcmp(a->session, b->session) == 0 && a->serial == b->serial &&
	       a->stale == b->stale && a->format == b->format &&
	       memcmp(a->refused, b->refused, sizeof(a->refused)) == 0;
}

static struct gateway *
add(struct trust_gateways *gateways, const struct trust_report *report)
{
	struct gateway *gateway;

	if (HASH_COUNT(gateways->v) >= TRUST_GATEWAYS_MAX)
		return NULL;
	gateway = calloc(1, sizeof(*gateway));
	if (gateway == NULL)
		return NULL;
	memcpy(gateway->report.gateway, report->gateway,
	    sizeof(gateway->report.gateway));
	HASH_ADD_STR(gateways->v, report.gateway, gateway);
	if (gateway->hh.tbl == NULL) {
		free(gateway);
		return NULL;
	}
	return gateway;
}

static void
set_behind(
    struct trust_gateways *gateways, struct gateway *gateway, bool behind)
{
	if (gateway->behind == behind)
		return;
	gateway->behind = behind;
	if (behind)
		gateways->n_behind++;
	else
		gateways->n_behind--;
}

void
trust_gateways_report(struct trust_gateways *gateways,
    const struct trust_report *report, const struct trust_notification *present,
    int64_t now)
{
	struct gateway *gateway;
	bool news;

	HASH_FIND_STR(gateways->v, report->gateway, gateway);
	news = gateway == NULL || gateway->silent ||
	       !says_the_same(&gateway->report, report);
	if (gateway == NULL)
		gateway = add(gateways, report);
	if (gateway == NULL)
		return;
	gateway->report = *report;
	gateway->heard = now;
	gateway->silent = false;
	set_behind(gateways, gateway,
	    !is_of_session(report, present) ||
		report->serial < present->serial);
	if (!news)
		return;
	print_line(gateway, present);
	warn(report, present);
}

void
trust_gateways_request(
    struct trust_gateways *gateways, const struct trust_request *request)
{
	struct gateway *gateway;

	HASH_FIND_STR(gateways->v, request->gateway, gateway);
	if (gateway != NULL)
		set_behind(gateways, gateway, false);
}

bool
trust_gateways_are_behind(const struct trust_gateways *gateways)
{
	return gateways->n_behind > 0;
}

void
trust_gateways_remind(struct trust_gateways *gateways)
{
	struct gateway *gateway;

	for (gateway = gateways->v; gateway != NULL; gateway = gateway->hh.next)
		set_behind(gateways, gateway, false);
}

void
trust_gateways_tick(struct trust_gateways *gateways, int64_t now)
{
	struct gateway *gateway;
	char heard[TRUST_CLOCK_TEXT];

	for (gateway = gateways->v; gateway != NULL;
	     gateway = gateway->hh.next) {
		if (gateway->silent ||
		    gateway->heard + TRUST_GATEWAYS_SILENT_S > now)
			continue;
		gateway->silent = true;
		printf("gateway %s: serial %" PRId64
		       ", silent, last heard %s\n",
		    gateway->report.gateway, gateway->report.serial,
		    trust_clock_format(gateway->heard, heard));
	}
}
