/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the registry share: its handle, its schema, and the
 * statements.
 */
#ifndef TRUST_REGISTRY_INTERNAL_H
#define TRUST_REGISTRY_INTERNAL_H

#include "registry_file.h"

/* Keys of the table meta. */
#define TRUST_REGISTRY_META_ROLE       "role" /* "origin" or "replica" */
#define TRUST_REGISTRY_META_GENERATION "generation"
/* There in a registry for development, and not in others. */
#define TRUST_REGISTRY_META_DEVELOPMENT "development"
/* The table change is complete after this generation. */
#define TRUST_REGISTRY_META_CHANGES_AFTER "changes_after"

/* Every statement, prepared at open; their SQL is in registry_schema.c. */
enum trust_registry_statement {
	TRUST_REGISTRY_READ_STATE, /* at its row from begin to end of a read */
	TRUST_REGISTRY_END,
	TRUST_REGISTRY_DATA_VERSION,
	TRUST_REGISTRY_GET_META, /* key */
	TRUST_REGISTRY_GET_INFO,
	TRUST_REGISTRY_GET_HELD,
	TRUST_REGISTRY_FIND,       /* kind, id */
	TRUST_REGISTRY_FIND_CLAIM, /* claim, digest */
	TRUST_REGISTRY_LIST,       /* kind */
	TRUST_REGISTRY_LIST_AFTER, /* kind, id before, rows */
	TRUST_REGISTRY_CHANGES,
	/* From here on they write, and reading has none of them. */
	TRUST_REGISTRY_BEGIN_WRITE,
	TRUST_REGISTRY_ROLLBACK,
	TRUST_REGISTRY_SET_META, /* key, value */
	TRUST_REGISTRY_CLEAR_COUNTS,
	TRUST_REGISTRY_ADD_COUNT,   /* kind, difference */
	TRUST_REGISTRY_FIND_FORMER, /* kind, id */
	TRUST_REGISTRY_PUT,         /* kind, id, line, digest */
	TRUST_REGISTRY_REMOVE,      /* kind, id */
	TRUST_REGISTRY_CLEAR_CLAIMS,
	TRUST_REGISTRY_CLAIM,       /* claim, digest, device */
	TRUST_REGISTRY_UNCLAIM,     /* claim, digest, device */
	TRUST_REGISTRY_FIND_RIVAL,  /* claim, digest, device */
	TRUST_REGISTRY_ADD_SUSPECT, /* claim, digest, device, line */
	TRUST_REGISTRY_FIND_CONFLICT,
	TRUST_REGISTRY_CLEAR_SUSPECTS,
	TRUST_REGISTRY_DEFER, /* claim, digest, device, made or given up */
	TRUST_REGISTRY_LIST_DEFERRED,
	TRUST_REGISTRY_CLEAR_DEFERRED,
	TRUST_REGISTRY_ADD_CHANGE, /* generation, kind, id */
	TRUST_REGISTRY_CLEAR_CHANGES,
	TRUST_REGISTRY_LAST_DROPPED, /* rows to keep */
	TRUST_REGISTRY_DROP_CHANGES, /* rows to keep */
	TRUST_REGISTRY_N_STATEMENTS,
};
#define TRUST_REGISTRY_N_READING TRUST_REGISTRY_BEGIN_WRITE

/* What a device can claim. The numbers are stored: never renumber. */
enum trust_registry_claim {
	TRUST_REGISTRY_CLAIM_THUMBPRINT = 1,
	TRUST_REGISTRY_CLAIM_PIN = 2,
	TRUST_REGISTRY_CLAIM_IDENTITY = 3, /* SHA-256 of a PSK identity */
};

/* The digests that a record claims for itself; borrowed from it. */
struct trust_registry_claims {
	enum trust_registry_claim claim;
	const struct trust_thumbprint *v;
	size_t n;
};

/* The change that is under way. Zeroed memory is none. */
struct trust_registry_change {
	bool open;
	/* What a step of it failed of: it cannot be committed any more. */
	enum trust_err failed;
	bool has_suspects;  /* claims to look at again */
	bool defers;        /* claims, until they are judged */
	bool reindexes;     /* makes all claims anew then */
	int64_t generation; /* its number, if it changes anything */
	int64_t n_touched;  /* records put or removed so far */
	int64_t n_added[TRUST_KIND_LAST + 1]; /* by kind; may be negative */
};

struct trust_registry {
	struct trust_registry_file file;
	sqlite3_stmt *statements[TRUST_REGISTRY_N_STATEMENTS];
	enum trust_registry_role role;
	enum trust_registry_mode mode;
	/* The generation as of SQLite's data_version; 0: not known. */
	int64_t data_version;
	int64_t generation;
	struct trust_registry_mark mark; /* where the file was then */
	bool reading;            /* trust_registry_begin_read was called */
	int64_t read_generation; /* the generation of that read */
	struct trust_registry_change change;
	struct trust_buf line; /* of the record that is being put */
};

extern const struct trust_registry_format trust_registry_schema;
extern const char
    *const trust_registry_schema_statements[TRUST_REGISTRY_N_STATEMENTS];

/* Of a record that is no device, or claims nothing: none. */
struct trust_registry_claims trust_registry_get0_claims(
    const struct trust_record *record);

/* A number of the table meta. TRUST_ERR_DAMAGED when it is missing. */
enum trust_err trust_registry_get_meta(struct trust_registry *registry,
    const char *key, int64_t *out, struct trust_message *msg) TRUST_MUST_CHECK;

/* Bind kind and id, the first two parameters of many a statement. */
enum trust_err trust_registry_bind_record(const struct trust_registry *registry,
    sqlite3_stmt *statement, enum trust_kind kind, const char *id,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* Bind claim and digest, likewise. */
enum trust_err trust_registry_bind_claim(const struct trust_registry *registry,
    sqlite3_stmt *statement, enum trust_registry_claim claim,
    const struct trust_thumbprint *digest,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* What stood in the place of a record. */
struct trust_registry_former {
	bool found;
	bool same; /* the very same record: nothing was touched */
	struct trust_thumbprint sent; /* zero: not known */
	/* The device that stood there, if it was another; the caller frees. */
	struct trust_record *device;
};

/*
 * A change as trust_registry_begin opens it, of a replica as well. What sync
 * puts comes with the digest of its line as it was sent; NULL: there is none.
 */
enum trust_err trust_registry_begin_any(struct trust_registry *registry,
    struct trust_message *msg) TRUST_MUST_CHECK;
enum trust_err trust_registry_put_sent(struct trust_registry *registry,
    const struct trust_record *record, const struct trust_thumbprint *sent,
    int64_t line, struct trust_registry_former *former,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* The same of a record that is not there, as the caller knows. */
enum trust_err trust_registry_add_sent(struct trust_registry *registry,
    const struct trust_record *record, const struct trust_thumbprint *sent,
    struct trust_message *msg) TRUST_MUST_CHECK;
enum trust_err trust_registry_remove_sent(struct trust_registry *registry,
    enum trust_kind kind, const char *id, struct trust_registry_former *former,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* Begin this change's counts at none, whatever was counted before. */
enum trust_err trust_registry_clear_counts(struct trust_registry *registry,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* Defer what this change claims and gives up until it is judged. */
void trust_registry_defer_claims(struct trust_registry *registry);
/* Rely on no claim that stands there: when this change is judged, all are made
 * anew from the records. What a record gives up need not be known until then.
 */
void trust_registry_reindex_claims(struct trust_registry *registry);
/* Enter what a device claims; `line` is that of trust_registry_put. */
enum trust_err trust_registry_claim_all(struct trust_registry *registry,
    const struct trust_record *record, int64_t line,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* Strike out what it claims. */
enum trust_err trust_registry_unclaim_all(struct trust_registry *registry,
    const struct trust_record *device,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* Judge the claims so far as trust_registry_commit does. */
enum trust_err trust_registry_check_claims(struct trust_registry *registry,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* Whether an anchor may be put: TRUST_ERR_INPUT for one that stands for a
 * signer. */
enum trust_err trust_registry_check_anchor(struct trust_registry *registry,
    const struct trust_record *record,
    struct trust_message *msg) TRUST_MUST_CHECK;

#endif
