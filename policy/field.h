/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fields of a JSON object, read strictly into a struct: const tables say
 * what there may be, one function reads each type. Every complaint is
 * "path: want …, got …".
 */
#ifndef TRUST_FIELD_H
#define TRUST_FIELD_H

#include <jansson.h>
#include <stdbool.h>

#include "record.h"

/* Where the reader stands, and where complaints go. */
struct trust_field_at {
	char path[TRUST_SHOWN_MAX]; /* "rules[0].topics[1]"; "" at the top */
	struct trust_message *msg;
	bool rewrote; /* a value was brought to another form */
	bool stored;  /* PEM was decoded on its way into the registry */
};

/* A word and what it stands for. Lists of them end with a NULL name. */
struct trust_field_choice {
	const char *name;
	int value;
};

struct trust_field;

/* Read a value into *target, whose type is the function's business. `value`
 * is NULL for a required field that is not there. */
typedef enum trust_err trust_field_read(struct trust_field_at *at,
    const struct trust_field *field, json_t *value, void *target);

/* One field. Tables of them end with a NULL name. */
struct trust_field {
	const char *name;
	trust_field_read *read;
	size_t offset; /* of the target in the struct */
	bool required;
	int64_t min, max; /* of a whole number, both inclusive */
	const struct trust_field_choice *choices;
};

/*
 * Read an object: no field that is in none of the tables, every required one.
 * What is absent leaves its target alone. The list of tables ends with NULL.
 */
enum trust_err trust_field_read_object(struct trust_field_at *at,
    const struct trust_field *const *tables, json_t *object,
    void *base) TRUST_MUST_CHECK;

/* Step into a field or an entry of a list; out again with what it returned. */
size_t trust_field_enter(struct trust_field_at *at, const char *name);
size_t trust_field_enter_index(struct trust_field_at *at, size_t i);
void trust_field_leave(struct trust_field_at *at, size_t mark);

/* "PATH: want WHAT, got VALUE"; returns TRUST_ERR_INPUT. */
enum trust_err trust_field_refuse(struct trust_field_at *at,
    const json_t *value, const char *fmt, ...) TRUST_PRINTF(3, 4);

/* The choice that a string names. */
enum trust_err trust_field_choose(struct trust_field_at *at,
    const json_t *value, const struct trust_field_choice *choices,
    int *out) TRUST_MUST_CHECK;

/* A list of `min` to TRUST_LIST_MAX entries. */
enum trust_err trust_field_check_list(struct trust_field_at *at,
    const json_t *value, size_t min) TRUST_MUST_CHECK;

/*
 * A list of `min` strings or more, no two alike, each as `entry` reads it
 * into a const char *. On errors, too, the owner of *out frees out->v.
 */
enum trust_err trust_field_read_strings(struct trust_field_at *at,
    const json_t *value, size_t min, trust_field_read *entry,
    struct trust_strings *out) TRUST_MUST_CHECK;

/*
 * Functions for tables, with the type of their target. Those that need
 * nothing of a field may be called with a NULL one.
 */
trust_field_read trust_field_skip;       /* somebody else reads it */
trust_field_read trust_field_read_bool;  /* bool */
trust_field_read trust_field_read_word;  /* bool: the choice's value */
trust_field_read trust_field_read_bits;  /* unsigned: the choices' values,
					  * one or more */
trust_field_read trust_field_read_int;   /* int */
trust_field_read trust_field_read_int64; /* int64_t */
trust_field_read trust_field_read_id;    /* const char * */
trust_field_read trust_field_read_ids;   /* struct trust_strings */
/* const char *: PEM of exactly one certificate */
trust_field_read trust_field_read_certificate;
/* struct trust_thumbprint; the value is brought to lower case */
trust_field_read trust_field_read_thumbprint;

#endif
