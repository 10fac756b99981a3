/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who this process runs as, for messages about files: a broker changes its
 * user when it starts, and that is what is wrong with most files.
 */
#ifndef TRUST_USER_H
#define TRUST_USER_H

#include <stdbool.h>

/* Octets of a user's name, cut, with the NUL. */
#define TRUST_USER_TEXT 64

/* "user mosquitto", or "user 103" without a name. Returns `out`. */
const char *trust_user_show(char out[TRUST_USER_TEXT]);

/* Whether the system's error is about rights, which this user lacks. */
bool trust_user_lacks_rights(int error);

#endif
