/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin/options.c: lines of NAME VALUE, as in mosquitto.conf. What is taken
 * is whole and within its bounds, and what is not is told in one line.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../plugin/options.h"

#define OPTIONS_MAX 32

/* The broker's log, for warnings. */
void mosquitto_log_printf(int level, const char *format, ...)
    TRUST_PRINTF(2, 3);

void
mosquitto_log_printf(int level, const char *format, ...)
{
	char line[8192];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (strchr(line, '\n') != NULL)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The lines of `text`, cut where they end. */
static int
split(char *text, struct mosquitto_opt options[OPTIONS_MAX])
{
	char *rest = NULL;
	int n = 0;

	for (char *line = strtok_r(text, "\n", &rest);
	     line != NULL && n < OPTIONS_MAX;
	     line = strtok_r(NULL, "\n", &rest)) {
		char *value = strchr(line, ' ');

		if (value != NULL)
			*value++ = '\0';
		options[n++] = (struct mosquitto_opt){line, value};
	}
	return n;
}

static bool
is_sound(const struct trust_options *o)
{
	return o->gateway != NULL && o->registry != NULL && o->scope != NULL &&
	       trust_id_check((uint8_t *)o->gateway, strlen(o->gateway)) &&
	       trust_id_check((uint8_t *)o->scope, strlen(o->scope)) &&
	       o->registry_signatures >= 1 && o->max_removals >= 0 &&
	       o->max_removals <= 100 && o->max_offline_s >= 0 &&
	       o->clock_skew_s >= 0 && o->crl_grace_s >= 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mosquitto_opt given[OPTIONS_MAX];
	char *text = strndup((const char *)data, size);
	struct trust_message msg = {0};
	struct trust_options options;
	bool taken;

	if (text == NULL)
		abort();
	taken = trust_options_parse(
		    given, split(text, given), &options, &msg) == TRUST_OK;
	if (taken ? !is_sound(&options)
		  : msg.text[0] == '\0' || strchr(msg.text, '\n') != NULL)
		abort();
	trust_options_clear(&options);
	free(text);
	return 0;
}
