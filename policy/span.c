/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes, borrowed and growing, and how a peer's bytes are shown.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "span.h"

#define BUF_CAP_MIN 256 /* octets of the first allocation: a device's line */

struct trust_span
trust_span_of(const char *text)
{
	return (struct trust_span){(const uint8_t *)text, strlen(text)};
}

/* Room for `len` more octets and the NUL. */
static enum trust_err
reserve(struct trust_buf *buf, size_t len)
{
	size_t cap = buf->cap == 0 ? BUF_CAP_MIN : buf->cap;
	uint8_t *p;

	if (len >= SIZE_MAX / 2 - buf->len)
		return TRUST_ERR_NOMEM;
	while (cap < buf->len + len + 1)
		cap *= 2;
	if (cap == buf->cap)
		return TRUST_OK;
	p = realloc(buf->p, cap);
	if (p == NULL)
		return TRUST_ERR_NOMEM;
	buf->p = p;
	buf->cap = cap;
	return TRUST_OK;
}

enum trust_err
trust_buf_add(struct trust_buf *buf, const void *p, size_t len)
{
	enum trust_err r = reserve(buf, len);

	if (r != TRUST_OK)
		return r;
	if (len > 0)
		memcpy(buf->p + buf->len, p, len);
	buf->len += len;
	buf->p[buf->len] = '\0';
	return TRUST_OK;
}

enum trust_err
trust_buf_printf(struct trust_buf *buf, const char *fmt, ...)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (n < 0)
		return r;
	r = reserve(buf, (size_t)n);
	if (r != TRUST_OK)
		return r;
	va_start(args, fmt);
	n = vsnprintf((char *)buf->p + buf->len, (size_t)n + 1, fmt, args);
	va_end(args);
	if (n < 0) {
		buf->p[buf->len] = '\0';
		return TRUST_ERR_INTERNAL;
	}
	buf->len += (size_t)n;
	return TRUST_OK;
}

struct trust_span
trust_buf_get0(const struct trust_buf *buf)
{
	return (struct trust_span){buf->p, buf->len};
}

void
trust_buf_free(struct trust_buf *buf)
{
	free(buf->p);
	*buf = (struct trust_buf){0};
}

static bool
is_plain(uint8_t c)
{
	return c >= ' ' && c <= '~' && c != '\\';
}

char *
trust_span_show(struct trust_span span, char *out, size_t size)
{
	static const char hex[] = "0123456789abcdef";
	static const char cut[] = "...";
	size_t n = 0;
	size_t n_cut = 0; /* where the mark goes if the rest does not fit */

	for (size_t i = 0; i < span.len; i++) {
		uint8_t c = span.p[i];
		size_t len = is_plain(c) ? 1 : 4;

		if (n + sizeof(cut) <= size)
			n_cut = n;
		if (n + len >= size) {
			memcpy(out + n_cut, cut, sizeof(cut));
			return out;
		}
		if (len == 1) {
			out[n++] = (char)c;
			continue;
		}
		out[n++] = '\\';
		out[n++] = 'x';
		out[n++] = hex[c >> 4];
		out[n++] = hex[c & 15];
	}
	out[n] = '\0';
	return out;
}
