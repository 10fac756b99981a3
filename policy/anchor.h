/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trust anchors of a registry, by what they are for. Those for devices are
 * in sets.h, with the groups that name them.
 */
#ifndef TRUST_ANCHOR_H
#define TRUST_ANCHOR_H

#include <openssl/x509.h>

#include "registry.h"

/* The certificates of the enabled anchors that have one of these purposes
 * (TRUST_PURPOSE_BIT_…), in the order of their ids. The caller frees with
 * sk_X509_pop_free. */
enum trust_err trust_anchor_load(struct trust_registry *registry,
    unsigned purposes, STACK_OF(X509) **out,
    struct trust_message *msg) TRUST_MUST_CHECK;

/*
 * The trust bundle: the anchors with purpose bundle as PEM, certificates and
 * nothing else, each once. Appends to `out`, which the caller frees; nothing
 * where there is none.
 */
enum trust_err trust_anchor_encode_bundle(struct trust_registry *registry,
    struct trust_buf *out, struct trust_message *msg) TRUST_MUST_CHECK;

#endif
