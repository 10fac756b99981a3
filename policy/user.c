/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The effective user, by name.
 */
#include "user.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

/* Octets of an entry of the user database. */
#define ENTRY_MAX 4096

const char *
trust_user_show(char out[TRUST_USER_TEXT])
{
	struct passwd entry, *found = NULL;
	char strings[ENTRY_MAX];
	uid_t id = geteuid();

	if (getpwuid_r(id, &entry, strings, sizeof(strings), &found) == 0 &&
	    found != NULL)
		(void)snprintf(out, TRUST_USER_TEXT, "user %s", found->pw_name);
	else
		(void)snprintf(
		    out, TRUST_USER_TEXT, "user %lu", (unsigned long)id);
	return out;
}

bool
trust_user_lacks_rights(int error)
{
	return error == EACCES || error == EPERM;
}
