/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that fail on purpose. wrap.py makes a wrapper for each function of
 * others that policy/ calls and that can fail; the wrapper asks here whether
 * it is its turn. Nothing fails, and nothing is counted, but between
 * fault_begin and fault_end, and not while paused: what a test does for itself
 * goes through the same wrappers.
 */
#ifndef TESTS_FAULT_H
#define TESTS_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fault_mode {
	FAULT_NEVER, /* count, and note who called */
	FAULT_ONCE,  /* one call fails */
	FAULT_FROM,  /* and so does every one after it */
};

/* A place in policy/ that calls something of others. */
struct fault_site {
	const char *name; /* of what it calls */
	const void *caller;
};

/* To be called before anything else: OpenSSL's and jansson's allocations go
 * through here, too. */
void fault_setup(void);

/* From now on call number `at`, counted from 0, fails; `seed` chooses among
 * SQLite's errors. */
void fault_begin(enum fault_mode mode, size_t at, unsigned seed);
void fault_end(void);
/* May be nested. */
void fault_pause(void);
void fault_resume(void);

/* Whether a call has failed since fault_begin, and which was the first. */
bool fault_has_failed(void);
const char *fault_get0_failed(void);

/* The calls since fault_begin(FAULT_NEVER, …): for each the number of its
 * site. Valid until the next one. */
size_t fault_get_calls(const size_t **sites);
size_t fault_n_sites(void);
const struct fault_site *fault_get0_site(size_t site);

/* What is held at present. */
struct fault_held {
	int64_t own;     /* allocations of policy/, and of the test */
	int64_t openssl; /* of OpenSSL; lazily made caches come and stay */
	int64_t sqlite;  /* octets; likewise */
};
struct fault_held fault_get_held(void);

/* ---- For the wrappers ---- */

bool fault_is_due(const char *name, const void *caller);
/* What a call of SQLite that fails returns; sqlite3_errcode says so, too. */
int fault_sqlite(void);
/* That of a column fails for one reason alone. */
void fault_sqlite_memory(void);
/* A call of SQLite goes on as ever: what the last error was, it knows. */
void fault_sqlite_passed(void);

#endif
