/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a diagnosis found.
 */
#include "findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define STEP_WIDTH 11
/* Where the text of a finding begins. */
#define INDENT (4 + 2 + STEP_WIDTH + 2)
/* Columns of a terminal that text is still fitted to. */
#define COLUMNS_MIN (INDENT + 30)

/* The words of the public contract, for people and for programs. */
static const struct word {
	const char *shown;
	const char *name;
	enum trust_color color;
} words[] = {
    [TRUST_RESULT_OK] = {"ok", "ok", TRUST_COLOR_GOOD},
    [TRUST_RESULT_NOTE] = {"--", "note", TRUST_COLOR_NONE},
    [TRUST_RESULT_WARN] = {"warn", "warn", TRUST_COLOR_WARNING},
    [TRUST_RESULT_FAIL] = {"FAIL", "fail", TRUST_COLOR_BAD},
};

static struct trust_finding *
grow(struct trust_findings *findings)
{
	size_t cap = findings->cap > 0 ? 2 * findings->cap : 16;
	struct trust_finding *v;

	if (findings->n < findings->cap)
		return &findings->v[findings->n++];
	v = reallocarray(findings->v, cap, sizeof(*v));
	if (v == NULL) {
		findings->incomplete = true;
		return NULL;
	}
	findings->v = v;
	findings->cap = cap;
	return &v[findings->n++];
}

/* Columns for the text; 0: no bound, because no person reads it there. */
static size_t
room(void)
{
	struct winsize size;

	if (isatty(STDOUT_FILENO) == 0 ||
	    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 ||
	    size.ws_col < COLUMNS_MIN)
		return 0;
	return size.ws_col - (size_t)INDENT;
}

/* The octets of a line that ends between words; all, where they fit. */
static size_t
fit(const char *text, size_t width)
{
	size_t len = strlen(text), n = width;

	if (width == 0 || len <= width)
		return len;
	while (n > 0 && text[n] != ' ')
		n--;
	return n > 0 ? n : strcspn(text, " ");
}

static void
print_text(const char *text)
{
	size_t width = room(), n = fit(text, width);

	printf("%.*s\n", (int)n, text);
	for (text += n; *text != '\0'; text += n) {
		text += strspn(text, " ");
		n = fit(text, width);
		printf("%*s%.*s\n", INDENT, "", (int)n, text);
	}
}

void
trust_findings_add(struct trust_findings *findings, const char *step,
    enum trust_result result, const char *fmt, ...)
{
	struct trust_finding *finding = grow(findings);
	const struct word *word = &words[result];
	va_list args;

	if (finding == NULL)
		return;
	*finding = (struct trust_finding){.step = step, .result = result};
	va_start(args, fmt);
	if (vsnprintf(finding->text, sizeof(finding->text), fmt, args) < 0)
		finding->text[0] = '\0';
	va_end(args);
	trust_err_flatten(finding->text);
	if (findings->silent)
		return;
	printf("%s%-4s%s  %-*s  ", trust_output_color(word->color), word->shown,
	    trust_output_color(TRUST_COLOR_NONE), STEP_WIDTH, step);
	print_text(finding->text);
	/* The next step may take its time. */
	(void)fflush(stdout);
}

void
trust_findings_mend(struct trust_findings *findings, const char *fmt, ...)
{
	struct trust_finding *finding;
	char line[TRUST_FINDING_MAX];
	va_list args;
	size_t len;

	if (findings->n == 0)
		return;
	finding = &findings->v[findings->n - 1];
	va_start(args, fmt);
	if (vsnprintf(line, sizeof(line), fmt, args) < 0)
		line[0] = '\0';
	va_end(args);
	trust_err_flatten(line);
	len = strlen(finding->mend);
	snprintf(finding->mend + len, sizeof(finding->mend) - len, "%s%s",
	    len > 0 ? "\n" : "", line);
	if (!findings->silent)
		printf("%*s> %s\n", INDENT, "", line);
}

enum trust_result
trust_findings_worst(const struct trust_findings *findings)
{
	enum trust_result worst = TRUST_RESULT_OK;

	for (size_t i = 0; i < findings->n; i++) {
		if (findings->v[i].result > worst)
			worst = findings->v[i].result;
	}
	return worst;
}

size_t
trust_findings_count(const struct trust_findings *findings, const char *step,
    enum trust_result least)
{
	size_t n = 0;

	for (size_t i = 0; i < findings->n; i++) {
		if (findings->v[i].result >= least &&
		    strcmp(findings->v[i].step, step) == 0)
			n++;
	}
	return n;
}

json_t *
trust_findings_json(const struct trust_findings *findings)
{
	json_t *list = json_array();

	for (size_t i = 0; i < findings->n; i++) {
		const struct trust_finding *f = &findings->v[i];

		if (json_array_append_new(list,
			json_pack("{s:s, s:s, s:s, s:o}", "step", f->step,
			    "result", words[f->result].name, "finding", f->text,
			    "mend", trust_json_text(f->mend))) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

void
trust_findings_free(struct trust_findings *findings)
{
	free(findings->v);
	*findings = (struct trust_findings){0};
}
