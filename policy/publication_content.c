/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records of a scope, compared with what was sent of them, and written
 * into parts of a delta. Memory holds one part and one record.
 */
#include "publication_content.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "content.h"

void
trust_publication_content_clear(struct trust_publication_content *content)
{
	trust_buf_free(&content->bytes);
	trust_buf_free(&content->record);
	trust_buf_free(&content->line);
}

/* ---- Parts ---- */

static enum trust_err
end_part(struct trust_publication_content *content)
{
	struct trust_span bytes = trust_buf_get0(&content->bytes);
	enum trust_err r = TRUST_ERR_INTERNAL;

	if (bytes.len == 0)
		return TRUST_OK;
	r = trust_thumbprint_of(bytes, &content->part.sha256);
	if (r != TRUST_OK)
		return r;
	r = trust_registry_publication_add_part(
	    content->publication, &content->part, bytes, content->msg);
	if (r != TRUST_OK)
		return r;
	content->part.n++;
	content->bytes.len = 0;
	return TRUST_OK;
}

/* Add content->line to the part, or begin another with it. */
static enum trust_err
add_line(struct trust_publication_content *content)
{
	const struct trust_buf *line = &content->line;
	enum trust_err r = TRUST_OK;

	if (content->bytes.len + line->len > TRUST_PART_MAX)
		r = end_part(content);
	if (r == TRUST_OK)
		r = trust_buf_add(&content->bytes, line->p, line->len);
	return r;
}

/* ---- Records as they are sent ---- */

static bool
is_in_scope(const struct trust_record *record, const char *scope)
{
	const json_t *scopes = json_object_get(record->json, "scopes");
	json_t *entry;
	size_t i;

	if (scopes == NULL)
		return true;
	json_array_foreach(scopes, i, entry)
	{
		if (strcmp(json_string_value(entry), scope) == 0)
			return true;
	}
	return false;
}

/* The canonical line that the scope gets of a record; NULL for none. */
static enum trust_err
encode_sent(struct trust_publication_content *content,
    const struct trust_record *record, struct trust_span *out)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	*out = (struct trust_span){0};
	if (!is_in_scope(record, content->scope))
		return TRUST_OK;
	content->record.len = 0;
	r = trust_content_encode_record(record, &content->record);
	if (r == TRUST_OK)
		*out = trust_buf_get0(&content->record);
	return r;
}

static bool
holds_text(struct trust_span line, const char *text)
{
	return memmem(line.p, line.len, text, strlen(text)) != NULL;
}

/* Whether the text of a canonical line leaves open that the scope does not get
 * the record, and that it does. Its ids have no character that would be
 * escaped; keys of anybody's choice are in attributes alone. */
static bool
may_have_scopes(struct trust_span line)
{
	return holds_text(line, "\"scopes\":");
}

static bool
may_name_scope(struct trust_span line, const char *scope)
{
	char name[TRUST_ID_MAX + 3];

	(void)snprintf(name, sizeof(name), "\"%s\"", scope);
	return holds_text(line, name) || holds_text(line, "\"attributes\":");
}

/* The same of a line as the registry has it. Most have no scopes, or those of
 * others, and that shows without parsing it. */
static enum trust_err
read_sent(struct trust_publication_content *content, struct trust_span line,
    struct trust_span *out)
{
	struct trust_record *record = NULL;
	enum trust_err r = TRUST_ERR_INTERNAL;

	*out = line;
	if (!may_have_scopes(line))
		return TRUST_OK;
	*out = (struct trust_span){0};
	if (!may_name_scope(line, content->scope))
		return TRUST_OK;
	r = trust_record_parse(line, &record, content->msg);
	if (r == TRUST_OK)
		r = encode_sent(content, record, out);
	else if (r == TRUST_ERR_INPUT)
		r = TRUST_ERR_DAMAGED;
	trust_record_free(record);
	return r;
}

/* ---- What changed ---- */

static enum trust_err
leave(struct trust_publication_content *content, enum trust_kind kind,
    const char *id, const struct trust_thumbprint *before)
{
	struct trust_registry_publication_head *head = content->head;
	enum trust_err r = TRUST_ERR_INTERNAL;

	trust_content_state_subtract(&head->state, before);
	head->n_records--;
	content->changed = true;
	r = trust_registry_publication_remove_member(
	    content->publication, kind, id, content->msg);
	if (r != TRUST_OK || !content->writes_delta)
		return r;
	content->line.len = 0;
	r = trust_content_encode_remove(kind, id, &content->line);
	return r == TRUST_OK ? add_line(content) : r;
}

/* `before` is NULL for a record that comes into the scope. */
static enum trust_err
enter(struct trust_publication_content *content, enum trust_kind kind,
    const char *id, const struct trust_thumbprint *before,
    const struct trust_thumbprint *after, struct trust_span sent)
{
	struct trust_registry_publication_head *head = content->head;
	enum trust_err r = TRUST_ERR_INTERNAL;

	if (before != NULL)
		trust_content_state_subtract(&head->state, before);
	else
		head->n_records++;
	trust_content_state_add(&head->state, after);
	content->changed = true;
	r = trust_registry_publication_put_member(
	    content->publication, kind, id, after, content->msg);
	if (r != TRUST_OK || !content->writes_delta)
		return r;
	content->line.len = 0;
	r = trust_content_encode_put(sent, &content->line);
	return r == TRUST_OK ? add_line(content) : r;
}

/* Compare what the scope gets of a record, NULL for none, with what it got. */
static enum trust_err
compare(struct trust_publication_content *content, enum trust_kind kind,
    const char *id, struct trust_span sent)
{
	struct trust_thumbprint before;
	struct trust_thumbprint after;
	enum trust_err r = TRUST_ERR_INTERNAL;
	bool was;

	r = trust_registry_publication_find_member(
	    content->publication, kind, id, &before, content->msg);
	if (r != TRUST_OK && r != TRUST_ERR_NOT_FOUND)
		return r;
	was = r == TRUST_OK;
	if (sent.p == NULL)
		return was ? leave(content, kind, id, &before) : TRUST_OK;
	r = trust_thumbprint_of(sent, &after);
	if (r != TRUST_OK || (was && trust_thumbprint_equal(&before, &after)))
		return r;
	return enter(content, kind, id, was ? &before : NULL, &after, sent);
}

/* ---- By the list of changes ---- */

static enum trust_err
compare_changed(struct trust_publication_content *content, enum trust_kind kind,
    const char *id)
{
	struct trust_record *record = NULL;
	struct trust_span sent = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_find(
	    content->registry, kind, id, &record, content->msg);
	if (r == TRUST_OK)
		r = encode_sent(content, record, &sent);
	else if (r == TRUST_ERR_NOT_FOUND)
		r = TRUST_OK;
	if (r == TRUST_OK)
		r = compare(content, kind, id, sent);
	trust_record_free(record);
	return r;
}

/* A record that was touched twice is the same the second time. */
static void
visit_change(void *arg, enum trust_kind kind, const char *id)
{
	struct trust_publication_content *content = arg;

	if (content->failed == TRUST_OK)
		content->failed = compare_changed(content, kind, id);
}

/* ---- Record by record ---- */

static enum trust_err
visit_record(void *arg, const char *id, struct trust_span line)
{
	struct trust_publication_content *content = arg;
	enum trust_err r = TRUST_ERR_INTERNAL;
	struct trust_span sent;

	r = read_sent(content, line, &sent);
	if (r != TRUST_OK)
		return r;
	/* A session begins without members: none can leave. */
	if (sent.p == NULL && !content->writes_delta)
		return TRUST_OK;
	return compare(content, content->kind, id, sent);
}

static enum trust_err
drop_orphans(struct trust_publication_content *content)
{
	enum trust_kind kind = (enum trust_kind)0;
	char id[TRUST_ID_MAX + 1] = "";
	struct trust_span none = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;

	do {
		r = trust_registry_publication_next_orphan(
		    content->publication, &kind, id, content->msg);
		if (r == TRUST_OK)
			r = compare(content, kind, id, none);
	} while (r == TRUST_OK);
	return r == TRUST_ERR_NOT_FOUND ? TRUST_OK : r;
}

static enum trust_err
compare_all(struct trust_publication_content *content)
{
	enum trust_err r = TRUST_OK;

	for (int kind = TRUST_KIND_FIRST;
	     r == TRUST_OK && kind <= TRUST_KIND_LAST; kind++) {
		content->kind = (enum trust_kind)kind;
		r = trust_registry_list(content->registry, content->kind,
		    visit_record, content, content->msg);
	}
	if (r == TRUST_OK)
		r = drop_orphans(content);
	return r;
}

enum trust_err
trust_publication_content_follow(struct trust_publication_content *content)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	content->part = (struct trust_registry_publication_part){
	    .serial = content->head->serial};
	r = trust_registry_changes(content->registry, content->head->generation,
	    visit_change, content, content->msg);
	if (r == TRUST_ERR_NOT_FOUND)
		r = compare_all(content);
	else if (r == TRUST_OK)
		r = content->failed;
	return r == TRUST_OK ? end_part(content) : r;
}

/* ---- Snapshots ---- */

enum trust_err
trust_publication_content_encode(struct trust_publication_content *content,
    const char *id, struct trust_span line)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	struct trust_span sent;

	r = read_sent(content, line, &sent);
	if (r != TRUST_OK)
		return r;
	if (sent.p == NULL)
		return trust_err_set(content->msg, TRUST_ERR_DAMAGED,
		    "scope %s: %s counts as a member and is none",
		    content->scope, id);
	content->line.len = 0;
	return trust_content_encode_put(sent, &content->line);
}
