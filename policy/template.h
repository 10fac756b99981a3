/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Topic templates: filters with variables, as the rules of a role have them
 * (interface, "Rules").
 */
#ifndef TRUST_TEMPLATE_H
#define TRUST_TEMPLATE_H

#include <stdbool.h>

#include "span.h"

enum trust_variable {
	TRUST_VARIABLE_DEVICE,
	TRUST_VARIABLE_GROUP,
	TRUST_VARIABLE_GATEWAY,
	TRUST_VARIABLE_CLIENT,
	TRUST_N_VARIABLES,
};

/* Whether the text is a filter once its variables have values, and has no
 * others. The answer is in `valid`; an error is want of memory. */
enum trust_err trust_template_check(
    const char *template, bool *valid) TRUST_MUST_CHECK;

/*
 * Append the template with its variables replaced, once: what a value looks
 * like is never looked at. TRUST_ERR_INPUT for an unknown variable; after an
 * error the buffer is as it was.
 */
enum trust_err trust_template_expand(const char *template,
    const char *const values[TRUST_N_VARIABLES],
    struct trust_buf *out) TRUST_MUST_CHECK;

/* Whether a variable stands in the template. */
bool trust_template_uses(const char *template, enum trust_variable variable);

#endif
