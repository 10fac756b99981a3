/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of REGISTRY.local share. Not for others.
 */
#ifndef TRUST_REGISTRY_LOCAL_INTERNAL_H
#define TRUST_REGISTRY_LOCAL_INTERNAL_H

#include "local.h"
#include "registry_file.h"

enum trust_local_statement {
	TRUST_LOCAL_FIND_DEVICE,  /* id */
	TRUST_LOCAL_PUT_DEVICE,   /* id, group */
	TRUST_LOCAL_DROP_DEVICES, /* rows to keep */
	TRUST_LOCAL_FIND_BRIDGE,  /* client id */
	TRUST_LOCAL_PUT_BRIDGE,   /* client id */
	TRUST_LOCAL_DROP_BRIDGES, /* rows to keep */
	TRUST_LOCAL_GET_FLOOR,
	TRUST_LOCAL_RAISE_FLOOR, /* time */
	TRUST_LOCAL_FIND_BLOCK,  /* device id */
	TRUST_LOCAL_FIND_ANY_BLOCK,
	TRUST_LOCAL_COUNT_BLOCKS,
	TRUST_LOCAL_LIST_BLOCKS, /* device id before */
	TRUST_LOCAL_CHECK_BLOCKS,
	TRUST_LOCAL_PUT_BLOCK,   /* device id */
	TRUST_LOCAL_DROP_BLOCK,  /* device id */
	TRUST_LOCAL_PUT_SEEN,    /* the columns of seen */
	TRUST_LOCAL_DROP_SEEN,   /* rows to keep */
	TRUST_LOCAL_FIND_SEEN,   /* device id */
	TRUST_LOCAL_LIST_SEEN,   /* device id before, rows */
	TRUST_LOCAL_LIST_ANCHOR, /* anchor id, device id before, rows */
	TRUST_LOCAL_LIST_ENDING, /* time, rows, rows to skip */
	TRUST_LOCAL_FIND_PIN,    /* device id */
	TRUST_LOCAL_PUT_PIN,     /* device id, key */
	TRUST_LOCAL_RENEW_PIN,   /* device id, next key */
	TRUST_LOCAL_TAKE_PIN,    /* device id, next key */
	TRUST_LOCAL_CHECK_PINS,
	TRUST_LOCAL_DROP_PIN,   /* device id */
	TRUST_LOCAL_COUNT_USES, /* token, secret */
	TRUST_LOCAL_FIND_USE,   /* token, secret, key */
	TRUST_LOCAL_PUT_USE,    /* the columns of token_use; uses */
	TRUST_LOCAL_FIND_OPEN_USE,
	TRUST_LOCAL_FINISH_USES, /* device id, key */
	TRUST_LOCAL_CHECK_USES,
	TRUST_LOCAL_GET_GATEWAY,
	TRUST_LOCAL_PUT_GATEWAY, /* id */
	TRUST_LOCAL_FIND_ANY_SERVER,
	TRUST_LOCAL_FIND_SERVER,  /* thumbprint */
	TRUST_LOCAL_PUT_SERVER,   /* thumbprint */
	TRUST_LOCAL_DROP_SERVERS, /* rows to keep */
	TRUST_LOCAL_N_STATEMENTS,
};

struct trust_local {
	struct trust_registry_file file;
	sqlite3_stmt *statements[TRUST_LOCAL_N_STATEMENTS];
	/* Devices were blocked when it was opened, or have been since. */
	bool has_blocks;
	bool has_open_uses; /* of tokens, that are not finished; or had */
	bool damaged;       /* as a look for blocks found */
	struct trust_message trouble; /* of the last look for blocks */
};

/* What is written in between must not be lost with the power; the rest of the
 * file can be. */
enum trust_err trust_local_be_durable(const struct trust_local *local,
    struct trust_message *msg) TRUST_MUST_CHECK;
void trust_local_be_quick(const struct trust_local *local);

/* Run a statement so: what was promised must not be lost with the power, nor
 * with a file that the next start will not find. */
enum trust_err trust_local_exec_durably(const struct trust_local *local,
    sqlite3_stmt *statement, struct trust_message *msg) TRUST_MUST_CHECK;

/* A text as a parameter of a statement, borrowed until that is reset. */
enum trust_err trust_local_bind(const struct trust_local *local,
    sqlite3_stmt *statement, int parameter, const char *text,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* The same for a digest, likewise borrowed. */
enum trust_err trust_local_bind_digest(const struct trust_local *local,
    sqlite3_stmt *statement, int parameter,
    const struct trust_thumbprint *digest,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* Whether a statement without parameters yields a row. On an error `found`
 * stays as it was. */
enum trust_err trust_local_find_any(const struct trust_local *local,
    enum trust_local_statement which, bool *found,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* Step to the row of a key; the caller resets the statement. */
enum trust_err trust_local_step_to(const struct trust_local *local,
    sqlite3_stmt *statement, const char *key,
    struct trust_message *msg) TRUST_MUST_CHECK;

#endif
