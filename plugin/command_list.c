/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands listSessions and listDevices, a page at a time: the broker
 * stands still meanwhile.
 */
#include <stdlib.h>

#include "command_call.h"

/* Entries of one answer. */
#define PAGE_MAX 100

/* ---- Sessions ---- */

struct sessions_page {
	json_t *array;
	int64_t skip, n;
	int64_t seen; /* so far */
};

static json_t *
session_json(const struct trust_session *session)
{
	const struct trust_verdict *verdict =
	    trust_admission_get0_verdict(session->admission);
	const struct trust_certificate *certificate =
	    trust_admission_get0_certificate(session->admission);
	char hex[TRUST_THUMBPRINT_TEXT] = "";

	if (certificate != NULL)
		(void)trust_thumbprint_format(&certificate->thumbprint, hex);
	return json_pack("{s:s, s:s, s:o, s:o, s:s, s:s, s:o, s:o, s:o}",
	    "client", session->client_id, "device", session->device, "address",
	    trust_json_text(session->address), "since",
	    trust_call_time(session->since), "reason",
	    trust_reason_name(verdict->reason), "auth",
	    certificate != NULL ? "certificate" : "psk", "thumbprint",
	    trust_json_text(hex), "anchor",
	    trust_json_text(trust_admission_get0_anchor(session->admission)),
	    "valid_until", trust_call_time(verdict->valid_until));
}

static void
add_session(void *arg, struct trust_session *session)
{
	struct sessions_page *page = arg;

	if (!trust_session_is_live(session))
		return;
	if (page->seen >= page->skip && page->seen < page->skip + page->n)
		(void)json_array_append_new(page->array, session_json(session));
	page->seen++;
}

json_t *
trust_command_list_sessions(
    const struct trust_call *call, struct trust_message *msg)
{
	struct sessions_page page = {0};

	if (!trust_call_get_number(
		call, "count", PAGE_MAX, 1, PAGE_MAX, &page.n, msg) ||
	    !trust_call_get_number(
		call, "offset", 0, 0, INT32_MAX, &page.skip, msg))
		return NULL;
	page.array = json_array();
	trust_sessions_walk(call->plugin->sessions, add_session, &page);
	return json_pack("{s:I, s:o}", "total", (json_int_t)page.seen,
	    "sessions", page.array);
}

/* ---- Devices ---- */

static json_t *
device_json(
    const struct trust_plugin *plugin, const struct trust_gate_device *device)
{
	const struct trust_seen *seen = &device->seen;
	char hex[TRUST_THUMBPRINT_TEXT] = "";

	if (device->was_here && !trust_seen_is_psk(seen))
		(void)trust_thumbprint_format(&seen->thumbprint, hex);
	return json_pack(
	    "{s:s, s:b, s:s, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "device",
	    device->id, "registered", device->registered, "status",
	    device->enabled ? "enabled" : "disabled", "blocked",
	    device->blocked, "connected",
	    trust_session_find_live(plugin->sessions, device->id) != NULL,
	    "last_seen", trust_call_time(seen->at), "address",
	    trust_json_text(seen->address), "matched",
	    trust_json_text(
		device->was_here ? trust_match_name(device->match) : ""),
	    "anchor", trust_json_text(seen->anchor), "thumbprint",
	    trust_json_text(hex), "expires", trust_call_time(seen->not_after));
}

/* What a page of devices is asked for by. */
struct devices_wanted {
	int64_t count, skip;
	const char *after;
	const char *expiring; /* a duration; NULL: whenever they end */
	const char *anchor;   /* NULL: whatever they came by */
};

static bool
get_wanted(const struct trust_call *call, struct devices_wanted *out,
    struct trust_message *msg)
{
	out->after = trust_call_get0_text(call, "after", "", msg);
	out->expiring = trust_call_get0_text(call, "expiring", NULL, msg);
	out->anchor = trust_call_get0_text(call, "anchor", NULL, msg);
	if (msg->text[0] == '\0' && out->expiring != NULL &&
	    out->anchor != NULL)
		(void)trust_err_set(msg, TRUST_ERR_INPUT,
		    "anchor: want it without expiring, got both");
	return msg->text[0] == '\0' &&
	       trust_call_get_number(
		   call, "count", PAGE_MAX, 1, PAGE_MAX, &out->count, msg) &&
	       trust_call_get_number(
		   call, "offset", 0, 0, INT32_MAX, &out->skip, msg);
}

/* One more than a page, to know whether another page follows. */
static enum trust_err
find_devices(const struct trust_call *call, const struct devices_wanted *wanted,
    struct trust_gate_device v[PAGE_MAX + 1], size_t *n,
    struct trust_message *msg)
{
	struct trust_gate *gate = call->plugin->gate;
	int64_t within_s;

	if (wanted->anchor != NULL)
		return trust_gate_list_anchor(gate, wanted->anchor,
		    wanted->after, v, PAGE_MAX + 1, n, msg);
	if (wanted->expiring == NULL)
		return trust_gate_list_devices(
		    gate, wanted->after, v, PAGE_MAX + 1, n, msg);
	if (trust_duration_parse(wanted->expiring, &within_s) != TRUST_OK)
		return trust_err_set(
		    msg, TRUST_ERR_INPUT, "expiring: want a duration like 30d");
	return trust_gate_list_ending(gate, trust_plugin_now() + within_s,
	    (size_t)wanted->skip, v, PAGE_MAX + 1, n, msg);
}

json_t *
trust_command_list_devices(
    const struct trust_call *call, struct trust_message *msg)
{
	struct trust_gate_device *v = calloc(PAGE_MAX + 1, sizeof(*v));
	struct devices_wanted wanted;
	json_t *devices, *data = NULL;
	size_t n = 0;

	if (v == NULL || !get_wanted(call, &wanted, msg) ||
	    find_devices(call, &wanted, v, &n, msg) != TRUST_OK)
		goto out;
	devices = json_array();
	for (size_t i = 0; i < n && i < (size_t)wanted.count; i++)
		(void)json_array_append_new(
		    devices, device_json(call->plugin, &v[i]));
	data = json_pack(
	    "{s:o, s:b}", "devices", devices, "more", n > (size_t)wanted.count);
out:
	free(v);
	return data;
}
