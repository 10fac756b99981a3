/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Topic templates: variables found and replaced.
 */
#include <string.h>

#include "template.h"
#include "topic.h"

static const char *const variables[TRUST_N_VARIABLES] = {
    [TRUST_VARIABLE_DEVICE] = "{device}",
    [TRUST_VARIABLE_GROUP] = "{group}",
    [TRUST_VARIABLE_GATEWAY] = "{gateway}",
    [TRUST_VARIABLE_CLIENT] = "{client}",
};

/* The variable that the text begins with; TRUST_N_VARIABLES: none. */
static enum trust_variable
find_variable(const char *p)
{
	enum trust_variable i;

	for (i = 0; i < TRUST_N_VARIABLES; i++) {
		if (strncmp(p, variables[i], strlen(variables[i])) == 0)
			break;
	}
	return i;
}

/* What the text begins with, up to a variable or one variable. */
static enum trust_err
expand_piece(const char **p, const char *const values[TRUST_N_VARIABLES],
    struct trust_buf *out)
{
	size_t len = strcspn(*p, "{");
	const char *text = *p;
	enum trust_variable i;

	if (len > 0) {
		*p += len;
		return trust_buf_add(out, text, len);
	}
	i = find_variable(text);
	if (i == TRUST_N_VARIABLES)
		return TRUST_ERR_INPUT;
	*p += strlen(variables[i]);
	return trust_buf_add(out, values[i], strlen(values[i]));
}

enum trust_err
trust_template_expand(const char *template,
    const char *const values[TRUST_N_VARIABLES], struct trust_buf *out)
{
	enum trust_err r = TRUST_OK;
	const size_t len = out->len;

	while (*template != '\0' && r == TRUST_OK)
		r = expand_piece(&template, values, out);
	if (r != TRUST_OK && out->p != NULL) {
		out->len = len;
		out->p[len] = '\0';
	}
	return r;
}

enum trust_err
trust_template_check(const char *template, bool *valid)
{
	static const char *const any[TRUST_N_VARIABLES] = {"x", "x", "x", "x"};
	struct trust_buf filter = {0};
	enum trust_err r;

	*valid = false;
	r = trust_template_expand(template, any, &filter);
	if (r == TRUST_OK)
		*valid = filter.p != NULL &&
			 trust_topic_check_filter((const char *)filter.p);
	else if (r == TRUST_ERR_INPUT)
		r = TRUST_OK;
	trust_buf_free(&filter);
	return r;
}

bool
trust_template_uses(const char *template, enum trust_variable variable)
{
	return strstr(template, variables[variable]) != NULL;
}
