/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A decision as JSON, for programs: `trustctl check --json` and `explain`.
 */
#ifndef TRUST_EXPLAIN_H
#define TRUST_EXPLAIN_H

#include "certificate.h"
#include "steps.h"
#include "verdict.h"

struct json_t;

/*
 * {"decision":"allow" or "deny","reason",…,"steps":[{"result","text"},…]}: a
 * new reference, or NULL without memory. Roles are listed with an allowance
 * alone. What is not known is null.
 */
struct json_t *trust_explain_json(const struct trust_verdict *verdict,
    const struct trust_certificate *certificate,
    const struct trust_steps *steps);

/* The steps alone: [{"result":"fact", "passed" or "failed","text"},…]. */
struct json_t *trust_explain_steps_json(const struct trust_steps *steps);

/* What an allowing verdict grants, ["default"] where nobody named roles; [] for
 * a denial. */
struct json_t *trust_explain_roles_json(const struct trust_verdict *verdict);

#endif
