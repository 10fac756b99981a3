/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scopes of which an origin registry has been published.
 */
#include <string.h>

#include "registry_internal.h"

static enum trust_err
visit_row(const struct trust_registry *registry, sqlite3_stmt *row,
    trust_registry_visit *visit, void *arg, struct trust_message *msg)
{
	struct trust_span scope = trust_registry_file_get0_bytes(row, 0);
	char id[TRUST_ID_MAX + 1];

	if (!trust_id_check(scope.p, scope.len))
		return trust_registry_file_damaged(
		    &registry->file, msg, "publication");
	memcpy(id, scope.p, scope.len);
	id[scope.len] = '\0';
	return visit(arg, id, scope);
}

enum trust_err
trust_registry_list_scopes(struct trust_registry *registry,
    trust_registry_visit *visit, void *arg, struct trust_message *msg)
{
	static const char *const list[] = {
	    "SELECT scope FROM publication ORDER BY scope"};
	sqlite3_stmt *statement = NULL;
	bool row = true;
	enum trust_err r = trust_registry_file_prepare(
	    &registry->file, list, 1, &statement, msg);

	while (r == TRUST_OK) {
		r = trust_registry_file_step(
		    &registry->file, statement, &row, msg);
		if (r != TRUST_OK || !row)
			break;
		r = visit_row(registry, statement, visit, arg, msg);
	}
	sqlite3_finalize(statement);
	return r;
}
