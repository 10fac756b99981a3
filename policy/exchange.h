/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What gateways say to the origin: requests for parts, and reports (sync.md,
 * "Requests and reports"). Neither proves anything.
 */
#ifndef TRUST_EXCHANGE_H
#define TRUST_EXCHANGE_H

#include "notification.h"

#define TRUST_REQUEST_WANT_MAX 64
/* Octets of a request or report. */
#define TRUST_EXCHANGE_MAX (16 * 1024)

struct trust_request {
	char gateway[TRUST_ID_MAX + 1];
	char scope[TRUST_ID_MAX + 1];
	char session[TRUST_SESSION_LEN + 1]; /* "": null, nothing held */
	int64_t have;
	struct trust_thumbprint want[TRUST_REQUEST_WANT_MAX];
	size_t n_want;
};

struct trust_report {
	char gateway[TRUST_ID_MAX + 1];
	char scope[TRUST_ID_MAX + 1];
	char session[TRUST_SESSION_LEN + 1]; /* "": null */
	int64_t serial;
	struct trust_thumbprint state;
	int64_t n_records;
	int64_t applied_at; /* 0: null, never */
	bool stale;
	uint64_t refused[TRUST_N_SYNC_REASONS];
	char version[32];
	int64_t format;
};

enum trust_err trust_request_encode(const struct trust_request *request,
    struct trust_buf *out) TRUST_MUST_CHECK;
enum trust_err trust_request_parse(struct trust_span text,
    struct trust_request *out, struct trust_message *msg) TRUST_MUST_CHECK;
enum trust_err trust_report_encode(
    const struct trust_report *report, struct trust_buf *out) TRUST_MUST_CHECK;
enum trust_err trust_report_parse(struct trust_span text,
    struct trust_report *out, struct trust_message *msg) TRUST_MUST_CHECK;

#endif
