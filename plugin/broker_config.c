/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking through mosquitto.conf for settings that bypass the plugin, for
 * bridges, and for listeners over which no device can come in.
 */
#include "broker_config.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker.h"
#include "broker_bridge.h"
#include "broker_listener.h"
#include "broker_switch.h"

/* Octets of the command line that are looked at. */
#define COMMAND_LINE_MAX 8192
/* Octets of a path. */
#define PATH_LEN_MAX 4096
struct trust_broker_config {
	struct trust_bridge *bridges; /* owned */
	/* Of the lines before the first `listener` of each file. */
	struct trust_listener first;
	bool asks_all; /* as of trust_listener_end */
	bool has_psk_file;
	bool told_unread; /* what could not be read */
};

/* One file, as far as it is read. */
struct reader {
	struct trust_broker_config *config;
	const char *path;
	unsigned number;             /* of the line */
	struct trust_bridge *bridge; /* the lines are about; NULL: none */
	struct trust_listener own; /* the lines are about, once there is one */
	bool has_own;
	struct trust_message *msg;
};

static enum trust_err read_file(struct trust_broker_config *config,
    const char *path, struct trust_message *msg);

/* ---- Files ---- */

/* The broker has read it, maybe as another user, and goes by it. Once: where
 * one cannot be read, others may not be, either. */
static void
tell_unread(struct trust_broker_config *config, const char *path)
{
	int error = errno;
	char user[TRUST_USER_TEXT];

	if (config->told_unread)
		return;
	config->told_unread = true;
	mosquitto_log_printf(MOSQ_LOG_WARNING,
	    "mosquitto_trust: %s: %s; want it readable for %s, as whom the "
	    "broker runs: nobody sees whether use_identity_as_username or "
	    "use_subject_as_username is on there, which let clients in past "
	    "this plugin, nor which bridges and listeners there are",
	    path, strerror(error), trust_user_show(user));
}

static bool
ends_in_conf(const char *name)
{
	size_t len = strlen(name);

	return len > 5 && strcmp(name + len - 5, ".conf") == 0;
}

static enum trust_err
read_directory(struct trust_broker_config *config, const char *path,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_OK;
	char file[PATH_LEN_MAX];
	struct dirent *entry;
	DIR *dir = opendir(path);

	if (dir == NULL) {
		tell_unread(config, path);
		return TRUST_OK;
	}
	while (r == TRUST_OK && (entry = readdir(dir)) != NULL) {
		int len =
		    snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);

		if (ends_in_conf(entry->d_name) && len > 0 &&
		    (size_t)len < sizeof(file))
			r = read_file(config, file, msg);
	}
	(void)closedir(dir);
	return r;
}

/* ---- Lines ---- */

static bool
bypasses(const char *key, const char *value)
{
	return (strcmp(key, "use_identity_as_username") == 0 ||
		   strcmp(key, "use_subject_as_username") == 0) &&
	       trust_broker_is_true(value);
}

static void
read_listener(struct reader *reader, const char *key, const char *value)
{
	if (strcmp(key, "listener") == 0) {
		if (reader->has_own)
			trust_listener_end(
			    &reader->own, reader->config->asks_all);
		reader->has_own = true;
	}
	trust_listener_read(
	    reader->has_own ? &reader->own : &reader->config->first,
	    reader->path, reader->number, key, value);
}

/* Guests may come by it. Mosquitto 2.0 asks nobody else then. */
static void
note_psk_file(struct reader *reader)
{
	reader->config->has_psk_file = true;
	mosquitto_log_printf(MOSQ_LOG_WARNING,
	    "mosquitto_trust: %s:%u: psk_file: want none where devices come "
	    "with pre-shared keys: Mosquitto 2.0 then asks this plugin for no "
	    "key",
	    reader->path, reader->number);
}

/* A value is the rest of the line, blanks and all; of a switch and of a path
 * the first word counts. */
static enum trust_err
read_line(struct reader *reader, char *line)
{
	const char *key = line + strspn(line, " \t");
	char *value = line + strcspn(line, "\r\n");
	enum trust_err r;

	*value = '\0';
	value = line + (key - line) + strcspn(key, " \t");
	if (*value == '\0')
		return TRUST_OK;
	*value++ = '\0';
	value += strspn(value, " \t");
	r = trust_bridge_read(
	    &reader->config->bridges, &reader->bridge, key, value);
	if (r != TRUST_OK)
		return r;
	value[strcspn(value, " \t")] = '\0';
	if (strcmp(key, "include_dir") == 0)
		return read_directory(reader->config, value, reader->msg);
	read_listener(reader, key, value);
	if (strcmp(key, "psk_file") == 0)
		note_psk_file(reader);
	if (bypasses(key, value))
		return trust_err_set(reader->msg, TRUST_ERR_CONFLICT,
		    "%s:%u: %s: want false, got %s: the broker would let "
		    "clients in without asking this plugin",
		    reader->path, reader->number, key, value);
	return TRUST_OK;
}

static enum trust_err
read_file(struct trust_broker_config *config, const char *path,
    struct trust_message *msg)
{
	struct reader reader = {.config = config, .path = path, .msg = msg};
	enum trust_err r = TRUST_OK;
	char *line = NULL;
	size_t size = 0;
	FILE *file = fopen(path, "re");

	if (file == NULL) {
		tell_unread(config, path);
		return TRUST_OK;
	}
	while (r == TRUST_OK && getline(&line, &size, file) >= 0) {
		reader.number++;
		r = read_line(&reader, line);
	}
	if (reader.has_own)
		trust_listener_end(&reader.own, config->asks_all);
	free(line);
	(void)fclose(file);
	return r;
}

/* ---- The whole ---- */

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

static enum trust_err
read_what_was_given(
    struct trust_broker_config *config, struct trust_message *msg)
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
	return path != NULL ? read_file(config, path, msg) : TRUST_OK;
}

enum trust_err
trust_broker_config_load(
    bool asks_all, struct trust_broker_config **out, struct trust_message *msg)
{
	struct trust_broker_config *config = calloc(1, sizeof(*config));
	enum trust_err r;

	*out = NULL;
	if (config == NULL)
		return TRUST_ERR_NOMEM;
	config->asks_all = asks_all;
	r = read_what_was_given(config, msg);
	if (r == TRUST_OK) {
		trust_listener_end(&config->first, asks_all);
		*out = config;
		config = NULL; /* transferred */
	}
	trust_broker_config_free(config);
	return r;
}

void
trust_broker_config_free(struct trust_broker_config *config)
{
	if (config == NULL)
		return;
	trust_bridge_free_all(config->bridges);
	free(config);
}

bool
trust_broker_config_has_psk_file(const struct trust_broker_config *config)
{
	return config->has_psk_file;
}

bool
trust_broker_config_has_bridge(
    const struct trust_broker_config *config, const char *client_id)
{
	return trust_bridge_has(config->bridges, client_id);
}
