/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A registry as the commands use it.
 */
#ifndef TRUST_RECORDS_H
#define TRUST_RECORDS_H

#include "options.h"
#include "trust.h"

/* Open a registry. A missing one is TRUST_ERR_IO, with a message that says
 * what makes one: TRUST_ERR_NOT_FOUND is left to mean a record. */
enum trust_err trust_records_open(const char *path,
    enum trust_registry_mode mode, struct trust_registry **out,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* An edit within a change. */
typedef enum trust_err trust_records_edit(
    struct trust_registry *registry, void *arg, struct trust_message *msg);

/* Open a registry for one change: the edit, then commit. When either fails
 * nothing has changed. */
enum trust_err trust_records_change(const char *path, trust_records_edit *edit,
    void *arg, struct trust_message *msg) TRUST_MUST_CHECK;

/* JSON as a record, by the parser that reads records everywhere. The caller
 * frees the record. */
enum trust_err trust_records_from_json(const json_t *json,
    struct trust_record **out, struct trust_message *msg) TRUST_MUST_CHECK;

/* The kind that an argument names. False after an error line. */
bool trust_records_kind(
    const struct trust_usage *usage, const char *name, enum trust_kind *kind);

/* The line for a record that is not there. Returns TRUST_EXIT_NO. */
int trust_records_missing(
    const char *path, enum trust_kind kind, const char *id);

/* Remove one record, as a change of its own. Returns the exit status, after
 * a line that says what came of it. */
int trust_records_remove(
    const char *path, enum trust_kind kind, const char *id);

#endif
