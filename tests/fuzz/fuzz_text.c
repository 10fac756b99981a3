/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thumbprint.c, clock.c: whatever is taken as a thumbprint, a time or a
 * duration is within its bounds and comes back as it was.
 */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "thumbprint.h"

#define CENTURY_S (INT64_C(100) * 366 * 86400)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_thumbprint(const char *text)
{
	char shown[TRUST_THUMBPRINT_TEXT];
	struct trust_thumbprint one, again;

	if (trust_thumbprint_parse(text, &one) != TRUST_OK)
		return;
	if (trust_thumbprint_parse(
		trust_thumbprint_format(&one, shown), &again) != TRUST_OK ||
	    !trust_thumbprint_equal(&one, &again))
		abort();
}

static void
check_time(const char *text)
{
	char shown[TRUST_CLOCK_TEXT];
	int64_t when, again;

	if (trust_clock_parse(text, &when) != TRUST_OK)
		return;
	if (strcmp(trust_clock_format(when, shown), "never") == 0)
		return;
	if (trust_clock_parse(shown, &again) != TRUST_OK || again != when)
		abort();
}

static void
check_duration(const char *text)
{
	char shown[TRUST_CLOCK_TEXT];
	int64_t seconds;

	if (trust_duration_parse(text, &seconds) != TRUST_OK)
		return;
	if (seconds < 0 || seconds > CENTURY_S ||
	    strlen(trust_duration_format(seconds, shown)) == 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);

	if (text == NULL)
		abort();
	check_thumbprint(text);
	check_time(text);
	check_duration(text);
	free(text);
	return 0;
}
