/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Uses of tokens, in REGISTRY.local: a gateway counts those of its tokens
 * itself. A use is spent on one key, for good, and finished when the device
 * has come in with that key. Nothing is ever dropped: to forget a use would
 * let its token be used once more.
 */
#ifndef TRUST_TOKEN_H
#define TRUST_TOKEN_H

#include "local.h"

/* Which token: a record that gets another secret is another token. Borrowed. */
struct trust_token_id {
	const char *id;
	const struct trust_thumbprint *secret_sha256;
};

struct trust_token_uses {
	int64_t n_spent;
	int64_t n_finished; /* of those */
	/* Of the key that was asked about: */
	bool is_spent;
	bool is_finished;
};

/* `key` may be NULL. */
enum trust_err trust_token_count(struct trust_local *local,
    const struct trust_token_id *token, const struct trust_thumbprint *key,
    struct trust_token_uses *out, struct trust_message *msg) TRUST_MUST_CHECK;

/*
 * Spend one of `uses` on a key of the device. On the disk when it returns; a
 * use that is spent on this key already is, and costs nothing.
 * TRUST_ERR_CONFLICT (without a message): all are spent on other keys.
 */
enum trust_err trust_token_spend(struct trust_local *local,
    const struct trust_token_id *token, int64_t uses, const char *device,
    const struct trust_thumbprint *key,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* The device has come in with this key: finish what was spent on it. *any
 * tells whether there was something. Costs nothing while no use is open. */
enum trust_err trust_token_finish(struct trust_local *local, const char *device,
    const struct trust_thumbprint *key, bool *any,
    struct trust_message *msg) TRUST_MUST_CHECK;

#endif
