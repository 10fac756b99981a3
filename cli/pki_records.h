/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records that let the devices of a development PKI in: its anchor, and a
 * group under it.
 */
#ifndef TRUST_PKI_RECORDS_H
#define TRUST_PKI_RECORDS_H

#include "trust.h"

#define TRUST_PKI_RECORDS_FILE   "records.jsonl"
#define TRUST_PKI_RECORDS_ANCHOR "development-root"
#define TRUST_PKI_RECORDS_GROUP  "development"

/* Write them to a new file in the PKI's directory, for trustctl put. */
enum trust_err trust_pki_records_write(
    const char *dir, struct trust_message *msg) TRUST_MUST_CHECK;

#endif
