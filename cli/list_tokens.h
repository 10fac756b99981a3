/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustctl list token of a running gateway: what is left of its tokens.
 */
#ifndef TRUST_LIST_TOKENS_H
#define TRUST_LIST_TOKENS_H

#include <stdbool.h>

#include "remote.h"

/* Returns the exit status; errors are printed. */
int trust_list_tokens(const struct trust_mqtt_options *gateway, bool json);

#endif
