/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fields that the messages of sync share, for tables of field.h. What is
 * read is copied: nothing points into the JSON.
 */
#ifndef TRUST_SYNC_FIELD_H
#define TRUST_SYNC_FIELD_H

#include "field.h"

/* Functions for tables, with the type of their target. */
trust_field_read trust_sync_field_read_id; /* char[TRUST_ID_MAX + 1] */
/* char[TRUST_SESSION_LEN + 1]: a UUIDv4, brought to lower case */
trust_field_read trust_sync_field_read_session;
/* The same, and null is "". */
trust_field_read trust_sync_field_read_session_or_null;
/* struct trust_thumbprint: 64 lower-case hex digits and nothing else */
trust_field_read trust_sync_field_read_digest;
/* int64_t: RFC 3339 and never Unix seconds; years 1970 to 9999 in UTC */
trust_field_read trust_sync_field_read_time;

#endif
