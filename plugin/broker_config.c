/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking through mosquitto.conf for settings that bypass the plugin.
 */
#include "broker_config.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Octets of the command line that are looked at. */
#define COMMAND_LINE_MAX 8192
/* Octets of a path. */
#define PATH_LEN_MAX 4096

static enum trust_err check_file(const char *path, struct trust_message *msg);

static bool
ends_in_conf(const char *name)
{
	size_t len = strlen(name);

	return len > 5 && strcmp(name + len - 5, ".conf") == 0;
}

static enum trust_err
check_directory(const char *path, struct trust_message *msg)
{
	enum trust_err r = TRUST_OK;
	char file[PATH_LEN_MAX];
	struct dirent *entry;
	DIR *dir = opendir(path);

	if (dir == NULL)
		return TRUST_OK;
	while (r == TRUST_OK && (entry = readdir(dir)) != NULL) {
		int len =
		    snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);

		if (ends_in_conf(entry->d_name) && len > 0 &&
		    (size_t)len < sizeof(file))
			r = check_file(file, msg);
	}
	(void)closedir(dir);
	return r;
}

static enum trust_err
check_line(
    const char *path, unsigned number, char *line, struct trust_message *msg)
{
	char *rest = NULL;
	const char *key = strtok_r(line, " \t\r\n", &rest);
	const char *value = strtok_r(NULL, " \t\r\n", &rest);

	if (key == NULL || value == NULL)
		return TRUST_OK;
	if (strcmp(key, "include_dir") == 0)
		return check_directory(value, msg);
	if ((strcmp(key, "use_identity_as_username") == 0 ||
		strcmp(key, "use_subject_as_username") == 0) &&
	    (strcmp(value, "true") == 0 || strcmp(value, "1") == 0))
		return trust_err_set(msg, TRUST_ERR_CONFLICT,
		    "%s:%u: %s: want false, got %s: the broker would let "
		    "clients in without asking this plugin",
		    path, number, key, value);
	return TRUST_OK;
}

static enum trust_err
check_file(const char *path, struct trust_message *msg)
{
	enum trust_err r = TRUST_OK;
	char *line = NULL;
	size_t size = 0;
	unsigned number = 0;
	FILE *file = fopen(path, "re");

	if (file == NULL)
		return TRUST_OK;
	while (r == TRUST_OK && getline(&line, &size, file) >= 0)
		r = check_line(path, ++number, line, msg);
	free(line);
	(void)fclose(file);
	return r;
}

/* The argument of -c or --config-file, within `args` of `len` octets: NUL
 * after each. NULL when there is none. */
static const char *
find_config(const char *args, size_t len)
{
	const char *end = args + len, *arg = args;

	while (arg < end) {
		const char *next = arg + strlen(arg) + 1;

		if (strcmp(arg, "-c") == 0 || strcmp(arg, "--config-file") == 0)
			return next < end ? next : NULL;
		arg = next;
	}
	return NULL;
}

enum trust_err
trust_broker_config_check(struct trust_message *msg)
{
	char args[COMMAND_LINE_MAX + 1];
	const char *path;
	size_t len;
	FILE *file = fopen("/proc/self/cmdline", "re");

	if (file == NULL)
		return TRUST_OK;
	len = fread(args, 1, COMMAND_LINE_MAX, file);
	(void)fclose(file);
	args[len] = '\0';
	path = find_config(args, len);
	return path != NULL ? check_file(path, msg) : TRUST_OK;
}
