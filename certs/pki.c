/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A PKI for development, as files in a directory.
 */
#include "pki.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "pair.h"
#include "pemfile.h"

/* Clocks of sensors that are set by hand are minutes off. */
#define BACKDATE_S  300
#define DAY_S       86400
#define CA_DAYS     3650
#define SERVER_DAYS 825

/* Everything that trust_pki_init makes, issuers first. The server is stored
 * last: where it is, all is. */
enum member {
	ROOT,
	INTERMEDIATE,
	EDGE_CA,
	REGISTRY_ROOT,
	REGISTRY_SIGNER,
	SERVER,
	N_MEMBERS,
};

static const struct {
	const char *file; /* without the ending */
	const char *cn;   /* NULL: the first host */
	enum trust_profile profile;
	enum member issuer; /* itself: self-signed */
	int days;
} members[] = {
    [ROOT] = {"root", "Development Root", TRUST_PROFILE_ROOT, ROOT, CA_DAYS},
    [INTERMEDIATE] = {"intermediate", "Development Intermediate",
	TRUST_PROFILE_INTERMEDIATE, ROOT, CA_DAYS},
    [EDGE_CA] = {"edge-ca", "Development Edge CA", TRUST_PROFILE_EDGE_CA,
	INTERMEDIATE, CA_DAYS},
    [REGISTRY_ROOT] = {"registry-root", "Development Registry Root",
	TRUST_PROFILE_SIGNER_ROOT, REGISTRY_ROOT, CA_DAYS},
    [REGISTRY_SIGNER] = {"registry-signer", "Development Registry Signer",
	TRUST_PROFILE_SIGNER, REGISTRY_ROOT, SERVER_DAYS},
    [SERVER] = {"server", NULL, TRUST_PROFILE_SERVER, INTERMEDIATE,
	SERVER_DAYS},
};

/* Make DIR/NAME, and tell its path. */
static enum trust_err
make_subdirectory(const struct trust_pki *pki, const char *name,
    char out[PATH_MAX], struct trust_message *msg)
{
	enum trust_err r = trust_pemfile_path(out, pki->dir, name, "", msg);

	if (r != TRUST_OK)
		return r;
	return trust_pemfile_make_folder(out, msg);
}

bool
trust_pki_is_anchor(X509 *x509)
{
	char cn[TRUST_ISSUE_CN_MAX + 1] = "";
	const X509_NAME *name = X509_get_subject_name(x509);

	/* They have a common name and nothing else. */
	if (X509_NAME_entry_count(name) != 1 ||
	    X509_NAME_get_text_by_NID((X509_NAME *)(uintptr_t)name,
		NID_commonName, cn, sizeof(cn)) <= 0)
		return false;
	for (enum member m = ROOT; m < SERVER; m++) {
		if (m != REGISTRY_SIGNER && strcmp(cn, members[m].cn) == 0)
			return true;
	}
	return false;
}

/* ---- Servers ---- */

/* The hosts of a server: those asked for and loopback, each once. */
struct hosts {
	const char *v[TRUST_PKI_HOSTS_MAX + 3];
	size_t n;
};

static void
add_host(struct hosts *hosts, const char *host)
{
	size_t i;

	for (i = 0; i < hosts->n; i++)
		if (strcmp(hosts->v[i], host) == 0)
			return;
	hosts->v[hosts->n++] = host;
}

static enum trust_err
collect_hosts(const char *const *asked, size_t n, struct hosts *out,
    struct trust_message *msg)
{
	size_t i;

	if (n == 0 || n > TRUST_PKI_HOSTS_MAX)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "want 1 to %d host names, got %zu", TRUST_PKI_HOSTS_MAX, n);
	for (i = 0; i < n; i++)
		add_host(out, asked[i]);
	add_host(out, "localhost");
	add_host(out, "127.0.0.1");
	add_host(out, "::1");
	return TRUST_OK;
}

/* Names of hosts can be longer than a common name, which is only for show
 * there. */
static const char *
server_cn(const struct hosts *hosts)
{
	return strlen(hosts->v[0]) <= TRUST_ISSUE_CN_MAX ? hosts->v[0]
							 : "gateway";
}

/* When a certificate made now is valid. */
static void
set_dates(struct trust_issue *issue, const struct trust_pki *pki, int days)
{
	issue->not_before = pki->now - BACKDATE_S;
	issue->not_after = pki->now + (int64_t)days * DAY_S;
}

static enum trust_err
make_server(const struct trust_pki *pki, const struct hosts *hosts, int days,
    const struct trust_pair *issuer, struct trust_pair *out,
    struct trust_message *msg)
{
	struct trust_issue issue = {
	    .profile = TRUST_PROFILE_SERVER,
	    .cn = server_cn(hosts),
	    .hosts = hosts->v,
	    .n_hosts = hosts->n,
	};

	set_dates(&issue, pki, days);
	return trust_pair_make(pki->key, &issue, issuer, out, msg);
}

/* ---- init ---- */

/* Make one of them that is not the server. */
static enum trust_err
make_member(const struct trust_pki *pki, enum member m,
    struct trust_pair pairs[N_MEMBERS], struct trust_message *msg)
{
	struct trust_issue issue = {
	    .profile = members[m].profile, .cn = members[m].cn};
	const struct trust_pair *issuer =
	    members[m].issuer != m ? &pairs[members[m].issuer] : NULL;

	set_dates(&issue, pki, members[m].days);
	return trust_pair_make(pki->key, &issue, issuer, &pairs[m], msg);
}

static enum trust_err
make_members(const struct trust_pki *pki, const struct hosts *hosts,
    struct trust_pair pairs[N_MEMBERS], struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	enum member m;

	for (m = ROOT; m < SERVER; m++)
		if ((r = make_member(pki, m, pairs, msg)) != TRUST_OK)
			return r;
	return make_server(pki, hosts, members[SERVER].days,
	    &pairs[members[SERVER].issuer], &pairs[SERVER], msg);
}

static enum trust_err
store_members(const struct trust_pki *pki,
    const struct trust_pair pairs[N_MEMBERS], struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	X509 *sent;
	enum member m;

	for (m = ROOT; m < N_MEMBERS; m++) {
		sent =
		    m == SERVER ? pairs[members[m].issuer].certificate : NULL;
		r = trust_pair_store(
		    &pairs[m], sent, pki->dir, members[m].file, msg);
		if (r != TRUST_OK)
			break;
	}
	if (r == TRUST_OK)
		return TRUST_OK;
	while (m > ROOT)
		trust_pair_remove(pki->dir, members[--m].file);
	return r;
}

/* Refuse a directory that has any of the files. */
static enum trust_err
check_free(const struct trust_pki *pki, struct trust_message *msg)
{
	static const char *const endings[] = {".pem", ".key"};
	enum trust_err r = TRUST_ERR_INTERNAL;
	char path[PATH_MAX];
	int i;

	r = trust_pemfile_path(
	    path, pki->dir, members[SERVER].file, ".pem", msg);
	if (r != TRUST_OK)
		return r;
	if (access(path, F_OK) == 0)
		return trust_err_set(msg, TRUST_ERR_CONFLICT,
		    "%s: has a PKI already, which stays as it is", pki->dir);
	for (i = 0; i < 2 * N_MEMBERS; i++) {
		r = trust_pemfile_path(
		    path, pki->dir, members[i / 2].file, endings[i % 2], msg);
		if (r != TRUST_OK)
			return r;
		if (access(path, F_OK) == 0)
			return trust_err_set(msg, TRUST_ERR_CONFLICT,
			    "%s: is there already, want a directory without it",
			    path);
	}
	return TRUST_OK;
}

static enum trust_err
make_directories(const struct trust_pki *pki, struct trust_message *msg)
{
	enum trust_err r = trust_pemfile_make_folder(pki->dir, msg);
	char path[PATH_MAX];

	if (r != TRUST_OK)
		return r;
	return make_subdirectory(pki, "devices", path, msg);
}

enum trust_err
trust_pki_init(const struct trust_pki *pki, const char *const *hosts,
    size_t n_hosts, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	struct trust_pair pairs[N_MEMBERS] = {0};
	struct hosts all = {0};
	enum member m;

	if ((r = check_free(pki, msg)) != TRUST_OK ||
	    (r = collect_hosts(hosts, n_hosts, &all, msg)) != TRUST_OK ||
	    (r = make_members(pki, &all, pairs, msg)) != TRUST_OK ||
	    (r = make_directories(pki, msg)) != TRUST_OK)
		goto out;
	r = store_members(pki, pairs, msg);
out:
	for (m = ROOT; m < N_MEMBERS; m++)
		trust_pair_clear(&pairs[m]);
	return r;
}

/* ---- device ---- */

/* ID-chain.pem: the leaf with its CAs, as a sensor sends them. */
static enum trust_err
store_chain(const struct trust_pki *pki, const char *dir, const char *id,
    X509 *leaf, X509 *edge_ca, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	X509 *certificates[] = {leaf, edge_ca, NULL};
	char path[PATH_MAX];

	r = trust_pemfile_path(
	    path, pki->dir, members[INTERMEDIATE].file, ".pem", msg);
	if (r != TRUST_OK)
		goto out;
	r = trust_pemfile_load(path, &certificates[2], msg);
	if (r != TRUST_OK)
		goto out;
	r = trust_pemfile_path(path, dir, id, "-chain.pem", msg);
	if (r != TRUST_OK)
		goto out;
	r = trust_pemfile_store(path, certificates, 3, msg);
out:
	X509_free(certificates[2]);
	return r;
}

/* `edge_ca` NULL: self-signed. */
static enum trust_err
store_device(const struct trust_pki *pki, const char *id,
    const struct trust_pair *device, const struct trust_pair *edge_ca,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	char dir[PATH_MAX];

	if ((r = make_subdirectory(pki, "devices", dir, msg)) != TRUST_OK)
		return r;
	r = trust_pair_store(device, NULL, dir, id, msg);
	if (r != TRUST_OK || edge_ca == NULL)
		return r;
	r = store_chain(
	    pki, dir, id, device->certificate, edge_ca->certificate, msg);
	if (r != TRUST_OK)
		trust_pair_remove(dir, id);
	return r;
}

enum trust_err
trust_pki_device(const struct trust_pki *pki, const char *id, int days,
    bool self_signed, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	struct trust_issue issue = {.profile = TRUST_PROFILE_DEVICE, .cn = id};
	struct trust_pair edge_ca = {0}, device = {0};
	const struct trust_pair *issuer = self_signed ? NULL : &edge_ca;

	set_dates(&issue, pki, days);
	r = trust_pair_load(pki->dir, members[EDGE_CA].file, &edge_ca, msg);
	if (r != TRUST_OK)
		goto out;
	r = trust_pair_make(pki->key, &issue, issuer, &device, msg);
	if (r != TRUST_OK)
		goto out;
	r = store_device(pki, id, &device, issuer, msg);
out:
	trust_pair_clear(&edge_ca);
	trust_pair_clear(&device);
	return r;
}

/* ---- server ---- */

enum trust_err
trust_pki_server(const struct trust_pki *pki, const char *const *hosts,
    size_t n_hosts, int days, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	struct trust_pair issuer = {0}, server = {0};
	struct hosts all = {0};
	char dir[PATH_MAX];

	if ((r = collect_hosts(hosts, n_hosts, &all, msg)) != TRUST_OK)
		goto out;
	r = trust_pair_load(
	    pki->dir, members[members[SERVER].issuer].file, &issuer, msg);
	if (r != TRUST_OK)
		goto out;
	r = make_server(pki, &all, days, &issuer, &server, msg);
	if (r != TRUST_OK)
		goto out;
	if ((r = make_subdirectory(pki, "servers", dir, msg)) != TRUST_OK)
		goto out;
	r = trust_pair_store(&server, issuer.certificate, dir, hosts[0], msg);
out:
	trust_pair_clear(&issuer);
	trust_pair_clear(&server);
	return r;
}
