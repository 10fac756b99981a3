/* SPDX-License-Identifier: Apache-2.0 */
/*
 * REGISTRY.staging: content parts that have come, until they are applied. A
 * database of its own, so that it never meets what the broker reads; there is
 * nothing in it that could not be fetched again.
 */
#ifndef TRUST_REGISTRY_STAGING_H
#define TRUST_REGISTRY_STAGING_H

#include "thumbprint.h"

struct trust_registry_staging;

/* Open, and make it if need be; a damaged one is made anew. */
enum trust_err trust_registry_staging_open(const char *registry_path,
    struct trust_registry_staging **out,
    struct trust_message *msg) TRUST_MUST_CHECK;
void trust_registry_staging_close(struct trust_registry_staging *staging);

enum trust_err trust_registry_staging_has(
    struct trust_registry_staging *staging,
    const struct trust_thumbprint *sha256, bool *has,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* The caller has looked at the digest. */
enum trust_err trust_registry_staging_put(
    struct trust_registry_staging *staging,
    const struct trust_thumbprint *sha256, struct trust_span part,
    struct trust_message *msg) TRUST_MUST_CHECK;
/*
 * Append the part to `out`. TRUST_ERR_NOT_FOUND, without a message: it is not
 * there, or is not any more what its digest says, and then it is dropped.
 */
enum trust_err trust_registry_staging_get(
    struct trust_registry_staging *staging,
    const struct trust_thumbprint *sha256, struct trust_buf *out,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* Drop all parts. */
enum trust_err trust_registry_staging_clear(
    struct trust_registry_staging *staging,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* Drop all parts but those named between begin and end, and give the room
 * back. */
enum trust_err trust_registry_staging_begin_keep(
    struct trust_registry_staging *staging,
    struct trust_message *msg) TRUST_MUST_CHECK;
enum trust_err trust_registry_staging_keep(
    struct trust_registry_staging *staging,
    const struct trust_thumbprint *sha256,
    struct trust_message *msg) TRUST_MUST_CHECK;
enum trust_err trust_registry_staging_end_keep(
    struct trust_registry_staging *staging,
    struct trust_message *msg) TRUST_MUST_CHECK;

#endif
