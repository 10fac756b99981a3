/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry's tables, how they came to be, and every statement on them.
 */
#include "registry_internal.h"

/* "TrRg": what file(1) and we know a registry by. */
#define APPLICATION_ID 0x54725267

/*
 * meta     what there is one of; see the keys in registry_internal.h
 * record   every record as its canonical line
 * claim    which device claims a thumbprint (1), a key pin (2) or, by its
 *          SHA-256, a PSK identity (3); two devices may do so only within a
 *          change
 * count    records by kind, so that nobody has to count a million
 * change   the records last touched, oldest first
 */
static const char schema_1[] =
    "PRAGMA application_id = 0x54725267;"
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value ANY NOT NULL)"
    " STRICT, WITHOUT ROWID;"
    "INSERT INTO meta VALUES('generation', 0), ('changes_after', 0);"
    "CREATE TABLE record(kind INTEGER, id TEXT, line BLOB NOT NULL,"
    " PRIMARY KEY(kind, id)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE claim(claim INTEGER, digest BLOB, device TEXT,"
    " PRIMARY KEY(claim, digest, device)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE count(kind INTEGER PRIMARY KEY, n INTEGER NOT NULL) STRICT;"
    "INSERT INTO count VALUES(1, 0), (2, 0), (3, 0), (4, 0), (5, 0), (6, 0),"
    " (7, 0);"
    "CREATE TABLE change(seq INTEGER PRIMARY KEY, generation INTEGER NOT NULL,"
    " kind INTEGER NOT NULL, id TEXT NOT NULL) STRICT;"
    "PRAGMA user_version = 1";

/*
 * What a replica keeps of sync.
 *
 * record.sent     SHA-256 of the canonical line as it was sent, which is what
 *                 the state digest counts
 * replica         the notification whose state is held (1) and the newest
 *                 accepted (2); see enum trust_registry_replica_way
 * replica_refusal how often what was refused, by reason
 */
static const char schema_2[] =
    "ALTER TABLE record ADD COLUMN sent BLOB;"
    "CREATE TABLE replica(which INTEGER PRIMARY KEY, session TEXT NOT NULL,"
    " serial INTEGER NOT NULL, this_update INTEGER NOT NULL,"
    " next_update INTEGER NOT NULL, records INTEGER NOT NULL,"
    " state BLOB NOT NULL, parts BLOB NOT NULL, way INTEGER NOT NULL,"
    " applied_at INTEGER NOT NULL, notification BLOB NOT NULL) STRICT;"
    "CREATE TABLE replica_refusal(reason TEXT PRIMARY KEY, n INTEGER NOT NULL)"
    " STRICT, WITHOUT ROWID;"
    "PRAGMA user_version = 2";

/*
 * What an origin keeps of each scope that it publishes.
 *
 * publication        where it stands
 * publication_member the records in it, with the digest of what is sent
 * publication_part   the parts of its snapshot (1) and its deltas (0)
 */
static const char schema_3[] =
    "CREATE TABLE publication(scope TEXT PRIMARY KEY, session TEXT NOT NULL,"
    " serial INTEGER NOT NULL, state BLOB NOT NULL, records INTEGER NOT NULL,"
    " generation INTEGER NOT NULL, snapshot INTEGER NOT NULL,"
    " mass_removal INTEGER NOT NULL, this_update INTEGER NOT NULL)"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE publication_member(scope TEXT, kind INTEGER, id TEXT,"
    " digest BLOB NOT NULL, PRIMARY KEY(scope, kind, id))"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE publication_part(scope TEXT NOT NULL,"
    " snapshot INTEGER NOT NULL, serial INTEGER NOT NULL, n INTEGER NOT NULL,"
    " sha256 BLOB NOT NULL, part BLOB NOT NULL,"
    " UNIQUE(scope, snapshot, serial, n)) STRICT;"
    "CREATE INDEX publication_part_sha256"
    " ON publication_part(scope, sha256);"
    "PRAGMA user_version = 3";

/*
 * publication.marked   not only whether the present serial is a mass removal,
 *                      but which serial was the last
 * publication.deltas   the first delta that is listed; those before it, and
 *                      snapshots but for these two, are litter
 * publication.ready    a snapshot that is complete and not listed yet
 * publication_signer   the certificates of those who sign a scope, in DER
 */
static const char schema_4[] =
    "ALTER TABLE publication RENAME COLUMN mass_removal TO marked;"
    "UPDATE publication SET marked = serial WHERE marked <> 0;"
    "ALTER TABLE publication ADD COLUMN deltas INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE publication ADD COLUMN ready INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE publication_signer(scope TEXT, sha256 BLOB,"
    " certificate BLOB NOT NULL, PRIMARY KEY(scope, sha256))"
    " STRICT, WITHOUT ROWID;"
    "PRAGMA user_version = 4";

static const char *const migrations[] = {
    schema_1, schema_2, schema_3, schema_4};

const struct trust_registry_format trust_registry_schema = {
    .name = "registry",
    .if_foreign = "want a registry, make one with trustctl init",
    .if_damaged = "restore it from a backup or sync it anew",
    .application_id = APPLICATION_ID,
    .pragmas = "PRAGMA synchronous = FULL;"
	       "PRAGMA journal_size_limit = 16777216",
    .migrations = migrations,
    .schema = sizeof(migrations) / sizeof(migrations[0]),
};

const char
    *const trust_registry_schema_statements[TRUST_REGISTRY_N_STATEMENTS] = {
	[TRUST_REGISTRY_READ_STATE] =
	    "SELECT value FROM meta WHERE key = 'generation'",
	[TRUST_REGISTRY_END] = "COMMIT",
	[TRUST_REGISTRY_DATA_VERSION] = "PRAGMA data_version",
	[TRUST_REGISTRY_GET_META] = "SELECT value FROM meta WHERE key = ?1",
	[TRUST_REGISTRY_GET_INFO] =
	    "SELECT kind, n, (SELECT value FROM meta WHERE key = 'generation')"
	    " FROM count",
	[TRUST_REGISTRY_GET_HELD] =
	    "SELECT serial, this_update, next_update FROM replica"
	    " WHERE which = 1",
	[TRUST_REGISTRY_FIND] =
	    "SELECT id, line FROM record WHERE kind = ?1 AND id = ?2",
	[TRUST_REGISTRY_FIND_CLAIM] =
	    "SELECT id, line FROM claim JOIN record ON kind = 1 AND id = device"
	    " WHERE claim = ?1 AND digest = ?2",
	[TRUST_REGISTRY_LIST] =
	    "SELECT id, line FROM record WHERE kind = ?1 ORDER BY id",
	[TRUST_REGISTRY_LIST_AFTER] =
	    "SELECT id, line FROM record WHERE kind = ?1 AND id > ?2"
	    " ORDER BY id LIMIT ?3",
	[TRUST_REGISTRY_CHANGES] =
	    "SELECT generation, kind, id FROM change ORDER BY seq DESC",
	[TRUST_REGISTRY_BEGIN_WRITE] = "BEGIN IMMEDIATE",
	[TRUST_REGISTRY_ROLLBACK] = "ROLLBACK",
	[TRUST_REGISTRY_SET_META] =
	    "INSERT INTO meta VALUES(?1, ?2)"
	    " ON CONFLICT DO UPDATE SET value = excluded.value",
	[TRUST_REGISTRY_CLEAR_COUNTS] = "DELETE FROM count",
	[TRUST_REGISTRY_ADD_COUNT] =
	    "INSERT INTO count VALUES(?1, ?2)"
	    " ON CONFLICT DO UPDATE SET n = n + excluded.n",
	[TRUST_REGISTRY_FIND_FORMER] =
	    "SELECT line, sent FROM record WHERE kind = ?1 AND id = ?2",
	[TRUST_REGISTRY_PUT] =
	    "INSERT INTO record(kind, id, line, sent) VALUES(?1, ?2, ?3, ?4)"
	    " ON CONFLICT DO UPDATE SET line = excluded.line,"
	    " sent = excluded.sent",
	[TRUST_REGISTRY_REMOVE] =
	    "DELETE FROM record WHERE kind = ?1 AND id = ?2",
	[TRUST_REGISTRY_CLEAR_CLAIMS] = "DELETE FROM claim",
	[TRUST_REGISTRY_CLAIM] =
	    "INSERT INTO claim VALUES(?1, ?2, ?3) ON CONFLICT DO NOTHING",
	[TRUST_REGISTRY_UNCLAIM] = "DELETE FROM claim"
				   " WHERE claim = ?1 AND digest = ?2"
				   " AND device = ?3",
	[TRUST_REGISTRY_FIND_RIVAL] = "SELECT 1 FROM claim"
				      " WHERE claim = ?1 AND digest = ?2"
				      " AND device <> ?3 LIMIT 1",
	[TRUST_REGISTRY_ADD_SUSPECT] =
	    "INSERT INTO temp.suspect VALUES(?1, ?2, ?3, ?4)",
	/* Of those that still claim it, one that another claims as well. */
	[TRUST_REGISTRY_FIND_CONFLICT] =
	    "SELECT s.claim, s.digest, s.device, s.line, rival.device"
	    " FROM temp.suspect AS s"
	    " CROSS JOIN claim AS own ON own.claim = s.claim"
	    " AND own.digest = s.digest AND own.device = s.device"
	    " CROSS JOIN claim AS rival ON rival.claim = s.claim"
	    " AND rival.digest = s.digest AND rival.device <> s.device"
	    " LIMIT 1",
	[TRUST_REGISTRY_CLEAR_SUSPECTS] = "DELETE FROM temp.suspect",
	[TRUST_REGISTRY_DEFER] =
	    "INSERT INTO temp.deferred VALUES(?1, ?2, ?3, ?4)",
	[TRUST_REGISTRY_LIST_DEFERRED] =
	    "SELECT claim, digest, device, sum(n) FROM temp.deferred"
	    " GROUP BY claim, digest, device HAVING sum(n) <> 0"
	    " ORDER BY claim, digest, device",
	[TRUST_REGISTRY_CLEAR_DEFERRED] = "DELETE FROM temp.deferred",
	[TRUST_REGISTRY_ADD_CHANGE] =
	    "INSERT INTO change(generation, kind, id) VALUES(?1, ?2, ?3)",
	[TRUST_REGISTRY_CLEAR_CHANGES] = "DELETE FROM change",
	[TRUST_REGISTRY_LAST_DROPPED] =
	    "SELECT generation FROM change"
	    " WHERE seq <= (SELECT max(seq) FROM change) - ?1"
	    " ORDER BY seq DESC LIMIT 1",
	[TRUST_REGISTRY_DROP_CHANGES] =
	    "DELETE FROM change"
	    " WHERE seq <= (SELECT max(seq) FROM change) - ?1",
};
