/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin/command*.c: whatever is sent to the management topic is answered, one
 * response a command, and each has its data or an error of one line.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "broker.h"

#define TOPIC "$CONTROL/trust/v1"
/* As command.c has it. */
#define COMMANDS_MAX 100

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	broker_start();
	return 0;
}

static void
check_response(const json_t *response)
{
	const json_t *error = json_object_get(response, "error");
	const json_t *data = json_object_get(response, "data");

	if (!json_is_string(json_object_get(response, "command")) ||
	    (error != NULL) == (data != NULL))
		abort();
	if (data != NULL && !json_is_object(data))
		abort();
	if (error != NULL && (json_string_length(error) == 0 ||
				 strchr(json_string_value(error), '\n')))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *answer =
	    broker_control(TOPIC, (struct trust_span){data, size});
	json_t *all = json_loads(answer != NULL ? answer : "", 0, NULL);
	const json_t *responses = json_object_get(all, "responses");
	size_t n = json_array_size(responses);

	if (n < 1 || n > COMMANDS_MAX)
		abort();
	for (size_t i = 0; i < n; i++)
		check_response(json_array_get(responses, i));
	json_decref(all);
	broker_go_on();
	return 0;
}
