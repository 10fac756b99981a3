/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory with a registry in it, for one test.
 */
#ifndef TESTS_REGISTRY_SCRATCH_H
#define TESTS_REGISTRY_SCRATCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "registry.h"

struct scratch {
	char dir[64];
	char path[80]; /* of the registry; nothing is there yet */
	struct trust_message msg;
};

static inline int
scratch_setup(void **state)
{
	struct scratch *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -1;
	snprintf(s->dir, sizeof(s->dir), "/tmp/test-registry.XXXXXX");
	if (mkdtemp(s->dir) == NULL)
		return -1;
	snprintf(s->path, sizeof(s->path), "%s/devices.db", s->dir);
	*state = s;
	return 0;
}

/* How many entries the directory has; with `sweep` they go. */
static inline int
scratch_count(const struct scratch *s, bool sweep)
{
	DIR *dir = opendir(s->dir);
	struct dirent *entry;
	int n = 0;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		n++;
		if (sweep)
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	}
	if (dir != NULL)
		closedir(dir);
	return n;
}

static inline int
scratch_teardown(void **state)
{
	struct scratch *s = *state;

	(void)scratch_count(s, true);
	(void)rmdir(s->path);
	(void)rmdir(s->dir);
	free(s);
	return 0;
}

/* A file's octets; the caller frees. */
static inline uint8_t *
scratch_read(const char *path, size_t *len)
{
	FILE *file = fopen(path, "rb");
	struct stat st;
	uint8_t *p;

	assert_non_null(file);
	assert_int_equal(fstat(fileno(file), &st), 0);
	*len = (size_t)st.st_size;
	p = malloc(*len + 1);
	assert_non_null(p);
	assert_int_equal(fread(p, 1, *len, file), *len);
	fclose(file);
	return p;
}

static inline void
scratch_write(const char *path, const void *p, size_t len)
{
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(p, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static inline void
scratch_create(struct scratch *s)
{
	assert_int_equal(
	    trust_registry_create(s->path, TRUST_REGISTRY_ORIGIN, &s->msg),
	    TRUST_OK);
}

static inline struct trust_registry *
scratch_open(struct scratch *s, enum trust_registry_mode mode)
{
	struct trust_registry *registry = NULL;

	if (trust_registry_open(s->path, mode, &registry, &s->msg) != TRUST_OK)
		fail_msg("%s", s->msg.text);
	return registry;
}

/* Parse a line and put it into the change. */
static inline enum trust_err
scratch_put(struct trust_registry *registry, const char *text, int64_t line,
    struct trust_message *msg)
{
	struct trust_record *record = NULL;
	enum trust_err r;

	if (trust_record_parse(trust_span_of(text), &record, msg) != TRUST_OK)
		fail_msg("%s: %s", text, msg->text);
	r = trust_registry_put(registry, record, line, msg);
	trust_record_free(record);
	return r;
}

/* One change that puts these lines; lines are counted from 1. */
static inline enum trust_err
scratch_change(struct scratch *s, const char *const *lines, size_t n)
{
	struct trust_registry *registry = scratch_open(s, TRUST_REGISTRY_WRITE);
	enum trust_err r = trust_registry_begin(registry, &s->msg);

	for (size_t i = 0; r == TRUST_OK && i < n; i++)
		r = scratch_put(registry, lines[i], (int64_t)i + 1, &s->msg);
	if (r == TRUST_OK)
		r = trust_registry_commit(registry, &s->msg);
	trust_registry_close(registry);
	return r;
}

#endif
