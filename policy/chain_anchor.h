/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trust anchor by itself: whether any path can end at it.
 */
#ifndef TRUST_CHAIN_ANCHOR_H
#define TRUST_CHAIN_ANCHOR_H

#include <openssl/x509.h>
#include <stdbool.h>

#include "err.h"
#include "limit.h"
#include "reason.h"

/*
 * Whether the certificate keeps the rules that an anchor of a path has to keep
 * whatever is below it. Otherwise no path to it is valid, the reason is in
 * `reason` and the rule in `detail`. Its dates, which end by themselves, and
 * whose purposes it serves are not looked at.
 */
bool trust_chain_anchor_check(X509 *anchor, enum trust_reason *reason,
    char detail[TRUST_DETAIL_MAX]) TRUST_MUST_CHECK;

#endif
