/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes: borrowed (span), and growing (buf).
 */
#ifndef TRUST_SPAN_H
#define TRUST_SPAN_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

/* Borrowed bytes, not terminated. `p` may be NULL only with `len` 0. */
struct trust_span {
	const uint8_t *p;
	size_t len; /* octets */
};

/* Owned bytes that grow; always followed by a NUL that `len` leaves out.
 * Zeroed memory is an empty buffer. */
struct trust_buf {
	uint8_t *p;
	size_t len; /* octets in use */
	size_t cap; /* octets allocated */
};

struct trust_span trust_span_of(const char *text);

/* Append; TRUST_ERR_NOMEM leaves the buffer as it was. */
enum trust_err trust_buf_add(
    struct trust_buf *buf, const void *p, size_t len) TRUST_MUST_CHECK;
enum trust_err trust_buf_printf(struct trust_buf *buf, const char *fmt, ...)
    TRUST_PRINTF(2, 3) TRUST_MUST_CHECK;
struct trust_span trust_buf_get0(const struct trust_buf *buf);
void trust_buf_free(struct trust_buf *buf);

/*
 * A peer's bytes for a log line: printable ASCII stays, the rest becomes \xNN
 * (backslash too), and what does not fit is cut, marked with "...". Writes a
 * terminated string into out[size]; size is at least 8. Returns `out`.
 */
char *trust_span_show(struct trust_span span, char *out, size_t size);

#endif
