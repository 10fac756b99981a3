/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records that let the devices of a development PKI in.
 */
#include "pki_records.h"

#include "../certs/pemfile.h"
#include "files.h"

/* A PEM file of the directory as a JSON string, or NULL with a message. */
static json_t *
read_pem(const char *dir, const char *name, struct trust_message *msg)
{
	char path[PATH_MAX];
	struct trust_buf pem = {0};
	json_t *text = NULL;

	if (trust_pemfile_path(path, dir, name, ".pem", msg) != TRUST_OK)
		return NULL;
	if (trust_files_read(path, TRUST_CERTIFICATE_MAX, &pem, msg) ==
	    TRUST_OK)
		text = json_stringn((const char *)pem.p, pem.len);
	trust_buf_free(&pem);
	return text;
}

static enum trust_err
add_line(struct trust_buf *lines, json_t *record)
{
	enum trust_err r = TRUST_ERR_NOMEM;

	if (record == NULL)
		return r;
	r = trust_json_encode(record, lines);
	json_decref(record);
	if (r != TRUST_OK)
		return r;
	return trust_buf_add(lines, "\n", 1);
}

static enum trust_err
make_records(
    const char *dir, struct trust_buf *lines, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = add_line(
	    lines, json_pack("{s:s, s:s, s:o, s:[s]}", "kind", "anchor", "id",
		       TRUST_PKI_RECORDS_ANCHOR, "pem",
		       read_pem(dir, "root", msg), "purposes", "device"));
	if (r != TRUST_OK)
		return r;
	return add_line(lines,
	    json_pack("{s:s, s:s, s:[s], s:[o, o]}", "kind", "group", "id",
		TRUST_PKI_RECORDS_GROUP, "anchors", TRUST_PKI_RECORDS_ANCHOR,
		"intermediates", read_pem(dir, "intermediate", msg),
		read_pem(dir, "edge-ca", msg)));
}

enum trust_err
trust_pki_records_write(const char *dir, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	struct trust_buf lines = {0};
	char path[PATH_MAX];

	r = trust_pemfile_path(path, dir, TRUST_PKI_RECORDS_FILE, "", msg);
	if (r != TRUST_OK)
		goto out;
	if ((r = make_records(dir, &lines, msg)) != TRUST_OK)
		goto out;
	r = trust_pemfile_create(path, 0644, trust_buf_get0(&lines), msg);
out:
	trust_buf_free(&lines);
	return r;
}
