/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may sign a registry: sync.md, "Who may sign". Gateways ask it of the
 * signers of a statement, and an origin of its own before it signs.
 */
#ifndef TRUST_SIGNER_H
#define TRUST_SIGNER_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"

/*
 * Whether a certificate qualifies: an end entity's with digitalSignature, its
 * key of 112 bits, signed with SHA-256 or better, issued directly by one of
 * the anchors, valid at both times. If not, the message says what was wanted.
 */
enum trust_err trust_signer_check(X509 *signer, STACK_OF(X509) *anchors,
    int64_t now, int64_t this_update, bool *qualifies,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* Whether it may qualify somewhere: the same without the anchors, which an
 * origin does not know. Who passes here alone counts for nobody. */
enum trust_err trust_signer_check_unanchored(X509 *signer, int64_t now,
    int64_t this_update, bool *qualifies,
    struct trust_message *msg) TRUST_MUST_CHECK;

#endif
