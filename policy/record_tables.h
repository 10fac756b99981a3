/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fields that the larger kinds of records have, for the record parser
 * alone. Offsets are those of struct trust_record.
 */
#ifndef TRUST_RECORD_TABLES_H
#define TRUST_RECORD_TABLES_H

#include "field.h"

extern const struct trust_field trust_record_device_fields[];
extern const struct trust_field trust_record_group_fields[];
extern const struct trust_field trust_record_role_fields[];

/* Reads enum trust_client_id: "exact" or "prefix". */
trust_field_read trust_record_read_client_id;

#endif
