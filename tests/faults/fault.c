/* SPDX-License-Identifier: Apache-2.0 */
#include "fault.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define SITES_MAX 4096
#define CALLS_MAX 262144

static struct {
	bool begun;
	unsigned paused;
	enum fault_mode mode;
	size_t at;
	unsigned seed;
	size_t n_calls;
	const char *failed; /* what did first; NULL: nothing */
	int sqlite_code;    /* that was made up last; SQLITE_OK: none */
} now;

static struct fault_site sites[SITES_MAX];
static size_t n_sites;
static size_t calls[CALLS_MAX]; /* their sites */
static size_t n_noted;
static struct fault_held held;

/* ---- When ---- */

void
fault_begin(enum fault_mode mode, size_t at, unsigned seed)
{
	memset(&now, 0, sizeof(now));
	now.begun = true;
	now.mode = mode;
	now.at = at;
	now.seed = seed;
	if (mode == FAULT_NEVER)
		n_noted = 0;
}

void
fault_end(void)
{
	now.begun = false;
	now.sqlite_code = SQLITE_OK;
}

void
fault_pause(void)
{
	now.paused++;
}

void
fault_resume(void)
{
	now.paused--;
}

bool
fault_has_failed(void)
{
	return now.failed != NULL;
}

const char *
fault_get0_failed(void)
{
	return now.failed;
}

static size_t
find_site(const char *name, const void *caller)
{
	size_t i = 0;

	while (i < n_sites && sites[i].caller != caller)
		i++;
	if (i == n_sites) {
		if (n_sites == SITES_MAX)
			abort();
		sites[n_sites++] = (struct fault_site){name, caller};
	}
	return i;
}

bool
fault_is_due(const char *name, const void *caller)
{
	size_t n = now.n_calls;
	bool due;

	if (!now.begun || now.paused > 0)
		return false;
	now.n_calls++;
	if (now.mode == FAULT_NEVER) {
		if (n_noted == CALLS_MAX)
			abort();
		calls[n_noted++] = find_site(name, caller);
		return false;
	}
	due = now.mode == FAULT_ONCE ? n == now.at : n >= now.at;
	if (due) {
		if (now.failed == NULL)
			now.failed = name;
		errno = strncmp(name, "sqlite3_", 8) == 0 ? 0 : ENOMEM;
	}
	return due;
}

size_t
fault_get_calls(const size_t **out)
{
	*out = calls;
	return n_noted;
}

size_t
fault_n_sites(void)
{
	return n_sites;
}

const struct fault_site *
fault_get0_site(size_t site)
{
	return &sites[site];
}

/* ---- Memory ---- */

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
char *__real_strndup(const char *text, size_t len);
char *__wrap_strndup(const char *text, size_t len);
void __real_free(void *p);
void __wrap_free(void *p);

static void *
count(void *p)
{
	if (p != NULL)
		held.own++;
	return p;
}

void *
__wrap_malloc(size_t size)
{
	if (fault_is_due("malloc", __builtin_return_address(0)))
		return NULL;
	return count(__real_malloc(size));
}

void *
__wrap_calloc(size_t n, size_t size)
{
	if (fault_is_due("calloc", __builtin_return_address(0)))
		return NULL;
	return count(__real_calloc(n, size));
}

void *
__wrap_realloc(void *p, size_t size)
{
	if (fault_is_due("realloc", __builtin_return_address(0)))
		return NULL;
	return p == NULL ? count(__real_realloc(p, size))
			 : __real_realloc(p, size);
}

void *
__wrap_reallocarray(void *p, size_t n, size_t size)
{
	if (fault_is_due("reallocarray", __builtin_return_address(0)))
		return NULL;
	return p == NULL ? count(__real_reallocarray(p, n, size))
			 : __real_reallocarray(p, n, size);
}

char *
__wrap_strdup(const char *text)
{
	if (fault_is_due("strdup", __builtin_return_address(0)))
		return NULL;
	return count(__real_strdup(text));
}

char *
__wrap_strndup(const char *text, size_t len)
{
	if (fault_is_due("strndup", __builtin_return_address(0)))
		return NULL;
	return count(__real_strndup(text, len));
}

void
__wrap_free(void *p)
{
	if (p != NULL)
		held.own--;
	__real_free(p);
}

/* jansson's are policy/'s: it asks for nothing by itself. */
static void *
json_malloc(size_t size)
{
	if (fault_is_due("jansson's malloc", (const void *)json_malloc))
		return NULL;
	return count(__real_malloc(size));
}

static void *
crypto_malloc(size_t size, const char *file, int line)
{
	void *p = size == 0 ? NULL : __real_malloc(size);

	held.openssl += p != NULL;
	return p;
}

static void
crypto_free(void *p, const char *file, int line)
{
	held.openssl -= p != NULL;
	__real_free(p);
}

static void *
crypto_realloc(void *p, size_t size, const char *file, int line)
{
	void *moved;

	if (size == 0) {
		crypto_free(p, file, line);
		return NULL;
	}
	moved = __real_realloc(p, size);
	held.openssl += p == NULL && moved != NULL;
	return moved;
}

void
fault_setup(void)
{
	if (CRYPTO_set_mem_functions(
		crypto_malloc, crypto_realloc, crypto_free) != 1)
		abort();
	json_set_alloc_funcs(json_malloc, __wrap_free);
}

struct fault_held
fault_get_held(void)
{
	/* Texts of old errors are OpenSSL's until others take their place. */
	ERR_clear_error();
	held.sqlite = sqlite3_memory_used();
	return held;
}

/* ---- SQLite ---- */

int __real_sqlite3_errcode(sqlite3 *db);
int __wrap_sqlite3_errcode(sqlite3 *db);
int __real_sqlite3_extended_errcode(sqlite3 *db);
int __wrap_sqlite3_extended_errcode(sqlite3 *db);
const char *__real_sqlite3_errmsg(sqlite3 *db);
const char *__wrap_sqlite3_errmsg(sqlite3 *db);
int __real_sqlite3_db_config(sqlite3 *db, int op, ...);
int __wrap_sqlite3_db_config(sqlite3 *db, int op, ...);

int
fault_sqlite(void)
{
	static const int codes[] = {
	    SQLITE_NOMEM,
	    SQLITE_FULL,
	    SQLITE_IOERR_READ,
	    SQLITE_BUSY,
	    SQLITE_CORRUPT,
	    SQLITE_IOERR_WRITE,
	    SQLITE_CANTOPEN,
	    SQLITE_READONLY,
	};

	now.sqlite_code = codes[now.seed % (sizeof(codes) / sizeof(codes[0]))];
	return now.sqlite_code;
}

void
fault_sqlite_memory(void)
{
	now.sqlite_code = SQLITE_NOMEM;
}

void
fault_sqlite_passed(void)
{
	now.sqlite_code = SQLITE_OK;
}

int
__wrap_sqlite3_errcode(sqlite3 *db)
{
	return now.sqlite_code != SQLITE_OK ? now.sqlite_code & 0xff
					    : __real_sqlite3_errcode(db);
}

int
__wrap_sqlite3_extended_errcode(sqlite3 *db)
{
	return now.sqlite_code != SQLITE_OK
		   ? now.sqlite_code
		   : __real_sqlite3_extended_errcode(db);
}

const char *
__wrap_sqlite3_errmsg(sqlite3 *db)
{
	return now.sqlite_code != SQLITE_OK ? sqlite3_errstr(now.sqlite_code)
					    : __real_sqlite3_errmsg(db);
}

/* What policy/ sets takes a number and tells of one. */
int
__wrap_sqlite3_db_config(sqlite3 *db, int op, ...)
{
	va_list args;
	int value, *is;

	va_start(args, op);
	value = va_arg(args, int);
	is = va_arg(args, int *);
	va_end(args);
	if (fault_is_due("sqlite3_db_config", __builtin_return_address(0)))
		return fault_sqlite();
	fault_sqlite_passed();
	return __real_sqlite3_db_config(db, op, value, is);
}

/* ---- Files ---- */

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);

int
__wrap_open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list args;

	va_start(args, flags);
	if (flags & O_CREAT)
		mode = va_arg(args, mode_t);
	va_end(args);
	if (fault_is_due("open", __builtin_return_address(0))) {
		errno = EMFILE;
		return -1;
	}
	return __real_open(path, flags, mode);
}
