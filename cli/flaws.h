/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Anchors and CRLs that are put and that no gateway can go by. That is no
 * error: what a gateway makes of them is safe. But it concerns all devices
 * under a CA, and whoever has put them wants to know.
 */
#ifndef TRUST_FLAWS_H
#define TRUST_FLAWS_H

#include "trust.h"

/* Of a kind; there are notes of the first of them. */
struct trust_flaws_of_kind {
	struct trust_message *notes; /* owned */
	size_t n;
};

/* Zeroed memory is none. */
struct trust_flaws {
	struct trust_flaws_of_kind anchors, crls;
};

void trust_flaws_clear(struct trust_flaws *flaws);

/* Look at a record of any kind. TRUST_ERR_INPUT: a CRL without dates that can
 * be read, which is never right, whoever may read it. */
enum trust_err trust_flaws_add(struct trust_flaws *flaws,
    const struct trust_record *record,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* A note on standard error for each, up to a few of a kind. */
void trust_flaws_tell(const struct trust_flaws *flaws);

#endif
