/* SPDX-License-Identifier: Apache-2.0 */
/*
 * est_answer.c and est_trust.c: whatever a server answers with is certificates,
 * within their bound, or one line that says why not; and nothing in it makes a
 * root of itself.
 */
#include <stdlib.h>
#include <string.h>

#include "../../certs/est_trust.h"

#define NOW INT64_C(1370044800) /* within the dates of the seed */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_roots(STACK_OF(X509) *answer)
{
	struct trust_est_roots roots;

	trust_est_trust_find_roots(answer, NULL, NOW, &roots);
	trust_est_trust_spread(answer, NULL, NOW, &roots);
	if (roots.n > TRUST_EST_CERTIFICATES_MAX)
		abort();
	for (size_t i = 0; i < roots.n; i++)
		if (roots.v[i].standing >= TRUST_EST_VOUCHED)
			abort();
}

/* By the first of them as the only anchor. */
static void
check_path(STACK_OF(X509) *answer)
{
	STACK_OF(X509) *anchors = sk_X509_new_null();
	STACK_OF(X509) *path = NULL;
	struct trust_message msg = {0};
	int n = sk_X509_num(answer);

	if (anchors == NULL ||
	    sk_X509_push(anchors, sk_X509_value(answer, 0)) == 0)
		abort();
	if (trust_est_trust_find_path(sk_X509_value(answer, n - 1), answer,
		anchors, NOW, &path, &msg) == TRUST_OK) {
		if (sk_X509_num(path) < 1)
			abort();
	} else if (path != NULL || strchr(msg.text, '\n') != NULL) {
		abort();
	}
	sk_X509_pop_free(path, X509_free);
	sk_X509_free(anchors);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trust_span body = {data, size};
	struct trust_message msg = {0};
	STACK_OF(X509) *answer;

	if (trust_est_answer_parse(body, &answer, &msg) != TRUST_OK) {
		if (answer != NULL || msg.text[0] == '\0' ||
		    strchr(msg.text, '\n') != NULL)
			abort();
		return 0;
	}
	if (sk_X509_num(answer) < 1 ||
	    sk_X509_num(answer) > TRUST_EST_CERTIFICATES_MAX)
		abort();
	check_roots(answer);
	check_path(answer);
	sk_X509_pop_free(answer, X509_free);
	return 0;
}
